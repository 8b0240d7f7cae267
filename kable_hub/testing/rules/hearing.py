"""What comes back from the provider."""

from collections.abc import Mapping
from dataclasses import replace

from kable_hub import canonical
from kable_hub.connection import Connection
from kable_hub.domain import JSON, PaymentStatus
from kable_hub.effects import CustomerGone, Effect, Event, PaymentChanged, WebhookRequest
from kable_hub.errors import Rejected
from kable_hub.provider import Capability
from kable_hub.testing.demands import can, demand, refused, rule
from kable_hub.testing.desk import KEYS
from kable_hub.testing.reception import TEST
from kable_hub.testing.rules.base import Rules

HEARS = can(Capability.RECEIVE_WEBHOOK)


class Hearing(Rules):
    """`receive_webhook` and `work_event`."""

    def _webhooks(self) -> list[WebhookRequest]:
        """What the provider sends when a document is paid."""
        made = self.desk.send(self.desk.push())
        self.desk.simulator.sent_webhooks(TEST)
        self.desk.simulator.mark_paid(TEST, made.external_id)
        sent = self.desk.simulator.sent_webhooks(TEST)
        demand(sent, "The simulator sent no webhook when a document was paid.")
        return sent

    def _heard(self, request: WebhookRequest) -> list[Event]:
        app = self.desk.app(request.environment or TEST)
        events: list[Event] = self.desk.call(
            "receive_webhook", request=request, app=app, connection=None
        )
        return events

    @rule("bronze", HEARS)
    def test_a_webhook_is_taken_apart_without_a_request(self) -> None:
        """A genuine webhook becomes events of the connection's account, without network."""
        sent, connection = self._webhooks(), self.desk.connection()
        before = len(self.desk.own_requests())
        events = [event for one in sent for event in self._heard(one)]
        demand(len(self.desk.own_requests()) == before, "It asked the provider.")
        demand(events, "No event was heard.")
        mine = {event.external_id for event in events}
        demand(mine == {connection.external_id}, f"The events are of {', '.join(mine)}.")

    @rule("bronze", HEARS)
    def test_a_forged_webhook_is_refused(self) -> None:
        """A changed body, a missing or a foreign signature is Rejected as `bad_signature`."""
        for sent in self._webhooks():
            forged = [
                replace(sent, body=sent.body + b" "),
                replace(sent, headers={}),
                replace(sent, headers={name: _turned(one) for name, one in sent.headers.items()}),
            ]
            for one in forged:
                error = refused(Rejected, self._heard, one)
                demand(error.code == "bad_signature", f"Its code is {error.code}.")

    @rule("gold", HEARS)
    def test_a_body_that_is_no_json_does_no_harm(self) -> None:
        """Bytes of nobody are Rejected, never a crash."""
        for body in (b"", b"\xff\xfe", b"[]", b"null"):
            refused(Rejected, self._heard, WebhookRequest(body, {}, self._webhooks()[0].now, TEST))

    @rule("silver", HEARS)
    def test_a_replayed_webhook_has_the_same_ids(self) -> None:
        """The same webhook twice names the same events: the hub works each once."""
        for sent in self._webhooks():
            first, second = self._heard(sent), self._heard(sent)
            demand([one.id for one in first] == [one.id for one in second], "The ids differ.")

    @rule("silver", HEARS)
    def test_an_event_is_worked_by_what_stands_at_the_provider_now(self) -> None:
        """Events worked late, twice and in any order tell the state as it is by then."""
        events = [event for one in self._webhooks() for event in self._heard(one)]
        for event in [*reversed(events), *events]:
            for effect in self._worked(event):
                if isinstance(effect, PaymentChanged):
                    demand(effect.status is PaymentStatus.PAID, f"It tells {effect.status}.")

    def _worked(self, event: Event) -> list[Effect]:
        found: list[Effect] = self.desk.call(
            "work_event", connection=self.desk.connection(), event=event
        )
        return found


class Polling(Rules):
    """`poll_changes`."""

    @rule("silver", can(Capability.POLL_CHANGES))
    def test_a_poll_tells_what_happened_since_its_cursor(self) -> None:
        """Polling begins with {}, only reads, and tells from its cursor on what happened since,
        such as a customer that was closed."""
        connection, begun = self.desk.connection(), len(self.desk.gate.calls)
        cursor = self._polled(connection, {})[1]
        gone = self.desk.customers()[0].reference
        self.desk.simulator.close_customer(TEST, gone)
        effects = self._polled(connection, cursor)[0]
        made = self.desk.gate.calls[begun:]
        demand(not any(one.writes for one in made), "A poll wrote.")
        told = {one.reference for one in effects if isinstance(one, CustomerGone)}
        demand(gone in told, "It does not tell of a customer that was closed.")

    def _polled(
        self, connection: Connection, cursor: Mapping[str, JSON]
    ) -> tuple[list[Effect], Mapping[str, JSON]]:
        effects, after = self.desk.call("poll_changes", connection=connection, cursor=cursor)
        return effects, canonical.loads(canonical.dumps(after))


class Collecting(Rules):
    """`collect_payment_method` and `collect_invoice`."""

    @rule("bronze", can(Capability.COLLECT_PAYMENT_METHOD))
    def test_a_page_to_leave_a_card_on_dies_by_itself(self) -> None:
        """The page is an address that the provider knows, and says when it dies."""
        page = self.desk.call(
            "collect_payment_method",
            connection=self.desk.connection(),
            link=self.desk.link(),
            success_url="https://shop.example/thanks",
            failure_url="https://shop.example/again",
        )
        demand(page.url.startswith("http"), f"Its address is {page.url!r}.")
        demand(page.expires_at.tzinfo is not None, "Its end has no time zone.")

    @rule("silver", can(Capability.COLLECT_INVOICE))
    def test_asking_for_the_payment_again_makes_no_second_document(self) -> None:
        """`collect_invoice`, twice with one key, answers the same document."""
        push = self.desk.push()
        receipt = self.desk.send(push)
        for _ in range(2):
            asked = self.desk.call(
                "collect_invoice",
                connection=self.desk.connection(),
                receipt=receipt,
                key=KEYS.format(0),
            )
            demand(asked.external_id == receipt.external_id, "It answers another document.")
        self.desk.arrived_once(push)


def _turned(text: str) -> str:
    """A header's value with other letters and digits of the same kind."""
    return text.translate(str.maketrans("0123456789abcdef", "1032547698badcfe"))
