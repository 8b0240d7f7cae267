"""Every page of the dashboard over the demo's data: in light, in dark and on a phone.

axe-core finds no fault on any of them, and none is wider than its window. `tests/e2e/__init__.py`
says how to get a picture of each.
"""

import io
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect
from rich.console import Console

from kable_hub.clock import SystemClock
from kable_hub.demo.asking import Api
from kable_hub.demo.play import play
from kable_hub.demo.stage import stage
from tests.chromium import DESK, NEEDED, PATIENCE, PHONE, SHOTS, window
from tests.e2e import axe
from tests.e2e.places import ALONE, PLACES, uncovered

INVITED = "ben.of.a.rather.long.name@lighthouse-software.example"
LONG = "Wolfeschlegelsteinhausenbergerdorff & Söhne Vermögensverwaltungsgesellschaft mbH"
UPLOAD = """\
number,client_id,currency,issue_date,description,unit_price
UP-1,aurora-tools,USD,2026-11-03,Consulting,120.50
UP-2,aurora-tools,USD,03.11.2026,Consulting,120.50
"""
expect.set_options(timeout=PATIENCE)
pytestmark = NEEDED


@dataclass
class Tour:
    """The demo after its end. `known` are the parts of addresses by their names in `PLACES`."""

    page: Page
    url: str
    known: dict[str, str] = field(default_factory=dict)

    def at(self, template: str) -> str:
        return self.url + template.format_map(self.known)


@pytest.fixture(scope="module")
def tour(chromium):
    said = io.StringIO()
    with stage(0) as built:
        play(built, Console(file=said, width=200), SystemClock())
        link = said.getvalue().partition("Dashboard  ")[2].split()[0]
        key = said.getvalue().partition("API key    ")[2].split()[0]
        with window(chromium) as page:
            page.goto(link)
            expect(page.get_by_role("heading", name="Needs you now")).to_be_visible()
            one = Tour(page, built.url)
            account = page.url.split("/")[4]
            one.known["home"] = f"/a/{account}/test"
            furnish(one, Api(built.url, key), Api(built.url, built.operator_key), account)
            yield one


def furnish(tour: Tour, api: Api, operator: Api, account: str) -> None:
    """What the demo has not: a long name, an account that is empty, an upload, an invitation."""
    for one in api.get("/invoices", limit="100")["items"]:
        tour.known[one["number"]] = one["id"]
        for delivery in one["deliveries"]:
            tour.known[f"{one['number']} at {delivery['provider']}"] = delivery["id"]
    api.post("/customers", {"clientId": "longname", "companyName": LONG, "currency": "CHF"})
    hook = {"url": f"https://{'a-long-name.' * 6}invalid/hooks", "description": LONG}
    tour.known["endpoint"] = api.post("/webhook-endpoints", hook)["id"]
    api.post(f"/webhook-endpoints/{tour.known['endpoint']}/test", {})
    empty = operator.post("/accounts", {"name": LONG, "plan": "free"})["id"]
    tour.known["empty"] = f"/a/{empty}/live"
    tour.known["key"] = operator.get(f"/accounts/{account}/keys")["items"][0]["id"]
    page = tour.page
    page.goto(tour.at("{home}/invoices/upload/"))
    file = {"name": "november.csv", "mimeType": "text/csv", "buffer": UPLOAD.encode()}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("is not a date")).to_be_visible()
    tour.known["upload"] = page.url.split("/")[-2]
    page.goto(tour.at("{home}/settings/people/"))
    page.get_by_label("E-mail").fill(INVITED)
    page.get_by_role("button", name="Add", exact=True).click()
    tour.known["invitation"] = page.locator("code.secret").inner_text().removeprefix(tour.url)


def test_every_page_of_the_dashboard_is_among_them():
    assert uncovered() == set()


@pytest.mark.parametrize("name", PLACES)
def test_a_page_is_open_to_everybody_in_every_look(tour, name):
    tour.page.goto(tour.at(PLACES[name]))
    assert look(tour.page, name) == ""


