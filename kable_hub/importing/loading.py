"""Put the invoices of a file into the hub: customers first, then invoices in portions.

Every step can be repeated: what stands there already is left alone, and an invoice that does
with the same content counts as unchanged.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import marshmallow as ma

from kable_hub.importing.found import Fault, FoundInvoice, Source
from kable_hub.provider import Capability
from kable_hub.store.scope import Scope
from kable_hub.usecases import customers, invoicing, linking
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.errors import NotFound, Problem
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.invoice_input import NewInvoice, as_new, read_invoice
from kable_hub.usecases.lookup import connected, need, provider_named
from kable_hub.web.api.customers import NewCustomerBody
from kable_hub.web.api.invoice_schemas import NewInvoiceBody
from kable_hub.web.problems import field_errors

PORTION = 200
"""Invoices written in one transaction: few enough that others get a turn in between."""

_HUB_ID = re.compile(r"cus_[0-9A-Za-z]{26}")


@dataclass
class Report:
    """What became of a file: counts of invoices and of customers made, and every fault."""

    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    customers_created: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def invoices(self) -> int:
        """How many invoices the file has."""
        return self.accepted + self.unchanged + self.refused


@dataclass(frozen=True)
class _Entry:
    found: FoundInvoice
    invoice: NewInvoice
    customer: NewCustomer


def check_destinations(hub: Hub, scope: Scope, slugs: Sequence[str]) -> None:
    """Refuse providers at which no customer can be made. Raises NotFound, Conflict."""
    with hub.database.read():
        for slug in slugs:
            need(provider_named(hub, slug), Capability.CREATE_CUSTOMER)
            connected(hub, scope, slug)


def load(
    hub: Hub,
    scope: Scope,
    source: Source,
    create_at: Sequence[str] = (),
    done: Callable[[int], None] = lambda _: None,
) -> Report:
    """Import a file. `create_at`: providers at which its customers are created and linked.

    `done` is told how many more invoices were dealt with. What is wrong with an invoice stands
    in the report; the others go in.
    """
    loader = _Loader(hub, scope, create_at)
    for portion in _portions(source):
        loader.take(portion)
        done(len(portion))
    return loader.report


def _portions(source: Source) -> Iterator[list[FoundInvoice]]:
    portion: list[FoundInvoice] = []
    for one in source:
        portion.append(one)
        if len(portion) == PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


@dataclass
class _Loader:
    hub: Hub
    scope: Scope
    create_at: Sequence[str]
    report: Report = field(default_factory=Report)
    ready: set[str] = field(default_factory=set)

    def take(self, portion: list[FoundInvoice]) -> None:
        entries = [entry for one in portion if (entry := self._read(one)) is not None]
        entries = [entry for entry in entries if self._customer_stands(entry)]
        new = [entry.invoice for entry in entries]
        results = invoicing.create_invoices(self.hub, self.scope, new, brief=True)
        for entry, result in zip(entries, results, strict=True):
            if result.problem is None:
                self.report.accepted += 1
            elif self._stands_alike(entry, result.problem):
                self.report.unchanged += 1
            else:
                self._refuse(_faults(entry.found, result.problem))

    def _read(self, found: FoundInvoice) -> _Entry | None:
        faults = list(found.faults)
        if found.body or not faults:
            invoice, customer = _invoice(found, faults), _customer(found, faults)
            if invoice and customer and not faults:
                return _Entry(found, invoice, customer)
        self._refuse(faults)
        return None

    def _customer_stands(self, entry: _Entry) -> bool:
        if entry.customer.client_id in self.ready:
            return True
        try:
            self._make_customer(entry)
        except Problem as problem:
            self._refuse(_faults(entry.found, problem, "customer."))
            return False
        self.ready.add(entry.customer.client_id)
        return True

    def _make_customer(self, entry: _Entry) -> None:
        hub, scope, client_id = self.hub, self.scope, entry.customer.client_id
        try:
            view = customers.get_customer(hub, scope, client_id)
        except NotFound:
            if not entry.found.customer and _HUB_ID.fullmatch(client_id):
                raise
            customers.create_customer(
                hub, scope, entry.customer, create_at=self.create_at, not_at=self._not_at()
            )
            self.report.customers_created += 1
            return
        linked = {link.provider for link in view.links}
        for slug in self.create_at:
            if slug not in linked:
                linking.create_at_provider(hub, scope, view.customer.id, slug)

    def _not_at(self) -> list[str]:
        """Providers that are named take the place of the account's default."""
        named = self.hub.registry.providers() if self.create_at else ()
        return [one.slug for one in named if one.slug not in self.create_at]

    def _stands_alike(self, entry: _Entry, problem: Problem) -> bool:
        invoice_id = str(problem.extras.get("invoiceId", ""))
        if problem.code != "duplicate_invoice_number" or not invoice_id:
            return False
        accepted = invoicing.get_accepted(self.hub, self.scope, invoice_id)
        customer = customers.resolve_customer(self.hub, self.scope, entry.invoice.customer)
        if accepted.customer_id != customer.id:
            return False
        row = read_invoice(Checks(), entry.invoice, invoice_id, 0)
        if row is not None and entry.invoice.auto_push is None:
            row = replace(row, auto_push=accepted.auto_push)
        return row is not None and as_new(row, "") == as_new(accepted, "")

    def _refuse(self, faults: Sequence[Fault]) -> None:
        self.report.refused += 1
        first = {(fault.line, fault.field): fault for fault in reversed(faults)}
        self.report.faults += sorted(first.values(), key=lambda fault: fault.line)


def _invoice(found: FoundInvoice, faults: list[Fault]) -> NewInvoice | None:
    client_id = found.customer.get("clientId")
    body = {**found.body, "customer": client_id} if found.customer else found.body
    new: NewInvoice | None = _loaded(NewInvoiceBody(), body, found, faults, "")
    if new is not None:
        checks = Checks()
        read_invoice(checks, new, "", 0)
        faults += [found.fault(one.field, one.code, one.message) for one in checks.errors]
    return new


def _customer(found: FoundInvoice, faults: list[Fault]) -> NewCustomer | None:
    given = dict(found.customer) or {"clientId": found.body.get("customer")}
    client_id, currency = given.get("clientId"), found.body.get("currency")
    if not client_id:
        faults.append(found.fault("customer", "required", "This must not be empty."))
    if not client_id or not currency:
        return None
    body = {"companyName": f"Customer {client_id}", "currency": currency, **given}
    values = _loaded(NewCustomerBody(), body, found, faults, "customer.")
    return None if values is None else NewCustomer(**values)


def _loaded(
    schema: ma.Schema, body: Any, found: FoundInvoice, faults: list[Fault], prefix: str
) -> Any:
    try:
        return schema.load(body)
    except ma.ValidationError as error:
        for one in field_errors(error.messages):
            path = one.field if found.places else prefix + one.field
            faults.append(found.fault(path, one.code, one.message))
        return None


def _faults(found: FoundInvoice, problem: Problem, prefix: str = "") -> list[Fault]:
    prefix = "" if found.places else prefix
    if not problem.errors:
        field = "customer" if prefix else "number"
        return [found.fault(field, problem.code, problem.detail or problem.title)]
    return [found.fault(prefix + one.field, one.code, one.message) for one in problem.errors]
