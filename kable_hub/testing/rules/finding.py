"""What was lost on the way is found again."""

from dataclasses import replace

from kable_hub.domain import PaymentStatus, Push, Receipt
from kable_hub.errors import NeedsOperator, OutcomeUnknown, Rejected, Transient
from kable_hub.provider import Capability
from kable_hub.testing.demands import RuleBroken, can, demand, refused, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.fault import Fault
from kable_hub.testing.reception import TEST
from kable_hub.testing.rules.base import Rules


class Finding(Rules):
    """`find_invoice`, by the marker over all generations."""

    def _found(self, push: Push) -> Receipt:
        found = self.desk.find(push)
        if not isinstance(found, Receipt):
            raise RuleBroken(f"The document is not found: {found}")
        return found

    @rule("bronze")
    def test_where_nothing_stands_nothing_is_found(self) -> None:
        """Before a push is made there is None to find, also beside others' documents."""
        self.desk.send(self.desk.push())
        found = self.desk.find(self.desk.push())
        demand(found is None, f"It found {found}.")

    @rule("bronze")
    def test_a_document_that_stands_is_found(self) -> None:
        """What was pushed is found, with the same id."""
        push = self.desk.push()
        made, found = self.desk.send(push), self._found(push)
        demand(found.external_id == made.external_id, f"It found {found.external_id}.")

    @rule("gold")
    def test_what_is_found_is_called_adopted(self) -> None:
        """A found document's receipt says `adopted`."""
        push = self.desk.push()
        self.desk.send(push)
        demand(self._found(push).adopted, "A found document is not marked as adopted.")

    @rule("bronze")
    def test_each_push_finds_its_own_document(self) -> None:
        """Of several documents of one customer each push finds its own."""
        pushes = [self.desk.push() for _ in range(3)]
        made = [self.desk.send(one).external_id for one in pushes]
        found = [self._found(one).external_id for one in pushes]
        demand(made == found, f"Made were {made}, found {found}.")

    @rule("silver")
    def test_a_document_beyond_the_first_page_is_found(self) -> None:
        """The oldest and the newest of many documents are found, on whatever page they stand.
        A simulator with `page` answers so many objects at once."""
        if hasattr(self.desk.simulator, "page"):
            self.desk.simulator.page = 1
        pushes = [self.desk.push() for _ in range(4)]
        made = [self.desk.send(one).external_id for one in pushes]
        for push, wanted in ((pushes[0], made[0]), (pushes[-1], made[-1])):
            demand(self._found(push).external_id == wanted, "Another one was found.")

    @rule("bronze")
    def test_a_document_of_an_older_generation_is_found(self) -> None:
        """A later generation finds what an earlier one left: the marker is the same."""
        push = self.desk.push()
        made = self.desk.send(push)
        later = self.desk.push(push.invoice, 2, link=push.link)
        demand(self._found(later).external_id == made.external_id, "Another one was found.")

    @rule("silver")
    def test_two_documents_of_one_push_are_for_a_person(self) -> None:
        """Where two documents carry the marker, `document_conflict` asks a person; a provider
        that takes no second one has no such case."""
        push = self.desk.push()
        self.desk.send(push)
        second = self.desk.push(push.invoice, 2, link=push.link)
        error = attempted(self.desk.send, second)
        if error is None and len(self.desk.documents(push)) > 1:
            found = refused(NeedsOperator, self.desk.find, push)
            demand(found.code == "document_conflict", f"Its code is {found.code}.")

    @rule("silver")
    def test_a_document_that_only_shares_the_number_is_not_taken(self) -> None:
        """Another invoice's document with the same number is neither found nor adopted."""
        first = self.desk.push()
        made = self.desk.send(first)
        twin = self.desk.invoice(number=first.invoice.number, total=first.invoice.total)
        push = self.desk.push(twin, link=first.link)
        if self.desk.provider.marker == "metadata":
            try:
                found = self.desk.find(push)
            except NeedsOperator as error:
                demand(error.code == "document_conflict", f"Its code is {error.code}.")
            else:
                same = isinstance(found, Receipt) and found.external_id == made.external_id
                demand(not same, "It took another invoice's document for its own.")

    @rule("silver", can(Capability.CANCEL_INVOICE))
    def test_a_voided_document_counts_as_found(self) -> None:
        """A document that was voided is found, as void: it must not be made again."""
        push = self.desk.push()
        made = self.desk.send(push)
        self.desk.cancel(made, push)
        demand(self._found(push).external_id == made.external_id, "Another one was found.")


class Cancelling(Rules):
    """`cancel_invoice`."""

    @rule("bronze", can(Capability.CANCEL_INVOICE))
    def test_a_document_is_voided_however_often_it_is_asked(self) -> None:
        """Voiding again what is void is a success, and the same document."""
        push = self.desk.push()
        made = self.desk.send(push)
        ended = [self.desk.cancel(made, push).external_id for _ in range(2)]
        demand(set(ended) == {made.external_id}, "Another document was voided.")
        (document,) = self.desk.documents(push)
        demand(document["status"].startswith("void"), f"Its status is {document['status']}.")

    @rule("silver", can(Capability.CANCEL_INVOICE))
    def test_a_lost_answer_to_a_void_is_made_good(self) -> None:
        """Whichever answer is lost while a document is voided, asking again voids it."""
        for place in range(self._requests_of_a_void()):
            push = self.desk.push()
            made = self.desk.send(push)
            self.desk.simulator.fault(Fault(stage="after", reset=True, skip=place))
            refused((OutcomeUnknown, Transient), self.desk.cancel, made, push)
            self.desk.simulator.clear_faults()
            self.desk.cancel(made, push)
            (document,) = self.desk.documents(push)
            demand(document["status"].startswith("void"), f"Its status is {document['status']}.")

    def _requests_of_a_void(self) -> int:
        push = self.desk.push()
        made = self.desk.send(push)
        begun = len(self.desk.gate.calls)
        self.desk.cancel(made, push)
        return len(self.desk.gate.calls) - begun

    @rule("silver", can(Capability.CANCEL_INVOICE))
    def test_a_paid_document_is_not_voided(self) -> None:
        """A paid document is Rejected as `already_paid`, and stays."""
        push = self.desk.push()
        made = self.desk.send(push)
        self.desk.simulator.mark_paid(TEST, made.external_id)
        error = refused(Rejected, self.desk.cancel, made, push)
        demand(error.code == "already_paid", f"Its code is {error.code}.")

    @rule("gold", can(Capability.CANCEL_INVOICE))
    def test_a_void_is_told_as_payment_status(self) -> None:
        """The receipt of a voided document that is paid by status says void."""
        push = self.desk.push()
        made = self.desk.send(push)
        ended = self.desk.cancel(made, push)
        told = ended.payment_status in (None, PaymentStatus.VOID)
        demand(told, f"A voided document is told as {ended.payment_status}.")
        demand(replace(ended, customer=made.customer) == ended, "It names another customer.")
