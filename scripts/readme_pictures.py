"""Take the README's pictures: run the quickstart in a real JupyterLab and photograph its explorers.

Run it in the environment that ``make test`` makes: ``python -m scripts.readme_pictures``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from tests.browser import chromium, server
from tests.browser.conftest import FLAGS
from tests.browser.lab import Lab

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    """Write examples/after-20.png and examples/after-200.png."""
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        running = server.start(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=FLAGS)
        try:
            page = Lab(running, browser.new_context(device_scale_factor=1.5)).open(
                cells, own_page=True, viewport=(1440, 1200)
            )
            # the same digit, channel and colour range in both, so that they compare
            page.execute(
                "for e in (after_20, after_200):\n"
                "    e.sample, e.channel, e.norm = 0, 12, (-0.005, 0.005)"
            )
            for name, output in (("after-20", 1), ("after-200", 2)):
                explorer = page.output(output).locator(".rnngrad-explorer")
                explorer.scroll_into_view_if_needed()
                page.settle()
                explorer.screenshot(path=EXAMPLES / f"{name}.png")
        finally:
            running.stop()
            browser.close()


if __name__ == "__main__":
    main()
