"""What the hub knows about Acme before it talks to it: facts, limits, settings."""

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
)


class Settings(Schema):
    """How invoices are made on one connection."""

    footer = fields.String(
        load_default="",
        validate=validate.Length(max=500),
        metadata={"label": "Footer", "help": "Stands below the lines of every invoice."},
    )


class AppSettings(Schema):
    """What the hub's operator sets once for each environment: the keys of an app at Acme."""

    client_id = fields.String(
        required=True, metadata={"label": "Client ID", "help": "At Acme under Developers, Apps."}
    )
    client_secret = fields.String(
        required=True, metadata={"label": "Client secret", "secret": True}
    )


PROVIDER = Provider(
    slug="acme",
    title="Acme",
    kind=Kind.PAYMENTS,
    homepage="https://acme.example",
    urls={one: {"api": "https://api.acme.example"} for one in Environment},
    reference=Reference(
        pattern=r"cu_[0-9a-z]{4,32}",
        in_url=r"/customers/(cu_[0-9a-z]+)",
        help="On the customer's page at Acme: the id below the name.",
        example="cu_0001",
    ),
    connect_methods=(ConnectMethod("oauth2", "Sign in", "Agree at Acme.", needs=("invoices",)),),
    app_settings=AppSettings,
    capabilities=frozenset(
        {
            Capability.CREATE_CUSTOMER,
            Capability.CANCEL_INVOICE,
            Capability.CHECK_CONNECTION,
            Capability.REFRESH,
        }
    ),
    settings=Settings,
    limits=(Limit("calls", requests=50, per=timedelta(seconds=1), concurrency=8),),
    dedupe=Dedupe("key", keeps=timedelta(hours=24)),
    settle_after=timedelta(seconds=60),
    marker="metadata",
    facts=Facts(max_lines=100, number_length=40),
)
