from datetime import date
from decimal import Decimal

import pytest

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, connecting, connections, customers, invoicing
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.hub import open_hub
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from tests.acme import Acme
from tests.acme_simulator import AcmeSimulator


@pytest.fixture
def account(cli):
    """An account with three deliveries: two due, one held by hand, and a customer to create."""
    with AcmeSimulator() as acme:
        environ = {f"KABLE_ACME_{one}_API_URL": acme.url for one in ("LIVE", "TEST")}
        environ |= {
            f"KABLE_ACME_{one}_{name}": "something"
            for one in ("LIVE", "TEST")
            for name in ("CLIENT_ID", "WEBHOOK_SECRET")
        }
        hub = open_hub(Settings.load(cli.environ(**environ)), registry=Registry.of(Acme()))
        account = accounts.create_account(hub, "Shop", "paid").id
        scope = Scope(account, Environment.TEST)
        form = {"api_key": "token-1"}
        connecting.start_connecting(hub, scope, "acme", method="key", form=form)
        reference = acme.add_customer(name="One")
        customers.create_customer(hub, scope, NewCustomer("c1", "One", "USD"), {"acme": reference})
        customers.create_customer(hub, scope, NewCustomer("c2", "Two", "USD"), create_at=["acme"])
        lines = (NewLine("work", unit_price=Decimal(5)),)
        for number, auto in (("A-1", True), ("A-2", True), ("A-3", False)):
            day = date(2026, 11, 22)
            new = NewInvoice("c1", number, "USD", day, lines, auto_push=auto)
            invoicing.create_invoice(hub, scope, new)
        credit = (NewLine("return", unit_price=Decimal(-5)),)
        invoicing.create_invoice(
            hub, scope, NewInvoice("c1", "C-1", "USD", date(2026, 11, 22), credit)
        )
        hub.close()
    return account


def states(cli, *words):
    return sorted(one["state"] for one in cli.ok("outbox", "list", *words))


def test_deliveries_are_listed_and_chosen(cli, account):
    assert states(cli) == ["due", "due", "due", "held", "rejected"]
    assert states(cli, "--kind", "push", "--state", "due") == ["due", "due"]
    assert states(cli, "--code", "unsupported") == ["rejected"]
    assert states(cli, "--provider", "acme", "--account", account, "--env", "test") != []
    assert states(cli, "--provider", "other") == []
    assert states(cli, "--env", "live") == []
    assert len(states(cli, "--limit", "2")) == 2


def test_people_see_why_a_delivery_stands_where_it_does(cli, account):
    shown = cli("outbox", "list", "--state", "rejected").out
    assert "unsupported" in shown
    assert "It takes no credit notes" in shown
    assert cli("outbox", "list", "--state", "blocked").out == "Nothing.\n"


def test_what_was_rejected_is_tried_again_by_what_it_has_in_common(cli, account):
    assert cli.ok("outbox", "retry", "--code", "unsupported") == {"retried": 1}
    assert states(cli) == ["due", "due", "due", "due", "held"]
    assert cli("outbox", "retry").out == "0 deliveries are tried again.\n"


def test_a_delivery_is_tried_again_by_its_id(cli, account):
    (one,) = cli.ok("outbox", "list", "--state", "rejected")
    assert cli("outbox", "retry", one["id"], one["id"]).out == "1 delivery is tried again.\n"
    assert states(cli, "--state", "rejected") == []


def test_what_cannot_be_tried_again_is_told(cli, account):
    (held,) = cli.ok("outbox", "list", "--state", "held")
    done = cli("outbox", "retry", held["id"])
    assert done.code == 1
    assert done.err.startswith("Error: ")
    done = cli("outbox", "retry", "dlv_none")
    assert (done.code, done.err) == (1, "Error: There is no delivery 'dlv_none'.\n")


def test_ids_and_a_filter_together_are_a_usage_error(cli, account):
    assert cli("outbox", "retry", "dlv_1", "--state", "blocked").code == 2


def test_an_account_nobody_has_is_told(cli, account):
    done = cli("outbox", "list", "--account", "acc_none")
    assert (done.code, done.err) == (1, "Error: There is no account 'acc_none'.\n")


def test_a_plan_is_changed_without_the_plugin_of_a_connection(cli, account):
    assert cli.ok("accounts", "set-plan", account, "free")["plan"] == "free"
    hub = open_hub(Settings.load(cli.environ()), registry=Registry.of())
    try:
        found = connections.list_connections(hub, Scope(account, Environment.TEST))
    finally:
        hub.close()
    assert [list(one.pauses) for one in found] == [["plan"]]
