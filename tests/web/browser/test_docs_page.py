"""The docs page in a real browser: it works under its CSP and asks nobody else for anything."""

import re

from playwright.sync_api import expect

from kable_hub.web.server import serve_in_thread
from tests.chromium import NEEDED, window

pytestmark = NEEDED


def test_the_docs_page_shows_the_api_without_a_foreign_request(web, chromium):
    with serve_in_thread(web.app) as server, window(chromium, color_scheme="light") as page:
        page.goto(f"{server.url}/docs")
        expect(page.get_by_role("heading", name=re.compile("^Kable Hub"))).to_be_visible()
        expect(page.get_by_text("/api/v1/invoices/bulk")).to_be_visible()
        page.get_by_text("/api/v1/invoices/bulk").click()
        expect(page.get_by_text("Accept up to 1000 invoices").first).to_be_visible()
        expect(page.locator("html.dark-mode")).to_have_count(0)
        page.emulate_media(color_scheme="dark")
        page.goto(f"{server.url}/docs")
        expect(page.locator("html.dark-mode")).to_have_count(1)
