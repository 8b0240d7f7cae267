"""The docs page in a real browser: it works under its CSP and asks nobody else for anything."""

import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from kable_hub.web.server import serve_in_thread

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_docs_page_shows_the_api_without_a_foreign_request(web, chromium, scheme):
    said, asked = [], []
    with serve_in_thread(web.app) as server:
        page = chromium.new_context(color_scheme=scheme).new_page()
        page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: said.append(str(one)))
        page.on("request", lambda one: asked.append(one.url))
        page.goto(f"{server.url}/docs")
        expect(page.get_by_role("heading", name=re.compile("^Kable Hub"))).to_be_visible()
        expect(page.get_by_text("/api/v1/invoices/bulk")).to_be_visible()
        page.get_by_text("/api/v1/invoices/bulk").click()
        expect(page.get_by_text("Accept up to 1000 invoices").first).to_be_visible()
        dark = page.locator("html.dark-mode").count()
        page.context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    assert dark == (scheme == "dark")
