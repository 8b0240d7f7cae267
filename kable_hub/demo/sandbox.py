"""The main flow against a provider itself: in its test environment, in a store of its own.

For people who have test keys; what the provider can do decides which steps there are.
"""

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Self, TypeVar

from kable_hub import logs
from kable_hub.domain import Environment, Receipt
from kable_hub.errors import NeedsCustomer
from kable_hub.provider import Capability, Provider
from kable_hub.settings import Settings
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Scope
from kable_hub.usecases import (
    accounts,
    collecting,
    connecting,
    connections,
    customers,
    deliveries,
    finding,
    invoicing,
    linking,
    previewing,
)
from kable_hub.usecases.customers import NewCustomer
from kable_hub.usecases.errors import FieldError, Invalid, Problem
from kable_hub.usecases.forms import FormField, FormView
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.invoicing import NewInvoice, NewLine
from kable_hub.usecases.link_views import LinkView
from kable_hub.usecases.running import start_engine

PATIENCE = 90.0
"""Seconds within which the provider has to have answered a step."""

EVERY = 0.1
NAME = "Kable Hub sandbox check"
BACK = "https://kable-hub.example/back"
LIVE_KEY = re.compile(r"(?:^|[_-])live[_-]", re.IGNORECASE)
Ask = Callable[[FormField, str], str]
Scene = tuple[str, Capability | None, Callable[[], str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One step: it went well, waits for an end customer, was not to be had, or failed."""

    name: str
    outcome: Literal["ok", "waits", "skipped", "failed"]
    said: str = ""


class Waits(Exception):
    """Only an end customer could go on here."""


class Failed(Exception):
    """The step did not come out as it should."""


class Skipped(Exception):
    """There is nothing to do this with."""


@dataclass
class Sandbox:
    """One play of the flow. `left` is what stays at the provider."""

    hub: Hub
    slug: str
    method: str
    scope: Scope
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    customer: str = ""
    push: DeliveryRow | None = None

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, slug: str, method: str = "") -> Iterator[Self]:
        """With the operator's plugins and test settings alone, in a folder that is thrown away."""
        prefix = f"KABLE_{slug}_{Environment.TEST}_".upper()
        given = {
            name: value
            for name, value in settings.operator_values.items()
            if name.startswith(prefix)
        }
        with tempfile.TemporaryDirectory(prefix="kable-sandbox-") as folder:
            own = {"KABLE_DATA_DIR": folder, "KABLE_ALLOW_PLUGINS": slug}
            if settings.plugins_dir:
                own["KABLE_PLUGINS_DIR"] = str(settings.plugins_dir)
            alone = Settings.load({**given, **own, "KABLE_LOG_LEVEL": "ERROR"})
            logs.configure(alone)
            hub = open_hub(alone)
            try:
                account = accounts.create_account(hub, NAME, "paid").id
                yield cls(hub, slug, method, Scope(account, Environment.TEST))
            finally:
                hub.close()

    def play(
        self, settings: Mapping[str, str], customer: str, ask: Ask, tell: Callable[[Step], None]
    ) -> list[Step]:
        """All steps in their order. `ask` is asked for what the form needs and nobody set."""
        provider = self.provider
        if not self._step("connect", lambda: self._connect(ask), tell):
            return self.steps
        engine = start_engine(self.hub)
        try:
            for name, capability, act in self._script(settings, customer):
                if capability is None or provider.can(capability):
                    self._step(name, act, tell)
        finally:
            engine.stop()
        return self.steps

    def _script(self, settings: Mapping[str, str], customer: str) -> list[Scene]:
        return [
            ("check", Capability.CHECK_CONNECTION, self._check),
            ("settings", None, lambda: self._set(settings)),
            ("customer", None, lambda: self._customer(customer)),
            ("find the customer", Capability.SEARCH_CUSTOMERS, self._search),
            ("card page", Capability.COLLECT_PAYMENT_METHOD, self._page),
            ("plan the invoice", None, self._plan),
            ("push the invoice", None, self._push),
            ("find the invoice", None, self._find),
            ("void the invoice", Capability.CANCEL_INVOICE, self._void),
            ("disconnect", None, self._disconnect),
        ]

    @property
    def provider(self) -> Provider:
        """The provider that is tried."""
        return self.hub.registry.provider(self.slug)

    def _step(self, name: str, act: Callable[[], str], tell: Callable[[Step], None]) -> bool:
        try:
            step = Step(name, "ok", act())
        except Waits as waits:
            step = Step(name, "waits", str(waits))
        except Skipped as skipped:
            step = Step(name, "skipped", str(skipped))
        except Failed as failed:
            step = Step(name, "failed", str(failed))
        except Problem as problem:
            step = Step(name, "failed", _said(problem))
        self.steps.append(step)
        tell(step)
        return step.outcome == "ok"

    def _connect(self, ask: Ask) -> str:
        method, form = self._form()
        values = {one.name: self._value(one, ask) for one in form.fields}
        given = {name: value for name, value in values.items() if value}
        if live := [name for name, value in given.items() if LIVE_KEY.search(value)]:
            raise Failed(f"{', '.join(live)}: this belongs to live; only test keys are taken")
        started = connecting.start_connecting(
            self.hub, self.scope, self.slug, method=method, form=given
        )
        if not started.connections:
            raise Failed("a browser is needed to go on")
        return f"{started.connections[0].title} ({started.connections[0].external_id})"

    def _form(self) -> tuple[str, FormView]:
        """The first way in that is a form."""
        names = [one.name for one in self.provider.connect_methods]
        refused = "there is no way to connect without a browser"
        for name in names:
            if self.method in ("", name):
                try:
                    started = connecting.start_connecting(
                        self.hub, self.scope, self.slug, method=name
                    )
                except Problem as problem:
                    refused = _said(problem)
                    continue
                if started.form is not None:
                    return name, started.form
        raise Failed(refused)

    def _value(self, one: FormField, ask: Ask) -> str:
        variable = f"KABLE_{self.slug}_{Environment.TEST}_FORM_{one.name}".upper()
        value = self.hub.settings.operator_values.get(variable, "") or ask(one, variable)
        if one.required and not value:
            said = f"Set {variable}."
            raise Invalid(FieldError(one.name, "required", said))
        return value

    def _check(self) -> str:
        return "; ".join(connections.check(self.hub, self.scope, self.slug).connection.warnings)

    def _set(self, values: Mapping[str, str]) -> str:
        known = connections.get_settings(self.hub, self.scope, self.slug).values
        wanted = {**known, **values}
        connections.put_settings(self.hub, self.scope, self.slug, wanted)
        return ", ".join(f"{name}={value}" for name, value in values.items())

    def _customer(self, reference: str) -> str:
        if not reference and not self.provider.can(Capability.CREATE_CUSTOMER):
            raise Failed("this provider makes no customers: name one by --customer")
        currencies = sorted(self.provider.facts.currencies)
        currency = "USD" if not currencies or "USD" in currencies else currencies[0]
        new = NewCustomer(new_id("sandbox"), NAME, currency, "sandbox@example.com")
        links, create = ({self.slug: reference}, []) if reference else ({}, [self.slug])
        view = customers.create_customer(self.hub, self.scope, new, links, create)
        self.customer = view.customer.id

        def linked() -> LinkView | None:
            (one,) = linking.list_links(self.hub, self.scope, self.customer)
            return one if one.state != "pending" else None

        link = self._until(linked, self._pending)
        if not reference:
            self.left.append(f"customer {link.reference}")
        return f"{link.reference} ({link.title})"

    def _pending(self) -> str:
        (one,) = linking.list_links(self.hub, self.scope, self.customer)
        return f"{one.error_code}: {one.error_message}" if one.error_code else "it is still pending"

    def _search(self) -> str:
        link = self._link()
        hits = linking.search_at_provider(self.hub, self.scope, self.slug, link.title or NAME)
        if any(one.reference == link.reference for one in hits):
            return f"among {len(hits)}"
        raise Skipped(f"not among {len(hits)}: a provider's index may lag behind")

    def _page(self) -> str:
        page = collecting.collect_payment_method(
            self.hub, self.scope, self._link().customer_id, BACK, BACK, self.slug
        )
        return f"{page.url} until {page.expires_at:%H:%M:%S} UTC"

    def _plan(self) -> str:
        self._link()
        currency = customers.get_customer(self.hub, self.scope, self.customer).customer.currency
        new = NewInvoice(
            customer=self.customer,
            number=f"SB{self.hub.now()}",
            currency=currency,
            issue_date=self.hub.clock.now().date(),
            lines=(NewLine("Sandbox check", Decimal(2), Decimal(5)),),
            auto_push=False,
        )
        view = invoicing.create_invoice(self.hub, self.scope, new)
        if not view.deliveries:
            raise Failed("no delivery was opened")
        self.push = view.deliveries[0]
        try:
            previewing.preview_invoice(self.hub, self.scope, view.invoice.id, self.slug)
        except Problem as problem:
            if isinstance(problem.__cause__, NeedsCustomer):
                raise Waits(_said(problem)) from None
            raise
        return f"{view.invoice.number} over 10.00 {currency}"

    def _push(self) -> str:
        if self.push is None:
            raise Skipped("there is no invoice")
        deliveries.push(self.hub, self.scope, self.push.id)
        push_id = self.push.id
        ended = self._until(lambda: self._ended(push_id), lambda: self._stands(push_id))
        if ended.state == "blocked" and ended.blocked_on == "customer":
            raise Waits(f"{ended.error_code}: {ended.error_message}")
        if ended.state != "delivered":
            raise Failed(f"{ended.state}: {ended.error_code}: {ended.error_message}")
        self.left.append(f"invoice {ended.external_id}")
        return ended.external_id

    def _find(self) -> str:
        push = self._delivered()
        found = finding.find_document(self.hub, self.scope, push.id)
        if not isinstance(found, Receipt) or found.external_id != push.external_id:
            raise Failed("what was pushed is not found by its marker")
        return f"{found.external_id}, {found.status or 'found'}"

    def _void(self) -> str:
        void = deliveries.void(self.hub, self.scope, self._delivered().id)
        ended = self._until(lambda: self._ended(void.id), lambda: self._stands(void.id))
        if ended.state != "delivered":
            raise Failed(f"{ended.state}: {ended.error_code}: {ended.error_message}")
        return ""

    def _disconnect(self) -> str:
        row = connections.disconnect(self.hub, self.scope, self.slug)
        left = f"left there: {', '.join(self.left)}" if self.left else ""
        return "; ".join([*row.warnings, *([left] if left else [])])

    def _link(self) -> LinkView:
        links = linking.list_links(self.hub, self.scope, self.customer) if self.customer else ()
        if not links or links[0].state != "linked":
            raise Skipped("there is no customer")
        return links[0]

    def _delivered(self) -> DeliveryRow:
        now = self._row(self.push.id) if self.push else None
        if now is None or now.state != "delivered":
            raise Skipped("nothing was pushed")
        return now

    def _row(self, delivery_id: str) -> DeliveryRow:
        return deliveries.get_delivery(self.hub, self.scope, delivery_id).delivery

    def _ended(self, delivery_id: str) -> DeliveryRow | None:
        row = self._row(delivery_id)
        return row if row.state in ("delivered", "blocked", "rejected") else None

    def _stands(self, delivery_id: str) -> str:
        row = self._row(delivery_id)
        return f"{row.state}: {row.error_code}: {row.error_message}"

    def _until(self, read: Callable[[], T | None], why: Callable[[], str]) -> T:
        """What `read` answers as soon as it answers anything."""
        clock, never = self.hub.clock, threading.Event()
        ends = clock.monotonic() + PATIENCE
        while clock.monotonic() < ends:
            if (found := read()) is not None:
                return found
            clock.wait(never, EVERY)
        raise Failed(f"not done after {PATIENCE:.0f} s: {why()}")


def _said(problem: Problem) -> str:
    told = "; ".join(f"{one.field}: {one.message}" for one in problem.errors)
    return told or f"{problem.code}: {problem.detail or problem.title}"
