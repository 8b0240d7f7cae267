"""Yesterday's backup is put back under a hub that pushed on since: each document stands once."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from kable_hub import hookimpl
from kable_hub.plugins import Registry
from kable_hub.usecases import deliveries, invoicing
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from kable_hub.usecases.running import start_engine
from tests.architecture.tree import entry_points
from tests.integration.test_moving import INVOICES, SETTINGS, fill, judge
from tests.integration.world import unlimited, until, world

HELD = 3


def hasty(name):
    """A plugin of whose provider it is known at once what became of an unanswered write."""
    plugin = unlimited(name)
    declared = replace(plugin.provider(), settle_after=timedelta(0))
    vars(plugin)["provider"] = hookimpl(lambda: declared)
    return plugin


def reopened(one):
    one.hub.close()
    registry = Registry.of(*(hasty(name) for name in entry_points().values()))
    one.hub = open_hub(one.hub.settings, registry=registry)


def hold_back(one):
    """A person keeps some of the invoices back, as `autoPush: false` does."""
    with one.hub.database.write():
        one.hub.database.sql(
            "UPDATE delivery SET state = 'held' WHERE subject_id IN"
            " (SELECT id FROM invoice ORDER BY id LIMIT ?)",
            HELD,
        )


def work(one, left=("held",)):
    engine = start_engine(one.hub)
    until(lambda: set(restless(one)) <= set(left), 60, lambda: restless(one))
    engine.stop()


def put_back(one, backup):
    file = one.hub.database.path
    one.hub.close()
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    shutil.copyfile(backup, file)


def restless(one):
    return [row.state for row in one.deliveries() if row.state != "delivered"]


@pytest.mark.timeout(120)
def test_a_backup_is_put_back_and_nothing_is_pushed_twice(tmp_path):
    with world(tmp_path / "data", engine=False, **SETTINGS) as one:
        reopened(one)
        fill(one)
        hold_back(one)
        file = one.hub.database.path
        with closing(sqlite3.connect(file)) as raw:
            raw.execute("VACUUM INTO ?", [str(tmp_path / "backup.db")])
        for row in one.deliveries(state="held")[:HELD]:
            deliveries.push(one.hub, one.scope, row.id)
        work(one)
        before = {slug: len(one.documents(slug)) for slug in one.simulators}
        assert sum(before.values()) == 2 * INVOICES - HELD
        put_back(one, tmp_path / "backup.db")
        counted = json.loads(one.command("outbox", "restored", "--dry-run", "--json").stdout)
        assert counted["marked"] == 0
        assert sum(row["count"] for row in counted["found"]) == 2 * INVOICES
        told = one.command("outbox", "restored")
        assert f"{2 * INVOICES} are looked for before" in told.stdout, told.stderr
        reopened(one)
        work(one)
        assert {slug: len(one.documents(slug)) for slug in one.simulators} == before
        adopted = [row.receipt["adopted"] for row in one.deliveries(state="delivered")]
        assert adopted == [True] * (2 * INVOICES - HELD)
        for row in one.deliveries(state="held"):
            deliveries.push(one.hub, one.scope, row.id)
        work(one)
        judge(one, INVOICES)


def send(one, *numbers):
    lines = (NewLine("part", unit_price=Decimal(7)),)
    day = date(2026, 11, 22)
    new = [NewInvoice("c-1", number, "USD", day, lines) for number in numbers]
    for result in invoicing.create_invoices(one.hub, one.scope, new):
        assert result.problem is None, result.problem


@pytest.mark.timeout(120)
def test_what_was_accepted_after_the_backup_and_is_sent_again_is_charged_once(tmp_path):
    with world(tmp_path / "data", engine=False, **SETTINGS) as one:
        reopened(one)
        fill(one)
        work(one)
        with closing(sqlite3.connect(one.hub.database.path)) as raw:
            raw.execute("VACUUM INTO ?", [str(tmp_path / "backup.db")])
        send(one, "L-1", "L-2")
        work(one)
        lost = {slug: set(one.documents(slug)) for slug in one.simulators}
        put_back(one, tmp_path / "backup.db")
        assert one.command("outbox", "restored").returncode == 0
        reopened(one)
        send(one, "L-1", "L-2", "N-1")
        work(one, left=("blocked",))
        new = one.invoices()["N-1"].invoice.id
        assert {slug: set(one.documents(slug)) for slug in lost} == {
            slug: known | {new} for slug, known in lost.items()
        }
        stuck = one.deliveries(state="blocked")
        assert {row.error_code for row in stuck} == {"document_conflict"}
        again = {view.invoice.id for number, view in one.invoices().items() if number[0] == "L"}
        assert sorted(row.subject_id for row in stuck) == sorted([*again] * len(lost))
        for row in stuck:
            deliveries.settle(one.hub, one.scope, row.id, exists=True, external_id="seen-there")
        assert restless(one) == []
