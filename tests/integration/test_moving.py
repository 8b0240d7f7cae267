"""A hub in use moves to PostgreSQL amid its pushes, and every document stands once."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from peewee import IntegrityError

from kable_hub.demo.simulators import customers_of
from kable_hub.store import moves
from kable_hub.testing.simulator import Fault
from kable_hub.usecases import accounts, customers, endpoints, invoicing, users
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from kable_hub.usecases.running import start_engine
from kable_hub.web.app import create_app
from tests.integration.world import PROGRAM, until, world

INVOICES = 12
SETTINGS = {
    "KABLE_LEASE_SECONDS": "1",
    "KABLE_SWEEP_SECONDS": "0.05",
    "KABLE_LOG_LEVEL": "ERROR",
    "KABLE_PUSH_THREADS": "3",
}


def fill(one):
    """A customer that is linked everywhere, invoices, a person, an endpoint."""
    found = {
        slug: customers_of(simulator, one.scope.environment)[0].reference
        for slug, simulator in one.simulators.items()
    }
    customers.create_customer(one.hub, one.scope, NewCustomer("c-1", "Shop One", "USD"), found)
    users.add_user(one.hub, "ann@shop.example", one.scope.account_id)
    made = endpoints.add_endpoint(one.hub, one.scope, "https://shop.example/hooks")
    endpoints.change_endpoint(one.hub, one.scope, made.endpoint.id, enabled=False)
    new = [
        NewInvoice(
            customer="c-1",
            number=f"M-{number}",
            currency="USD",
            issue_date=date(2026, 11, 22),
            lines=(NewLine("part", unit_price=Decimal(100 + number) / 100),),
        )
        for number in range(INVOICES)
    ]
    for result in invoicing.create_invoices(one.hub, one.scope, new):
        assert result.problem is None, result.problem


@contextmanager
def worker(one):
    environ = {**os.environ, **one.environ}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "worker"], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def documents(one):
    return sum(len(simulator.documents()) for simulator in one.simulators.values())


def post(one, key, number, *, idempotency):
    """One more invoice through the API, by the process that has the old store open."""
    client = create_app(one.hub).test_client()
    body = {
        "customer": "c-1",
        "number": number,
        "currency": "USD",
        "issueDate": "2026-11-22",
        "lines": [{"description": "more", "quantity": "1", "unitPrice": "1.00"}],
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": idempotency}
    return client.post("/api/v1/invoices", json=body, headers=headers)


@pytest.mark.timeout(180)
def test_a_hub_moves_amid_its_pushes_and_every_document_stands_once(tmp_path, postgres_url):
    with world(tmp_path / "data", engine=False, **SETTINGS) as one:
        key = accounts.create_api_key(one.hub, one.scope.account_id, one.scope.environment).secret
        fill(one)
        first = post(one, key, "M-A", idempotency="once")
        assert first.status_code == 201, first.text
        for simulator in one.simulators.values():
            simulator.latency = 0.03
        # An answer that is lost on the way: one document of which the hub knows nothing yet.
        one.simulators["stripe"].fault(Fault(stage="after", reset=True, skip=4))
        with worker(one) as process:
            until(lambda: documents(one) > 4, 60)
            process.kill()
            process.wait()
        done = one.command("move-store", "--to", postgres_url, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        said = json.loads(done.stdout)
        assert [part["agrees"] for part in said["money"]] == [True]
        assert said["money"][0]["source"][0] == INVOICES + 1
        there = {part["what"]: part["source"][0] for part in said["deliveries"]}
        assert there.get("push due", 0) + there.get("push pushing", 0) > 0
        refuse_all(one, key)
        one.hub.close()
        one.environ["DATABASE_URL"] = postgres_url
        settings = replace(one.hub.settings, database_url=postgres_url)
        one.hub = open_hub(settings, registry=one.hub.registry)
        again = post(one, key, "M-A", idempotency="once")
        assert (again.status_code, again.json["id"]) == (201, first.json["id"])
        assert post(one, key, "M-B", idempotency="new").status_code == 201
        for simulator in one.simulators.values():
            simulator.latency = 0
        engine = start_engine(one.hub)
        one.until_quiet(120)
        engine.stop()
        judge(one, INVOICES + 2)


def refuse_all(one, key):
    """What still has the old store open accepts nothing and says so; whoever opens it is told."""
    refused = post(one, key, "M-C", idempotency="late")
    assert (refused.status_code, refused.json["code"]) == (503, "store_moved")
    ready = create_app(one.hub).test_client().get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (503, "not_ready")
    with pytest.raises(IntegrityError) as error, one.hub.database.write():
        one.hub.database.sql("UPDATE account SET plan = 'free'")
    assert moves.is_refusal(error.value)
    with pytest.raises(moves.StoreClosed):
        start_engine(one.hub)


def judge(one, invoices):
    assert {row.state for row in one.deliveries()} == {"delivered"}
    known = one.invoices()
    assert len(known) == invoices
    for slug, simulator in one.simulators.items():
        there = one.documents(slug)
        assert simulator.drafts() == []
        for number, view in known.items():
            found = [(row["total"], row["currency"]) for row in there.pop(view.invoice.id, [])]
            assert found == [(view.invoice.total, "USD")], (slug, number)
        assert there == {}
