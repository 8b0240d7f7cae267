"""What a provider can do, in the words of somebody who uses it."""

from kable_hub.provider import Capability, Provider

ALWAYS = "Take invoices, once each, and say whether one arrived"

WORDS = {
    Capability.CREATE_CUSTOMER: "Create customers there",
    Capability.SEARCH_CUSTOMERS: "Search the customers there",
    Capability.CANCEL_INVOICE: "Void an invoice",
    Capability.COLLECT_PAYMENT_METHOD: "Ask a customer for a way to pay, by a link",
    Capability.COLLECT_INVOICE: "Ask once more for a payment",
    Capability.RECEIVE_WEBHOOK: "Tell at once of payments and changes",
    Capability.POLL_CHANGES: "Be asked for changes again and again",
    Capability.PUSH_INVOICES: "Take many invoices at a time",
    Capability.FIND_INVOICES: "Look up many invoices at a time",
    Capability.SETTING_CHOICES: "Offer its own lists for the settings",
    Capability.CHECK_CONNECTION: "Be checked at any moment",
    Capability.REFRESH: "Renew the access by itself",
    Capability.DISCONNECT: "End the access when you disconnect",
}


def abilities(provider: Provider) -> list[str]:
    """What it can do, the daily things first."""
    return [ALWAYS, *(text for one, text in WORDS.items() if provider.can(one))]
