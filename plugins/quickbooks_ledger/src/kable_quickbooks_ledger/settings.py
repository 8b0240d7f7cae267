"""The settings of a connection, as a person fills them in."""

from marshmallow import Schema, fields, validate

MAX_LINES = 750
"""QuickBooks takes so many lines on one invoice."""


def _chosen(label: str, about: str, *, per_customer: bool = False) -> fields.String:
    """An id that is picked from what stands in the company."""
    told = {"label": label, "help": about, "choices": True, "per_customer": per_customer}
    return fields.String(load_default="", validate=validate.Length(max=30), metadata=told)


def _map(label: str, key_label: str, about: str) -> fields.Dict:
    """Codes of the account, each with an id that is picked from what stands in the company."""
    return fields.Dict(
        keys=fields.String(validate=validate.Length(1, 100)),
        values=fields.String(validate=validate.Length(1, 30)),
        load_default=dict,
        metadata={"label": label, "key_label": key_label, "help": about, "choices": True},
    )


class Settings(Schema):
    """Every one has a default; outside the US the tax codes have to be chosen."""

    default_item = _chosen(
        "Default item", "Product or service for lines whose product code has no item of its own."
    )
    items = _map("Item", "Product code", "Items for your product codes.")
    tax_code = _chosen(
        "Tax code for taxed lines", "For lines without a tax code of yours. In the US it is TAX."
    )
    no_tax_code = _chosen(
        "Tax code for untaxed lines", "For lines without a tax code of yours. In the US it is NON."
    )
    tax_codes = _map(
        "Tax code", "Your tax code", "Outside the US, for the tax codes on your lines."
    )
    item_class = _chosen(
        "Class",
        "On each line or on the invoice, as the company tracks them.",
        per_customer=True,
    )
    department = _chosen("Location", "On each invoice.", per_customer=True)
    term = _chosen("Terms", "For invoices without a due date of their own.", per_customer=True)
    numbers = fields.String(
        load_default="company",
        validate=validate.OneOf(
            ["company", "own", "quickbooks"],
            ["As the company says", "Always yours", "Always QuickBooks' counter"],
        ),
        metadata={
            "label": "Invoice numbers",
            "help": "The company says so by its custom transaction numbers. Your number always "
            "stands in the memo.",
        },
    )
    many_lines = fields.String(
        load_default="refuse",
        validate=validate.OneOf(["refuse", "combine"], ["Refuse", "Put the last ones together"]),
        metadata={
            "label": f"More than {MAX_LINES} lines",
            "help": "Lines of the same item and tax are put together; every sum stays as it is.",
        },
    )
    send_email = fields.Boolean(
        load_default=True,
        metadata={"label": "Put the customer's e-mail on the invoice", "per_customer": True},
    )
    mail_invoice = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Let QuickBooks mail the invoice",
            "help": "Otherwise it is never asked to.",
            "per_customer": True,
        },
    )
