"""The words and signs under which people see states; colour is never all that tells them apart."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """How a state is shown. `tone` is good, wait, bad, act or calm; `sign` one character."""

    text: str
    tone: str
    sign: str
    meaning: str = ""


GOOD, WAIT, BAD, ACT, CALM = "good", "wait", "bad", "act", "calm"

STATES = {
    "held": Word("Held", CALM, "❙❙", "Kept until a person pushes it"),
    "due": Word("Queued", WAIT, "○", "Waits for its turn; nothing of it is at the provider"),
    "pushing": Word("Sending", WAIT, "◐", "Being sent at this moment"),
    "uncertain": Word("Checking", ACT, "?", "It may have arrived; it is looked for first"),
    "delivered": Word("Delivered", GOOD, "✓", "The provider has it"),
    "blocked": Word("Needs you", ACT, "!", "Somebody has to do something; the reason says what"),
    "rejected": Word("Rejected", BAD, "✕", "The provider will not take it as it is"),
    "cancelled": Word("Cancelled", CALM, "–", "Given up by a person before anything existed"),
    "notLinked": Word("Not linked", CALM, "–", "The customer is not linked there"),
    "open": Word("Open", CALM, "○", "Not paid yet"),
    "paid": Word("Paid", GOOD, "✓"),
    "partially_paid": Word("Partly paid", WAIT, "◐"),
    "overdue": Word("Overdue", ACT, "!"),
    "payment_failed": Word("Payment failed", BAD, "✕"),
    "requires_action": Word("Customer must act", ACT, "!"),
    "void": Word("Void", CALM, "–"),
    "uncollectible": Word("Uncollectible", BAD, "✕"),
    "active": Word("Connected", GOOD, "✓"),
    "connected": Word("Connected", GOOD, "✓"),
    "paused": Word("Paused", ACT, "❙❙"),
    "disconnected": Word("Disconnected", CALM, "–"),
    "not_connected": Word("Not connected", CALM, "–"),
    "linked": Word("Linked", GOOD, "✓"),
    "pending": Word("On its way", WAIT, "○"),
    "conflict": Word("Conflict", BAD, "✕"),
    "admitted": Word("In use", GOOD, "✓"),
    "quarantined": Word("Quarantined", BAD, "✕"),
    "disabled": Word("Disabled", CALM, "–"),
    "invited": Word("Invited", WAIT, "○"),
    "listening": Word("On", GOOD, "✓", "It is told what happens"),
    "failing": Word("Failing", ACT, "!", "Nothing arrives there; it is tried again"),
    "waiting": Word("Waiting", WAIT, "○", "Is sent, or tried again, by itself"),
    "arrived": Word("Arrived", GOOD, "✓", "Your software has it"),
    "failed": Word("Given up", BAD, "✕", "It was tried for three days; send it again by hand"),
    "revoked": Word("Revoked", CALM, "–"),
}
"""Deliveries (docs/delivery.md), payment statuses, connections, links, plugins, people, keys,
endpoints and what they are sent."""


def word(state: str) -> Word:
    """How a state is shown; one without a word of its own by its name."""
    return STATES.get(state) or Word(state.replace("_", " ").capitalize(), CALM, "·")