@pytest.mark.parametrize("name", ALONE)
def test_a_page_before_sign_in_is_open_to_everybody_in_every_look(tour, chromium, name):
    with window(chromium) as page:
        page.goto(tour.at(ALONE[name]))
        assert look(page, name) == ""


def test_what_is_refused_is_said_to_everybody(tour, chromium):
    page = tour.page
    page.goto(tour.at("{home}/customers/new"))
    page.get_by_label("Your id (clientId)").fill("aurora-tools")
    page.get_by_label("Company name").fill("Aurora")
    page.get_by_label("Currency").fill("XX")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Currency")).to_have_attribute("aria-invalid", "true")
    assert look(page, "customer-new-refused") == ""
    with window(chromium) as other:
        other.goto(tour.at("/signin"))
        other.get_by_label("E-mail").fill("you@demo.example")
        other.get_by_label("Password").fill("not the right one")
        other.get_by_role("button", name="Sign in").click()
        expect(other.get_by_role("alert")).to_contain_text("is wrong")
        assert look(other, "sign-in-refused") == ""


def test_keys_alone_lead_in_and_everywhere(tour, chromium):
    with window(chromium) as page:
        page.goto(tour.at("{invitation}"))
        tab_to(page, "Password")
        page.keyboard.type("three small boats")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        tab_to(page, "Sign out")
        page.keyboard.press("Enter")
        expect(page.get_by_label("E-mail")).to_be_focused()
        page.keyboard.type(INVITED)
        tab_to(page, "Password")
        page.keyboard.type("three small boats")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        for section in ("Payments", "Customers", "Invoices"):
            tab_to(page, section)
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", level=1, name=section)).to_be_visible()
        tab_to(page, "Skip to the content", most=1)
        page.keyboard.press("Enter")
        tab_to(page, "Search", most=1)


FOCUS = """() => {
  const one = document.activeElement, look = () => {
    const style = getComputedStyle(one), {boxShadow, backgroundColor} = style;
    const outline = style.outlineStyle === "none" ? "" : style.outline;
    const border = style.borderStyle === "none" ? "" : style.borderColor;
    return [outline, border, boxShadow, backgroundColor].join();
  };
  const {width, height, left, right, top, bottom} = one.getBoundingClientRect();
  const inside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  const focused = look();
  one.blur();
  const seen = width > 1 && height > 1 && inside && look() !== focused;
  one.focus();
  const label = one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText;
  return {name: label.trim(), seen};
}"""


def tab_to(page: Page, name: str, *, most: int = 30) -> None:
    """Press Tab until what is called so has the focus; everything on the way shows that it has."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        assert found["seen"], f"nothing shows that {found['name']!r} has the focus"
        if found["name"] == name:
            return
    raise AssertionError(f"no {name!r} in {most} steps; the last was {found['name']!r}")


def test_in_the_demo_a_card_sends_what_waited_for_it(tour):
    """Last of all: it changes what the pages above show."""
    page = tour.page
    page.goto(tour.at(PLACES["card"]))
    page.get_by_role("button", name="Make the page").click()
    page.goto(page.get_by_label("Address of the card page at Stripe").input_value())
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_text("Your payment details arrived.")).to_be_visible()
    page.goto(tour.at(PLACES["invoice-blocked"]))
    expect(page.locator("#progress .badge", has_text="Delivered")).to_have_count(2)


def look(page: Page, name: str) -> str:
    """The faults of the open page in each look; pictures of it where they are wanted.

    A dark page differs in its colours alone, and one on a phone in all but them.
    """
    expect(page.locator("[hx-trigger=load]")).to_have_count(0)
    found = axe.faults(page) + shot(page, name, "light")
    page.emulate_media(color_scheme="dark")
    found += axe.faults(page, axe.COLOURS_ALONE) + shot(page, name, "dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    found += axe.faults(page, axe.NO_COLOURS) + shot(page, name, "phone")
    page.set_viewport_size(DESK)
    return "\n".join(found)


def shot(page: Page, name: str, look: str) -> list[str]:
    """Keep a picture; that the page is wider than its window is a fault."""
    if SHOTS:
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}-{look}.png", full_page=True)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{look}: {over} px wider than the window"] if over > 0 else []
