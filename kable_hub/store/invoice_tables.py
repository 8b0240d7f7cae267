"""What an account bills."""

import peewee as pw

from kable_hub.store.fields import CanonicalField, MomentField
from kable_hub.store.table_base import Scoped


class Invoice(Scoped):
    """An accepted invoice; `revision` makes every edit a compare-and-swap.

    The index in the order of a list holds what lists are filtered by, so that a filter which
    few invoices pass walks the index and not the table.
    """

    id = pw.TextField(primary_key=True)
    customer_id = pw.TextField()
    number = pw.TextField()
    currency = pw.TextField()
    issue_date = pw.DateField()
    due_date = pw.DateField(null=True)
    subtotal = pw.BigIntegerField()
    tax = pw.BigIntegerField()
    total = pw.BigIntegerField()
    memo = pw.TextField(default="")
    metadata = CanonicalField(default=dict)
    payment_provider = pw.TextField(default="")
    auto_push = pw.BooleanField(default=True)
    revision = pw.IntegerField(default=1)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        indexes = (
            (("account_id", "environment", "number"), True),
            (("account_id", "environment", "id", "issue_date", "customer_id", "number"), False),
            (("customer_id", "id"), False),
        )


class InvoiceLine(Scoped):
    """One line; quantity, unit price and tax rate are Decimals kept as text."""

    invoice_id = pw.TextField()
    position = pw.IntegerField()
    description = pw.TextField()
    quantity = pw.TextField()
    unit_price = pw.TextField()
    amount = pw.BigIntegerField()
    tax = pw.BigIntegerField(default=0)
    tax_rate = pw.TextField(default="")
    tax_code = pw.TextField(default="")
    product_code = pw.TextField(default="")
    service_date = pw.DateField(null=True)

    class Meta:
        primary_key = pw.CompositeKey("invoice_id", "position")
