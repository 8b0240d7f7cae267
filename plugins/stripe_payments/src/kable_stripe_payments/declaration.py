"""What the hub knows about Stripe before it talks to it: facts, limits, settings."""

from datetime import timedelta

from marshmallow import Schema, ValidationError, fields, validate

from kable_hub import (
    Capability,
    ConnectMethod,
    Dedupe,
    Environment,
    Facts,
    Kind,
    Limit,
    Provider,
    Reference,
)
from kable_stripe_payments.amounts import CURRENCIES

MAX_LINES = 250
"""Stripe takes at most so many lines on one invoice."""

ENDPOINTS = (
    "account.get",
    "customers.get",
    "customers.list",
    "customers.create",
    "customers.update",
    "invoices.create",
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


class AppSettings(Schema):
    """The operator's own Stripe platform, per environment. Only `oauth` needs one."""

    client_id = fields.String(
        required=True,
        metadata={"methods": ["oauth"], "help": "Connect settings: ca_..."},
        validate=validate.Regexp(r"ca_\w+"),
    )
    secret_key = fields.String(
        required=True,
        metadata={"secret": True, "methods": ["oauth"], "help": "The platform's sk_... key"},
        validate=validate.Regexp(r"(sk|rk)_(live|test)_\w+"),
    )
    connect_webhook_secret = fields.String(
        metadata={
            "secret": True,
            "methods": ["oauth"],
            "help": "whsec_... of the endpoint that listens to connected accounts",
        },
        validate=validate.Regexp(r"whsec_\S+"),
    )
    webhook_secret = fields.String(
        metadata={
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
        },
    )
    days_until_due = fields.Integer(
        load_default=30,
        validate=validate.Range(0, 365),
        metadata={
            "label": "Days until due",
            "help": "For mailed invoices that bring no due date of their own.",
        },
    )
    tax = fields.String(
        load_default="amounts",
        validate=validate.OneOf(["amounts", "line"], ["On each line", "As lines of its own"]),
        metadata={
            "label": "Tax",
            "help": "Show the hub's tax as Stripe tax amounts on each line, or as plain lines.",
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
    ),
    ConnectMethod(
        "key",
        "Restricted API key",
        "Paste a key of your account; each environment has its own.",
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
