"""Meadow, a merchant of record, as a plugin in one file: a draft first, and tax of its own."""

from datetime import timedelta

from flask import g, request
from marshmallow import Schema, fields

from kable_hub import (
    ConnectMethod,
    Credentials,
    Dedupe,
    Environment,
    Facts,
    Grant,
    Kind,
    Limit,
    LinkedCustomer,
    NeedsOperator,
    PaymentStatus,
    Provider,
    Receipt,
    Reference,
    Rejected,
    Unfinished,
    Unsupported,
    hookimpl,
    keyform,
    rest,
)
from kable_hub.testing import Simulator


class KeyForm(Schema):
    key = fields.String(required=True, metadata={"secret": True, "label": "Meadow key"})


PROVIDER = Provider(
    slug="meadow",
    title="Meadow",
    kind=Kind.PAYMENTS,
    urls={one: {"api": f"https://{one}.meadow.example"} for one in Environment},
    reference=Reference(pattern=r"B-\d{4}", help="On the buyer's page.", example="B-0001"),
    connect_methods=(ConnectMethod("key", "Key"),),
    limits=(Limit("address", scope="ip", requests=240, per=timedelta(minutes=1)),),
    dedupe=Dedupe("none"),
    settle_after=timedelta(seconds=30),
    facts=Facts(currencies=frozenset({"EUR", "USD"}), adds_tax=True),
)


def meadow(hub, url, key):
    return rest.Api(hub, url, "Meadow", {"Authorization": f"Bearer {key}"}, limit="address")


def of(connection):
    return meadow(connection, connection.urls["api"], connection.credentials["key"])


@hookimpl
def provider():
    return PROVIDER


@hookimpl
def connect(request):
    def opened(form):
        url = request.urls[request.environment]["api"]
        seller = meadow(request, url, form["key"]).get("seller.get", "/seller")
        if seller["mode"] != request.environment:
            raise Rejected(f"This key is for {seller['mode']}.")
        granted = {request.environment: Credentials({"key": form["key"]})}
        return Grant(seller["id"], seller["name"], granted)

    return keyform.step(request, KeyForm, "Connect Meadow", opened)


@hookimpl
def link_customer(connection, reference):
    buyer = of(connection).get("buyers.get", f"/buyers/{reference}")
    if buyer["archived"]:
        raise Rejected(f"{reference} is archived at Meadow.", code="inactive_customer")
    return LinkedCustomer(buyer["id"], buyer["name"])


@hookimpl
def plan_invoice(invoice, link):
    if invoice.tax:
        raise Unsupported("Meadow sells in its own name and adds the tax.", fact="adds_tax")
    return {
        "buyer": link.reference,
        "number": invoice.number,
        "currency": invoice.currency,
        "items": [{"text": one.description, "cents": one.amount} for one in invoice.lines],
    }


@hookimpl
def push_invoice(connection, push):
    api = of(connection)
    draft = _draft(api, push)
    path = f"/transactions/{draft['id']}"
    if draft["status"] == "ready":
        wanted = sum(one["cents"] for one in push.document["items"])
        if draft["net"] != wanted:
            api.request("transactions.cancel", "DELETE", path)
            said = f"Meadow makes {draft['net']} of it, not {wanted}."
            raise Rejected(said, code="total_mismatch")
        draft = api.request("transactions.bill", "PATCH", path, {"status": "billed"})
    return to_receipt(draft)


def _draft(api, push):
    if known := push.progress.get("transaction"):
        return api.get("transactions.get", f"/transactions/{known}")
    body = {**push.document, "custom": push.marker}
    made = api.post("transactions.create", "/transactions", body)
    push.save({"transaction": made["id"]})
    return made


@hookimpl
def find_invoice(connection, push):
    found = of(connection).get("transactions.list", "/transactions", custom=push.marker)
    if len(found["data"]) > 1:
        raise NeedsOperator("Several transactions carry its mark.", code="document_conflict")
    for one in found["data"]:
        if one["status"] == "ready":
            return Unfinished({"transaction": one["id"]})
        return to_receipt(one, adopted=True)
    return None


