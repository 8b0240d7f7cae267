"""The simulated invoices: draft, lines, finalize, void, delete. Their payment: `payments`."""

from kable_stripe_payments.simulator import taxes
from kable_stripe_payments.simulator.asked import Asked
from kable_stripe_payments.simulator.errors import ApiError, missing
from kable_stripe_payments.simulator.state import Ledger, Object, new_id, page

MAX_LINES, MAX_AMOUNT, MIN_AMOUNT = 250, 99_999_999, 50
_NO_MINIMUM = ("jpy", "krw", "vnd", "clp", "xaf", "xof", "isk", "huf")
_PLAIN = ("description", "footer", "custom_fields", "statement_descriptor")


def create(asked: Asked) -> Object:
    """POST /v1/invoices."""
    ledger, params = asked.ledger, asked.params
    customer = ledger.get("customer", params.get("customer", ""), "customer")
    if customer.get("deleted"):
        raise missing("customer", customer["id"], "customer")
    method = params.get("collection_method", "charge_automatically")
    _check_collection(params, method, customer, ledger.now())
    for field in params.get("custom_fields") or ():
        if not field["value"]:
            raise ApiError(400, "Invalid custom field", param="custom_fields")
    if len(params.get("custom_fields") or ()) > 4:
        raise ApiError(400, "At most 4 custom fields are allowed", param="custom_fields")
    values = _blank(customer, params, method)
    if asked.sim.tells_location == "create":
        taxes.refuse_unplaced(values, ledger)
    invoice = ledger.add("invoice", "in", values)
    asked.sim.emit(ledger, "invoice.created", invoice)
    return shown(invoice, asked)


def _check_collection(params: Object, method: str, customer: Object, now: int) -> None:
    due = {"days_until_due", "due_date"} & params.keys()
    if method == "charge_automatically" and due:
        name = min(due)
        message = f"You can only set `{name}` if the collection method is `send_invoice`."
        raise ApiError(400, message, param=name)
    if method == "send_invoice":
        if len(due) != 1:
            raise ApiError(400, "Set exactly one of days_until_due and due_date")
        if params.get("due_date", now + 1) <= now:
            raise ApiError(400, "Due dates must be in the future", param="due_date")
        if not customer.get("email"):
            raise ApiError(400, "Missing email: the customer must have one", code="email_invalid")


def _blank(customer: Object, params: Object, method: str) -> Object:
    values = {name: params.get(name) for name in _PLAIN}
    return {
        **values,
        "customer": customer["id"],
        "customer_email": customer.get("email"),
        "currency": params.get("currency") or customer.get("currency") or "usd",
        "collection_method": method,
        "auto_advance": params.get("auto_advance", False),
        "automatic_tax": {
            "enabled": (params.get("automatic_tax") or {}).get("enabled", False),
            "status": None,
        },
        "metadata": dict(params.get("metadata") or {}),
        "due_date": params.get("due_date"),
        "_days_until_due": params.get("days_until_due"),
        "status": "draft",
        "number": None,
        "hosted_invoice_url": None,
        "attempt_count": 0,
        "attempted": False,
        "amount_paid": 0,
        "amount_due": 0,
        "starting_balance": customer["balance"],
        "ending_balance": None,
        "subtotal": 0,
        "total": 0,
        "total_taxes": [],
        "_rows": [],
        "_coupon": 0 if params.get("discounts") == "" else customer.get("_coupon", 0),
        "_intent": None,
    }


def add_lines(asked: Asked) -> Object:
    """POST /v1/invoices/{id}/add_lines: all of them or none."""
    invoice = _draft(asked)
    lines = enumerate(asked.params["lines"])
    added = [_row(invoice, line, at, asked.ledger) for at, line in lines]
    if len(invoice["_rows"]) + len(added) > MAX_LINES:
        raise ApiError(
            400, f"An invoice can have at most {MAX_LINES} line items.", code="invoice_max_lines"
        )
    invoice["_rows"] += added
    taxes.recompute(invoice, asked.ledger, tells=asked.sim.tells_location == "draft")
    return shown(invoice, asked)


def update(asked: Asked) -> Object:
    """POST /v1/invoices/{id}: drafts only."""
    invoice = _draft(asked)
    invoice.update({name: asked.params[name] for name in _PLAIN if name in asked.params})
    invoice["metadata"].update(asked.params.get("metadata") or {})
    if "automatic_tax" in asked.params:
        taxes.switch(invoice, asked.params["automatic_tax"]["enabled"])
    taxes.recompute(invoice, asked.ledger, tells=asked.sim.tells_location == "draft")
    asked.sim.emit(asked.ledger, "invoice.updated", invoice)
    return shown(invoice, asked)


def _amount(line: Object) -> int:
    price = line.get("price_data")
    if price and "unit_amount" in price and line.get("quantity", 1) == 1:
        return int(price["unit_amount"])
    if "amount" not in line:
        message = "The simulator knows lines with an amount, or one piece at a price, only."
        raise ApiError(400, message, param="lines")
    return int(line["amount"])


