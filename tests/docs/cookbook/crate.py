"""Crate, a ledger that takes many at once and is asked what changed, as a plugin in one file."""

from datetime import datetime, timedelta

from flask import g, request
from marshmallow import Schema, fields

from kable_hub import (
    Capability,
    ConnectMethod,
    Credentials,
    CustomerGone,
    Dedupe,
    Environment,
    Facts,
    Grant,
    Kind,
    Limit,
    LinkedCustomer,
    NeedsOperator,
    PaymentChanged,
    PaymentStatus,
    Provider,
    Receipt,
    Reference,
    Rejected,
    hookimpl,
    keyform,
    rest,
)
from kable_hub.testing import Simulator


class KeyForm(Schema):
    key = fields.String(required=True, metadata={"secret": True, "label": "Crate key"})


PROVIDER = Provider(
    slug="crate",
    title="Crate",
    kind=Kind.ACCOUNTING,
    urls={one: {"api": f"https://{one}.crate.example"} for one in Environment},
    reference=Reference(pattern=r"C-\d{4}", help="On the customer's card.", example="C-0001"),
    connect_methods=(ConnectMethod("key", "Key"),),
    capabilities=frozenset(
        {Capability.PUSH_INVOICES, Capability.FIND_INVOICES, Capability.POLL_CHANGES}
    ),
    batch_size=20,
    limits=(Limit("calls", requests=10, per=timedelta(seconds=1)),),
    dedupe=Dedupe("key", keeps=timedelta(hours=24)),
    settle_after=timedelta(seconds=30),
    facts=Facts(max_lines=100),
)


def crate(hub, url, key):
    headers = {"Authorization": f"Bearer {key}"}
    return rest.Api(hub, url, "Crate", headers, limit="calls", codes=CODES)


CODES = {"no_customer": "unknown_customer"}


def of(connection):
    return crate(connection, connection.urls["api"], connection.credentials["key"])


@hookimpl
def provider():
    return PROVIDER


@hookimpl
def connect(request):
    def opened(form):
        url = request.urls[request.environment]["api"]
        book = crate(request, url, form["key"]).get("book.get", "/book")
        if book["mode"] != request.environment:
            raise Rejected(f"This key is for {book['mode']}.")
        granted = {request.environment: Credentials({"key": form["key"]})}
        return Grant(book["id"], book["name"], granted)

    return keyform.step(request, KeyForm, "Connect Crate", opened)


@hookimpl
def link_customer(connection, reference):
    found = of(connection).get("customers.get", f"/customers/{reference}")
    if found["closed"]:
        raise Rejected(f"{reference} is closed at Crate.", code="inactive_customer")
    return LinkedCustomer(found["id"], found["name"])


@hookimpl
def plan_invoice(invoice, link):
    return {
        "customer": link.reference,
        "number": invoice.number,
        "currency": invoice.currency,
        "lines": [
            {"text": one.description, "cents": one.amount + one.tax} for one in invoice.lines
        ],
    }


def item(push):
    return {**push.document, "label": push.marker}


@hookimpl
def push_invoice(connection, push):
    key = {"Idempotency-Key": push.key}
    return to_receipt(of(connection).post("invoices.create", "/invoices", item(push), key))


@hookimpl
def push_invoices(connection, pushes, batch_key):
    body = {"items": [item(one) for one in pushes]}
    key = {"Idempotency-Key": batch_key}
    made = of(connection).post("invoices.batch", "/batch", body, key)
    return [_answer(one) for one in made["items"]]


def _answer(one):
    if error := one.get("error"):
        return Rejected(error["message"], code=CODES.get(error["code"], ""))
    return to_receipt(one)


@hookimpl
def find_invoice(connection, push):
    (found,) = _found(connection, [push])
    if isinstance(found, NeedsOperator):
        raise found
    return found


@hookimpl
def find_invoices(connection, pushes):
    return _found(connection, pushes)


def _found(connection, pushes):
    labels = ",".join(one.marker for one in pushes)
    rows = of(connection).get("invoices.list", "/invoices", labels=labels)["invoices"]
    return [_one([row for row in rows if row["label"] == one.marker]) for one in pushes]


def _one(hits):
    if len(hits) > 1:
        return NeedsOperator("Several invoices carry its label.", code="document_conflict")
    return to_receipt(hits[0], adopted=True) if hits else None


@hookimpl
def poll_changes(connection, cursor):
    after = str(cursor.get("after", ""))
    told = of(connection).get("changes.list", "/changes", after=after)
    effects = [_effect(one) for one in told["changes"] if one["kind"] in ("closed", "paid")]
    return effects, {"after": told["last"]}


