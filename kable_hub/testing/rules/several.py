"""Several at once: batches, and what only some providers can."""

from collections.abc import Sequence
from dataclasses import replace

from kable_hub import canonical
from kable_hub.domain import Document, Push, Receipt, SettingChoices, Unfinished
from kable_hub.errors import OutcomeUnknown, ProviderError, Transient
from kable_hub.provider import Capability
from kable_hub.testing.demands import can, demand, rule
from kable_hub.testing.fault import Fault
from kable_hub.testing.rules.base import Rules

BATCH = "22222222-2222-5333-8444-000000000001"
Answers = list[Receipt | ProviderError]


class Several(Rules):
    """`push_invoices` and `find_invoices`."""

    def _send(self, pushes: Sequence[Push], key: str = BATCH) -> Answers:
        answers: Answers = self.desk.call(
            "push_invoices", connection=self.desk.connection(), pushes=pushes, batch_key=key
        )
        return answers

    def _pushes(self, count: int) -> list[Push]:
        link = self.desk.link()
        return [self.desk.push(link=link) for _ in range(count)]

    @rule("bronze", can(Capability.PUSH_INVOICES))
    def test_a_batch_makes_one_document_of_each(self) -> None:
        """As many as a batch may hold each become one document, answered in order."""
        pushes = self._pushes(max(2, self.desk.provider.batch_size))
        answers = self._send(pushes)
        for push, answer in zip(pushes, answers, strict=True):
            demand(isinstance(answer, Receipt), f"An item was not made: {answer}")
            document = self.desk.arrived_once(push)
            mine = isinstance(answer, Receipt) and answer.external_id == document["external_id"]
            demand(mine, "The answers are not in the order of the pushes.")

    @rule("bronze", can(Capability.PUSH_INVOICES))
    def test_a_bad_item_costs_only_itself(self) -> None:
        """An item that the provider refuses stands as an error among the others' receipts."""
        pushes = self._pushes(3)
        bad = replace(pushes[1].link, reference=self.desk.unknown_reference())
        pushes[1] = replace(pushes[1], link=bad, document=self._for(pushes[1], bad.reference))
        answers = self._send(pushes)
        kinds = [isinstance(one, Receipt) for one in answers]
        demand(kinds == [True, False, True], f"Answered were {kinds}.")
        for push in (pushes[0], pushes[2]):
            self.desk.arrived_once(push)

    def _for(self, push: Push, reference: str) -> Document:
        text = canonical.dumps(dict(push.document))
        made: Document = canonical.loads(text.replace(f'"{push.link.reference}"', f'"{reference}"'))
        return made

    @rule("bronze", can(Capability.PUSH_INVOICES))
    def test_a_batch_whose_answer_was_lost_makes_no_second_documents(self) -> None:
        """The same members with the same key again make nothing twice."""
        pushes = self._pushes(3)
        self.desk.simulator.fault(Fault(stage="after", reset=True))
        for _ in range(3):
            try:
                self._send(pushes)
            except (OutcomeUnknown, Transient):
                continue
            break
        for push in pushes:
            self.desk.arrived_once(push)

    @rule("silver", can(Capability.FIND_INVOICES))
    def test_several_are_looked_for_at_once(self) -> None:
        """`find_invoices` answers each push in order, and None where nothing stands."""
        pushes = self._pushes(3)
        made = {push.key: self.desk.send(push) for push in (pushes[0], pushes[2])}
        found: list[Receipt | Unfinished | ProviderError | None] = self.desk.call(
            "find_invoices", connection=self.desk.connection(), pushes=pushes
        )
        ids = [one.external_id if isinstance(one, Receipt) else one for one in found]
        wanted = [made[pushes[0].key].external_id, None, made[pushes[2].key].external_id]
        demand(ids == wanted, f"Found were {ids}, there are {wanted}.")


class Choosing(Rules):
    """`setting_choices`."""

    @rule("gold", can(Capability.SETTING_CHOICES))
    def test_every_setting_with_choices_has_some(self) -> None:
        """Each field with `metadata={"choices": True}` is answered, its default among them."""
        schema = self.desk.provider.settings
        connection = self.desk.connection()
        for name, one in (schema().fields if schema else {}).items():
            if one.metadata.get("choices"):
                found: SettingChoices = self.desk.call(
                    "setting_choices", connection=connection, field=name
                )
                values = {choice.value for choice in found.choices}
                demand(not found.default or found.default in values, f"{name}: a stray default.")
