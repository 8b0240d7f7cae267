"""`/metrics`: figures for whoever watches, behind a token, without a tenant's name in them."""

from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kable_hub.clock import ManualClock
from kable_hub.settings import Settings, SettingsError
from kable_hub.store import tables as t
from kable_hub.store.alarms import DAY_MS
from kable_hub.store.ids import new_id
from kable_hub.sync.budget import Spender
from kable_hub.testing.builders import NOW
from kable_hub.usecases.measuring import Measuring, Sparing
from kable_hub.usecases.running import start_engine
from tests.conftest import fresh
from tests.stores import KINDS, migrated
from tests.web.site import CANARY, Site, customer, invoice, site

TOKEN = "scrape-me-5b1c9e77aa"


@pytest.fixture(params=KINDS)
def watched(request, tmp_path):
    """A site whose figures may be read, with one invoice in each of some states."""
    for url in fresh(request.param, tmp_path, migrated):
        with watched_site(url, tmp_path) as one:
            yield one


@pytest.fixture
def gated(tmp_path):
    """The same on SQLite alone, for what no database takes part in."""
    for url in fresh("sqlite", tmp_path, migrated):
        with watched_site(url, tmp_path) as one:
            yield one


@contextmanager
def watched_site(url, tmp_path):
    with site(url, tmp_path, KABLE_METRICS_TOKEN=TOKEN) as one:
        one.connect()
        reference = one.acme.add_customer(name="Northwind Traders")
        one.made("/customers", customer())
        one.call("PUT", "/customers/c1/links/acme", {"reference": reference})
        now = one.hub.now()
        for number, values in enumerate(
            (
                {"state": "due", "due_at": now - 90_000},
                {"state": "due", "due_at": now - 5_000},
                {"state": "uncertain", "uncertain_since": now - DAY_MS},
                {"state": "uncertain", "uncertain_since": now},
                {"state": "delivered"},
            )
        ):
            made = one.made("/invoices", invoice(f"A-{number}"))
            with one.hub.database.write():
                t.Delivery.update(values).where(t.Delivery.subject_id == made["id"]).execute()
        yield one


def scraped(one: Site, token: str = TOKEN):
    with one.app.test_client() as client:
        return client.get("/metrics", headers={"Authorization": f"Bearer {token}"})


def figures(one: Site) -> dict[tuple[str, ...], float]:
    """By name and the values of its labels."""
    answer = scraped(one)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_tell_how_the_outbox_and_the_connections_stand(watched: Site):
    with watched.hub.database.write():
        t.Connection.update(pauses={"plan": "free", "operator": "x"}).where(
            t.Connection.environment == "live"
        ).execute()
    found = figures(watched)
    assert found["kable_deliveries", "test", "acme", "due"] == 2
    assert found["kable_deliveries", "test", "acme", "uncertain"] == 2
    assert found["kable_deliveries", "test", "acme", "delivered"] == 1
    assert ("kable_deliveries", "test", "acme", "blocked") not in found
    assert 90 <= found["kable_oldest_due_age_seconds", "acme"] < 200
    assert found["kable_long_uncertain", "acme"] == 1
    assert found["kable_connections", "test", "acme", "active"] == 1
    assert ("kable_drain_slots_free", "acme") not in found


def test_a_paused_connection_is_told_with_its_reasons_and_keeps_nobody_waiting(watched: Site):
    watched.call("POST", "/connections/acme/pause", {"reason": "holidays"})
    found = figures(watched)
    assert found["kable_connections", "test", "acme", "paused"] == 1
    assert found["kable_connections_paused", "test", "acme", "operator"] == 1
    assert ("kable_oldest_due_age_seconds", "acme") not in found


def tried(one: Site, outcome: str, count: int) -> None:
    with one.hub.database.write():
        delivery = t.Delivery.select().first()
        for _ in range(count):
            t.Attempt.create(
                id=new_id("att"),
                delivery_id=delivery.id,
                account_id=delivery.account_id,
                environment=delivery.environment,
                step="push",
                outcome=outcome,
                started_at=1,
                duration_ms=1,
            )


def test_attempts_are_counted_as_they_come(watched: Site):
    assert not [key for key in figures(watched) if key[0] == "kable_attempts_total"]
    tried(watched, "ok", 2)
    assert attempts(watched) == {"ok": 2}
    tried(watched, "ok", 1)
    tried(watched, "Transient", 4)
    assert attempts(watched) == {"ok": 3, "Transient": 4}
    assert attempts(watched) == {"ok": 3, "Transient": 4}


def attempts(one: Site) -> dict[str, float]:
    return {
        key[1]: value for key, value in figures(one).items() if key[0] == "kable_attempts_total"
    }


def test_what_was_tried_before_this_process_is_not_counted_again(watched: Site):
    tried(watched, "ok", 3)
    counted = {one.name: one.values for one in Measuring(watched.hub).measure()}
    assert counted["attempts"] == {}


def test_a_process_that_drains_tells_of_its_threads_and_limits(gated: Site):
    provider = gated.hub.registry.provider("acme")
    spender = Spender(provider, next(iter(provider.urls)), "con_1", "")
    gated.hub.budget.pause(spender, "", None)
    engine = start_engine(gated.hub)
    try:
        found = figures(gated)
    finally:
        engine.stop()
    assert found["kable_push_threads_lost", "acme"] == 0
    assert 0 <= found["kable_drain_slots_free", "acme"] <= gated.hub.settings.drain_slots
    assert found["kable_limits_paused", "acme"] == len(provider.limits)


def test_a_figure_that_is_dear_is_counted_for_a_twentieth_of_the_time_at_the_most():
    clock = ManualClock(NOW)
    counts = []

    def count(seconds):
        clock.advance(seconds)
        counts.append(len(counts))
        return {("acme",): len(counts)}

    dear, quick = Sparing(clock, lambda: count(1)), Sparing(clock, lambda: count(0.01))
    assert [dear(), dear()] == [{("acme",): 1}] * 2
    clock.advance(18.9)
    assert dear() == {("acme",): 1}
    clock.advance(0.2)
    assert dear() == {("acme",): 2}
    assert [quick(), quick()] == [{("acme",): 3}, {("acme",): 4}]


@pytest.mark.parametrize("token", ["", "scrape-me-5b1c9e77ab", "scrape-me", "\u00fc"])
def test_without_the_token_nothing_is_told(gated: Site, token: str):
    answer = scraped(gated, token.encode().decode("latin-1"))
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert "kable_deliveries" not in answer.text


def test_an_operators_key_is_no_token_and_the_token_no_key(gated: Site):
    assert scraped(gated, gated.operator).status_code == 401
    assert gated.get("/customers", key=TOKEN).status_code == 401


def test_where_no_token_is_set_there_is_nothing(web: Site):
    assert scraped(web, "").status_code == 404
    assert scraped(web, web.operator).status_code == 404


def test_no_tenant_and_no_secret_is_told(gated: Site):
    text = scraped(gated).text
    for word in (gated.account, "Northwind", "con_", "cus_", CANARY, TOKEN):
        assert word not in text


def test_a_token_that_is_easily_guessed_is_refused_and_a_good_one_is_a_secret():
    with pytest.raises(SettingsError, match="KABLE_METRICS_TOKEN: Has to have at least 20"):
        Settings.load({"KABLE_METRICS_TOKEN": "secret"})
    settings = Settings.load({"KABLE_METRICS_TOKEN": TOKEN})
    assert TOKEN in settings.secrets()
    assert TOKEN not in repr(settings)
