"""Masked timesteps: a look and a word of their own, and no part in curves and norms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.explorer_page import ExplorerPage, blend, picture, rgb
from tests.browser.lab import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.browser.lab import Lab, Theme

SHAPE = (3, 8, 4)
LENGTHS = (5, 8, 2)
NORM = (-1.0, 1.0)
ARRAY = np.random.default_rng(3).uniform(0.2, 1, size=SHAPE)
GROUND = {LIGHT: ("#e2e2e2", "#b4b4b4"), DARK: ("#383838", "#5c5c5c")}

SOURCE = f"""
import numpy as np
from rnngrad_widgets import GradientExplorer
array = np.ma.array(np.random.default_rng(3).uniform(0.2, 1, size={SHAPE}), mask=False)
for sample, length in enumerate({LENGTHS}):
    array[sample, length:] = np.ma.masked
e = GradientExplorer.from_array(array, norm={NORM})
e
"""


def is_hatched(pixels: NDArray[np.int64], theme: Theme) -> bool:
    """Whether an area is of the ground and the lines on it, of both, and of nothing else."""
    ground, line = (rgb(colour) for colour in GROUND[theme])
    share = (pixels - ground) @ (line - ground) / ((line - ground) @ (line - ground))
    between = ground + share[..., None] * (line - ground)
    plain = (np.abs(pixels - between) < 3).all() and share.min() > -0.1 and share.max() < 1.1
    return bool(plain and share.min() < 0.1 and share.max() > 0.6)


def hatched(e: ExplorerPage, theme: Theme, rows: int, columns: int, kind: str = "heat") -> list:
    """Which cells of a picture are hatched: (row, column), the lowest row first."""
    shot = e.look(kind)
    area = shot.pixels.astype(np.int64)
    found = []
    for row in range(rows):
        for column in range(columns):
            left, right = (int((column + at) * area.shape[1] / columns) for at in (0.1, 0.45))
            low, high = (int((1 - (row + at) / rows) * area.shape[0]) for at in (0.9, 0.6))
            if is_hatched(area[low:high, left:right], theme):
                found.append((row, column))
    return found


def padded(lengths: Sequence[int], timesteps: int) -> list[tuple[int, int]]:
    """(row, timestep) that are behind each row's length."""
    return [(row, t) for row, length in enumerate(lengths) for t in range(length, timesteps)]


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_masked_timesteps(lab: Lab, theme: Theme) -> None:
    notebook = lab.open([SOURCE], viewport=(1280, 1100))
    if theme == DARK:
        notebook.set_theme(DARK)
    e = ExplorerPage(notebook)
    samples, timesteps, channels = SHAPE
    wanted = padded([LENGTHS[0]] * channels, timesteps)
    assert hatched(e, theme, channels, timesteps) == wanted
    # the others are as ever, and the cursor starts at the last that counts
    assert e.text("hover").startswith(f"timestep {LENGTHS[0] - 1} · channel 0 · v +")
    assert e.text("heat-caption") == "Value v by channel, sample 0 — hatched: masked"
    box = e.area()
    notebook.page.mouse.move(box["x"] + 6.5 / 8 * box["width"], box["y"] + 0.6 * box["height"])
    e.expect_text("hover", "timestep 6 · channel 1 · masked")

    notebook.screenshot(f"masked-heat-{theme.split()[-1]}")
    # neither line nor dot where it is masked: flow and curve end at the last timestep that counts
    for kind in ("flow", "curve"):
        area = e.look(kind).pixels.astype(np.int64)
        ink = (
            np.abs(area - blend("#ffffff" if theme == DARK else "#000000", 1, 0)).max(axis=-1) < 90
        )
        ink[[0, 1, 2, -3, -2, -1]] = False
        at = np.flatnonzero(ink.sum(axis=0) > 1)
        at = at[np.abs(at - 6.5 / 8 * area.shape[1]) > 6]  # but for the cursor's line
        assert at.max() < (LENGTHS[0] - 0.5) / 8 * area.shape[1] + 6
        dots = e.root.locator(f".rnngrad-figure-{kind} .rnngrad-dot")
        assert not any(dot.is_visible() for dot in dots.all())

    notebook.execute("e.sample = 1")
    notebook.settle()
    assert hatched(e, theme, channels, timesteps) == []
    assert e.text("heat-caption") == "Value v by channel, sample 1"
    if theme == LIGHT:
        e.expect_picture(picture(ARRAY, 1), NORM)

    # the halves of what is reflected end at different sides
    notebook.execute("e.sample = 0; e.reflect_half = True")
    notebook.settle()
    half = channels // 2
    flipped = [(row, timesteps - 1 - t) for row, t in wanted if row >= half]
    assert hatched(e, theme, channels, timesteps) == sorted(
        [(row, t) for row, t in wanted if row < half] + flipped
    )

    # one channel of every sample, a row for each
    notebook.execute("e.reflect_half = False; e.view = 'all samples'")
    notebook.settle()
    notebook.screenshot(f"masked-{theme.split()[-1]}")
    e.button("one channel").click()
    notebook.settle()
    assert hatched(e, theme, samples, timesteps, "single") == padded(LENGTHS, timesteps)
