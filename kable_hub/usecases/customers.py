"""Customers of an account: made with their links in one go, changed, found."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from kable_hub.domain import Address, LinkedCustomer
from kable_hub.plugins import UnknownProvider
from kable_hub.provider import Capability
from kable_hub.store import connections, customers, invoices, links, outbox
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.defaults import places_by_default
from kable_hub.usecases.errors import Conflict, FieldError, Invalid, Problem
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_views import LinkView, link_views
from kable_hub.usecases.link_writing import begin_creating, extract, verify, write_link
from kable_hub.usecases.lookup import customer_named
from kable_hub.usecases.waking import wake

STATUSES = ("ACTIVE", "CANCELLED")
STANDINGS = ("linked", "not_linked", "blocked")


@dataclass(frozen=True)
class NewCustomer:
    """A customer to be made. `client_id` is the account's own id for it, for ever."""

    client_id: str
    company_name: str
    currency: str
    email: str = ""
    billing_address: Address = field(default_factory=Address)


@dataclass(frozen=True)
class CustomerChange:
    """What to change; None leaves a value as it is. `client_id` may only be repeated."""

    client_id: str | None = None
    company_name: str | None = None
    currency: str | None = None
    email: str | None = None
    billing_address: Address | None = None
    status: str | None = None


@dataclass(frozen=True)
class CustomerView:
    """A customer and its links, by provider."""

    customer: CustomerRow
    links: tuple[LinkView, ...] = ()


@dataclass(frozen=True)
class CustomerFilter:
    """Which customers; empty means any. `search` is a part of client id, company name or e-mail.

    `standing` is linked (or on its way), not_linked, or blocked (something of it waits for
    somebody); at `provider` (a slug) where one is named, else at any.
    """

    client_id: str = ""
    status: str = ""
    search: str = ""
    standing: str = ""
    provider: str = ""


ANY = CustomerFilter()
"""Every customer."""


def create_customer(
    hub: Hub,
    scope: Scope,
    new: NewCustomer,
    links: Mapping[str, str] | None = None,
    create_at: Sequence[str] = (),
    not_at: Collection[str] = (),
    also: Callable[[CustomerView], None] | None = None,
) -> CustomerView:
    """Make a customer, link it (`links`: provider slug to reference) and create it elsewhere.

    References are verified at the provider before anything is written. `create_at` names
    providers at which the customer is to be created: these links are `pending` at first; a
    provider that has a reference is skipped. The account's default adds its providers, but for
    those in `not_at`. All or nothing; `also` runs with the result
    inside the transaction. Raises Invalid (`bad_reference`, `not_connected`, ...), Conflict
    (`duplicate_client_id`, `reference_in_use`) and the provider's problems.
    """
    wanted = dict(links or {})
    row = _new_row(hub, new)
    with hub.database.read():
        said = {*wanted, *create_at, *not_at}
        create_at = [*create_at, *places_by_default(hub, scope, said)]
        _check(hub, scope, row, wanted, create_at)
    found = {slug: _verify(hub, scope, row, slug, text) for slug, text in wanted.items()}
    with hub.database.write():
        if not customers.add(scope, row):
            raise _duplicate(scope, row)
        for slug, linked in found.items():
            _link(hub, scope, row, slug, linked)
        for slug in dict.fromkeys(create_at):
            if slug not in wanted:
                begin_creating(hub, _still_connected(hub, scope, slug), row)
        view = _view(scope, row)
        if also is not None:
            also(view)
    return view


def get_customer(hub: Hub, scope: Scope, reference: str) -> CustomerView:
    """The customer with this hub id or client id. Raises NotFound."""
    with hub.database.read():
        return _view(scope, customer_named(scope, reference))


def list_customers(
    hub: Hub,
    scope: Scope,
    wanted: CustomerFilter = ANY,
    cursor: str = "",
    limit: int = 50,
) -> Page[CustomerView]:
    """Customers, newest first; as many queries for a hundred as for one."""
    with hub.database.read():
        at = connections.by_provider(scope, wanted.provider) if wanted.provider else None
        asked = customers.Wanted(
            client_id=wanted.client_id,
            status=wanted.status,
            search=wanted.search,
            standing=wanted.standing,
            # Where there is no connection nothing has this id, and nobody is linked.
            connection_id=at.id if at else wanted.provider,
        )
        found = customers.listed(scope, asked, cursor, limit)
        links = link_views(scope, [row.id for row in found.items])
    views = tuple(CustomerView(row, links[row.id]) for row in found.items)
    return Page(views, found.next_cursor)


def change_customer(hub: Hub, scope: Scope, reference: str, change: CustomerChange) -> CustomerView:
    """Change a customer; what is not sent yet is planned anew, and what waited for it goes on.

    Raises NotFound, Invalid, Conflict (`client_id_immutable`,
    `currency_in_use` once it has invoices).
    """
    with hub.database.write():
        row = customer_named(scope, reference, lock="FOR UPDATE")
        given = {one.name: getattr(change, one.name) for one in fields(change)}
        values = {name: value for name, value in given.items() if value is not None}
        changed = replace(row, **values, updated_at=hub.now())
        _check_row(changed)
        if changed.client_id != row.client_id:
            detail = f"The clientId is {row.client_id!r} for ever."
            raise Conflict("client_id_immutable", detail)
        if changed.currency != row.currency and invoices.any_of(scope, row.id):
            detail = f"There are invoices of this customer; its currency stays {row.currency}."
            raise Conflict("currency_in_use", detail)
        customers.save(scope, changed)
        _plan_anew(hub, scope, row.id)
        return _view(scope, changed)


