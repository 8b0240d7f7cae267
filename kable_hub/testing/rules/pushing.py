"""One invoice, one document."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kable_hub import canonical
from kable_hub.domain import Environment, Receipt
from kable_hub.errors import LeaseLost, OutcomeUnknown
from kable_hub.testing.demands import demand, keyed, refused, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.reception import TEST
from kable_hub.testing.rules.base import Rules

MOST_PROGRESS = 8192


class Pushing(Rules):
    """`plan_invoice` and `push_invoice` while nothing goes wrong."""

    @rule("bronze")
    def test_an_invoice_becomes_one_document(self) -> None:
        """A push leaves one final document with the customer, the currency and the total."""
        push = self.desk.push()
        self.desk.send(push)
        self.desk.arrived_once(push)

    @rule("bronze")
    def test_the_document_carries_what_finds_it_again(self) -> None:
        """The hub's marker stands on the document; where only a number fits, the number does."""
        push = self.desk.push()
        receipt = self.desk.send(push)
        rows = self.desk.simulator.documents()
        (made,) = [one for one in rows if one["external_id"] == receipt.external_id]
        if self.desk.provider.marker == "metadata":
            demand(made["marker"] == push.marker, f"The marker on it is {made['marker']!r}.")
        else:
            demand(made["number"] == push.invoice.number, f"Its number is {made['number']!r}.")

    @rule("bronze")
    def test_the_receipt_tells_what_stands_at_the_provider(self) -> None:
        """The receipt has the document's id, customer, currency, total and number."""
        push = self.desk.push()
        receipt = self.desk.send(push)
        (made,) = self.desk.documents(push)
        for name in ("external_id", "customer", "currency", "total", "number"):
            said, true = getattr(receipt, name), made[name]
            demand(said == true, f"The receipt says {name} {said!r}, at the provider is {true!r}.")
        demand(not receipt.adopted, "A document that was made now is not adopted.")

    @rule("bronze", keyed)
    def test_the_same_push_twice_is_one_document(self) -> None:
        """A push sent again with the same bytes and key answers the same document."""
        push = self.desk.push()
        first, second = self.desk.send(push), self.desk.send(push)
        demand(first.external_id == second.external_id, "The second push made another document.")
        self.desk.arrived_once(push)

    @rule("silver", keyed)
    def test_the_same_push_from_many_threads_is_one_document(self) -> None:
        """The same push from several threads at once leaves one document."""
        push, connection = self.desk.push(), self.desk.connection()

        def send(_: int) -> object:
            given = {"connection": connection, "push": self.desk.saved(push)}
            return attempted(lambda: self.desk.call("push_invoice", **given))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(send, range(6)))
        self.desk.settle(push)
        self.desk.arrived_once(push)

    @rule("bronze")
    def test_planning_writes_nothing(self) -> None:
        """`plan_invoice` is a dry run: it may read, and writes nothing."""
        link, begun = self.desk.link(), len(self.desk.gate.calls)
        self.desk.push(link=link)
        made = self.desk.gate.calls[begun:]
        demand(not any(one.writes for one in made), "Planning wrote at the provider.")
        demand(not self.desk.simulator.documents(), "Planning left a document.")

    @rule("silver")
    def test_the_same_invoice_is_planned_the_same_each_time(self) -> None:
        """The same invoice, link and settings make the same document, as JSON without floats."""
        invoice, link = self.desk.invoice(), self.desk.link()
        plans = [self.desk.push(invoice, link=link).document for _ in range(2)]
        first, second = (canonical.dumps(dict(one)) for one in plans)
        demand(first == second, "Two plans of one invoice differ.")

    @rule("bronze")
    def test_what_was_frozen_is_what_is_sent(self) -> None:
        """The pushed document is the frozen one: a memo edited after the plan changes nothing."""
        push = self.desk.push()
        edited = replace(push.invoice, total=push.invoice.total + 100, number="EDITED-1")
        self.desk.send(replace(push, invoice=edited))
        (made,) = self.desk.simulator.documents()
        demand(made["number"] != "EDITED-1", "It sent the invoice, not the frozen document.")
        demand(
            made["total"] == push.invoice.total or self.desk.provider.facts.adds_tax,
            "It sent another total than the frozen one.",
        )

    @rule("silver")
    def test_live_and_test_never_mix(self) -> None:
        """Pushes of live and test in turn each land in their own environment."""
        both = [one for one in Environment if one in self.desk.provider.urls]
        for environment in both * 2:
            push = self.desk.push(environment=environment)
            receipt = self.desk.send(push, environment)
            (made,) = self.desk.documents(push)
            demand(
                made["environment"] == environment and receipt.external_id == made["external_id"],
                f"A push of {environment} landed in {made['environment']}.",
            )

    @rule("silver")
    def test_progress_is_small_json(self) -> None:
        """What a push saves on its way is JSON of at most 8 kB."""
        self.desk.send(self.desk.push())
        for saved in self.desk.progress.values():
            size = len(canonical.dumps(dict(saved)))
            demand(size <= MOST_PROGRESS, f"It saved {size} bytes of progress.")

    @rule("silver")
    def test_a_worker_that_dies_between_two_requests_is_followed_by_another(self) -> None:
        """From whichever request on a worker is gone, another makes one document of it."""
        for step in self.desk.steps():
            push, begun = self.desk.push(), len(self.desk.gate.calls)

            def gone(name: str, _: bool, last: int = begun + step.place) -> None:
                if len(self.desk.gate.calls) >= last:
                    raise LeaseLost(f"Another worker took over before {name}.")

            self.desk.gate.before = gone
            refused((LeaseLost, OutcomeUnknown), self.desk.send, push)
            self.desk.gate.before = None
            self.desk.settle(push, unsure=True)
            self.desk.arrived_once(push)

    @rule("gold")
    def test_a_receipt_is_the_same_however_it_came(self) -> None:
        """Found again, a document has the receipt it had when it was made."""
        push = self.desk.push()
        made, found = self.desk.send(push), self.desk.find(push)
        demand(isinstance(found, Receipt), "The document is not found.")
        if isinstance(found, Receipt):
            same = replace(found, adopted=False) == replace(made, adopted=False)
            demand(same, f"Found it is {found}, made it was {made}.")

    @rule("silver")
    def test_a_customer_of_another_push_is_never_taken(self) -> None:
        """Two customers' pushes in turn each go to their own customer."""
        known = [one for one in self.desk.customers(TEST) if one.currency in ("", "USD")]
        for one in known[:2] * 2:
            link = replace(self.desk.link(), reference=self.desk.join(one.reference).reference)
            push = self.desk.push(link=link)
            self.desk.send(push)
            self.desk.arrived_once(push)
