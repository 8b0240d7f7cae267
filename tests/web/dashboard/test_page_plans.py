"""How SQLite reads what the pages ask for: by an index that leads to the rows, never all of them.

The plan does not depend on how many rows there are: the figures it is made from come with the
schema. So a page stays quick without a test that looks at the clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kable_hub.store import deliveries, outbox, statements
from kable_hub.store import tables as t
from tests.web.dashboard.crowd import crowd, scope_of
from tests.web.dashboard.people import counted
from tests.web.dashboard.test_page_queries import PAGES

LARGE = {
    one._meta.table_name
    for one in (
        *(t.Customer, t.Link, t.HostedPage, t.Invoice, t.InvoiceLine),
        *(t.Delivery, t.Generation, t.Attempt, t.Signal),
        *(t.OutgoingEvent, t.OutgoingMessage, t.OutgoingAttempt),
    )
}
"""Tables that grow with the customers and the invoices."""

IN_ORDER = {
    "customer_account_id_environment_id",
    "invoice_account_id_environment_id_issue_date_customer_id_number",
}
"""Indexes that may be walked for an account: lists come from them in their order, page by page."""

BY_STATE = "delivery_connection_id_state_subject_id"
BY_CUSTOMER = "delivery_customer_id_state_connection_id"
_FIRST = re.compile(
    r'EXISTS\(SELECT 1 FROM "\w+" AS "t1" WHERE '
    r'\(\("t1"."account_id" = \?\) AND \("t1"."environment" = \?\)\) LIMIT'
)
"""Whether the account has any row: answered by the first."""
_READS = re.compile(r"(SCAN|SEARCH) (\S+)(?: USING (?:COVERING )?INDEX (\S+))?(?: \((.*)\))?")


@dataclass(frozen=True)
class Step:
    """`found` are the conditions that the index answers."""

    how: str
    table: str
    index: str
    found: str

    @property
    def walks(self) -> bool:
        """Whether it reads a whole table, or all of an account's rows out of their order."""
        if self.table not in LARGE:
            return False
        whole = self.found == "account_id=? AND environment=?" and self.index not in IN_ORDER
        return whole or self.how == "SCAN"


def plan(hub, said: str) -> Iterator[Step]:
    """How SQLite would do it."""
    names = {alias: name for name, alias in re.findall(r'"(\w+)" AS "(\w+)"', said)}
    for line in explained(hub, said):
        if found := _READS.match(line):
            how, alias, index, where = found.groups(default="")
            yield Step(how, names.get(alias, alias), index, where)


def explained(hub, said: str) -> list[str]:
    marks = [None] * said.count("?")
    with hub.database.read():
        rows = hub.database.sql(f"EXPLAIN QUERY PLAN {said}", *marks).fetchall()
    return [str(row[3]) for row in rows]


def plans(hub, said: list[str]) -> dict[str, list[Step]]:
    reads = [one for one in said if one.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE"))]
    return {one: list(plan(hub, one)) for one in reads}


@pytest.fixture
def full(web):
    web.connect()
    return web, crowd(web, 7)


def test_no_page_walks_all_rows_of_a_table_or_of_an_account(full, member):
    web, ids = full
    seen = set()
    for path in PAGES:
        with counted(web.hub) as said:
            member.page(path.format(**ids))
        for text, steps in plans(web.hub, said).items():
            seen |= {step.table for step in steps}
            walks = [step for step in steps if step.walks]
            assert not walks or _FIRST.search(text), (path, text, walks)
    assert {"invoice", "delivery", "customer", "link", "attempt"} <= seen


MADE_FOR = (
    ("payments/", BY_STATE),
    ("payments/", "delivery_claim"),
    ("invoices/?state=delivered", BY_STATE),
    ("invoices/?from=2030-01-01", "invoice_account_id_environment_id_issue_date"),
    ("invoices/?q=nobody", "invoice_account_id_environment_id_issue_date"),
    ("invoices/?q=C", "invoice_customer_id_id"),
    ("invoices/", "delivery_subject_id"),
    ("customers/", "customer_account_id_environment_id"),
    ("customers/?standing=blocked", BY_CUSTOMER),
    ("customers/?standing=not_linked", "link_customer_id"),
    ("overview/", "delivery_account_id_environment_state_id"),
)


def test_a_page_reads_from_the_index_that_was_made_for_it(full, member):
    web, _ = full
    for path, index in MADE_FOR:
        with counted(web.hub) as said:
            member.page(path)
        used = {step.index for steps in plans(web.hub, said).values() for step in steps}
        assert [one for one in used if one.startswith(index)], (path, index, used)


def test_a_list_is_read_in_its_order(full, member):
    """Nothing but the fifty rows that are shown is sorted."""
    web, _ = full
    for path in ("invoices/?state=delivered", "invoices/", "customers/"):
        with counted(web.hub) as said:
            member.page(path)
        newest = [one for one in said if "DESC LIMIT" in one]
        assert newest
        for text in newest:
            sorts = any("TEMP B-TREE" in one for one in explained(web.hub, text))
            assert not sorts or '"id" IN (' in text, text


def test_what_a_customer_waits_for_is_found_by_the_customer(full):
    web, ids = full
    scope, customer = scope_of(web), ids["customer"]
    with web.hub.database.write(), counted(web.hub) as said:
        outbox.relink(scope, "con_1", customer, 1)
        outbox.block_unlinked(scope, "con_1", customer, 1)
        deliveries.any_waiting_for(scope, "con_1", customer)
    for text, steps in plans(web.hub, said).items():
        used = {step.index for step in steps if step.table == "delivery"}
        assert used == {BY_CUSTOMER}, text


def test_a_worker_claims_by_what_is_due(full):
    claim = statements.CLAIM.format(states=statements.CLAIMABLE, lock="")
    due = statements.NEXT_DUE.format(states=statements.CLAIMABLE)
    for text in (claim, due):
        steps = [one for one in plan(full[0].hub, text) if one.table == "delivery"]
        assert "delivery_claim" in {one.index for one in steps}, text
        assert not [one for one in steps if one.walks]
    (recovered,) = list(plan(full[0].hub, statements.RECOVER))
    assert recovered.index == "delivery_pushing"
