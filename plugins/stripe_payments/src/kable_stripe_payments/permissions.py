"""What a restricted key has to be allowed, in the words of Stripe's dashboard."""

from collections.abc import Mapping

PERMISSIONS: Mapping[str, str] = {
    "rak_accounts_kyc_basic_read": "Accounts: read",
    "rak_customer_read": "Customers: read",
    "rak_customer_write": "Customers: write",
    "rak_invoice_read": "Invoices: read",
    "rak_invoice_write": "Invoices: write",
    "rak_payment_method_read": "Payment Methods: read",
    "rak_setup_intent_read": "Setup Intents: read",
    "rak_checkout_session_read": "Checkout Sessions: read",
    "rak_checkout_session_write": "Checkout Sessions: write",
}
"""Stripe's own name of a permission, as its errors say it, to the dashboard's."""

NEEDS = (
    "Customers: write",
    "Invoices: write",
    "Checkout Sessions: write",
    "Accounts: read",
    "Payment Methods: read",
    "Setup Intents: read",
)
"""All that the hub's calls need; writing includes reading."""


def named(permission: str) -> str:
    """`Invoices: write (rak_invoice_write)`, or Stripe's name alone where it is a new one."""
    label = PERMISSIONS.get(permission, "")
    return f"{label} ({permission})" if label else permission
