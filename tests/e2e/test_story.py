"""One account from the first sign-in to paid invoices, in the browser alone.

`kable-hub serve` runs as a process of its own with its sync loop, the providers are simulators on
sockets. The chapters follow each other in one window; nothing touches the API.
"""

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import NEEDED, PATIENCE, window
from tests.e2e.stage import served

INVOICES = """\
number,client_id,currency,issue_date,description,quantity,unit_price
NOV-1,northwind,USD,2026-11-03,Consulting,3,120.50
NOV-1,northwind,USD,2026-11-03,Travel,1,48.00
NOV-2,northwind,USD,2026-11-10,Support in November,1,1999.00
NOV-3,birch,USD,2026-11-12,Hosting,12,19.90
NOV-4,birch,USD,12.11.2026,Hosting,12,19.90
"""
expect.set_options(timeout=PATIENCE)
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


def test_says_by_which_item_lines_go_into_the_books(page):
    press(page, "Settings and more")
    item = page.get_by_label("Default item")
    expect(item.get_by_role("option", name="Hours")).to_be_attached()
    item.select_option("Hours")
    press(page, "Save settings")
    told(page, "The settings are saved")
    expect(page.get_by_label("Default item").locator("option:checked")).to_have_text("Hours")


def new_customer(page: Page, client_id: str, name: str, email: str, *create: str) -> None:
    """Made in the form, created at the providers named."""
    go(page, "Customers")
    page.get_by_role("button", name="New customer", exact=True).first.click()
    page.get_by_label("Your id (clientId)").fill(client_id)
    page.get_by_label("Company name").fill(name)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Currency").fill("USD")
    for title in create:
        page.get_by_label(f"Create it at {title}").check()
    press(page, "Save")
    told(page, f"{name} is kept.")
    page.get_by_role("link", name="Integrations").click()


def place(page: Page, slug: str):
    """A provider on a customer's Integrations."""
    return page.locator(f"#at-{slug}")


def test_links_a_customer_by_the_picker_and_by_a_pasted_address(page):
    new_customer(page, "northwind", "Northwind Traders", "billing@northwind.example")
    press(page, "Find at Stripe")
    page.get_by_role("link", name="Northwind Traders").click()
    expect(page.get_by_role("heading", name="Is this Northwind Traders at Stripe?")).to_be_visible()
    press(page, "Yes, link it")
    told(page, "Northwind Traders is Northwind Traders at Stripe.")
    books = place(page, "quickbooks")
    address = "https://app.sandbox.qbo.intuit.com/app/customerdetail?nameId=28"
    books.get_by_label("Link by id or address").fill(address)
    books.get_by_role("button", name="Look up").click()
    press(page, "Yes, link it")
    told(page, "Northwind Traders is Drivr App at QuickBooks Online.")
    expect(books).to_contain_text("Linked")


def test_has_a_customer_created_at_both_providers_and_sees_it_there_by_itself(page):
    new_customer(
        page, "birch", "Birch & Sons", "office@birch.example", "Stripe", "QuickBooks Online"
    )
    for slug in ("stripe", "quickbooks"):
        expect(place(page, slug).locator("header")).to_contain_text("Linked")
        expect(place(page, slug)).to_contain_text("Birch & Sons")