def to_receipt(made, adopted=False):
    return Receipt(
        external_id=made["id"],
        number=made["number"],
        customer=made["buyer"],
        currency=made["currency"],
        total=made["net"] + made["tax"],
        tax=made["tax"],
        status=made["status"],
        payment_status=PaymentStatus.OPEN,
        adopted=adopted,
    )


class MeadowSimulator(Simulator):
    """Meadow on loopback. It adds `tax` percent to what is billed, and `rounds` to each net."""

    tax = 19
    rounds = 0

    def __init__(self, **options):
        self.keys = {f"meadow-{one}-key": one for one in Environment}
        self.buyers, self.transactions = {}, {}
        super().__init__(**options)

    def routes(self, app):
        app.before_request(self._gate)
        app.add_url_rule("/seller", view_func=self._seller)
        app.add_url_rule("/buyers/<id>", view_func=self._buyer)
        app.add_url_rule("/transactions", view_func=self._list)
        app.add_url_rule("/transactions", view_func=self._create, methods=["POST"])
        app.add_url_rule("/transactions/<id>", view_func=self._one)
        app.add_url_rule("/transactions/<id>", view_func=self._bill, methods=["PATCH"])
        app.add_url_rule("/transactions/<id>", view_func=self._cancel, methods=["DELETE"])

    def seed_demo(self):
        for mode in Environment:
            for name in ("Ada's Books", "Brook & Co"):
                id = f"B-{len(self.buyers) + 1:04d}"
                self.buyers[id] = {"id": id, "name": name, "archived": False, "mode": mode}

    def configuration(self):
        return {f"KABLE_MEADOW_{one.upper()}_API_URL": self.url for one in Environment}

    def demo_form(self, environment):
        return {"key": next(key for key, one in self.keys.items() if one is environment)}

    def demo_customers(self, environment):
        buyers = [one for one in self.buyers.values() if one["mode"] is environment]
        return [LinkedCustomer(one["id"], one["name"]) for one in buyers if not one["archived"]]

    def documents(self):
        return self._rows("billed")

    def drafts(self):
        return self._rows("ready")

    def revoke_access(self, environment):
        self.keys = {key: one for key, one in self.keys.items() if one is not environment}

    def close_customer(self, environment, reference):
        self.buyers[reference]["archived"] = True

    def _rows(self, status):
        return [
            {**one, "external_id": one["id"], "customer": one["buyer"], "marker": one["custom"]}
            | {"total": one["net"] + one["tax"], "environment": one["mode"]}
            for one in list(self.transactions.values())
            if one["status"] == status
        ]

    def _gate(self):
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            return {"error": {"message": "There is no such key.", "code": "no_key"}}, 401
        g.mode = self.keys[key]
        return None

    def _seller(self):
        return {"id": "seller-1", "name": "Lighthouse", "mode": g.mode}

    def _mine(self, among, id):
        one = among.get(id)
        return one if one and one["mode"] is g.mode else None

    def _buyer(self, id):
        return self._mine(self.buyers, id) or _nothing(id)

    def _list(self):
        mark = request.args["custom"]
        rows = [one for one in self.transactions.values() if one["status"] != "canceled"]
        return {"data": [one for one in rows if (one["custom"], one["mode"]) == (mark, g.mode)]}

    def _create(self):
        body = request.get_json()
        if self._mine(self.buyers, body["buyer"]) is None:
            return _nothing(body["buyer"])
        net = sum(one["cents"] for one in body["items"]) + self.rounds
        id = f"T-{len(self.transactions) + 1}"
        made = {"id": id, "status": "ready", "mode": g.mode, "net": net, "tax": 0}
        self.transactions[id] = {**body, **made}
        return self.transactions[id]

    def _one(self, id):
        return self._mine(self.transactions, id) or _nothing(id)

    def _bill(self, id):
        one = self._mine(self.transactions, id)
        if one is None or one["status"] != "ready":
            return _nothing(id)
        one |= {"status": "billed", "tax": one["net"] * self.tax // 100}
        return one

    def _cancel(self, id):
        one = self._mine(self.transactions, id)
        if one is None or one["status"] != "ready":
            return _nothing(id)
        one["status"] = "canceled"
        return one


def _nothing(id):
    return {"error": {"message": f"There is no {id} to do this with.", "code": "not_found"}}, 404


SIMULATOR = MeadowSimulator