def _row(invoice: Object, line: Object, at: int, ledger: Ledger) -> Object:
    amount = _amount(line)
    if abs(amount) > MAX_AMOUNT:
        raise ApiError(
            400, "Amount must be no more than 99999999", code="amount_too_large", param="amount"
        )
    period = line.get("period") or {"start": ledger.now(), "end": ledger.now()}
    if period["end"] < period["start"]:
        raise ApiError(400, "A period cannot end before it starts", param="period")
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": line.get("description"),
        "discountable": line.get("discountable", amount >= 0),
        "invoice": invoice["id"],
        "livemode": ledger.live,
        "metadata": dict(line.get("metadata") or {}),
        "period": period,
        "taxes": taxes.of_line(invoice, line, amount, at, ledger),
    }


def finalize(asked: Asked) -> Object:
    """POST /v1/invoices/{id}/finalize: the number is given, small sums go to the balance."""
    invoice, ledger = _draft(asked), asked.ledger
    if invoice["total"] > MAX_AMOUNT:
        raise ApiError(400, "Amount must be no more than 99999999", code="amount_too_large")
    customer = ledger.get("customer", invoice["customer"], "customer")
    if customer.get("deleted"):
        raise missing("customer", customer["id"], "customer")
    taxes.refuse_unplaced(invoice, ledger)
    customer["_invoices"] = customer.get("_invoices", 0) + 1
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['_invoices']:04d}"
    invoice["hosted_invoice_url"] = f"{asked.sim.url}/i/{invoice['id']}"
    invoice["auto_advance"] = asked.params.get("auto_advance", invoice["auto_advance"])
    if invoice["due_date"] is None and invoice["_days_until_due"] is not None:
        invoice["due_date"] = ledger.now() + 86400 * invoice["_days_until_due"]
    _apply_balance(invoice, customer)
    invoice["status"] = "paid" if invoice["amount_due"] == 0 else "open"
    asked.sim.emit(ledger, "invoice.finalized", invoice)
    if invoice["status"] == "paid":
        asked.sim.emit(ledger, "invoice.paid", invoice)
    return shown(invoice, asked)


def _apply_balance(invoice: Object, customer: Object) -> None:
    invoice["starting_balance"] = customer["balance"]
    due = max(0, invoice["total"] + customer["balance"])
    customer["balance"] += invoice["total"] - due
    if due < MIN_AMOUNT and invoice["currency"] not in _NO_MINIMUM:
        customer["balance"] += due
        due = 0
    invoice["ending_balance"] = customer["balance"]
    invoice["amount_due"] = due


def retrieve(asked: Asked) -> Object:
    """GET /v1/invoices/{id}."""
    return shown(named(asked), asked)


def list_all(asked: Asked) -> Object:
    """GET /v1/invoices."""
    params = asked.params

    def keep(one: Object) -> bool:
        return all(params.get(name) in (None, one[name]) for name in ("customer", "status"))

    found = asked.ledger.page("invoice", params, "/v1/invoices", keep)
    return {**found, "data": [shown(one, asked) for one in found["data"]]}


def list_lines(asked: Asked) -> Object:
    """GET /v1/invoices/{id}/lines."""
    invoice = named(asked)
    return page(invoice["_rows"], asked.params, f"/v1/invoices/{invoice['id']}/lines")


def delete(asked: Asked) -> Object:
    """DELETE /v1/invoices/{id}: drafts only."""
    invoice = _draft(asked)
    del asked.ledger.of("invoice")[invoice["id"]]
    asked.sim.emit(asked.ledger, "invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def void(asked: Asked) -> Object:
    """POST /v1/invoices/{id}/void: open and uncollectible ones only."""
    invoice = named(asked)
    if invoice["status"] not in ("open", "uncollectible"):
        raise ApiError(400, f"You cannot void an invoice that is {invoice['status']}.")
    invoice["status"] = "void"
    asked.sim.emit(asked.ledger, "invoice.voided", invoice)
    return shown(invoice, asked)


def shown(invoice: Object, asked: Asked) -> Object:
    """The invoice as the API shows it: the first ten lines, payments only when expanded."""
    public = {name: value for name, value in invoice.items() if not name.startswith("_")}
    rows = page(invoice["_rows"], {}, f"/v1/invoices/{invoice['id']}/lines")
    expanded = asked.expand("payments.data.payment.payment_intent")
    if expanded and invoice["_intent"]:
        intent = {"id": "pi_1", "object": "payment_intent", **invoice["_intent"]}
        payment = {"type": "payment_intent", "payment_intent": intent}
        public["payments"] = {"object": "list", "data": [{"payment": payment}]}
    return {**public, "amount_remaining": _remaining(invoice), "lines": rows}


def _remaining(invoice: Object) -> int:
    remaining: int = invoice["amount_due"] - invoice["amount_paid"]
    return remaining


def named(asked: Asked) -> Object:
    """The invoice that a request is about."""
    return asked.ledger.get("invoice", asked.id)


def _draft(asked: Asked) -> Object:
    invoice = named(asked)
    if invoice["status"] != "draft":
        message = f"Invoice {invoice['id']} is {invoice['status']}: only drafts can be changed."
        raise ApiError(400, message, code="invoice_not_editable")
    return invoice