def row(page: Page, number: str):
    """An invoice in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=number, exact=True))


@pytest.fixture(scope="module")
def silence(hub):
    """The providers answer nobody until it is closed."""
    with ExitStack() as held:
        for one in hub.simulators.values():
            held.enter_context(one.lock)
        yield held


def test_uploads_invoices_and_is_told_of_the_row_that_is_refused(page, silence, tmp_path):
    file = tmp_path / "november.csv"
    file.write_text(INVOICES)
    go(page, "Invoices")
    page.get_by_role("button", name="Upload a CSV").first.click()
    page.get_by_label("CSV file").set_input_files(file)
    press(page, "Upload")
    refused = page.get_by_role("row").filter(has_text="NOV-4")
    expect(refused).to_contain_text("issue_date")
    expect(refused).to_contain_text("is not a date")
    expect(page.get_by_role("definition").nth(0)).to_have_text("3")


def test_sees_them_arrive_without_a_reload(page, silence):
    go(page, "Invoices")
    expect(row(page, "NOV-1").get_by_text(re.compile("Queued|Sending"))).to_have_count(2)
    page.evaluate("window.sameDocument = true")
    silence.close()
    for number in ("NOV-1", "NOV-2"):
        expect(row(page, number).get_by_text("Delivered")).to_have_count(2)
    waits = row(page, "NOV-3")
    expect(waits.get_by_text("Delivered")).to_have_count(1)
    expect(waits.get_by_text("Needs you")).to_have_count(1)
    assert page.evaluate("window.sameDocument")


def test_the_overview_says_what_is_missing_and_leads_to_it(page):
    go(page, "Overview")
    stopped = page.get_by_role("article").filter(has_text="requires_payment_method")
    expect(stopped).to_contain_text("Ask the customer for a card")
    stopped.get_by_role("link", name="Show them").click()
    expect(row(page, "NOV-1")).to_have_count(0)
    page.get_by_role("link", name="NOV-3").click()
    expect(page.locator("#progress")).to_contain_text("requires_payment_method")


@pytest.fixture(scope="module")
def watched(page):
    """Another window of the same person, left open on the invoice that waits."""
    one = page.context.new_page()
    one.goto(page.url)
    one.get_by_text("ms, ").first.click()
    one.evaluate("window.sameDocument = true")
    return one


def test_the_customer_is_asked_for_a_card_and_leaves_it_at_the_provider(page, watched):
    page.get_by_role("link", name="To the customer").click()
    expect(place(page, "stripe")).to_contain_text("No, a card is missing")
    place(page, "stripe").get_by_role("button", name="Collect a card").click()
    press(page, "Make the page")
    told(page, "The page at Stripe is ready")
    address = page.get_by_label("Address of the card page at Stripe").input_value()
    theirs = page.context.new_page()
    theirs.goto(address)
    theirs.get_by_role("button", name="Save card").click()
    expect(theirs.get_by_text("Your payment details arrived.")).to_be_visible()
    theirs.close()
    expect(place(page, "stripe")).to_contain_text("A card was left")
    expect(place(page, "stripe")).to_contain_text(re.compile("Can be charged\\s*Yes"))


def test_the_invoice_goes_out_by_itself_while_somebody_looks(watched):
    states = watched.locator("#progress .operation .badge")
    expect(states.filter(has_text="Delivered")).to_have_count(2)
    assert watched.evaluate("window.sameDocument")
    expect(watched.locator(".timeline details[open]")).to_have_count(1)


def steps(texts: list[str], title: str) -> list[str]:
    """What happened at a provider, each step where it came first.

    A busy machine adds tries that met another request, searches after one that took too long,
    and further words that the customer is ready: they come between, and change nothing.
    """
    mine = [one for one in texts if title in one]
    between = ("Tried to ", "Looked for it at ")
    return list(dict.fromkeys(one for one in mine if not one.startswith(between)))


def test_the_timeline_tells_all_of_it(watched):
    told = watched.locator(".timeline > li strong")
    expect(told.filter(has_text="has it")).to_have_count(2)
    texts = told.all_inner_texts()
    assert texts[0] == "Arrived at the hub"
    assert steps(texts, "QuickBooks Online") == [
        "Meant for QuickBooks Online",
        "Sent to QuickBooks Online",
        "QuickBooks Online has it",
    ]
    assert steps(texts, "Stripe") == [
        "Meant for Stripe",
        "Could not prepare it for Stripe",
        "Stripe: customer ready",
        "Sent to Stripe",
        "Stripe has it",
    ]
    assert texts.count("Sent to Stripe") == 1
    sent = watched.locator(".timeline > li").filter(has_text="Sent to Stripe")
    sent.locator("summary").click()
    expect(sent.get_by_role("row").filter(has_text="invoices.finalize")).to_contain_text("200")


def test_live_shows_nothing_of_it(page):
    page.get_by_role("link", name="Live", exact=True).click()
    expect(page.get_by_text("real books and real money")).to_be_visible()
    go(page, "Customers")
    expect(page.get_by_role("heading", name="No customers yet")).to_be_visible()
    go(page, "Invoices")
    expect(page.get_by_role("heading", name="No invoices yet")).to_be_visible()
    go(page, "Accounting")
    expect(page.get_by_role("button", name="Connect to QuickBooks")).to_be_visible()
