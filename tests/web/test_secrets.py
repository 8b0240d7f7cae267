"""Canaries: secrets that are put in everywhere and may come out nowhere."""

import logging

import pytest

from kable_hub.testing import Fault
from tests.web.site import CANARY, customer, site

TOKEN = "canary-token-51c0de"


@pytest.fixture
def web(tmp_path, sqlite_url):
    encryption = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmE="
    with site(
        sqlite_url,
        tmp_path,
        KABLE_ENCRYPTION_KEYS=encryption,
        KABLE_LOG_LEVEL="DEBUG",
    ) as one:
        one.acme.tokens.add(TOKEN)
        yield one


def secrets_of(web):
    return (CANARY, TOKEN, "canary", "Y2FuYXJ5", web.key, web.operator, web.live_key)


def used(web):
    """Everything a caller may do wrong and right with secrets in hand; the answers."""
    form = {"api_key": TOKEN}
    body = {"provider": "acme", "method": "key", "form": form}
    yield web.post("/connections", {**body, "form": {"key": TOKEN}})
    yield web.post("/connections", body)
    web.acme.fault(Fault(path="/customers", status=500, body=f"cannot use {TOKEN}"))
    yield web.post("/customers", customer(acmeCustomerId="A-1"))
    web.acme.fault(Fault(path="/customers", reset=True))
    yield web.post("/customers", customer(acmeCustomerId="A-1"))
    yield web.post("/connections/acme/check")
    yield web.get("/connections/acme")
    yield web.get("/connections/acme/settings")
    yield web.get("/plugins", key=web.operator)
    yield web.get("/connections", key=f"hub_test_12345678_{TOKEN}")
    yield web.app.test_client().get(f"/connect/acme/callback?code={TOKEN}&state={CANARY}")
    yield web.app.test_client().get(f"/connect/start/{TOKEN}")
    yield web.app.test_client().post("/webhooks/acme", data=CANARY.encode())
    yield web.post("/connections/acme/disconnect")


def test_no_answer_and_no_log_line_holds_a_secret(web, caplog):
    with caplog.at_level(logging.DEBUG):
        answers = list(used(web))
    texts = [f"{one.headers}\n{one.text}" for one in answers]
    texts += [record.getMessage() for record in caplog.records]
    texts += [caplog.text]
    assert len(caplog.records) > len(answers)
    for secret in secrets_of(web):
        assert [text for text in texts if secret in text] == []


def test_no_repr_holds_a_secret(web):
    web.made("/connections", {"provider": "acme", "method": "key", "form": {"api_key": TOKEN}})
    scope = accounts_scope(web)
    shown = [web.hub, web.hub.settings, web.hub.vault, web.app, scope, web.app.extensions]
    for secret in secrets_of(web):
        assert [one for one in map(repr, shown) if secret in one] == []


def accounts_scope(web):
    from kable_hub.usecases import accounts

    return accounts.authenticate(web.hub, web.key)
