"""Numbers that pages say in words are those of the code."""

import re

import pytest

from kable_hub.store.vault import Vault
from kable_hub.sync import drain, loop
from kable_hub.usecases import invoicing, running, tickets
from kable_hub.web import idempotency, paging
from tests.docs.reading import ROOT, name

MINUTE, HOUR = 60, 3600
SAID = [
    ("docs/delivery.md", "After five passing failures in a row", drain.DOWN_AFTER, 5),
    ("docs/delivery.md", "begins five seconds later at the earliest", drain.DOWN_MS, 5000),
    ("docs/delivery.md", "a reconciliation every 30 seconds", loop.RECONCILE_SECONDS, 30),
    ("docs/api.md", "Up to 1000 invoices in one request", invoicing.MAX_BULK, 1000),
    ("docs/api.md", "pages of at most 200", paging.MOST, 200),
    ("docs/api.md", "for 24 hours", idempotency.KEEPS.total_seconds(), 24 * HOUR),
    ("docs/api.md", "good for ten minutes and once", tickets.LIFETIME_MS, 10 * MINUTE * 1000),
    ("docs/security.md", "good for ten minutes", tickets.LIFETIME_MS, 10 * MINUTE * 1000),
    ("README.md", "the hub asks every five minutes", running.POLL_SECONDS, 5 * MINUTE),
]


@pytest.mark.parametrize(("page", "phrase", "found", "meant"), SAID)
def test_a_number_in_words_is_that_of_the_code(page, phrase, found, meant):
    text = " ".join((ROOT / page).read_text("utf-8").split())
    assert phrase in text
    assert found == meant


def test_credentials_are_kept_as_the_page_on_security_says():
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    sealed = Vault([key]).seal("con_1", {"token": "secret"})
    assert re.match(r"gAAAA", sealed), "the mark of Fernet"
    assert "Fernet" in (ROOT / "docs" / "security.md").read_text("utf-8")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=name)
def test_a_page_is_read_in_one_sitting(page):
    by_hand = re.sub(
        r"<!-- generated.*?<!-- end -->|^```.*?^```",
        "",
        page.read_text("utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    assert len(re.findall(r"\w+", by_hand)) <= 900
