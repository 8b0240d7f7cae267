"""What people do to an outbox at work: a person in the middle of anything."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random
from typing import Any

from kable_hub.dialogue import Credentials
from kable_hub.domain import Environment
from kable_hub.store import outbox, pauses
from kable_hub.store.credentials import save_credentials
from kable_hub.store.scope import Scope
from kable_hub.usecases.hub import Hub

SCOPE = Scope("acc_1", Environment.TEST)
OWN = {"account_id": "acc_1", "environment": "test"}


class People(ABC):
    """Whoever meddles with the invoices of one connection. `accepted` are their totals by id,
    `given_up` and `voided` what people asked for and were not refused."""

    hub: Hub
    connection: str
    accepted: dict[str, int]
    given_up: set[str]
    voided: set[str]

    @abstractmethod
    def deliveries(self) -> list[Any]:
        """Every row of the outbox: id, kind, subject, and more."""

    def edit(self, chance: Random) -> None:
        """Another total, where nothing may stand at the provider yet."""
        for invoice in chance.sample(sorted(self.accepted), min(1, len(self.accepted))):
            total = chance.randint(1, 10**6)
            with self.hub.database.write(durable=False):
                if outbox.discard_frozen(SCOPE, invoice, self.hub.now()):
                    text = "UPDATE invoice SET total = ?, revision = revision + 1 WHERE id = ?"
                    self.hub.database.sql(text, total, invoice)
                    self.accepted[invoice] = total

    def unlink(self, chance: Random) -> None:
        """The customer's link breaks, or is taken away, for a while."""
        with self.hub.database.write(durable=False):
            text = "UPDATE link SET state = 'broken' WHERE connection_id = ?"
            self.hub.database.sql(text, self.connection)
            outbox.block_unlinked(SCOPE, self.connection, "cus_1", self.hub.now())

    def relink(self, chance: Random) -> None:
        """The customer is linked again, the connection works again."""
        with self.hub.database.write(durable=False):
            text = "UPDATE link SET state = 'linked' WHERE connection_id = ?"
            self.hub.database.sql(text, self.connection)
            outbox.relink(SCOPE, self.connection, "cus_1", self.hub.now())

    def pause(self, chance: Random) -> None:
        """A person pauses the connection."""
        with self.hub.database.write(durable=False):
            pauses.pause(SCOPE, self.connection, "operator", "by hand", self.hub.now())

    def resume(self, chance: Random) -> None:
        """A person lets it go on, with new credentials."""
        now = self.hub.now()
        with self.hub.database.write(durable=False):
            secrets = Credentials({"token": "t", "refresh": "r"})
            save_credentials(self.hub.vault, SCOPE, self.connection, secrets, now)
            reasons = ("operator", "reconnect", "provider")
            pauses.resume(SCOPE, self.connection, *reasons)
            outbox.wake_blocked(SCOPE, self.connection, on="provider", now=now)

    def settings(self, chance: Random) -> None:
        """Settings are saved: what is not sent is planned anew."""
        with self.hub.database.write(durable=False):
            outbox.outdate_plans(SCOPE, self.connection, self.hub.now())

    def retry(self, chance: Random) -> None:
        """A person tries everything again at once."""
        with self.hub.database.write(durable=False):
            outbox.retry_many(SCOPE, self.hub.now())

    def cancel(self, chance: Random) -> None:
        """A person gives one up, which is refused where it may exist."""
        self._each(chance, "push", self._cancel)

    def _cancel(self, delivery: str, invoice: str) -> None:
        if outbox.cancel(SCOPE, delivery, self.hub.now()):
            self.given_up.add(invoice)

    def void(self, chance: Random) -> None:
        """A delivered document is to be voided."""
        self._each(chance, "push", self._void)

    def _void(self, delivery: str, invoice: str) -> None:
        if outbox.open_void(SCOPE, delivery, self.hub.now()):
            self.voided.add(invoice)

    def collect(self, chance: Random) -> None:
        """The payment of a delivered document is asked for."""
        self._each(chance, "push", lambda one, _: outbox.open_collect(SCOPE, one, self.hub.now()))

    def _each(self, chance: Random, kind: str, act: Callable[[str, str], object]) -> None:
        found = [row for row in self.deliveries() if row[1] == kind]
        for row in chance.sample(found, min(1, len(found))):
            with self.hub.database.write(durable=False):
                act(row[0], row[2])


PEOPLE = (
    People.edit,
    People.unlink,
    People.relink,
    People.pause,
    People.resume,
    People.settings,
    People.retry,
    People.cancel,
    People.void,
    People.collect,
)
