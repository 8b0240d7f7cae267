"""Customers. Every provider plugin adds `<slug>CustomerId` and `?<slug>=true` to their making."""

from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from kable_hub.domain import Address
from kable_hub.provider import Provider
from kable_hub.usecases import customers
from kable_hub.usecases.customers import CustomerChange, CustomerFilter, CustomerView, NewCustomer
from kable_hub.web.api.blueprint import ApiBlueprint, render
from kable_hub.web.api.fields import Answer, Body, Moment, currency, text
from kable_hub.web.api.links import Link
from kable_hub.web.context import current_hub, current_scope
from kable_hub.web.idempotency import asks_provider, kept_with
from kable_hub.web.paging import Paging, as_page, page_of

STATUSES = ("ACTIVE", "CANCELLED")


class AddressBody(Body):
    """A postal address."""

    line1 = text(load_default="")
    line2 = text(load_default="")
    city = text(load_default="")
    region = text(load_default="")
    postal_code = text(load_default="")
    country = text("ISO 3166 alpha-2.", load_default="")

    def made(self, values: dict[str, str]) -> Address:
        """The domain's address."""
        return Address(**values)


class AddressAnswer(Answer):
    """A postal address."""

    line1 = text()
    line2 = text()
    city = text()
    region = text()
    postal_code = text()
    country = text()


class NewCustomerBody(Body):
    """A customer to be made, linked and created in one go."""

    client_id = text("Your own id for it, for ever.", required=True)
    company_name = text(required=True)
    currency = currency(required=True)
    email = text(load_default="")
    billing_address = ma.fields.Nested(AddressBody, load_default=Address)


class CustomerChangeBody(Body):
    """What to change; absent fields stay."""

    client_id = text("May only be repeated.")
    company_name = text()
    currency = text("Only while it has no invoices.")
    email = text()
    billing_address = ma.fields.Nested(AddressBody)
    status = text(validate=ma.validate.OneOf(STATUSES))


class Customer(Answer):
    """A customer and its links."""

    id = text()
    client_id = text()
    company_name = text()
    currency = text()
    email = text()
    billing_address = ma.fields.Nested(AddressAnswer)
    status = text(metadata={"enum": list(STATUSES)})
    links = ma.fields.List(ma.fields.Nested(Link))
    created_at = Moment()
    updated_at = Moment()

    def shape(self, view: CustomerView) -> dict[str, Any]:
        """The customer's fields beside its links."""
        return {**vars(view.customer), "links": view.links}


class CustomerQuery(Paging):
    """Which customers."""

    client_id = text(data_key="clientId", load_default="")
    status = text(load_default="", validate=ma.validate.OneOf(("", *STATUSES)))
    search = text("A part of clientId, company name or e-mail.", load_default="")
    standing = text(
        "Linked (or on its way), not linked, or with something that waits for somebody.",
        load_default="",
        validate=ma.validate.OneOf(("", *customers.STANDINGS)),
    )
    provider = text("The provider that `standing` is about; without it any.", load_default="")


def make_blueprint(providers: Sequence[Provider]) -> ApiBlueprint:
    """The customers' endpoints, with the fields of these providers."""
    blueprint = ApiBlueprint("customers", "accounts", "Whom the invoices are for.")
    body, query = _new_customer(providers), _create_at(providers)
    post = blueprint.response(201, Customer)(_post)
    post = blueprint.arguments(query, location="query")(blueprint.arguments(body)(post))
    listed = blueprint.response(200, page_of(Customer))(_list)
    members = {"get": blueprint.arguments(CustomerQuery, location="query")(listed), "post": post}
    blueprint.route("/customers")(type("Customers", (MethodView,), members))
    patch = blueprint.arguments(CustomerChangeBody)(blueprint.response(200, Customer)(_patch))
    members = {"get": blueprint.response(200, Customer)(_get), "patch": patch}
    blueprint.route("/customers/<customer>")(type("OneCustomer", (MethodView,), members))
    return blueprint


def _new_customer(providers: Sequence[Provider]) -> type[ma.Schema]:
    fields: dict[str, Any] = {
        f"{one.slug}_customer_id": text(f"Its id at {one.title}: links it at once.")
        for one in providers
    }
    return type("NewCustomer", (NewCustomerBody,), fields)


def _create_at(providers: Sequence[Provider]) -> type[ma.Schema]:
    fields: dict[str, Any] = {
        one.slug: ma.fields.Boolean(
            metadata={
                "description": f"Create it at {one.title} too; the link is pending at first. "
                "Where it is left out, the account's default holds."
            }
        )
        for one in providers
    }
    return type("CreateAt", (ma.Schema,), fields)


@asks_provider
def _post(_: MethodView, query: Mapping[str, bool], body: dict[str, Any]) -> Response:
    """Make a customer, link it and have it created at providers, all or nothing."""
    links = {
        name.removesuffix("_customer_id"): body.pop(name)
        for name in list(body)
        if name.endswith("_customer_id")
    }
    create_at = [slug for slug, wanted in query.items() if wanted]
    not_at = [slug for slug, wanted in query.items() if not wanted]
    made = customers.create_customer(
        current_hub(),
        current_scope(),
        NewCustomer(**body),
        links,
        create_at,
        not_at,
        also=kept_with(_created),
    )
    return _created(made)


def _created(view: CustomerView) -> Response:
    return render(Customer, view, 201, f"/customers/{view.customer.id}")


def _list(_: MethodView, query: dict[str, Any]) -> Any:
    """List customers, newest first."""
    cursor, limit = query.pop("cursor"), query.pop("limit")
    wanted = CustomerFilter(**query)
    return as_page(customers.list_customers(current_hub(), current_scope(), wanted, cursor, limit))


def _get(_: MethodView, customer: str) -> Any:
    """Show a customer by its id here or its clientId."""
    return customers.get_customer(current_hub(), current_scope(), customer)


def _patch(_: MethodView, body: dict[str, Any], customer: str) -> Any:
    """Change a customer."""
    change = CustomerChange(**body)
    return customers.change_customer(current_hub(), current_scope(), customer, change)
