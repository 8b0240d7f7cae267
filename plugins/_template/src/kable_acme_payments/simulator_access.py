"""Who is let in to the simulated Acme: whoever has a key of an environment."""

from typing import Any

from flask import Flask, g, request

from kable_acme_payments.declaration import PROVIDER
from kable_hub import Environment
from kable_hub.testing import Simulator


class Refusal(Exception):
    """Acme says no: HTTP status, code, message, field."""


class Access(Simulator):
    """The door. `keys` by environment."""

    def __init__(self, **options: Any) -> None:
        self.keys = {f"key_{one}_0001": one for one in Environment}
        super().__init__(**options)

    def routes(self, app: Flask) -> None:
        """Guard every view."""
        app.before_request(self._gate)

    def key(self, environment: Environment) -> str:
        """A key that opens the account in this environment."""
        return next(key for key, one in self.keys.items() if one is environment)

    def credentials(self, environment: Environment) -> dict[str, str]:
        """What the hub keeps of a connection in this environment."""
        return {"key": self.key(environment)}

    def app_settings(self, environment: Environment) -> dict[str, str]:  # noqa: ARG002
        """What the hub's operator has to set: nothing."""
        return {}

    def configuration(self) -> dict[str, str]:
        """The environment variables that point a hub at this simulator."""
        slug = PROVIDER.slug.upper()
        return {f"KABLE_{slug}_{one.upper()}_API_URL": self.url for one in Environment}

    def demo_form(self, environment: Environment) -> dict[str, str]:
        """What a person would fill into the connect form."""
        return {"api_key": self.key(environment)}

    def revoke_access(self, environment: Environment) -> None:
        """Take back every key of this environment."""
        self.keys = {key: one for key, one in self.keys.items() if one is not environment}

    def _gate(self) -> None:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            raise Refusal(401, "key_unknown", "There is no such key.")
        g.environment = self.keys[key]
