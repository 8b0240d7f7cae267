"""A hub with its sync loop beside simulators, for the examples that are run."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import start_engine
from tests.docs.reading import Block
from tests.web.site import app_of

PATIENCE = 60


@dataclass
class Stage:
    """A hub, keys by the kind of caller, and what stands for a placeholder of the pages."""

    hub: Hub
    app: Flask
    account: str
    keys: Mapping[str, str]
    words: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: str = "", **said: Any) -> tuple[int, Any]:
        """One request to the API: status and body."""
        caller, headers = said.get("caller", "account"), dict(said.get("headers", {}))
        headers["Authorization"] = f"Bearer {self.keys[caller]}"
        sent = {"data": body, "content_type": "application/json"} if body else {}
        with self.app.test_client() as client:
            answer = client.open(path, method=method, headers=headers, **sent)
        place = answer.headers.get("Location", "")
        if found := re.search(r"/(\w+)s/(\w+)$", place):
            self.words[f"{{{found[1]}_id}}"] = found[2]
        return answer.status_code, answer.get_json(silent=True)

    def run(self, block: Block) -> tuple[int, Any]:
        """Send the request of a block, placeholders filled in."""
        text = block.text
        for word, meant in self.words.items():
            text = text.replace(word, meant)
        head, _, body = text.partition("\n\n")
        first, *lines = head.splitlines()
        method, path = first.split()
        headers = dict(line.split(": ", 1) for line in lines)
        caller = block.info or "account"
        return self.call(method, path, body.strip(), caller=caller, headers=headers)

    def run_until(self, block: Block, expected: Any) -> tuple[int, Any]:
        """As `run`; a GET again and again until it answers as expected or PATIENCE is over."""
        status, body = self.run(block)
        ends = time.monotonic() + PATIENCE
        while block.text.startswith("GET ") and not fits(expected, body):
            if time.monotonic() > ends:
                break
            time.sleep(0.1)
            status, body = self.run(block)
        return status, body


def fits(expected: Any, found: Any) -> bool:
    """Whether `found` has everything that stands in `expected`; lists item by item."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and fits(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        same = isinstance(found, list) and len(found) == len(expected)
        return same and all(fits(*pair) for pair in zip(expected, found, strict=True))
    return bool(expected == found)


@contextmanager
def stage(
    folder: Path, environ: Mapping[str, str], registry: Registry | None = None
) -> Iterator[Stage]:
    """Open it all, with an account on the paid plan."""
    with ExitStack() as closing:
        settings = Settings.load({"KABLE_DATA_DIR": str(folder), **environ})
        hub = open_hub(settings, registry=registry)
        closing.callback(hub.close)
        closing.callback(start_engine(hub).stop)
        account = accounts.create_account(hub, "Docs", "paid").id
        keys = {
            "account": accounts.create_api_key(hub, account, Environment.TEST).secret,
            "live": accounts.create_api_key(hub, account, Environment.LIVE).secret,
            "operator": accounts.create_operator_key(hub).secret,
        }
        yield Stage(hub, app_of(hub), account, keys)
