"""The hub's API as a newcomer calls it."""

from typing import Any

import requests

TIMEOUT = 60


class DemoFailed(Exception):
    """Something did not go as the demo expects; the text is for people."""


class Api:
    """Calls of /api/v1 with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **query: str) -> Any:
        """The answer's body. Raises DemoFailed."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Any, **query: str) -> Any:
        """The answer's body. Raises DemoFailed."""
        return self._call("POST", path, json=body, params=query)

    def _call(self, method: str, path: str, **said: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=TIMEOUT, **said)
        if answer.ok:
            return answer.json()
        try:
            problem = answer.json()
            reason = f"{problem['code']}: {problem.get('detail') or problem['title']}"
        except (ValueError, KeyError):
            reason = answer.text[:200]
        raise DemoFailed(f"{method} {path} answered {answer.status_code} ({reason})")
