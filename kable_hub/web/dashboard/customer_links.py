"""A customer's Integrations: who it is at each connected provider, and how it becomes that."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.domain import Kind
from kable_hub.provider import Capability, Provider
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.usecases import collecting, customers, linking, suggesting, users
from kable_hub.usecases.collecting import PaymentMethodView
from kable_hub.usecases.errors import NotFound, Problem
from kable_hub.usecases.link_views import LinkView
from kable_hub.web.dashboard.context import hub, scope, user, wants_part
from kable_hub.web.dashboard.customers import places
from kable_hub.web.dashboard.words import word

blueprint = Blueprint("customer_links", __name__, url_prefix="/customers/<customer>/integrations")
KINDS = ((Kind.PAYMENTS, "Payments"), (Kind.ACCOUNTING, "Accounting"))


@dataclass(frozen=True)
class Place:
    """A connected provider from one customer's point of view. `confirmed_by` in words."""

    connection: ConnectionRow
    provider: Provider
    link: LinkView | None
    method: PaymentMethodView | None
    confirmed_by: str = ""

    def can(self, name: str) -> bool:
        """Whether the provider has the ability of this name."""
        return self.provider.can(Capability(name))


@blueprint.get("/")
def index(customer: str) -> str:
    """Every connected provider; htmx takes one of them (`only`)."""
    view = customers.get_customer(hub(), scope(), customer)
    links = {one.provider: one for one in view.links}
    methods = collecting.payment_methods(hub(), scope(), view.customer.id)
    by_slug = {one.provider: one for one in methods}
    found = [
        Place(row, provider, link, by_slug.get(provider.slug), _confirmer(link))
        for row, provider in places()
        for link in [links.get(provider.slug)]
    ]
    if wants_part():
        found = [one for one in found if one.provider.slug == request.args.get("only")]
    name = "_places" if wants_part() else "index"
    return render_template(
        f"dashboard/customer_links/{name}.html", row=view.customer, found=found, kinds=KINDS
    )


@blueprint.get("/<slug>/find")
def find(customer: str, slug: str) -> str:
    """Whom the customer could be there: suggestions, or what a search at the provider finds."""
    row, provider = who(customer, slug)
    query = request.args.get("q", "").strip()
    hits: tuple[suggesting.Suggestion, ...] = ()
    error = ""
    try:
        if query:
            hits = suggesting.search(hub(), scope(), row.id, slug, query)
        else:
            hits = suggesting.suggest(hub(), scope(), row.id, slug)
    except Problem as problem:
        error = problem.detail or problem.title
    name = "_hits" if wants_part() else "find"
    return render_template(
        f"dashboard/customer_links/{name}.html",
        row=row,
        provider=provider,
        query=query,
        hits=hits,
        error=error,
    )


@blueprint.get("/<slug>/check")
def check(customer: str, slug: str) -> str | tuple[str, int]:
    """Who stands behind a reference, before anything is kept."""
    row, provider = who(customer, slug)
    reference = request.args.get("reference", "").strip()
    found, error, status = None, "", 200
    try:
        found = suggesting.look_up(hub(), scope(), row.id, slug, reference)
    except Problem as problem:
        error, status = _told(problem), problem.status
    now = {one.provider: one for one in linking.list_links(hub(), scope(), row.id)}.get(slug)
    page = render_template(
        "dashboard/customer_links/check.html",
        row=row,
        provider=provider,
        reference=reference,
        found=found,
        error=error,
        now=now,
    )
    return page, status


@blueprint.post("/<slug>/link")
def link(customer: str, slug: str) -> Response:
    """Link, as it was shown."""
    row, provider = who(customer, slug)
    share = bool(request.form.get("share"))
    made = linking.put_link(
        hub(), scope(), row.id, slug, request.form.get("reference", ""), confirm=share, by=user().id
    )
    flash(f"{row.company_name} is {made.title or made.reference} at {provider.title}.")
    return back(row)


@blueprint.post("/<slug>/create")
def create(customer: str, slug: str) -> Response:
    """Have the customer created there."""
    row, provider = who(customer, slug)
    made = linking.create_at_provider(hub(), scope(), row.id, slug)
    flash(f"{provider.title}: {word(made.state).text.lower()}.")
    return back(row)


@blueprint.route("/<slug>/unlink", methods=["GET", "POST"])
def unlink(customer: str, slug: str) -> Response | str:
    """Take the link away, once that was asked."""
    row, provider = who(customer, slug)
    if request.method == "GET":
        return render_template("dashboard/customer_links/unlink.html", row=row, provider=provider)
    linking.remove_link(hub(), scope(), row.id, slug)
    flash(f"{row.company_name} is linked at {provider.title} no more.")
    return back(row)


@blueprint.route("/<slug>/earlier", methods=["GET", "POST"])
def earlier(customer: str, slug: str) -> Response | str:
    """Invoices from before the link: counted and added up, and sent once that is confirmed."""
    row, provider = who(customer, slug)
    if request.method == "GET":
        shown = linking.preview_push_earlier(hub(), scope(), row.id, slug)
        return render_template(
            "dashboard/customer_links/earlier.html", row=row, provider=provider, shown=shown
        )
    token = request.form.get("confirm", "")
    sent = linking.push_earlier(hub(), scope(), row.id, slug, token)
    flash(f"{sent.count} earlier invoices are on their way to {provider.title}.")
    return back(row)


def back(row: CustomerRow) -> Response:
    """To the customer's Integrations."""
    return redirect(url_for("dashboard.customer_links.index", customer=row.id), 303)


def who(customer: str, slug: str) -> tuple[CustomerRow, Provider]:
    """The customer and the connected provider of an address. Raises NotFound."""
    row = customers.get_customer(hub(), scope(), customer).customer
    for _, provider in places():
        if provider.slug == slug:
            return row, provider
    raise NotFound("connected provider", slug)


def _told(problem: Problem) -> str:
    return problem.errors[0].message if problem.errors else problem.detail or problem.title


def _confirmer(link: LinkView | None) -> str:
    """Who let the link share its counterpart, in words."""
    if link is None or link.confirmed_at is None:
        return ""
    try:
        return users.find_user(hub(), link.confirmed_by).email
    except NotFound:
        return f"the API key {link.confirmed_by}" if link.confirmed_by else "an API key"
