"""Whom a customer could be at a provider, and who stands behind a reference: nothing is linked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kable_hub.domain import LinkedCustomer
from kable_hub.provider import Capability
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_writing import extract, held_by, verify, with_warning
from kable_hub.usecases.lookup import connected, customer_named, need, provider_named

MOST = 25
Match = Literal["email", "name", "similar"]


@dataclass(frozen=True)
class Suggestion:
    """A customer at the provider. `match` says by what it fits: email, name, or similar.

    `linked_to` are the clientIds of other customers here that have it already: to share it
    takes a person's confirmation.
    """

    reference: str
    title: str
    email: str
    currency: str
    match: Match
    linked_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counterpart:
    """Who stands at the provider behind a reference, and what a person should know of it.

    `linked_to` are the clientIds of other customers here that have it already.
    """

    reference: str
    title: str
    email: str
    currency: str
    warnings: tuple[str, ...] = ()
    linked_to: tuple[str, ...] = ()


def look_up(hub: Hub, scope: Scope, customer: str, slug: str, reference: str) -> Counterpart:
    """Who would be linked under a reference (an id or its URL): verified, and not linked.

    Raises NotFound, Invalid (`bad_reference`), Conflict (`not_connected`) and the provider's
    problems, as the link would.
    """
    provider = provider_named(hub, slug)
    with hub.database.read():
        row = customer_named(scope, customer)
        connection = connected(hub, scope, slug)
    found = verify(hub, connection, row, extract(provider, "reference", reference))
    warned = with_warning(provider, row, found)
    with hub.database.read():
        others = held_by(scope, connection, found.reference, row.id)
    return Counterpart(
        reference=warned.reference,
        title=warned.title,
        email=warned.email,
        currency=warned.currency,
        warnings=warned.warnings,
        linked_to=others,
    )


def suggest(hub: Hub, scope: Scope, customer: str, slug: str) -> tuple[Suggestion, ...]:
    """Candidates for a customer at a provider: by e-mail address first, then by name.

    At most 25. Raises NotFound, Conflict (`not_connected`, `not_offered`) and the provider's
    problems.
    """
    need(provider_named(hub, slug), Capability.SEARCH_CUSTOMERS)
    with hub.database.read():
        row = customer_named(scope, customer)
        connection = connected(hub, scope, slug)
    return _ranked(hub, connection, row, _queries(row))


def search(hub: Hub, scope: Scope, customer: str, slug: str, query: str) -> tuple[Suggestion, ...]:
    """Whom a person typed the name or address of, for a customer at a provider; as `suggest`."""
    need(provider_named(hub, slug), Capability.SEARCH_CUSTOMERS)
    with hub.database.read():
        row = customer_named(scope, customer)
        connection = connected(hub, scope, slug)
    return _ranked(hub, connection, row, [query])


def _ranked(
    hub: Hub, connection: ConnectionRow, row: CustomerRow, queries: Iterable[str]
) -> tuple[Suggestion, ...]:
    found: dict[str, LinkedCustomer] = {}
    for query in queries:
        with provider_problems():
            hits = hub.asking.ask(connection, "search_customers", query=query)
        for hit in hits:
            found.setdefault(hit.reference, hit)
    with hub.database.read():
        every = [_suggestion(connection.scope, connection, row, one) for one in found.values()]
    return tuple(sorted(every, key=lambda one: _ORDER[one.match])[:MOST])


_ORDER = {"email": 0, "name": 1, "similar": 2}


def _queries(row: CustomerRow) -> Iterator[str]:
    if row.email:
        yield row.email
    yield row.company_name


def _suggestion(
    scope: Scope, connection: ConnectionRow, row: CustomerRow, found: LinkedCustomer
) -> Suggestion:
    return Suggestion(
        reference=found.reference,
        title=found.title,
        email=found.email,
        currency=found.currency,
        match=_match(row, found),
        linked_to=held_by(scope, connection, found.reference, row.id),
    )


def _match(row: CustomerRow, found: LinkedCustomer) -> Match:
    if row.email and found.email.casefold() == row.email.casefold():
        return "email"
    return "name" if found.title.casefold() == row.company_name.casefold() else "similar"
