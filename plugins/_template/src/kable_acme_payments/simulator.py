"""A local Acme: its state, its checks, its idempotent answers, over a real socket."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, g, request

from kable_acme_payments.mapping import MARKER, to_linked_customer
from kable_acme_payments.simulator_access import Access, Refusal
from kable_hub import Environment, LinkedCustomer, canonical

Row = dict[str, Any]


class AcmeSimulator(Access):
    """Acme on loopback. `page` is how many objects a list answers."""

    def __init__(self, **options: Any) -> None:
        self.customers: dict[str, Row] = {}
        self.invoices: dict[str, Row] = {}
        self.answers: dict[tuple[str, str], tuple[bytes, Row]] = {}
        self.page = 50
        super().__init__(**options)

    def routes(self, app: Flask) -> None:
        """Register the API."""
        super().routes(app)
        app.register_error_handler(Refusal, _refused)
        for rule, view, method in (
            ("/v1/account", self._account, "GET"),
            ("/v1/customers", self._list_customers, "GET"),
            ("/v1/customers/<id>", self._customer, "GET"),
            ("/v1/customers", lambda: self._once(self._create_customer), "POST"),
            ("/v1/invoices", self._list_invoices, "GET"),
            ("/v1/invoices", lambda: self._once(self._create_invoice), "POST"),
            ("/v1/invoices/<id>/void", self._void, "POST"),
        ):
            app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])

    def add_customer(self, environment: Environment, name: str, **values: Any) -> str:
        """Add a customer; its id."""
        id = f"cu_{len(self.customers) + 1:04d}"
        row = {"id": id, "name": name, "email": "", "external_id": "", "active": True}
        self.customers[id] = {**row, **values, "environment": environment}
        return id

    def seed_demo(self) -> None:
        """Four customers in each environment."""
        for environment in Environment:
            for name in ("Northwind Traders", "Blue Harbor", "Silver Kite", "Cedar & Sons"):
                self.add_customer(environment, name)

    def demo_customers(self, environment: Environment) -> list[LinkedCustomer]:
        """The customers that can be linked by id."""
        rows = [one for one in self.customers.values() if one["active"]]
        return [to_linked_customer(one) for one in rows if one["environment"] == environment]

    def close_customer(self, environment: Environment, reference: str) -> None:
        """Deactivate a customer."""
        if self.customers[reference]["environment"] is environment:
            self.customers[reference]["active"] = False

    def mark_paid(self, environment: Environment, external_id: str) -> None:
        """The customer pays an invoice."""
        if self.invoices[external_id]["environment"] is environment:
            self.invoices[external_id]["status"] = "paid"

    def documents(self) -> list[Row]:
        """Every invoice, with `external_id` and `marker`."""
        rows = list(self.invoices.values())
        return [
            {**one, "external_id": one["id"], "marker": one["metadata"].get(MARKER, "")}
            for one in rows
        ]

    def drafts(self) -> list[Row]:
        """None: Acme makes an invoice in one step."""
        return []

    def _account(self) -> Row:
        return {"id": "ac_0001", "name": "Lighthouse Software", "environment": g.environment}

    def _once(self, make: Callable[[Row], Row]) -> Row:
        """Make it under its key, or answer what the key has made; a refusal is not kept."""
        key, body = (g.environment, request.headers["Idempotency-Key"]), request.get_data()
        if key not in self.answers:
            self.answers[key] = body, dict(make(canonical.loads(body)))
        kept, answer = self.answers[key]
        if kept != body:
            raise Refusal(422, "key_reused", "The key was used for something else.")
        return answer

    def _customer(self, id: str) -> Row:
        return self._mine(self.customers, id, "customer_not_found")

    def _create_customer(self, body: Row) -> Row:
        return self.customers[self.add_customer(g.environment, **body)]

    def _create_invoice(self, body: Row) -> Row:
        if not self._customer(body["customer"])["active"]:
            raise Refusal(422, "customer_closed", "The customer is closed.", "customer")
        if body["total"] != sum(line["amount"] + line["tax"] for line in body["lines"]):
            raise Refusal(422, "total_mismatch", "The lines make another total.", "total")
        id = f"in_{len(self.invoices) + 1:04d}"
        made = {"id": id, "status": "open", "url": f"{self.url}/pay/{id}"}
        made |= {"environment": g.environment, "created": self.clock.now().isoformat()}
        self.invoices[id] = {**body, **made}
        return self.invoices[id]

    def _void(self, id: str) -> Row:
        found = self._mine(self.invoices, id, "invoice_not_found")
        if found["status"] == "paid":
            raise Refusal(409, "invoice_paid", "The invoice is paid.")
        found["status"] = "void"
        return found

    def _list_customers(self) -> Row:
        wanted = request.args["external_id"]
        return self._listed(self.customers, lambda one: one["external_id"] == wanted)

    def _list_invoices(self) -> Row:
        customer = request.args["customer"]
        since = datetime.fromisoformat(request.args["created_from"])
        return self._listed(
            self.invoices,
            lambda one: (
                one["customer"] == customer and datetime.fromisoformat(one["created"]) >= since
            ),
        )

    def _mine(self, rows: dict[str, Row], id: str, missing: str) -> Row:
        found = rows.get(id)
        if found is None or found["environment"] != g.environment:
            raise Refusal(404, missing, f"There is no {id}.")
        return found

    def _listed(self, rows: dict[str, Row], fits: Callable[[Row], bool]) -> Row:
        after, mine = request.args.get("after", ""), g.environment
        found = [one for one in rows.values() if one["environment"] == mine and fits(one)]
        rest = [one for one in found if one["id"] > after]
        page = rest[: self.page]
        return {"data": page, "next": page[-1]["id"] if len(rest) > len(page) else ""}


def _refused(refusal: Refusal) -> tuple[Row, int]:
    status, code, message, *field = refusal.args
    return {"error": {"code": code, "message": message, "field": "".join(field)}}, status
