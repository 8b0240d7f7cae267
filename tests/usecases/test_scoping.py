"""Every query of a scoped table filters by account and environment, on both stores."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from kable_hub.domain import Environment, Kind
from kable_hub.store import tables as t
from kable_hub.store.deliveries import DeliveryFilter
from kable_hub.usecases import (
    accounts,
    bulk_linking,
    cards,
    collecting,
    connecting,
    connections,
    customers,
    defaults,
    deliveries,
    endpoints,
    expiry,
    invoicing,
    linking,
    overview,
    reconnecting,
    suggesting,
    webhooks,
)
from kable_hub.usecases.customers import CustomerChange, CustomerFilter
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.invoicing import InvoiceFilter
from kable_hub.usecases.link_files import LinkWish
from tests.usecases.house import SECRET, House, line, ticket_of

SCOPED = {table._meta.table_name for table in t.TABLES if table not in t.UNSCOPED}

UNSCOPED_READS = {
    "who holds an account at a provider": re.compile(
        r'from "connection" .*"provider" = \S+ and .*"environment" = \S+ and .*"external_id" = '
    ),
    "the dialogue of a ticket or a state": re.compile(
        r'from "connect_attempt" .*where \(?"t1"\."(ticket|state)_digest" = \S+'
    ),
    "whose access ends soon": re.compile(r'from "connection" .*"t2"\."reconnect_by" <= '),
}
"""The reads that come before anyone knows whose rows they are, by the only key they have."""

PAGES = ("https://shop.example/thanks", "https://shop.example/card")

KEPT = (
    t.Customer,
    t.Invoice,
    t.Delivery,
    t.Link,
    t.HostedPage,
    t.Connection,
    t.Credential,
    t.Remembered,
    t.WebhookEndpoint,
    t.OutgoingMessage,
    t.AccountDefault,
)
"""What a stranger must not change."""

ROOMS_OF_SYNC = (
    # One connection is the unit of the sync loop: these are asked for by its id, which it leased.
    re.compile(r'from "connection" as "t1" where \("t1"\."id" = \S+\)'),
    re.compile(r'from "connection" where "id" in \(\S+\)$'),
    re.compile(r'"credential" .*where \(?\(?("t1"\.|"credential"\.)?"connection_id" = '),
    re.compile(r"update connection set next_due_at = \S+ where id = "),
)


def test_every_table_but_the_listed_ones_belongs_to_an_account_and_an_environment():
    for table in t.TABLES:
        columns = set(table._meta.columns)
        whole = {"account_id", "environment"} <= columns
        assert whole == (table not in t.UNSCOPED) or table is t.ApiKey, table.__name__
    assert set(t.TABLES) == {one for one in _descendants(t.Table) if one not in (t.Table, t.Scoped)}


def _descendants(table: type) -> set[type]:
    found = set(table.__subclasses__())
    return found.union(*(_descendants(one) for one in found)) if found else found


def statements(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [record.msg[0] for record in caplog.records if record.name == "peewee"]
    return [" ".join(text.split()).lower() for text in texts]


def unfiltered(text: str) -> bool:
    """Whether a statement touches a scoped table without naming both columns."""
    touched = SCOPED & set(re.findall(r'(?:from|join|into|update)\s+"?(\w+)"?', text))
    known = (*UNSCOPED_READS.values(), *ROOMS_OF_SYNC)
    if not touched or any(one.search(text) for one in known):
        return False
    where = text if text.startswith("insert") else text.partition(" where ")[2]
    return not ("account_id" in where and "environment" in where)


def everything(home: House) -> list[Callable[[], Any]]:
    """Every use case of a tenant, in an order in which they work."""
    hub, scope = home.hub, home.scope
    ids: dict[str, str] = {}

    def sell() -> None:
        view = home.invoice(line(), auto_push=False)
        ids["invoice"], ids["delivery"] = view.invoice.id, view.deliveries[0].id

    def come_back() -> None:
        started = connecting.start_connecting(hub, home.live, "acme")
        opened = connecting.open_ticket(hub, ticket_of(started))
        state = opened.redirect_url.partition("state=")[2]
        query = {"state": state, "code": "good"}
        assert connecting.finish(hub, "acme", query, opened.browser_secret).ok

    def renew() -> None:
        row = home.connection("acme", home.live)
        started = reconnecting.start_reconnecting(hub, "acme", connection=row.id)
        opened = connecting.open_ticket(hub, ticket_of(started))
        query = {"state": opened.redirect_url.partition("state=")[2], "code": "good"}
        assert connecting.finish(hub, "acme", query, opened.browser_secret).ok

    def hear() -> None:
        body = {"id": "e", "type": "x", "shop": "shop", "environment": "test", "data": {}}
        raw, headers = home.at["acme"].webhook(body, f"{SECRET}-test")
        assert webhooks.receive(hub, "acme", headers, raw) == 1

    def listen() -> None:
        made = endpoints.add_endpoint(hub, scope, "https://shop.example/hooks").endpoint.id
        ids["endpoint"], ids["message"] = made, endpoints.send_test(hub, scope, made).id

    each = DeliveryFilter("held", "acme", "x", "push", "c1", "inv_1")
    asked = InvoiceFilter("c1", "INV", "held", "acme", None, None)
    return [
        listen,
        lambda: defaults.change_defaults(hub, scope, auto_push=True, create_at=["acme"]),
        lambda: defaults.get_defaults(hub, scope),
        come_back,
        renew,
        lambda: expiry.Watch(hub).look(),
        lambda: home.connect("books"),
        hear,
        lambda: home.customer("c1", "acme", "books"),
        lambda: customers.list_customers(hub, scope, CustomerFilter("c1", "ACTIVE", "c")),
        lambda: customers.list_customers(hub, scope, CustomerFilter(standing="not_linked")),
        lambda: customers.list_customers(hub, scope, CustomerFilter(standing="blocked")),
        lambda: customers.change_customer(hub, scope, "c1", CustomerChange(currency="EUR")),
        lambda: home.link("c1", "acme"),
        lambda: collecting.collect_payment_method(hub, scope, "c1", *PAGES),
        lambda: collecting.payment_methods(hub, scope, "c1"),
        sell,
        lambda: invoicing.create_invoices(hub, scope, [home.draft(), home.draft()]),
        lambda: invoicing.list_invoices(hub, scope, asked),
        lambda: invoicing.get_invoice(hub, scope, ids["invoice"]),
        lambda: invoicing.get_accepted(hub, scope, ids["invoice"]),
        lambda: invoicing.change_invoice(hub, scope, ids["invoice"], {"memo": "new"}),
        lambda: deliveries.list_deliveries(hub, scope, each),
        lambda: deliveries.count_by_state(hub, scope),
        lambda: overview.get_overview(hub, scope),
        lambda: deliveries.get_delivery(hub, scope, ids["delivery"]),
        lambda: deliveries.push(hub, scope, ids["delivery"]),
        lambda: deliveries.retry(hub, scope, ids["delivery"]),
        lambda: deliveries.retry_many(hub, scope, DeliveryFilter()),
        lambda: invoicing.push_by_hand(hub, scope, ids["invoice"]),
        lambda: deliveries.cancel(hub, scope, ids["delivery"]),
        lambda: invoicing.cancel(hub, scope, ids["invoice"]),
        lambda: linking.preview_push_earlier(hub, scope, "c1", "acme"),
        lambda: linking.remove_link(hub, scope, "c1", "acme"),
        lambda: linking.create_at_provider(hub, scope, "c1", "acme"),
        lambda: linking.list_links(hub, scope, "c1"),
        lambda: bulk_linking.preview_links(hub, scope, [LinkWish(2, "c1", "books", "A-1")]),
        lambda: bulk_linking.make_links(hub, scope, [LinkWish(2, "c1", "books", "A-1")]),
        lambda: suggesting.suggest(hub, scope, "c1", "books"),
        lambda: endpoints.list_endpoints(hub, scope),
        lambda: endpoints.change_endpoint(hub, scope, ids["endpoint"], description="new"),
        lambda: endpoints.rotate_secret(hub, scope, ids["endpoint"]),
        lambda: endpoints.list_messages(hub, scope, ids["endpoint"]),
        lambda: endpoints.get_message(hub, scope, ids["endpoint"], ids["message"]),
        lambda: endpoints.resend(hub, scope, ids["endpoint"], ids["message"]),
        lambda: connections.list_connections(hub, scope),
        lambda: cards.cards(hub, scope, Kind.PAYMENTS),
        lambda: cards.last_dialogue(hub, scope, "acme"),
        lambda: connections.setting_choices(hub, scope, "books", "item"),
        lambda: connections.put_settings(hub, scope, "acme", {}),
        lambda: connections.health(hub, scope, "acme"),
        lambda: connections.check(hub, scope, "acme"),
        lambda: connections.pause(hub, scope, "acme"),
        lambda: connections.resume(hub, scope, "acme"),
        lambda: accounts.set_plan(hub, home.account, "free"),
        lambda: accounts.set_plan(hub, home.account, "paid"),
        lambda: connections.disconnect(hub, scope, "acme", by_person=True),
        lambda: endpoints.remove_endpoint(hub, scope, ids["endpoint"]),
    ]


def test_every_query_of_a_use_case_filters_by_both(home: House, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "peewee"):
        for use in everything(home):
            use()
    said = statements(caplog)
    seen = {table for table in SCOPED if any(f'"{table}"' in text for text in said)}
    assert seen == SCOPED
    assert "\n".join(text for text in said if unfiltered(text)) == ""


@pytest.mark.parametrize(
    "text",
    [
        'select "t1"."id" from "invoice" as "t1" where ("t1"."id" = ?)',
        'update "link" set "state" = ? where ("link"."account_id" = ?)',
        'select 1 from "customer" as "t1" where "t1"."environment" = ?',
        'select "t1"."environment", "t1"."account_id" from "delivery" as "t1"',
        'delete from "invoice_line" where ("invoice_line"."invoice_id" = ?)',
    ],
)
def test_a_query_that_forgets_the_scope_would_be_noticed(text: str):
    assert unfiltered(text)


def test_a_stranger_in_every_use_case_finds_and_changes_nothing(home: House):
    for use in everything(home):
        use()
        if use.__name__ == "sell":
            break
    connections.setting_choices(home.hub, home.scope, "books", "item")
    before = _rows(home)
    invoice = invoicing.list_invoices(home.hub, home.scope).items[0]
    delivery = home.deliveries()[0].id
    customer = customers.get_customer(home.hub, home.scope, "c1").customer.id
    connection = home.connection("acme").id
    endpoint = endpoints.list_endpoints(home.hub, home.scope)[0].id
    for scope in (home.other_account(), home.live):
        for use, name in (
            (customers.get_customer, customer),
            (invoicing.get_invoice, invoice.invoice.id),
            (invoicing.get_accepted, invoice.invoice.id),
            (invoicing.cancel, invoice.invoice.id),
            (deliveries.cancel, delivery),
            (deliveries.retry, delivery),
            (connections.disconnect, connection),
            (connections.health, connection),
            (connections.check, home.connection("books").id),
            (linking.list_links, customer),
            (collecting.payment_methods, customer),
            (endpoints.get_endpoint, endpoint),
            (endpoints.change_endpoint, endpoint),
            (endpoints.rotate_secret, endpoint),
            (endpoints.send_test, endpoint),
            (endpoints.list_messages, endpoint),
            (endpoints.remove_endpoint, endpoint),
            (lambda hub, scope, one: linking.remove_link(hub, scope, one, "acme"), customer),
        ):
            with pytest.raises(Problem) as refused:
                use(home.hub, scope, name)
            assert refused.value.status == 404
    assert _rows(home) == before


def _rows(home: House) -> list[Any]:
    mine = {"account_id": home.account, "environment": Environment.TEST.value}
    with home.hub.database.read():
        return [list(table.select().filter(**mine).dicts()) for table in KEPT]