def _effect(change):
    if change["kind"] == "closed":
        return CustomerGone(change["id"], "It was closed at Crate.")
    return PaymentChanged(change["id"], PaymentStatus.PAID, datetime.fromisoformat(change["at"]))


def to_receipt(made, adopted=False):
    return Receipt(
        external_id=made["id"],
        number=made["number"],
        customer=made["customer"],
        currency=made["currency"],
        total=made["total"],
        adopted=adopted,
    )


class CrateSimulator(Simulator):
    """Crate on loopback."""

    def __init__(self, **options):
        self.keys = {f"crate-{one}-key": one for one in Environment}
        self.customers, self.invoices, self.answers, self.changes = {}, {}, {}, []
        super().__init__(**options)

    def routes(self, app):
        app.before_request(self._gate)
        app.add_url_rule("/book", view_func=self._book)
        app.add_url_rule("/customers/<id>", view_func=self._customer)
        app.add_url_rule("/invoices", view_func=self._list)
        app.add_url_rule("/invoices", view_func=self._create, methods=["POST"])
        app.add_url_rule("/batch", view_func=self._batch, methods=["POST"])
        app.add_url_rule("/changes", view_func=self._changes)

    def seed_demo(self):
        for mode in Environment:
            for name in ("Ada's Books", "Brook & Co", "Cobalt"):
                id = f"C-{len(self.customers) + 1:04d}"
                self.customers[id] = {"id": id, "name": name, "closed": False, "mode": mode}

    def configuration(self):
        return {f"KABLE_CRATE_{one.upper()}_API_URL": self.url for one in Environment}

    def demo_form(self, environment):
        return {"key": next(key for key, one in self.keys.items() if one is environment)}

    def demo_customers(self, environment):
        mine = [one for one in self.customers.values() if one["mode"] is environment]
        return [LinkedCustomer(one["id"], one["name"]) for one in mine if not one["closed"]]

    def documents(self):
        return [
            {**one, "external_id": one["id"], "marker": one["label"], "status": "open"}
            | {"environment": one["mode"]}
            for one in list(self.invoices.values())
        ]

    def drafts(self):
        return []

    def revoke_access(self, environment):
        self.keys = {key: one for key, one in self.keys.items() if one is not environment}

    def close_customer(self, environment, reference):
        self.customers[reference]["closed"] = True
        self._note("closed", environment, reference)

    def mark_paid(self, environment, external_id):
        self._note("paid", environment, external_id)

    def _note(self, kind, environment, id):
        at = self.clock.now().isoformat()
        self.changes.append({"kind": kind, "id": id, "at": at, "mode": environment})

    def _gate(self):
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            return _no("There is no such key.", "no_key", 401)
        g.mode = self.keys[key]
        return None

    def _book(self):
        return {"id": "book-1", "name": "Lighthouse", "mode": g.mode}

    def _customer(self, id):
        found = self.customers.get(id)
        return found if found and found["mode"] is g.mode else _no(f"No {id}.", "no_customer", 404)

    def _list(self):
        labels = request.args["labels"].split(",")
        rows = [one for one in self.invoices.values() if one["mode"] is g.mode]
        return {"invoices": [one for one in rows if one["label"] in labels]}

    def _create(self):
        key = (g.mode, request.headers["Idempotency-Key"])
        if key not in self.answers:
            made = self._make(request.get_json())
            if "error" in made:
                return made, 422
            self.answers[key] = made
        return self.answers[key]

    def _batch(self):
        key = (g.mode, request.headers["Idempotency-Key"])
        if key not in self.answers:
            made = [self._make(one) for one in request.get_json()["items"]]
            self.answers[key] = {"items": made}
        return self.answers[key]

    def _make(self, body):
        customer = self.customers.get(body["customer"])
        if customer is None or customer["mode"] is not g.mode:
            return _no(f"No {body['customer']}.", "no_customer", 422)[0]
        id = f"doc-{len(self.invoices) + 1}"
        total = sum(one["cents"] for one in body["lines"])
        self.invoices[id] = {**body, "id": id, "total": total, "mode": g.mode}
        return self.invoices[id]

    def _changes(self):
        last = len(self.changes)
        after = int(request.args.get("after") or last)
        rows = [one for one in self.changes[after:] if one["mode"] is g.mode]
        return {"changes": rows, "last": last}


def _no(message, code, status):
    return {"error": {"message": message, "code": code}}, status


SIMULATOR = CrateSimulator
