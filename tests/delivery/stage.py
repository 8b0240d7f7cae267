"""A store with one account, one Acme connection and linked customers, and drains on demand."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from kable_hub.clock import SystemClock, epoch_ms
from kable_hub.dialogue import Credentials
from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import tables as t
from kable_hub.store.credentials import save_credentials
from kable_hub.store.outbox import Opening, OperationKind, open_operations
from kable_hub.store.scope import Scope
from kable_hub.sync.drain import Pace, drain
from kable_hub.sync.steps import Rooms
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import rooms_of
from tests.acme import PROVIDER, Acme, acme_alone
from tests.acme_simulator import AcmeSimulator

SCOPE = Scope("acc_1", Environment.TEST)


@dataclass
class Stage:
    """One hub at work against one Acme."""

    hub: Hub
    acme: AcmeSimulator
    pushers: ThreadPoolExecutor
    stop: threading.Event = field(default_factory=threading.Event)
    pace: Pace = field(default_factory=lambda: Pace(slice_seconds=5, lease_seconds=5, width=4))
    numbers: int = 0

    @property
    def rooms(self) -> Rooms:
        return rooms_of(self.hub)

    def settings(self, **changes: Any) -> None:
        with self.hub.database.write():
            row = t.Connection.get_by_id("con_1")
            t.Connection.update(settings={**row.settings, **changes}).execute()

    def invoice(self, total: int = 1000, *, lines: int = 1, state: str = "due", **more: Any) -> str:
        self.numbers += 1
        number = more.pop("number", f"INV-{self.numbers}")
        invoice_id = f"inv_{self.numbers:04}"
        now = epoch_ms(self.hub.clock.now())
        own = {"account_id": SCOPE.account_id, "environment": "test"}
        with self.hub.database.write():
            t.Invoice.create(
                **own,
                id=invoice_id,
                customer_id="cus_1",
                number=number,
                currency="USD",
                issue_date=date(2026, 11, 22),
                subtotal=total,
                tax=0,
                total=total,
                created_at=now,
                updated_at=now,
                **more,
            )
            for position in range(lines):
                amount = total if position == 0 else 0
                t.InvoiceLine.create(
                    **own,
                    invoice_id=invoice_id,
                    position=position,
                    description="work",
                    quantity="1",
                    unit_price="10",
                    amount=amount,
                )
            self.open("push", invoice_id, state)
        self.hub.wake("con_1")
        return invoice_id

    def open(self, kind: OperationKind, subject: str, state: str = "due") -> None:
        opening = Opening("con_1", kind, subject, "cus_1", state)
        open_operations(SCOPE, [opening], epoch_ms(self.hub.clock.now()))

    def drain(self, times: int = 1, **changes: Any) -> bool:
        pace = Pace(**{**self.pace.__dict__, **changes})
        done = False
        for _ in range(times):
            done = drain(self.rooms, "con_1", pace, self.pushers, self.stop)
        return done

    def due_now(self) -> None:
        """Bring every waiting delivery forward, as time would."""
        with self.hub.database.write():
            t.Delivery.update(due_at=epoch_ms(self.hub.clock.now())).where(
                t.Delivery.state.in_(("due", "uncertain"))
            ).execute()

    def settled(self) -> None:
        """Let so much time pass as an unanswered write may take to come through."""
        passed = int(PROVIDER.settle_after.total_seconds() * 1000)
        with self.hub.database.write():
            for column in (t.Generation.unsettled_at, t.Delivery.uncertain_since):
                earlier = {column: column - passed}
                column.model.update(earlier).where(column.is_null(False)).execute()
        self.due_now()

    def delivery(self, subject: str, kind: str = "push") -> t.Delivery:
        with self.hub.database.read():
            row: t.Delivery = t.Delivery.get(
                (t.Delivery.subject_id == subject) & (t.Delivery.kind == kind)
            )
        return row

    def attempts(self, subject: str) -> list[t.Attempt]:
        with self.hub.database.read():
            delivery = t.Delivery.get(t.Delivery.subject_id == subject)
            rows = t.Attempt.select().where(t.Attempt.delivery_id == delivery.id)
            return list(rows.order_by(t.Attempt.id))

    def connection(self) -> t.Connection:
        with self.hub.database.read():
            row: t.Connection = t.Connection.get_by_id("con_1")
        return row


@contextmanager
def stage(
    database_url: str, folder: Path, plugin: Acme | None = None, **environ: str
) -> Iterator[Stage]:
    """A stage with an active connection and one linked customer A-1."""
    with AcmeSimulator() as acme:
        environ = {
            **environ,
            "KABLE_DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "KABLE_ACME_TEST_API_URL": acme.url,
            "KABLE_ACME_TEST_CLIENT_ID": "acme-app",
            "KABLE_ACME_TEST_WEBHOOK_SECRET": "hook-secret",
        }
        registry = Registry.of(plugin) if plugin else acme_alone()
        hub = open_hub(Settings.load(environ), clock=SystemClock(), registry=registry)
        acme.add_customer(name="Northwind Traders", method=True)
        furnish(hub)
        with ThreadPoolExecutor(8) as pushers:
            yield Stage(hub, acme, pushers)
        hub.close()


def furnish(hub: Hub) -> None:
    """The account, its connection and one linked customer."""
    now = hub.now()
    own = {"account_id": SCOPE.account_id, "environment": "test"}
    with hub.database.write():
        t.Account.create(id="acc_1", name="Shop", plan="paid", created_at=now)
        t.Connection.create(
            **own,
            id="con_1",
            provider="acme",
            kind="payments",
            external_id="shop",
            settings={"drafts": False, "need_method": False, "item": ""},
            created_at=now,
            connected_at=now,
        )
        secrets = Credentials({"token": "token-1", "refresh": "refresh-1"})
        save_credentials(hub.vault, SCOPE, "con_1", secrets, now)
        t.Customer.create(
            **own,
            id="cus_1",
            client_id="c1",
            company_name="Northwind Traders",
            currency="USD",
            created_at=now,
            updated_at=now,
        )
        t.Link.create(
            **own,
            id="lnk_1",
            customer_id="cus_1",
            connection_id="con_1",
            reference="A-1",
            created_at=now,
            updated_at=now,
        )
