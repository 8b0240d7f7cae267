"""What a person may do with a delivery as it stands. Doing it checks again."""

from collections.abc import Sequence
from typing import Literal

from kable_hub.provider import Capability, Provider
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.usecases.charging import SETTLED
from kable_hub.usecases.deliveries import RETRYABLE

Offer = Literal["push", "retry", "cancel", "settle", "void", "collect"]


def offers(
    row: DeliveryRow, provider: Provider | None, after: Sequence[DeliveryRow]
) -> list[Offer]:
    """What makes sense for `row`. `after` are the later operations on its document (void,
    collect); `provider` is None where the plugin is away.
    """
    if row.state == "delivered":
        return _afterwards(row, provider, after) if row.kind == "push" else []
    found: list[Offer] = []
    if row.state == "held":
        found.append("push")
    if row.state in RETRYABLE or (row.state in ("due", "uncertain") and row.attempts):
        found.append("retry")
    if row.may_exist and row.state in ("uncertain", "blocked"):
        found.append("settle")
    if not row.may_exist and row.state in ("held", "due", *RETRYABLE):
        found.append("cancel")
    return found


def _afterwards(
    row: DeliveryRow, provider: Provider | None, after: Sequence[DeliveryRow]
) -> list[Offer]:
    open_ones = {one.kind for one in after if one.state not in ("delivered", "cancelled")}
    voided = any((one.kind, one.state) == ("void", "delivered") for one in after)
    if provider is None or voided or row.payment_status == "void":
        return []
    found: list[Offer] = []
    collects = provider.can(Capability.COLLECT_INVOICE) and row.payment_status not in SETTLED
    if collects and "collect" not in open_ones:
        found.append("collect")
    if provider.can(Capability.CANCEL_INVOICE) and "void" not in open_ones:
        found.append("void")
    return found
