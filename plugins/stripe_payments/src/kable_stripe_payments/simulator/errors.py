"""What the simulator answers where Stripe would refuse."""

from typing import Any


class ApiError(Exception):
    """A refusal in Stripe's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        parts = {"type": type, "code": code, "message": message, "param": param}
        self.body: dict[str, Any] = {"error": {name: text for name, text in parts.items() if text}}


def missing(kind: str, id: str, param: str, hint: str = "") -> ApiError:
    """No such object: 404 where the path names it, else 400."""
    status = 404 if param == "id" else 400
    message = f"No such {kind}: '{id}'{hint}"
    return ApiError(status, message, code="resource_missing", param=param)
