"""One JupyterLab and one browser for all browser tests; a notebook and a kernel for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium, server
from tests.browser.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from playwright.sync_api import Browser

# What headless Chromium wants as root and on a machine without a graphics card.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.HOW_TO_GET_ONE, pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def session_lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = server.start(tmp_path_factory.mktemp("jupyter"))
    try:
        yield Lab(running, browser.new_context())
    finally:
        running.stop()


@pytest.fixture
def lab(session_lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Open notebooks; fail the test if a page complained; keep a picture of what failed."""
    yield session_lab
    complaints = [text for page in session_lab.opened for text in page.complaints]
    failed = request.node.stash.get(FAILED, False)
    if failed or complaints:
        for number, page in enumerate(session_lab.opened):
            page.screenshot(f"failed-{request.node.name}-{number}")
    session_lab.close_all(failed=failed or bool(complaints))
    if complaints and not failed:
        pytest.fail("the page complained:\n" + "\n".join(complaints), pytrace=False)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report
