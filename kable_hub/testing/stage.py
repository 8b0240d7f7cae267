"""What the contract's rules ask of a provider's simulator."""

from collections.abc import Mapping
from typing import Any, Protocol

from kable_hub.clock import Clock
from kable_hub.domain import Environment, LinkedCustomer
from kable_hub.effects import WebhookRequest
from kable_hub.testing.fault import Fault
from kable_hub.testing.simulator import Seen


class ContractSimulator(Protocol):
    """What the rules ask of a simulator, beyond the base `kable_hub.testing.Simulator`.

    `documents` and `drafts` list rows with external_id, number, customer, currency, total (minor
    units), marker, status and environment. `demo_form` is asked only where the way in is a form,
    `expire_access` where `refresh` is declared, `mark_paid` where `cancel_invoice` or
    `receive_webhook` is, `sent_webhooks` where `receive_webhook` is.
    """

    requests: list[Seen]
    clock: Clock

    def __init__(self) -> None: ...

    def start(self) -> object:
        """Listen."""
        ...

    def stop(self) -> None:
        """Stop listening; the state stays."""
        ...

    def fault(self, *faults: Fault) -> None:
        """Misbehave."""
        ...

    def clear_faults(self) -> None:
        """Behave again."""
        ...

    def seed_demo(self) -> None:
        """Fill it: at least two customers in each environment."""
        ...

    def configuration(self) -> Mapping[str, str]:
        """The environment variables that point a hub at it."""
        ...

    def demo_customers(self, environment: Environment) -> list[LinkedCustomer]:
        """Every active customer; those with warnings are without a way to pay."""
        ...

    def demo_form(self, environment: Environment) -> Mapping[str, str]:
        """The values of its connect form."""
        ...

    def documents(self) -> list[dict[str, Any]]:
        """Every final document."""
        ...

    def drafts(self) -> list[dict[str, Any]]:
        """Every unfinished document."""
        ...

    def revoke_access(self, environment: Environment) -> None:
        """Take back, at the provider, what the hub was granted."""
        ...

    def close_customer(self, environment: Environment, reference: str) -> None:
        """Delete or deactivate a customer."""
        ...

    def expire_access(self) -> None:
        """Let every access token die."""
        ...

    def mark_paid(self, environment: Environment, external_id: str) -> None:
        """The customer pays a document."""
        ...

    def sent_webhooks(self, environment: Environment) -> list[WebhookRequest]:
        """What it has had to tell since it was asked last, as it would send it."""
        ...
