"""What the hub is told about QuickBooks Online: addresses, limits, settings, facts."""

from datetime import timedelta

from marshmallow import Schema, fields

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
    money,
)
from kable_quickbooks_ledger.settings import MAX_LINES, Settings

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
        max_lines=MAX_LINES,
    ),
    lifts=(Lift("max_lines", setting="many_lines", value="combine"),),
    homepage="https://quickbooks.intuit.com",
    events=(
        "Customer: Update",
        "Customer: Merge",
        "Customer: Delete",
        "Invoice: Update",
        "Invoice: Void",
        "Invoice: Delete",
    ),
    unproven_status=401,
)
