"""Saved pictures: from the toolbar and from Python, with the colours that numpy predicts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from tests.browser.explorer_page import ExplorerPage, close, colours, eventually, picture, show
from tests.browser.lab import DARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Page

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 41)[:40]).reshape(2, 5, 4)
SHAPE = (4, 5)
NORM = (-1.0, 1.0)
TITLE = "a <b>title</b> & 'more'"
SVG = "{http://www.w3.org/2000/svg}"
WHITE = np.array([255, 255, 255])


@dataclass(frozen=True)
class Drawing:
    """A saved SVG, read as any reader of XML would."""

    root: ET.Element

    @classmethod
    def of(cls, path: Path) -> Drawing:
        return cls(ET.parse(path).getroot())

    @property
    def size(self) -> tuple[int, int]:
        return int(self.root.attrib["width"]), int(self.root.attrib["height"])

    @property
    def texts(self) -> list[str]:
        return ["".join(text.itertext()) for text in self.root.iter(f"{SVG}text")]

    @property
    def lines(self) -> list[tuple[str, float]]:
        """Lines of text of the page, and the height of each."""
        texts = self.root.findall(f"{SVG}g/{SVG}text")
        return [("".join(text.itertext()), float(text.attrib["y"])) for text in texts]

    @property
    def images(self) -> list[NDArray[np.float64]]:
        """Left, top, width and height of every canvas."""
        return [box for name, box in boxes(self.root) if name == "image"]

    @property
    def frames(self) -> list[NDArray[np.float64]]:
        """The same of every rectangle in the frame's colour."""
        return [box for name, box in boxes(self.root) if name == "rect #d5d5d5"]

    def cells(self, pixels: NDArray[np.uint8], scale: int) -> NDArray[np.int64]:
        """Colours of the heat map's cells, a quarter off the middle: there is no line."""
        left, top, width, height = self.images[0] * scale
        channels, timesteps = SHAPE
        return np.array(
            [
                [
                    pixels[
                        int(top + (1 - (c + 0.25) / channels) * height),
                        int(left + (t + 0.25) / timesteps * width),
                    ]
                    for t in range(timesteps)
                ]
                for c in range(channels)
            ]
        ).astype(np.int64)


