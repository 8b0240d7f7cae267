"""Whose invoice it is: the customer's counterpart at the provider."""

from contextlib import suppress

from kable_hub.domain import Environment, LinkedCustomer
from kable_hub.errors import NeedsOperator, OutcomeUnknown, Rejected, Transient
from kable_hub.provider import Capability
from kable_hub.testing import builders
from kable_hub.testing.demands import can, demand, refused, rule
from kable_hub.testing.desk import KEYS
from kable_hub.testing.fault import Fault
from kable_hub.testing.reception import ROUNDS, TEST
from kable_hub.testing.rules.base import Rules

TEXTS = ("Müller & Söhne GmbH", "株式会社 みずほ", 'O\'Brien <b>"Quoted"</b>', "N" * 300)


class Linking(Rules):
    """Checking a reference, and making a customer."""

    @rule("bronze")
    def test_a_reference_is_checked_and_answered_in_its_own_form(self) -> None:
        """A known reference is answered as the provider writes it, whenever it is asked."""
        known = self.desk.customers()[0].reference
        first, second = self.desk.join(known), self.desk.join(known)
        demand(first == second, "Two checks of one reference answer differently.")
        said = self.desk.provider.reference.extract(first.reference)
        demand(said == first.reference, f"{first.reference!r} does not fit the declared pattern.")

    @rule("bronze")
    def test_checking_a_reference_only_reads(self) -> None:
        """Linking by a reference asks the provider, and writes nothing there."""
        connection, begun = self.desk.connection(), len(self.desk.gate.calls)
        self.desk.join(self.desk.customers()[0].reference, connection=connection)
        made = self.desk.gate.calls[begun:]
        demand(made, "It did not ask the provider.")
        demand(not any(one.writes for one in made), "A check of a reference wrote.")

    @rule("bronze")
    def test_a_reference_of_nobody_is_refused(self) -> None:
        """A well-formed reference that the provider does not know is Rejected."""
        refused(Rejected, self.desk.join, self.desk.unknown_reference())

    @rule("bronze")
    def test_a_customer_of_the_other_environment_is_refused(self) -> None:
        """A customer of live cannot be linked in test."""
        if Environment.LIVE in self.desk.provider.urls:
            mine = {one.reference for one in self.desk.simulator.demo_customers(TEST)}
            live = self.desk.simulator.demo_customers(Environment.LIVE)
            for one in [one.reference for one in live if one.reference not in mine][:1]:
                refused(Rejected, self.desk.join, one)

    @rule("silver")
    def test_a_customer_that_is_closed_is_refused(self) -> None:
        """An inactive or deleted customer is Rejected: no invoice would reach it."""
        known = self.desk.customers()[0].reference
        self.desk.simulator.close_customer(TEST, known)
        refused(Rejected, self.desk.join, known)

    @rule("silver", can(Capability.CREATE_CUSTOMER))
    def test_a_customer_is_made_once_however_often_it_is_asked(self) -> None:
        """Creating with the same key answers the same customer; with another one too, or a
        person is asked whether it is the one that stands there."""
        before, customer = len(self._all()), builders.customer(company_name="Contract Test Ltd")
        made = [
            self.desk.join(None, customer=customer, key=KEYS.format(1)).reference for _ in range(2)
        ]
        with suppress(NeedsOperator):
            made.append(self.desk.join(None, customer=customer, key=KEYS.format(2)).reference)
        demand(len(set(made)) == 1, f"One customer became {', '.join(made)}.")
        demand(len(self._all()) == before + 1, "Another number of customers was made than one.")

    @rule("silver", can(Capability.CREATE_CUSTOMER))
    def test_a_lost_answer_does_not_make_a_second_customer(self) -> None:
        """Whichever answer is lost while a customer is made, one customer stands there."""
        connection, begun = self.desk.connection(), len(self.desk.gate.calls)
        self.desk.join(None, connection=connection)
        for place in range(len(self.desk.gate.calls) - begun):
            customer = builders.customer(id=f"cus_lost_{place}", company_name=f"Lost {place} Ltd")
            before = len(self._all())
            self.desk.simulator.fault(Fault(stage="after", reset=True, skip=place))
            for _ in range(ROUNDS):
                try:
                    self.desk.join(None, customer=customer, key=KEYS.format(100 + place))
                except (Transient, OutcomeUnknown):
                    continue
                break
            self.desk.simulator.clear_faults()
            made = len(self._all()) - before
            demand(made == 1, f"After a lost answer {made} customers were made, not one.")

    @rule("gold", can(Capability.CREATE_CUSTOMER))
    def test_names_of_any_script_and_length_make_a_customer(self) -> None:
        """A name in any script or of any length makes a customer, or is Rejected."""
        for place, text in enumerate(TEXTS):
            customer = builders.customer(id=f"cus_named_{place}", company_name=text)
            try:
                made = self.desk.join(None, customer=customer, key=KEYS.format(200 + place))
            except Rejected as error:
                demand(error.message, "A refused name comes without a reason.")
            else:
                demand(isinstance(made, LinkedCustomer), "No customer was made.")

    @rule("silver", can(Capability.SEARCH_CUSTOMERS))
    def test_a_customer_is_found_by_its_name(self) -> None:
        """Searching for a customer's name finds it, reads only, and names at most 25."""
        connection, known = self.desk.connection(), self.desk.customers()[0]
        begun = len(self.desk.gate.calls)
        hits = self.desk.call("search_customers", connection=connection, query=known.title)
        demand(known.reference in {one.reference for one in hits}, f"{known.title} is not found.")
        demand(len(hits) <= 25, "More than 25 customers were suggested.")
        demand(not any(one.writes for one in self.desk.gate.calls[begun:]), "A search wrote.")

    def _all(self) -> list[LinkedCustomer]:
        return self.desk.simulator.demo_customers(TEST)