def _plan_anew(hub: Hub, scope: Scope, customer_id: str) -> None:
    for link in links.of_customers(scope, [customer_id]):
        removed = ("customer",)
        outbox.relink(scope, link.connection_id, customer_id, hub.now(), removes=removed)
        wake(hub, [link.connection_id])


def resolve_customer(hub: Hub, scope: Scope, reference: str) -> CustomerRow:
    """The customer with this hub id, else with this client id. Raises NotFound."""
    with hub.database.read():
        return customer_named(scope, reference)


def _new_row(hub: Hub, new: NewCustomer) -> CustomerRow:
    now = hub.now()
    return CustomerRow(
        id=new_id("cus"), **vars(new), status="ACTIVE", created_at=now, updated_at=now
    )


def _check(
    hub: Hub, scope: Scope, row: CustomerRow, links: Mapping[str, str], create_at: Sequence[str]
) -> None:
    checks = Checks()
    _check_values(checks, row)
    for slug, text in links.items():
        _check_link(hub, scope, checks, slug, text)
    for slug in create_at:
        if slug not in links:
            _check_creation(hub, scope, checks, slug)
    checks.done()
    if customers.find_many(scope, [row.client_id]):
        raise _duplicate(scope, row)


def _check_row(row: CustomerRow) -> None:
    checks = Checks()
    _check_values(checks, row)
    checks.done()


def _check_values(checks: Checks, row: CustomerRow) -> None:
    checks.text("clientId", row.client_id, least=1, most=200)
    checks.text("companyName", row.company_name, least=1, most=500)
    checks.currency("currency", row.currency)
    checks.email("email", row.email)
    checks.one_of("status", row.status, STATUSES)
    address = row.billing_address
    for name, value in (
        ("line1", address.line1),
        ("line2", address.line2),
        ("city", address.city),
        ("region", address.region),
        ("postalCode", address.postal_code),
    ):
        checks.text(f"billingAddress.{name}", value, most=500)
    checks.country("billingAddress.country", address.country)


def _check_link(hub: Hub, scope: Scope, checks: Checks, slug: str, text: str) -> None:
    field = f"{slug}CustomerId"
    if _connection_for(hub, scope, checks, field, slug) is None:
        return
    try:
        extract(hub.registry.provider(slug), field, text)
    except Invalid as refused:
        checks.errors += refused.errors


def _check_creation(hub: Hub, scope: Scope, checks: Checks, slug: str) -> None:
    if _connection_for(hub, scope, checks, slug, slug) is None:
        return
    provider = hub.registry.provider(slug)
    if not provider.can(Capability.CREATE_CUSTOMER):
        checks.fault(slug, "not_offered", f"{provider.title} cannot create customers.")


def _connection_for(
    hub: Hub, scope: Scope, checks: Checks, field: str, slug: str
) -> ConnectionRow | None:
    try:
        title = hub.registry.provider(slug).title
    except UnknownProvider:
        checks.fault(field, "unknown_provider", f"There is no provider {slug!r}.")
        return None
    row = connections.by_provider(scope, slug)
    if row is not None and row.connected:
        return row
    checks.fault(field, "not_connected", f"{title} is not connected in this environment.")
    return None


def _verify(hub: Hub, scope: Scope, row: CustomerRow, slug: str, text: str) -> LinkedCustomer:
    field = f"{slug}CustomerId"
    try:
        connection = _still_connected(hub, scope, slug)
        return verify(hub, connection, row, extract(hub.registry.provider(slug), field, text))
    except Problem as refused:
        refused.errors = refused.errors or (FieldError(field, refused.code, refused.detail),)
        raise


def _link(hub: Hub, scope: Scope, row: CustomerRow, slug: str, found: LinkedCustomer) -> None:
    try:
        write_link(hub, _still_connected(hub, scope, slug), row, found, confirm=False)
    except Conflict as refused:
        refused.errors = (FieldError(f"{slug}CustomerId", refused.code, refused.detail),)
        raise


def _still_connected(hub: Hub, scope: Scope, slug: str) -> ConnectionRow:
    checks = Checks()
    with hub.database.read():
        row = _connection_for(hub, scope, checks, slug, slug)
    checks.done()
    assert row is not None
    return row


def _duplicate(scope: Scope, row: CustomerRow) -> Conflict:
    holder = customers.find(scope, row.client_id)
    extras = {"customerId": holder.id} if holder else {}
    detail = f"There is a customer with the clientId {row.client_id!r} already."
    fault = FieldError("clientId", "duplicate_client_id", detail)
    return Conflict("duplicate_client_id", detail, errors=[fault], extras=extras)


def _view(scope: Scope, row: CustomerRow) -> CustomerView:
    return CustomerView(row, link_views(scope, [row.id])[row.id])
