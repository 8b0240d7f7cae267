"""What a person does about a delivery that stopped: words, and the place where it is done.

A code that is known here has words of its own. Every other one, such as a plugin's, is answered
by what the delivery waits for; the provider's own message stands beside it as it is.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class Place(StrEnum):
    """Where something is mended."""

    CUSTOMER = "customer"
    CONNECTION = "connection"
    PROVIDER = "provider"
    INVOICE = "invoice"
    NOWHERE = ""


@dataclass(frozen=True)
class Fix:
    """What to do about it. `place` is where; CONNECTION is the provider's card in the dashboard,
    PROVIDER the provider's own site, NOWHERE means that it mends itself.

    `then_retry`: what is done there does not send it by itself; somebody has to say retry.
    `retry_helps`: False where the same answer comes again as long as nothing else changes.
    """

    text: str
    place: Place
    then_retry: bool = False
    retry_helps: bool = True


_RELINK = "Link the customer to somebody who stands at {provider}, or have it created there."
_SHORTER = (
    "{provider} does not take it so. Send it as several invoices or in another form, or enter it "
    "there by hand."
)

_CODES = {
    "requires_payment_method": Fix(
        "Ask the customer for a card: the customer's page makes a link to send. It goes out by "
        "itself as soon as there is one.",
        Place.CUSTOMER,
    ),
    "missing_email": Fix("Give the customer an e-mail address, then retry.", Place.CUSTOMER, True),
    "currency_mismatch": Fix(
        "Link a customer at {provider} that is kept in the invoice's currency.", Place.CUSTOMER
    ),
    "not_linked": Fix("Link the customer at {provider}.", Place.CUSTOMER),
    "link_pending": Fix(
        "Nothing yet: the customer is being created at {provider}. If that failed, its page says "
        "why.",
        Place.CUSTOMER,
    ),
    "customer_gone": Fix(_RELINK, Place.CUSTOMER),
    "inactive_customer": Fix(_RELINK, Place.CUSTOMER),
    "unknown_customer": Fix(_RELINK, Place.CUSTOMER),
    "several_customers": Fix(
        "Several at {provider} fit. Choose the right one for the customer.", Place.CUSTOMER
    ),
    "duplicate_name": Fix(
        "The name is taken at {provider}. Link the customer to who has it, or use another name.",
        Place.CUSTOMER,
    ),
    "not_connected": Fix("Connect {provider} again.", Place.CONNECTION),
    "reconnect_required": Fix("Connect {provider} again.", Place.CONNECTION),
    "disconnected": Fix(
        "{provider} was disconnected. Connect it again and it goes on.", Place.CONNECTION
    ),
    "credentials_expired": Fix(
        "Nothing yet: access is renewed. If it stays, connect {provider} again.", Place.CONNECTION
    ),
    "not_configured": Fix(
        "Whoever runs the hub has to finish setting {provider} up.", Place.CONNECTION, True
    ),
    "permission_missing": Fix(
        "Let the hub do this at {provider}: connect again and grant it.", Place.CONNECTION
    ),
    "missing_setting": Fix("Fill in the setting that the message names.", Place.CONNECTION),
    "document_conflict": Fix(
        "Look at {provider} whether the document stands there, then say so here: it is there, or "
        "it is not.",
        Place.INVOICE,
    ),
    "document_number_taken": Fix(
        "Another document at {provider} has this number. Change one of the two, then retry.",
        Place.PROVIDER,
        True,
    ),
    "total_mismatch": Fix(
        "{provider} would make another total of it. Make the taxes there and on the invoice "
        "agree, then retry.",
        Place.CONNECTION,
        True,
    ),
    "unsupported": Fix(_SHORTER, Place.INVOICE, retry_helps=False),
    "rejected": Fix("Change what the message names, then retry.", Place.INVOICE, True),
    "not_delivered": Fix("There is no document to do this with.", Place.INVOICE, retry_helps=False),
    "contract_violation": Fix(
        "The plugin of {provider} made a mistake. Update it or tell its author, then retry.",
        Place.CONNECTION,
        True,
    ),
    "currency_differs": Fix(
        "The document at {provider} is in another currency. Have a look at it there.",
        Place.PROVIDER,
    ),
}

_CAUSES = {
    "customer": Fix("The customer has to act, or its data at {provider} has to.", Place.CUSTOMER),
    "link": Fix("Mend the customer's link to {provider}.", Place.CUSTOMER),
    "settings": Fix("Mend the settings of {provider}, or the customer's own.", Place.CONNECTION),
    "provider": Fix("Mend what the message names at {provider}, then retry.", Place.PROVIDER, True),
}

_STATES = {
    "uncertain": Fix(
        "Nothing yet: the hub looks for it at {provider} before it sends anything. If you know, "
        "say so.",
        Place.INVOICE,
    ),
    "due": Fix("Nothing: it is tried again by itself.", Place.NOWHERE),
    "rejected": _CODES["rejected"],
    "blocked": _CAUSES["provider"],
}


def fix_for(state: str, code: str, blocked_on: str, provider: str) -> Fix | None:
    """What to do about a delivery in this state, or None where there is nothing to mend.

    `provider` is its title, `blocked_on` what wakes it (may be empty).
    """
    found = _found(state, code, blocked_on)
    return replace(found, text=found.text.replace("{provider}", provider)) if found else None


def _found(state: str, code: str, blocked_on: str) -> Fix | None:
    if state == "delivered":
        return _CODES.get(code)
    if state == "uncertain":
        return _STATES[state]
    if state in ("blocked", "rejected"):
        return _CODES.get(code) or _CAUSES.get(blocked_on) or _STATES[state]
    return _STATES["due"] if state == "due" and code else None
