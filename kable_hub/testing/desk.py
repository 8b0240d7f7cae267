"""The hub's side of a provider for the contract's rules: connections, links, pushes, recovery.

A `Desk` does in small, by the laws of the contract, what the hub does with a store behind it. It
calls a plugin as the hub does, through the dispatcher, so a wrong type or a stray exception of a
plugin is a ContractViolation here too.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Self

from marshmallow import ValidationError

from kable_hub import canonical
from kable_hub.connection import CONNECT_TIMEOUT, READ_TIMEOUT, Call, Connection
from kable_hub.dialogue import ConnectRequest, Credentials, Form, Grant, Redirect
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import (
    JSON,
    CustomerLink,
    Environment,
    Invoice,
    LinkedCustomer,
    Push,
    Receipt,
    Unfinished,
)
from kable_hub.errors import OutcomeUnknown, ProviderError, Transient
from kable_hub.plugins import Registry
from kable_hub.provider import Capability
from kable_hub.settings import Settings
from kable_hub.testing import builders
from kable_hub.testing.browsing import Browser
from kable_hub.testing.demands import demand
from kable_hub.testing.simulator import Seen
from kable_hub.testing.stage import ContractSimulator

TEST = Environment.TEST
CALLBACK = "http://127.0.0.1:9/connect/callback"
STATE = "state-of-this-dialogue"
SHORTEST_SECRET = 6
ROUNDS = 8
KEYS = "11111111-2222-5333-8444-{:012d}"


@dataclass(frozen=True)
class Step:
    """One request of a clean push: its place among them and whether it writes."""

    place: int
    name: str
    writes: bool


@dataclass
class Gate:
    """The hub's call gate for one plugin: keeps every call; `before` may raise to refuse one."""

    timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
    calls: list[Call] = field(default_factory=list)
    before: Callable[[str, bool], None] | None = None

    def __call__(self, name: str, writes: bool) -> AbstractContextManager[Call]:
        """Open the gate and keep the call."""
        return self._open(name, writes)

    @contextmanager
    def _open(self, name: str, writes: bool) -> Iterator[Call]:
        if self.before is not None:
            self.before(name, writes)
        call = Call(name, writes, self.timeout)
        self.calls.append(call)
        yield call


