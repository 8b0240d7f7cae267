"""What the hub knows about Stripe before it talks to it: facts, limits, settings."""

import re
from datetime import timedelta

from marshmallow import Schema, ValidationError, fields, validate

from kable_hub import (
    Capability,
    ConnectMethod,
    Dedupe,
    Environment,
    Facts,
    Kind,
    Lift,
    Limit,
    Provider,
    Reference,
)
from kable_stripe_payments.amounts import CURRENCIES
from kable_stripe_payments.permissions import NEEDS

MAX_LINES = 250
"""Stripe takes at most so many lines on one invoice."""

ENDPOINTS = (
    "account.get",
    "customers.get",
    "customers.list",
    "customers.create",
    "customers.update",
    "invoices.create",
    "invoices.update",
    "invoices.add_lines",
    "invoices.finalize",
    "invoices.get",
    "invoices.list",
    "invoices.lines",
    "invoices.delete",
    "invoices.void",
    "invoices.pay",
    "checkout.create",
    "checkout.get",
    "setup_intents.get",
)
"""The call names under Stripe's default of 25 requests a second for one endpoint."""


EVENTS = (
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.overdue",
    "invoice.updated",
    "checkout.session.completed",
    "checkout.session.expired",
    "setup_intent.succeeded",
    "customer.updated",
    "customer.deleted",
    "account.application.deauthorized",
)
"""What a webhook endpoint has to send; the hub passes over anything else."""


def captions(text: str) -> dict[str, str]:
    """The fields in `Caption: text; Caption: text`; what has no colon is a caption alone."""
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    return {caption.strip(): value.strip() for caption, _, value in parts}


def _check_captions(text: str) -> None:
    shown = captions(text)
    if len(shown) > 3:
        raise ValidationError("Stripe shows at most three of them beside the number.")
    for caption, value in shown.items():
        if not 1 <= len(caption) <= 40 or not 1 <= len(value) <= 140:
            raise ValidationError(
                f"{caption[:40]!r}: the caption has 1 to 40 characters, the text 1 to 140."
            )


def _check_rates(text: str) -> None:
    for name, rate in captions(text).items():
        if not name or not re.fullmatch(r"txr_[A-Za-z0-9]{1,64}", rate):
            raise ValidationError(f"{name[:40]!r}: a tax code or percent, a colon, and a txr_...")


class AppSettings(Schema):
    """The operator's own Stripe platform, per environment. Only `oauth` needs one."""

    client_id = fields.String(
        required=True,
        metadata={
            "label": "Client ID",
            "methods": ["oauth"],
            "help": "Connect settings: ca_...",
        },
        validate=validate.Regexp(r"ca_\w+"),
    )
    secret_key = fields.String(
        required=True,
        metadata={
            "label": "Secret key",
            "secret": True,
            "methods": ["oauth"],
            "help": "The platform's sk_... key",
            "begins": {"live": "[sr]k_live_", "test": "[sr]k_test_"},
        },
        validate=validate.Regexp(r"(sk|rk)_(live|test)_\w+"),
    )
    connect_webhook_secret = fields.String(
        metadata={
            "label": "Secret of the Connect webhook",
            "secret": True,
            "methods": ["oauth"],
            "help": "whsec_... of the endpoint that listens to connected accounts",
        },
        validate=validate.Regexp(r"whsec_\S+"),
    )
    webhook_secret = fields.String(
        metadata={
            "label": "Secret of the platform's own webhook",
            "secret": True,
            "methods": ["oauth"],
            "help": "whsec_... of the endpoint that listens to the platform's own account",
        },
        validate=validate.Regexp(r"whsec_\S+"),
    )


