"""Customers: the list, one made or changed, and one's page with its invoices."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.domain import Address
from kable_hub.provider import Capability, Provider
from kable_hub.store.connections import ConnectionRow
from kable_hub.usecases import connections, customers, defaults, invoicing
from kable_hub.usecases.customers import CustomerChange, CustomerFilter, NewCustomer
from kable_hub.usecases.errors import Problem
from kable_hub.usecases.invoicing import InvoiceFilter
from kable_hub.usecases.lookup import provider_if_there
from kable_hub.web.dashboard.context import hub, scope, wants_part

blueprint = Blueprint("customers", __name__, url_prefix="/customers")
ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country")
_SENT = {"clientId": "client_id", "companyName": "company_name", "postalCode": "postal_code"}
"""Fields in the API's words, by the names they have in the form."""


@blueprint.get("/")
def index() -> str:
    """The customers, searched and filtered."""
    given = {
        name: request.args.get(name, "").strip() for name in ("search", "standing", "provider")
    }
    if given["standing"] not in customers.STANDINGS:
        given["standing"] = ""
    wanted = CustomerFilter(**given)
    page = customers.list_customers(hub(), scope(), wanted, request.args.get("cursor", ""))
    name = "_list" if wants_part() else "index"
    return render_template(
        f"dashboard/customers/{name}.html", page=page, wanted=wanted, providers=places()
    )


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """Make a customer, linked or created at providers in the same step."""
    if request.method == "GET":
        unasked = defaults.get_defaults(hub(), scope()).create_at
        return _form("new", {f"create.{slug}": "1" for slug in unasked}, {})
    given = request.form
    references = {one.slug: given.get(f"{one.slug}CustomerId", "").strip() for _, one in places()}
    links = {slug: text for slug, text in references.items() if text}
    create_at = [slug for slug in references if given.get(f"create.{slug}")]
    not_at = [slug for slug in references if slug not in create_at]
    try:
        view = customers.create_customer(
            hub(),
            scope(),
            NewCustomer(**_values(), client_id=_text("client_id")),
            links,
            create_at,
            not_at,
        )
    except Problem as problem:
        return _form("new", given, _faults(problem)), problem.status
    flash(f"{view.customer.company_name} is kept.")
    return redirect(url_for("dashboard.customers.show", customer=view.customer.id), 303)


@blueprint.get("/<customer>/")
def show(customer: str) -> str:
    """One customer: who it is, and the newest of its invoices."""
    view = customers.get_customer(hub(), scope(), customer)
    theirs = InvoiceFilter(customer=view.customer.id)
    page = invoicing.list_invoices(hub(), scope(), theirs, request.args.get("cursor", ""), 25)
    return render_template(
        "dashboard/customers/show.html",
        view=view,
        row=view.customer,
        page=page,
        providers=places(),
        titles={one.slug: one.title for one in hub().registry.providers()},
    )


@blueprint.route("/<customer>/edit", methods=["GET", "POST"])
def edit(customer: str) -> Response | str | tuple[str, int]:
    """Change a customer; what is not sent yet goes out as it is then."""
    row = customers.get_customer(hub(), scope(), customer).customer
    if request.method == "GET":
        return _form("edit", {**vars(row), **vars(row.billing_address)}, {}, row=row)
    try:
        change = CustomerChange(**_values(), status=_text("status"))
        customers.change_customer(hub(), scope(), row.id, change)
    except Problem as problem:
        return _form("edit", request.form, _faults(problem), row=row), problem.status
    flash("The changes are kept.")
    return redirect(url_for("dashboard.customers.show", customer=row.id), 303)


def places() -> list[tuple[ConnectionRow, Provider]]:
    """The connected providers: payments first, then accounting, each by title."""
    found = [
        (row, provider)
        for row in connections.list_connections(hub(), scope())
        if row.connected and (provider := provider_if_there(hub(), row.provider))
    ]
    return sorted(found, key=lambda one: (one[1].kind.value != "payments", one[1].title))


def _form(name: str, given: Any, faults: dict[str, str], **more: Any) -> str:
    return render_template(
        f"dashboard/customers/{name}.html",
        given=given,
        faults=faults,
        providers=places(),
        create=Capability.CREATE_CUSTOMER,
        **more,
    )


def _text(name: str) -> str:
    return request.form.get(name, "").strip()


def _values() -> dict[str, Any]:
    given = {name: _text(name) for name in ADDRESS}
    address = Address(**{**given, "country": given["country"].upper()})
    return {
        "company_name": _text("company_name"),
        "currency": _text("currency").upper(),
        "email": _text("email"),
        "billing_address": address,
    }


def _faults(problem: Problem) -> dict[str, str]:
    """What was refused, by the form's field; what belongs to none of them under ``."""
    if not problem.errors:
        return {"": problem.detail or problem.title}
    last = {one.field.rpartition(".")[2]: one.message for one in problem.errors}
    return {_SENT.get(name, name): message for name, message in last.items()}