class Desk:
    """One plugin, its simulator and what the hub would know of them. Use as a context manager."""

    def __init__(self, plugin: ModuleType, simulator: type[ContractSimulator]) -> None:
        registry = Registry.of(plugin)
        (report,) = registry.reports
        demand(report.state == "admitted", f"The hub does not admit the plugin: {report.reason}.")
        (self.provider,) = registry.providers()
        self.plugin = plugin
        self.gate = Gate()
        self.simulator = simulator()
        self.progress: dict[str, Mapping[str, JSON]] = {}
        self._hub = Dispatcher(registry)
        self._granted: dict[Environment, tuple[str, Credentials]] = {}
        self._memory = builders.fresh_memory()
        self._made = 0

    def __enter__(self) -> Self:
        self.simulator.start()
        self.simulator.seed_demo()
        self._settings = Settings.load(self.simulator.configuration())
        return self

    def __exit__(self, *exc: object) -> None:
        self.simulator.stop()

    def call(self, hook: str, **given: Any) -> Any:
        """One hook, called as the hub calls it."""
        return self._hub.call(self.provider.slug, hook, **given)

    def bare(self, hook: str, **given: Any) -> Any:
        """One hook of the plugin itself: what it raises is not mended by the hub first."""
        function = getattr(self.plugin, hook)
        return function(**{name: given[name] for name in inspect.signature(function).parameters})

    # --- connecting

    def app(self, environment: Environment) -> Mapping[str, str]:
        """What an operator of the simulator has set for one environment."""
        method = self.provider.connect_methods[0].name
        found = self._settings.app_settings(self.provider, environment, method)
        return {name: str(value) for name, value in found.values.items()}

    def request(self, environment: Environment = TEST, **given: Any) -> ConnectRequest:
        """A step of the connect dialogue."""
        known = [one for one in Environment if one in self.provider.urls]
        method = self.provider.connect_methods[0].name
        values: dict[str, Any] = {
            "environment": environment,
            "method": method,
            "callback_url": CALLBACK,
            "state": STATE,
            "app": {
                one: self._settings.app_settings(self.provider, one, method).values for one in known
            },
            "urls": {one: self._settings.urls(self.provider, one) for one in known},
            "now": builders.NOW,
            "guard": self.gate,
        }
        return ConnectRequest(**{**values, **given})

    def step(self, environment: Environment = TEST, **given: Any) -> Form | Redirect | Grant:
        """Take a step of the connect dialogue."""
        taken: Form | Redirect | Grant = self.call(
            "connect", request=self.request(environment, **given)
        )
        return taken

    def answer(self, step: Form | Redirect, environment: Environment = TEST) -> dict[str, Any]:
        """What a person brings to the next step: the form filled in, or a consent given."""
        if isinstance(step, Form):
            return {"form": loaded(step, self.simulator.demo_form(environment))}
        return {"query": Browser().consent(step.url, CALLBACK), "carry": step.carry}

    def grant(self, environment: Environment = TEST) -> Grant:
        """The whole dialogue."""
        step = self.step(environment)
        for _ in range(ROUNDS):
            if isinstance(step, Grant):
                return step
            demand(not (isinstance(step, Form) and step.error), f"It asked again: {step}")
            step = self.step(environment, **self.answer(step, environment))
        raise AssertionError("The dialogue came to no end.")

    def credentials(self, environment: Environment = TEST) -> Credentials:
        """The credentials of a connection, from one dialogue."""
        if environment not in self._granted:
            grant = self.grant(environment)
            for one, given in grant.environments.items():
                self._granted[one] = (grant.external_id, given)
        return self._granted[environment][1]

    def keep(self, credentials: Credentials, environment: Environment = TEST) -> None:
        """Use these credentials from now on."""
        self._granted[environment] = (self._granted[environment][0], credentials)

    def connection(self, environment: Environment = TEST, **settings: Any) -> Connection:
        """A connection with the settings that the hub would choose first, and these over them."""
        secrets = self.credentials(environment).secrets
        made = builders.connection(
            self.provider,
            environment=environment,
            credentials=secrets,
            app=self.app(environment),
            urls=self._settings.urls(self.provider, environment),
            external_id=self._granted[environment][0],
            guard=self.gate,
            memory=self._memory,
        )
        return replace(made, settings={**self._first_settings(made), **settings})

    def _first_settings(self, made: Connection) -> dict[str, Any]:
        chosen = dict(made.settings)
        if self.provider.settings and self.provider.can(Capability.SETTING_CHOICES):
            for name, one in self.provider.settings().fields.items():
                if one.metadata.get("choices") and not chosen.get(name):
                    answer = self.call("setting_choices", connection=made, field=name)
                    chosen[name] = answer.default or chosen.get(name)
        return {name: value for name, value in chosen.items() if value is not None}

    def secrets(self) -> list[str]:
        """Every secret that was handed to the plugin so far."""
        connection = self.connection()
        kept = connection.credentials.values()
        held = [one for one in kept if one != connection.external_id]
        for environment in self.provider.urls:
            app = self.app(environment)
            fields = self.provider.app_settings().fields if self.provider.app_settings else {}
            held += [
                app.get(name, "") for name, one in fields.items() if one.metadata.get("secret")
            ]
        return [one for one in held if len(one) >= SHORTEST_SECRET]

    # --- customers

    def customers(self, environment: Environment = TEST) -> list[LinkedCustomer]:
        """The customers that stand at the provider and can pay."""
        found = self.simulator.demo_customers(environment)
        return [one for one in found if not one.warnings]

    def link(self, environment: Environment = TEST, currency: str = "USD") -> CustomerLink:
        """A link to one of them that has this currency or none. Raises LookupError."""
        fitting = [one for one in self.customers(environment) if one.currency in ("", currency)]
        if not fitting:
            raise LookupError(f"The simulator has no customer in {currency}.")
        given = self.join(fitting[0].reference, environment)
        customer = builders.customer(currency=currency)
        return CustomerLink(customer, given.reference, given.parts, given.currency)

    def join(self, reference: str | None, environment: Environment = TEST, **more: Any) -> Any:
        """`link_customer`: check a reference, or make the customer where it is None."""
        given: dict[str, Any] = {
            "connection": self.connection(environment),
            "customer": builders.customer(),
            "reference": reference,
            "key": KEYS.format(0),
            "since": self._earlier(),
        }
        return self.call("link_customer", **{**given, **more})

    def unknown_reference(self) -> str:
        """A well-formed reference of nobody."""
        known = {
            one.reference
            for environment in self.provider.urls
            for one in self.simulator.demo_customers(environment)
        }
        for one in sorted(known):
            for length in range(1, len(one)):
                for letter in "9zZ0a":
                    made = one[:-length] + letter * length
                    if made not in known and self.provider.reference.extract(made) == made:
                        return made
        raise AssertionError("Every well-formed reference is taken.")

    # --- invoices

    def invoice(self, *lines: Any, **changes: Any) -> Invoice:
        """An invoice with an id and a number of its own."""
        self._made += 1
        own = {"id": f"inv_{self._made}", "number": f"INV-{self._made:04d}"}
        return builders.invoice(*lines, **{**own, **changes})

    def push(
        self,
        invoice: Invoice | None = None,
        generation: int = 1,
        environment: Environment = TEST,
        link: CustomerLink | None = None,
    ) -> Push:
        """A push as the hub makes it: its document planned, frozen and stored."""
        wanted = invoice or self.invoice()
        joined = link or self.link(environment, wanted.currency)
        joined = replace(joined, settings=self.connection(environment).settings)
        planned = self.call(
            "plan_invoice", connection=self.connection(environment), invoice=wanted, link=joined
        )
        number = int(wanted.id.rpartition("_")[2] or 0) * 100 + generation
        made = builders.push(
            wanted,
            joined,
            canonical.loads(canonical.dumps(planned)),
            key=KEYS.format(number),
            generation=generation,
            since=self._earlier(),
        )
        return self.saved(made)

    def saved(self, push: Push) -> Push:
        """The same push with the progress that was saved last."""

        def save(progress: Mapping[str, JSON]) -> None:
            self.progress[push.key] = canonical.loads(canonical.dumps(progress))

        return replace(push, progress=self.progress.get(push.key, {}), save=save)

    def send(self, push: Push, environment: Environment = TEST) -> Receipt:
        """`push_invoice`, once."""
        receipt: Receipt = self.call(
            "push_invoice", connection=self.connection(environment), push=self.saved(push)
        )
        return receipt

    def find(self, push: Push, environment: Environment = TEST) -> Receipt | Unfinished | None:
        """`find_invoice`, once."""
        found: Receipt | Unfinished | None = self.call(
            "find_invoice", connection=self.connection(environment), push=self.saved(push)
        )
        return found

    def settle(self, push: Push, unsure: bool = False) -> Receipt:
        """Push until the outcome is known, by the laws: the same key once more, then look; None
        makes a new generation. `unsure`: the outcome of a first push is unknown already."""
        again = self.provider.dedupe.by == "key"
        for _ in range(ROUNDS):
            try:
                if again or not unsure:
                    again = again and not unsure  # what is unsure is sent once more, no oftener
                    return self.send(push)
            except Transient:
                continue
            except OutcomeUnknown as error:
                unsure, again = True, again and not error.key_spent
                continue
            match self.find(push):
                case Receipt() as found:
                    return found
                case Unfinished(progress):
                    self.progress[push.key] = progress
                case None:
                    push = self.push(push.invoice, push.generation + 1, link=push.link)
            unsure = False
        raise AssertionError("The push came to no end.")

    def cancel(self, receipt: Receipt, push: Push) -> Receipt:
        """`cancel_invoice`, once."""
        ended: Receipt = self.call(
            "cancel_invoice", connection=self.connection(), receipt=receipt, push=self.saved(push)
        )
        return ended

    # --- what stands at the provider

    def documents(self, push: Push) -> list[dict[str, Any]]:
        """The final documents of a push, by its marker or, where only a number fits, by that."""
        rows = self.simulator.documents()
        if self.provider.marker == "number":
            return [one for one in rows if one["number"] == push.invoice.number]
        return [one for one in rows if one["marker"] == push.marker]

    def arrived_once(self, push: Push) -> dict[str, Any]:
        """The one final document of a push, with the hub's total; and no draft is left."""
        found, drafts = self.documents(push), self.simulator.drafts()
        demand(len(found) == 1, f"{len(found)} documents stand at the provider, not one.")
        demand(not drafts, f"A draft was left at the provider: {drafts}")
        (document,) = found
        invoice = push.invoice
        demand(
            document["currency"] == invoice.currency,
            f"The document is in {document['currency']}, not in {invoice.currency}.",
        )
        demand(
            document["customer"] == push.link.reference,
            f"The document is {document['customer']}'s, not {push.link.reference}'s.",
        )
        if not self.provider.facts.adds_tax:
            demand(
                document["total"] == invoice.total,
                f"The document's total is {document['total']}, not {invoice.total} minor units.",
            )
        return document

    def steps(self) -> list[Step]:
        """The requests of a clean push, from one that was made to see them."""
        push, begun = self.push(), len(self.gate.calls)
        self.send(push)
        made = self.gate.calls[begun:]
        return [Step(place, one.name, one.writes) for place, one in enumerate(made)]

    def own_requests(self) -> list[Seen]:
        """What the plugin sent so far; the pages that a person opened are left out."""
        return [one for one in self.simulator.requests if not one.header(Browser.HEADER)]

    def _earlier(self) -> datetime:
        return self.simulator.clock.now() - timedelta(seconds=1)


def loaded(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """Values of a form as the hub hands them on: taken by the form's own schema."""
    try:
        return dict(form.schema().load(dict(values)))
    except ValidationError as error:
        raise AssertionError(f"demo_form does not fit the form: {error.messages}") from error


def attempted(function: Callable[..., Any], *given: Any) -> ProviderError | None:
    """The provider error that a call ended with, if it did."""
    try:
        function(*given)
    except ProviderError as error:
        return error
    return None
