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
    connect_methods=(ConnectMethod("key", "API key", "Paste a key of your Acme account."),),
    capabilities=frozenset(
        {Capability.CREATE_CUSTOMER, Capability.CANCEL_INVOICE, Capability.CHECK_CONNECTION}
    ),
    settings=Settings,
    limits=(Limit("calls", requests=50, per=timedelta(seconds=1), concurrency=8),),
    dedupe=Dedupe("key", keeps=timedelta(hours=24)),
    settle_after=timedelta(seconds=60),
    marker="metadata",
    facts=Facts(max_lines=100, number_length=40),
)
