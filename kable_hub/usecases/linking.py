"""Links: a customer joined to its counterpart at a connected provider."""

from collections.abc import Mapping
from dataclasses import dataclass

from kable_hub.domain import LinkedCustomer
from kable_hub.store.scope import Scope
from kable_hub.usecases.hub import Hub


@dataclass(frozen=True)
class LinkView:
    """A link. `state` is linked, pending (being created there) or broken (gone there).

    `reference`, `title` and `email` are the counterpart's; `error_code` and `error_message`
    say why a pending link does not get on. Moments are epoch milliseconds.
    """

    id: str
    provider: str
    connection_id: str
    customer_id: str
    state: str
    reference: str
    title: str
    email: str
    currency: str
    warnings: tuple[str, ...]
    created_at: int
    updated_at: int
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True)
class EarlierInvoices:
    """Invoices of a customer that were never sent to a provider.

    `totals` by currency in minor units; `numbers` the newest of them (at most 50); `confirm`
    has to be handed back to push exactly these.
    """

    count: int
    totals: Mapping[str, int]
    numbers: tuple[str, ...]
    confirm: str


def list_links(hub: Hub, scope: Scope, customer: str) -> tuple[LinkView, ...]:
    """The customer's links, by provider. Raises NotFound."""
    raise NotImplementedError


def put_link(
    hub: Hub, scope: Scope, customer: str, slug: str, reference: str, *, confirm: bool = False
) -> LinkView:
    """Link a customer to what stands at the provider under `reference` (an id or its URL).

    Verified there first. Linked to an accounting provider, earlier invoices go out as the
    connection's setting says. Raises NotFound, Invalid (`bad_reference`), Conflict
    (`not_connected`; `reference_in_use` unless `confirm`) and the provider's problems.
    """
    raise NotImplementedError


def create_at_provider(hub: Hub, scope: Scope, customer: str, slug: str) -> LinkView:
    """Have the customer created at the provider: the link is `pending` until it stands there.

    A customer that is linked there already is answered unchanged. Raises NotFound, Conflict
    (`not_connected`, `not_offered`).
    """
    raise NotImplementedError


def remove_link(hub: Hub, scope: Scope, customer: str, slug: str) -> None:
    """Unlink. What was not sent there yet is blocked as `not_linked`. Raises NotFound."""
    raise NotImplementedError


def search_at_provider(hub: Hub, scope: Scope, slug: str, query: str) -> list[LinkedCustomer]:
    """Customers at the provider that fit what a person typed, best first.

    Raises NotFound, Conflict (`not_connected`, `not_offered`) and the provider's problems.
    """
    raise NotImplementedError


def preview_push_earlier(hub: Hub, scope: Scope, customer: str, slug: str) -> EarlierInvoices:
    """What `push_earlier` would send. Raises NotFound, Conflict (`not_linked`)."""
    raise NotImplementedError


def push_earlier(hub: Hub, scope: Scope, customer: str, slug: str, confirm: str) -> EarlierInvoices:
    """Send the earlier invoices that the preview showed. `confirm` comes from there.

    Raises NotFound, Conflict (`not_linked`; `preview_outdated` where they are others by now,
    with the new preview in the extras).
    """
    raise NotImplementedError