class Settings(Schema):
    """How invoices are made on one connection."""

    collection_method = fields.String(
        load_default="charge_automatically",
        validate=validate.OneOf(
            ["charge_automatically", "send_invoice"], ["Charge automatically", "Mail the invoice"]
        ),
        metadata={
            "label": "Collection",
            "help": "Charge the default payment method, or let Stripe mail the invoice.",
            "per_customer": True,
        },
    )
    days_until_due = fields.Integer(
        load_default=30,
        validate=validate.Range(0, 365),
        metadata={
            "label": "Days until due",
            "help": "For mailed invoices that bring no due date of their own.",
            "per_customer": True,
        },
    )
    pay_at_once = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Pay at once",
            "help": "Charge as soon as the invoice is final, rather than when Stripe gets to it.",
            "per_customer": True,
        },
    )
    tax = fields.String(
        load_default="amounts",
        validate=validate.OneOf(
            ["amounts", "line", "rates", "automatic"],
            ["On each line", "As lines of its own", "By Stripe's tax rates", "By Stripe Tax"],
        ),
        metadata={
            "label": "Tax",
            "help": "The invoice's tax on each line or as lines of its own, the same worked out by "
            "Stripe's tax rates, or tax that Stripe Tax adds (which Stripe charges for).",
        },
    )
    tax_rates = fields.String(
        load_default="",
        validate=_check_rates,
        metadata={
            "label": "Stripe's tax rates",
            "help": "Tax code or percent: txr_...; percent: txr_... Of this account and mode.",
        },
    )
    tax_failure = fields.String(
        load_default="block",
        validate=validate.OneOf(["block", "send"], ["Hold the invoice", "Send it without tax"]),
        metadata={
            "label": "Where Stripe Tax cannot work",
            "help": "What becomes of an invoice whose customer's address is of no use.",
        },
    )
    many_lines = fields.String(
        load_default="refuse",
        validate=validate.OneOf(["refuse", "combine"], ["Refuse", "Put the last ones together"]),
        metadata={
            "label": "More than 250 lines",
            "help": "Lines of the same tax are put together; every sum stays as it is.",
        },
    )
    tax_name = fields.String(
        load_default="Tax",
        validate=validate.Length(1, 50),
        metadata={"label": "Name of the tax", "help": "As the customer reads it: VAT, GST, ..."},
    )
    number_field = fields.String(
        load_default="Invoice number",
        validate=validate.Length(max=40),
        metadata={
            "label": "Field for the invoice number",
            "help": "Caption of the field that shows your number; empty hides it.",
        },
    )
    footer = fields.String(
        load_default="", validate=validate.Length(max=5000), metadata={"label": "Footer"}
    )
    statement_descriptor = fields.String(
        load_default="",
        validate=validate.Regexp(r"^(?=.*[A-Za-z])[^<>\\'\"*]{1,22}$|^$"),
        metadata={
            "label": "Statement descriptor",
            "help": "On the card statement: at most 22 characters, at least one letter.",
        },
    )
    custom_fields = fields.String(
        load_default="",
        validate=_check_captions,
        metadata={
            "label": "Further fields",
            "help": "Caption: text; Caption: text. At most three.",
        },
    )


def provider() -> Provider:
    """The declaration of Stripe."""
    return Provider(
        slug="stripe",
        title="Stripe",
        kind=Kind.PAYMENTS,
        homepage="https://stripe.com",
        events=EVENTS,
        urls=dict.fromkeys(Environment, _URLS),
        reference=_REFERENCE,
        connect_methods=_METHODS,
        capabilities=_CAPABILITIES,
        app_settings=AppSettings,
        settings=Settings,
        limits=_LIMITS,
        dedupe=Dedupe("key", keeps=timedelta(hours=24)),
        settle_after=timedelta(seconds=120),
        marker="metadata",
        facts=Facts(currencies=CURRENCIES, max_lines=MAX_LINES),
        lifts=(Lift("max_lines", setting="many_lines", value="combine"),),
    )


_URLS = {"api": "https://api.stripe.com", "connect": "https://connect.stripe.com"}

_REFERENCE = Reference(
    pattern=r"cus_[A-Za-z0-9]{4,64}",
    in_url=r"/customers/(cus_[A-Za-z0-9]+)",
    help="In Stripe's dashboard under Customers: the id at the end of the customer's address.",
    example="cus_QXg1o8vcGmoR32",
)

_METHODS = (
    ConnectMethod(
        "oauth",
        "Connect with Stripe",
        "One click connects live and test mode of your account.",
        needs=("read_write",),
    ),
    ConnectMethod(
        "key",
        "Restricted API key",
        "Paste a key of your account; each environment has its own.",
        needs=NEEDS,
    ),
)

_CAPABILITIES = frozenset(
    {
        Capability.CREATE_CUSTOMER,
        Capability.SEARCH_CUSTOMERS,
        Capability.COLLECT_PAYMENT_METHOD,
        Capability.COLLECT_INVOICE,
        Capability.CANCEL_INVOICE,
        Capability.RECEIVE_WEBHOOK,
        Capability.CHECK_CONNECTION,
        Capability.DISCONNECT,
    }
)

_LIMITS = (
    Limit("live", requests=100, environment=Environment.LIVE),
    Limit("test", requests=25, environment=Environment.TEST),
    Limit("search", requests=20, calls=("customers.search",)),
    *(Limit(call, requests=25, calls=(call,)) for call in ENDPOINTS),
)
