"""The page for receivers of webhooks: its code proves what the hub sends, and nothing else."""

import json
from datetime import UTC, datetime

import pytest

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store.notices import EVENT_TYPES
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, endpoints
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.running import teller_of
from tests import stores
from tests.docs.reading import blocks
from tests.receiver import receiver
from tests.web.site import site

PAGE = "docs/webhooks.md"


@pytest.fixture
def sent(tmp_path):
    """A secret, and a request that the hub sent."""
    url = stores.fresh_sqlite(tmp_path, stores.migrated)
    environ = {"KABLE_DATA_DIR": str(tmp_path), "DATABASE_URL": url}
    hub = open_hub(
        Settings.load({**environ, "KABLE_PRIVATE_WEBHOOKS": "true"}), registry=Registry.of()
    )
    scope = Scope(accounts.create_account(hub, "Shop").id, Environment.TEST)
    with receiver() as there:
        made = endpoints.add_endpoint(hub, scope, there.url)
        endpoints.rotate_secret(hub, scope, made.endpoint.id)
        endpoints.send_test(hub, scope, made.endpoint.id)
        teller = teller_of(hub)
        teller.serve(made.endpoint.id)
        teller.stop()
        yield made.secret, there.heard[0]
    hub.close()


def test_the_request_of_the_page_makes_an_endpoint(tmp_path):
    (block,) = blocks(PAGE, "http")
    line, body = block.text.split("\n\n")
    method, path = line.split()
    with site(stores.fresh_sqlite(tmp_path, stores.migrated), tmp_path) as web:
        answer = web.call(method, path.removeprefix("/api/v1"), json.loads(body))
    assert answer.status_code == 201
    assert answer.json["secret"].startswith("whsec_")


def test_the_receivers_code_of_the_page_takes_what_the_hub_sent_and_nothing_else(sent):
    secret, one = sent
    (block,) = blocks(PAGE, "python")
    names = {}
    exec(block.text, names)
    verify, now = names["verify"], datetime.now(UTC).timestamp()
    assert verify(secret, one.headers, one.body, now)
    assert not verify(secret, one.headers, one.body + b" ", now)
    assert not verify(secret, one.headers, one.body, now + 301)
    assert not verify(f"whsec_{'A' * 43}=", one.headers, one.body, now)
    assert not verify(secret, {}, one.body, now)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not verify(secret, {**one.headers, name: "1"}, one.body, now)


def test_the_event_of_the_page_has_the_members_of_one_that_is_sent(sent):
    (shown,) = blocks(PAGE, "json")
    example = json.loads(shown.text)
    assert set(example) == set(sent[1].event)
    assert example["type"] in EVENT_TYPES
    assert sent[1].event["type"] == "webhook.test"
