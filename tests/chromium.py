"""A real Chromium in front of the hub, for tests that look at pages.

Where none is installed, whatever is marked with `NEEDED` is skipped. A window talks to loopback
only, and its test fails where a page logs an error or asks anybody else for anything.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
SHOTS = Path(os.environ["KABLE_SHOTS"]) if os.environ.get("KABLE_SHOTS") else None
"""Where pictures of pages are kept, if anywhere. Read at once: no test sees such a variable."""

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
PATIENCE = 60_000
"""Milliseconds a page may take for what a test waits for."""

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""How a browser logs that the hub answered a form or a search with a refusal."""


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """The browser, for the tests of one file; each opens windows of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def window(browser: "Browser", **options: Any) -> Iterator["Page"]:
    """A window with cookies of its own; `options` are those of Playwright's `new_context`."""
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE)
    context.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    context.on("weberror", lambda one: said.append(str(one.error)))
    context.on("request", lambda one: asked.append(one.url))
    try:
        yield context.new_page()
    finally:
        context.close()
    assert [one for one in said if not one.startswith(REFUSED)] == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))] == []
