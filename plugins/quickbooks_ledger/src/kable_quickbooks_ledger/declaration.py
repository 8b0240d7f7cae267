"""What the hub is told about QuickBooks Online: addresses, limits, settings, facts."""

from datetime import timedelta

from marshmallow import Schema, fields, validate

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
    money,
)

BATCH = 30
_MINUTE = timedelta(minutes=1)
_OAUTH = {
    "authorize": "https://appcenter.intuit.com/connect/oauth2",
    "token": "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    "revoke": "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
}
URLS = {
    Environment.LIVE: {
        **_OAUTH,
        "api": "https://quickbooks.api.intuit.com",
        "app": "https://app.qbo.intuit.com",
    },
    Environment.TEST: {
        **_OAUTH,
        "api": "https://sandbox-quickbooks.api.intuit.com",
        "app": "https://app.sandbox.qbo.intuit.com",
    },
}


class AppSettings(Schema):
    """What an operator sets once per environment: the keys of the Intuit app."""

    client_id = fields.String(
        required=True,
        metadata={
            "label": "Client ID",
            "own": True,
            "help": "Intuit developer portal, Keys: production for live, development for test.",
        },
    )
    client_secret = fields.String(
        required=True, metadata={"label": "Client secret", "secret": True}
    )
    verifier_token = fields.String(
        load_default="",
        metadata={
            "label": "Webhook verifier token",
            "secret": True,
            "help": "Only needed to hear at once, by webhook, of changes made in QuickBooks.",
        },
    )


class Settings(Schema):
    """A connection's settings; every one has a default, only the item has to be chosen."""

    default_item = fields.String(
        load_default="",
        metadata={
            "label": "Default item",
            "choices": True,
            "help": "Product or service for lines without a mapping of their own.",
        },
    )
    items = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"label": "Items", "help": "Product code to QuickBooks item id."},
    )
    tax_code = fields.String(
        load_default="",
        metadata={
            "label": "Tax code for taxed lines",
            "choices": True,
            "help": "Empty: TAX in the US; elsewhere it has to be chosen.",
        },
    )
    no_tax_code = fields.String(
        load_default="",
        metadata={
            "label": "Tax code for untaxed lines",
            "choices": True,
            "help": "Empty: NON in the US; elsewhere it has to be chosen.",
        },
    )
    tax_codes = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"label": "Tax codes", "help": "Your tax code to QuickBooks tax code id."},
    )
    term = fields.String(
        load_default="",
        metadata={
            "label": "Terms",
            "choices": True,
            "help": "For invoices without a due date of their own.",
        },
    )
    item_class = fields.String(
        load_default="", metadata={"label": "Class", "choices": True, "help": "Set on each line."}
    )
    numbers = fields.String(
        load_default="company",
        validate=validate.OneOf(["company", "own", "quickbooks"]),
        metadata={
            "label": "Invoice numbers",
            "help": "company: as its custom transaction numbers say; own: always yours; "
            "quickbooks: always QuickBooks' counter.",
        },
    )
    send_email = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Put the customer's e-mail on the invoice",
            "help": "QuickBooks is never asked to send it.",
        },
    )


REFERENCE = Reference(
    pattern=r"[1-9]\d{0,18}",
    help="Open the customer in QuickBooks: the number after nameId= in the address.",
    example="28",
    in_url=r"[?&]nameId=(\d+)",
)

LIMITS = (
    Limit("minute", requests=500, per=_MINUTE),
    Limit("second", requests=10, per=timedelta(seconds=1), concurrency=5),
    Limit("batches", requests=40, per=_MINUTE, calls=("batch.*",)),
    # Reads are metered apart: when their month is used up writes still go through.
    Limit("reads", calls=("*.read", "*.find")),
)

PROVIDER = Provider(
    slug="quickbooks",
    title="QuickBooks Online",
    kind=Kind.ACCOUNTING,
    urls=URLS,
    reference=REFERENCE,
    connect_methods=(
        ConnectMethod(
            "oauth",
            "Connect to QuickBooks",
            "Sign in at Intuit as an administrator and pick the company.",
            needs=("com.intuit.quickbooks.accounting",),
        ),
    ),
    capabilities=frozenset(Capability)
    - {Capability.COLLECT_PAYMENT_METHOD, Capability.COLLECT_INVOICE},
    app_settings=AppSettings,
    settings=Settings,
    limits=LIMITS,
    # How long Intuit keeps a requestid is not documented: after an hour the hub looks first.
    dedupe=Dedupe("key", timedelta(hours=1)),
    # Intuit ends a request after 120 seconds.
    settle_after=timedelta(seconds=130),
    marker="metadata",
    batch_size=BATCH,
    facts=Facts(
        currencies=frozenset(code for code, digits in money.EXPONENTS.items() if digits <= 2),
        max_lines=750,
    ),
    homepage="https://quickbooks.intuit.com",
    events=(
        "Customer: Update",
        "Customer: Merge",
        "Customer: Delete",
        "Invoice: Update",
        "Invoice: Void",
        "Invoice: Delete",
    ),
)
