"""What a change of an account's plan does to its connections."""

from kable_hub.usecases.hub import Hub


def change(hub: Hub, account_id: str, plan: str) -> None:
    """Write the plan and pause or resume every connection. Raises NotFound."""
    raise NotImplementedError
