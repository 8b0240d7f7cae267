"""A connection's settings in the dashboard: a form of what its plugin declares."""

import re

from tests.web.dashboard.books import connect, row
from tests.web.dashboard.people import counted


def test_settings_are_a_form_of_what_is_declared(shop, person):
    connect(person, "accounting/books", code="good")
    page = person.page("accounting/books/")
    assert 'name="f.item"' in page
    assert 'type="date"' in page
    assert re.search(r'name="f.mail" type="checkbox"[^>]* checked', page)
    assert re.search(r'<option value="own" selected>Yours', page)
    assert "A customer's own page may say otherwise for: Terms." in page
    choices = f"{person.home}/accounting/books/settings/item"
    assert f'hx-get="{choices}"' in page


def test_saved_settings_are_shown_again(shop, person):
    connect(person, "accounting/books", code="good")
    sent = {
        "f.item": "8",
        "f.codes.key": ["AB", ""],
        "f.codes.value": ["7", ""],
        "f.numbers": "theirs",
        "f.terms": "14",
        "f.since": "2026-02-01",
        "push_earlier": "since",
        "push_since": "2026-01-01",
    }
    page = person.done("accounting/books/settings", sent)
    saved = row(shop, "books")
    assert saved.settings == {
        "item": "8",
        "codes": {"AB": "7"},
        "numbers": "theirs",
        "terms": 14,
        "mail": False,
        "since": "2026-02-01",
        "caption": "Number",
    }
    assert (saved.push_earlier, str(saved.push_since)) == ("since", "2026-01-01")
    assert "The settings are saved" in page
    for value in ('value="AB"', 'value="14"', 'value="2026-02-01"', 'value="2026-01-01"'):
        assert value in page
    assert not re.search(r'name="f.mail" type="checkbox"[^>]* checked', page)


def test_a_text_with_a_default_can_be_emptied(shop, person):
    connect(person, "accounting/books", code="good")
    page = person.done("accounting/books/settings", {"f.caption": " "})
    assert row(shop, "books").settings["caption"] == ""
    assert re.search(r'name="f.caption" type="text" value=""', page)


def test_refused_settings_are_shown_again_with_what_is_wrong_by_field(shop, person):
    connect(person, "accounting/books", code="good")
    before = row(shop, "books").settings
    sent = {
        "f.item": "far too long",
        "f.codes.key": ["AB"],
        "f.codes.value": ["also too long"],
        "f.terms": "soon",
        "push_earlier": "since",
        "push_since": "tomorrow",
    }
    answer = person.post("accounting/books/settings", sent)
    assert answer.status_code == 422
    page = answer.text
    for name, value in (("f.item", "far too long"), ("f.terms", "soon")):
        assert re.search(rf'name="{name}"[^>]*value="{value}"[^>]*aria-invalid="true"', page), name
    assert "AB: Length must be between 1 and 5." in page
    assert "Not a valid integer." in page
    assert "Since needs the first issue date." in page
    assert row(shop, "books").settings == before


def test_choices_come_by_themselves_and_keep_what_was_typed_meanwhile(shop, person):
    connect(person, "accounting/books", code="good")
    part = person.get("accounting/books/settings/item?f.item=8", htmx=True).text
    assert '<option value="8" selected>Goods &amp; more</option>' in part
    pairs = "accounting/books/settings/codes?f.codes.key=AB&f.codes.value=7"
    part = person.get(pairs, htmx=True).text
    assert 'value="AB"' in part
    assert part.count('<option value="7" selected>') == 1
    for name in ("terms", "nothing"):
        assert person.get(f"accounting/books/settings/{name}", htmx=True).status_code == 404


def test_without_script_a_link_brings_the_lists_with_the_page(shop, person):
    connect(person, "accounting/books", code="good")
    plain = person.page("accounting/books/")
    assert '<noscript><p><a href="?lists=1#settings">' in plain
    full = person.page("accounting/books/?lists=1")
    assert "<noscript>" not in full
    assert re.search(r'<select id="f-item".*?<option value="[^"]+"', full, re.S)


def test_reading_choices_counts_no_deliveries(shop, person):
    connect(person, "accounting/books", code="good")
    with counted(shop.hub) as said:
        person.get("accounting/books/settings/item", htmx=True)
    assert not [text for text in said if "count(" in text.lower()]


def test_where_the_provider_does_not_say_a_value_can_be_typed(shop, person, books):
    connect(person, "accounting/books", code="good")
    books.closed = True
    answer = person.get("accounting/books/settings/item?f.item=9", htmx=True)
    assert answer.status_code == 200
    assert 'name="f.item"' in answer.text
    assert 'value="9"' in answer.text
    assert "The access was ended." in answer.text
