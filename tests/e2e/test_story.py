"""One account from the first sign-in to paid invoices, in the browser alone.

`kable-hub serve` runs as a process of its own with its sync loop, the providers are simulators on
sockets. The chapters follow each other in one window; nothing touches the API.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import NEEDED, window
from tests.e2e.stage import served

pytestmark = [NEEDED, pytest.mark.usefixtures("chapter")]


@pytest.fixture(scope="module")
def hub(chromium, tmp_path_factory):
    with served(tmp_path_factory.mktemp("story")) as one:
        one.simulators["stripe"].auto_approve = ""
        yield one


@pytest.fixture(scope="module")
def page(hub, chromium):
    with window(chromium) as one:
        yield one


def go(page: Page, section: str) -> None:
    """By the navigation."""
    page.get_by_role("navigation", name="Sections").get_by_role("link", name=section).click()
    expect(page.get_by_role("heading", level=1, name=section)).to_be_visible()


def press(page: Page, name: str) -> None:
    """The one button, or link that looks like one, of this name."""
    page.get_by_role("button", name=name, exact=True).click()


def told(page: Page, text: str) -> None:
    """The page says what the last step did."""
    expect(page.locator("#messages")).to_contain_text(text)


def test_the_first_operator_comes_in_by_the_link_of_the_terminal(hub, page):
    page.goto(hub.link)
    expect(page.get_by_role("heading", name="Make yourself the operator")).to_be_visible()
    page.get_by_label("E-mail").fill("ann@hub.example")
    page.get_by_label("Password").fill("three small boats")
    press(page, "Go on")
    expect(page).to_have_url(f"{hub.url}/accounts")


def test_makes_an_account_and_turns_to_test(hub, page):
    page.get_by_label("Name").fill("Harbour Lights Ltd")
    press(page, "Make account")
    told(page, "Harbour Lights Ltd is ready.")
    expect(page.get_by_text("real books and real money")).to_be_visible()
    page.get_by_role("link", name="Test", exact=True).click()
    expect(page.get_by_text("nothing here reaches real books")).to_be_visible()
    expect(page).to_have_url(re.compile("/test/overview/$"))


def test_a_consent_that_is_denied_comes_back_with_that_outcome(page):
    go(page, "Payments")
    press(page, "Connect with Stripe")
    press(page, "Deny")
    told(page, "Stripe was not connected: Access was denied at Stripe.")
    expect(page).to_have_url(re.compile("/test/payments/$"))


def test_connects_both_providers_on_their_own_consent_pages(page):
    press(page, "Connect with Stripe")
    press(page, "Approve")
    told(page, "Stripe is connected.")
    expect(page.get_by_text("Lighthouse Software")).to_be_visible()
    go(page, "Accounting")
    press(page, "Connect to QuickBooks")
    press(page, "Approve")
    told(page, "QuickBooks Online is connected.")
    expect(page.get_by_text("Sandbox Company")).to_be_visible()
