from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kable_hub import (
    Capability,
    Connection,
    ConnectRequest,
    Credentials,
    Environment,
    Limit,
    Redirect,
    Reference,
    WebhookRequest,
)
from kable_hub.provider import SLUG
from kable_hub.testing import RecordingGuard, builders

LIVE, TEST = Environment.LIVE, Environment.TEST
REFERENCE = Reference(r"cus_\w+", "Customers", "cus_1", in_url=r"/customers/(cus_\w+)")


@pytest.mark.parametrize(
    ("pasted", "found"),
    [
        ("cus_abc", "cus_abc"),
        ("  cus_abc\n", "cus_abc"),
        ("https://acme.example.com/customers/cus_abc?tab=1", "cus_abc"),
        ("cus_abc and more", None),
        ("https://acme.example.com/invoices/in_1", None),
        ("", None),
    ],
)
def test_a_reference_is_taken_out_of_what_was_pasted_or_refused(pasted, found):
    assert REFERENCE.extract(pasted) == found


@given(st.text())
def test_whatever_was_pasted_an_extracted_reference_has_the_declared_form(text):
    found = REFERENCE.extract(text)
    assert found is None or REFERENCE.extract(found) == found


def test_a_limit_covers_the_calls_it_names_in_its_environment():
    limit = Limit("writes", calls=("invoices.*", "batch"), environment=LIVE)
    assert limit.covers("invoices.create", LIVE)
    assert limit.covers("batch", LIVE)
    assert not limit.covers("customers.get", LIVE)
    assert not limit.covers("Batch", LIVE)
    assert not limit.covers("batch", TEST)


def test_a_limit_without_narrowing_covers_everything():
    assert Limit("all").covers("anything", LIVE)
    assert Limit("all").covers("anything", TEST)


def test_a_provider_can_what_it_declares(declare):
    provider = declare(capabilities=frozenset({Capability.REFRESH}))
    assert provider.can(Capability.REFRESH)
    assert not provider.can(Capability.DISCONNECT)


@pytest.mark.parametrize(("slug", "good"), [("acme2", True), ("a", True), ("2acme", False)])
def test_the_form_of_a_slug(slug, good):
    assert bool(SLUG.fullmatch(slug)) is good


def test_no_secret_stands_in_the_repr_of_what_plugins_are_handed(declare):
    canary = {"token": "canary"}
    connection = builders.connection(
        declare(), credentials=canary, app=canary, settings={"note": "canary"}
    )
    request = ConnectRequest(
        environment=LIVE,
        method="key",
        callback_url="https://hub.example.com/callback",
        state="state",
        app={LIVE: canary},
        urls={},
        now=datetime(2026, 11, 22, tzinfo=UTC),
        guard=RecordingGuard(),
        query=canary,
        form=canary,
        carry=canary,
    )
    webhook = WebhookRequest(b"canary", canary, request.now)
    handed = (connection, request, webhook, Credentials(canary), Redirect("https://x", canary))
    assert "canary" not in repr(handed)


def test_every_call_of_a_connection_goes_through_the_gate(declare):
    guard = RecordingGuard()
    connection: Connection = builders.connection(declare(), guard=guard)
    with connection.call("invoices.create", writes=True) as call:
        call.answered(200, "req_1")
    assert guard.names() == ["invoices.create"]
    assert (call.writes, call.http_status, call.request_id) == (True, 200, "req_1")
