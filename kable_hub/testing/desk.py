"""The hub's side of a provider for the contract's rules: links, pushes, recovery.

A `Desk` does in small, by the laws of the contract, what the hub does with a store behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kable_hub import canonical
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
from kable_hub.testing import builders
from kable_hub.testing.browsing import Browser
from kable_hub.testing.demands import demand
from kable_hub.testing.reception import ROUNDS, TEST, Reception
from kable_hub.testing.simulator import Seen

KEYS = "11111111-2222-5333-8444-{:012d}"


@dataclass(frozen=True)
class Step:
    """One request of a clean push: its place among them and whether it writes."""

    place: int
    name: str
    writes: bool


class Desk(Reception):
    """One plugin, its simulator and what the hub would know of them. Use as a context manager."""

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


def attempted(function: Callable[..., Any], *given: Any) -> ProviderError | None:
    """The provider error that a call ended with, if it did."""
    try:
        function(*given)
    except ProviderError as error:
        return error
    return None