def boxes(
    element: ET.Element, left: float = 0, top: float = 0
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Boxes of images and rectangles, with a rectangle's line, from the picture's corner."""
    moved = re.fullmatch(r"(?:translate|matrix)\((.*)\)", element.attrib.get("transform", ""))
    if moved is not None:
        x, y = (float(number) for number in re.split(r"[ ,]+", moved[1])[-2:])
        left, top = left + x, top + y
    name = element.tag.removeprefix(SVG)
    if name in ("image", "rect"):
        x, y, *size = (float(element.attrib.get(at, 0)) for at in ("x", "y", "width", "height"))
        yield (
            f"{name} {element.attrib.get('stroke', '')}".strip(),
            np.array([left + x, top + y, *size]),
        )
    for child in element:
        yield from boxes(child, left, top)


def not_shown(options: str = "") -> str:
    return show(ARRAY, options).removesuffix("e\n")


def shown(options: str, and_then: str = "") -> str:
    return not_shown(options) + f"{and_then}\ne\n"


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def download(e: ExplorerPage, keys: list[str], folder: Path) -> Path:
    """Save by the toolbar's menu, with the keyboard alone."""
    page: Page = e.notebook.page
    button = e.root.locator(".rnngrad-download button").first
    with page.expect_download() as waiting:
        button.focus()
        for key in keys:
            page.keyboard.press(key)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_the_toolbar_saves_a_light_picture_of_a_dark_page(lab: Lab, tmp_path: Path) -> None:
    notebook = lab.open([shown("channel=1", f"e.title = {TITLE!r}")])
    notebook.set_theme(DARK)
    e = ExplorerPage(notebook)
    values = picture(ARRAY, 0)
    e.expect_picture(values, NORM, theme=DARK)
    e.notebook.execute("import time; time.sleep(600)", wait=False)  # no kernel is needed

    png = download(e, ["Enter", "Enter"], tmp_path)
    svg = download(e, ["ArrowDown", "ArrowDown", "Enter"], tmp_path)
    assert (png.name, svg.name) == ("array.png", "array.svg")
    e.expect_picture(values, NORM, theme=DARK)  # the page is as it was
    assert "rnngrad-paper" not in (e.root.get_attribute("class") or "")

    drawing, pixels = Drawing.of(svg), read(png)
    assert pixels.shape[:2] == tuple(2 * np.array(drawing.size)[::-1])
    assert close(drawing.cells(pixels, 2), colours(values, NORM))
    # white round the picture, and dark nowhere but in lines and letters
    assert (pixels[[0, -1]] == WHITE).all()
    assert (pixels == WHITE).all(axis=-1).mean() > 0.3

    # the heat map lies in its frame, both halves of a pixel
    assert any(np.allclose(frame, drawing.images[0], atol=0.01) for frame in drawing.frames)
    # and the colour bar beside it, as high
    heat, bar = drawing.images[:2]
    assert np.allclose(bar, [heat[0] + heat[2] + 12, heat[1], 10, heat[3]], atol=0.01)

    # title, summary, caption and heat map one under the other, without the controls' room
    title, summary, caption = (
        next(top for text, top in drawing.lines if text.startswith(start))
        for start in (TITLE, "array", "Value v by channel")
    )
    assert 18 <= summary - title <= 40
    assert 18 <= caption - summary <= 70, "the summary may have two lines"
    assert 0 < heat[1] - caption < 20
    assert drawing.texts[0] == TITLE
    assert "timestep 4 · channel 1 · v " in " ".join(drawing.texts)
    assert "+1.0e0" in drawing.texts
    assert not {"Sample", "auto", "time order"} & set(drawing.texts)

    # drawn again by a browser, from the file alone
    again = notebook.page.context.new_page()
    again.set_viewport_size({"width": drawing.size[0], "height": drawing.size[1]})
    again.goto(svg.as_uri())
    again.screenshot(path=tmp_path / "again.png")
    again.close()
    assert close(drawing.cells(read(tmp_path / "again.png"), 1), colours(values, NORM))


def test_python_saves_while_its_cell_runs(lab: Lab, tmp_path: Path) -> None:
    # far below what the page shows
    first = f"""
from pathlib import Path
folder = Path({str(tmp_path)!r})
print("\\n" * 80)
{shown("sample=1")}"""
    same = """
other = GradientExplorer.from_array(array, sample=1)
display(other)
other.save(folder / "same.PNG")
other.save(folder / "same.svg")
"""
    notebook = lab.open([first, same])
    # bqplot does not follow what happens out of sight
    notebook.page.set_viewport_size({"width": 1100, "height": 900})
    later = """
e.sample = 0
e.save(folder / "later.png")
e.save(str(folder / "later.svg"))
print(sorted(path.name for path in folder.iterdir()))
"""
    assert notebook.execute(later) == "['later.png', 'later.svg', 'same.PNG', 'same.svg']\n"
    wide, narrow = Drawing.of(tmp_path / "same.svg"), Drawing.of(tmp_path / "later.svg")
    pixels = read(tmp_path / "same.PNG"), read(tmp_path / "later.png")
    assert close(wide.cells(pixels[0], 2), colours(picture(ARRAY, 1), NORM))
    assert close(narrow.cells(pixels[1], 2), colours(picture(ARRAY, 0), NORM))
    assert wide.size[0] - narrow.size[0] > 150
    heat, bar = narrow.images[:2]
    assert np.isclose(bar[0], heat[0] + heat[2] + 12), "laid out for the width of now"


def test_what_cannot_be_saved_says_what_to_do(lab: Lab) -> None:
    source = f"""{not_shown()}
from ipywidgets import Button
from rnngrad_widgets.export import picture
picture.SIGN_SECONDS = 1
def try_to_save(_):
    try:
        e.save("never.png")
    except RuntimeError as error:
        said.append(str(error))
said = []
try_to_save(None)
button = Button(description="save")
button.on_click(try_to_save)
button
"""
    notebook = lab.open([source])
    notebook.page.get_by_role("button", name="save", exact=True).click()
    eventually(lambda: notebook.execute("print(len(said))"), "2\n", "answers")
    said = notebook.execute("print(*said, sep='\\n')").splitlines()
    assert said[0].startswith("no browser shows this widget: display it first, then save")
    assert said[1].startswith("a widget's callback cannot wait for the browser: save in a cell")
    assert not (notebook.server.notebooks / "never.png").exists()
