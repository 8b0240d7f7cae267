import pytest

from kable_hub.store import tables as t
from kable_hub.usecases import connections, webhooks
from kable_hub.usecases.errors import BadGateway, NotFound, Problem
from tests.usecases.house import SECRET, House, house


def event(event_id: str = "e1", **changes: str) -> dict:
    values = {"id": event_id, "type": "revoked", "shop": "shop", "environment": "test"}
    return {**values, **changes, "data": {}}


def receive(home: House, body: dict, signed_for: str = "test", **options) -> int:
    raw, headers = home.at["acme"].webhook(body, f"{SECRET}-{signed_for}")
    return webhooks.receive(home.hub, "acme", headers, raw, **options)


def stored(home: House) -> list[tuple[str, str]]:
    with home.hub.database.read():
        rows = t.WebhookEvent.select().order_by(t.WebhookEvent.event_id)
        return [(row.event_id, row.environment) for row in rows]


def test_a_verified_event_is_stored_once_and_is_due(home: House):
    home.connect("acme")
    assert receive(home, event()) == 1
    assert receive(home, event()) == 0
    assert receive(home, event("e2")) == 1
    assert stored(home) == [("e1", "test"), ("e2", "test")]
    with home.hub.database.read():
        row = t.WebhookEvent.select().first()
    assert (row.due_at, row.type, row.worked_at) == (home.hub.now(), "revoked", None)


def test_header_names_may_come_in_any_case(home: House):
    home.connect("acme")
    raw, headers = home.at["acme"].webhook(event(), f"{SECRET}-test")
    shouted = {name.upper(): value for name, value in headers.items()}
    assert webhooks.receive(home.hub, "acme", shouted, raw) == 1


def test_a_wrong_signature_is_refused(home: House):
    home.connect("acme")
    with pytest.raises(Problem) as refused:
        receive(home, event(), "elsewhere")
    assert (refused.value.status, refused.value.code) == (400, "bad_signature")
    assert stored(home) == []


def test_the_secret_of_the_other_environment_does_not_fit_where_the_address_names_one(
    home: House,
):
    home.connect("acme")
    with pytest.raises(Problem):
        receive(home, event(), "test", place="live")
    assert receive(home, event(), "test", place="test") == 1


def test_events_of_unknown_accounts_are_passed_over(home: House):
    home.connect("acme")
    assert receive(home, event(shop="somebody else")) == 0
    connections.disconnect(home.hub, home.scope, "acme")
    assert receive(home, event()) == 0
    assert stored(home) == []


def test_a_secret_of_test_proves_nothing_about_live(home: House):
    home.connect("acme", home.live)
    assert receive(home, event(environment="live"), "test") == 0
    assert receive(home, event(environment="live"), "live") == 1


def test_test_events_may_come_in_at_the_live_address(home: House):
    home.connect("acme")
    assert receive(home, event(), "live") == 1


def test_a_provider_that_is_not_there_or_takes_no_webhooks_is_not_found(home: House):
    for slug in ("nowhere",):
        with pytest.raises(NotFound):
            webhooks.receive(home.hub, slug, {}, b"")


def test_without_a_configured_environment_nothing_is_believed(home: House, tmp_path):
    gap = {f"KABLE_ACME_{env}_WEBHOOK_SECRET": "" for env in ("LIVE", "TEST")}
    with house(f"sqlite:///{tmp_path}/other.db", tmp_path, **gap) as bare:
        with pytest.raises(Problem) as refused:
            receive(bare, event(), "")
        assert refused.value.code == "bad_signature"


def test_a_plugin_that_breaks_on_a_webhook_is_a_bad_gateway(home: House):
    raw, headers = home.at["acme"].webhook({"id": "e1"}, f"{SECRET}-test")
    with pytest.raises(BadGateway):
        webhooks.receive(home.hub, "acme", headers, raw)


def receive_at(home: House, address: str, body: dict, secret: str) -> int:
    raw, headers = home.at["acme"].webhook(body, secret)
    return webhooks.receive(home.hub, "acme", headers, raw, address.rsplit("/", 1)[1])


def test_a_connection_has_an_address_of_its_own_for_webhooks(home: House):
    row = home.connect("acme")
    address = webhooks.webhook_url(home.hub, row)
    assert address.startswith(f"{home.hub.settings.public_url}/webhooks/acme/")
    assert receive_at(home, address, event(), f"{SECRET}-test") == 1
    assert receive_at(home, address, event("e2", shop="somebody else"), f"{SECRET}-test") == 0
    assert stored(home) == [("e1", "test")]


def test_an_address_of_nobody_and_a_wrong_secret_are_refused(home: House):
    address = webhooks.webhook_url(home.hub, home.connect("acme"))
    with pytest.raises(NotFound):
        receive_at(home, "https://hub.example/webhooks/acme/elsewhere", event(), f"{SECRET}-test")
    with pytest.raises(Problem) as refused:
        receive_at(home, address, event(), "another secret")
    assert refused.value.code == "bad_signature"


def test_the_address_of_a_disconnected_connection_is_dead(home: House):
    row = home.connect("acme")
    address = webhooks.webhook_url(home.hub, row)
    connections.disconnect(home.hub, home.scope, row.id)
    with pytest.raises(NotFound):
        receive_at(home, address, event(), f"{SECRET}-test")
