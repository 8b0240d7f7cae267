"""What a plugin says of its provider before anything is called."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields

from kable_hub.testing.demands import demand, rule
from kable_hub.testing.rules.base import Rules

IMPORT_SECONDS = 0.3
TRIES = 4
LOADS = """
import socket, sys, time
from pathlib import Path
import kable_hub, kable_hub.transport, marshmallow
from kable_hub.plugins import in_folder

path, load = Path(sys.argv[1]), lambda: __import__(sys.argv[1])
if path.suffix == ".py":
    import kable_hub.testing  # its simulator stands in the same file
    (load,) = [one.load for one in in_folder(path.parent) if one.distribution == path.name]

def refuse(*given, **named):
    raise SystemExit("it opens a connection while it is imported")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
begun = time.process_time()
load()
print(time.process_time() - begun)
"""
SECRET = re.compile(r"(?:^|_)(?:secret|password|token|key)$")


class Declaring(Rules):
    """Declarations are data, and true."""

    @rule("bronze")
    def test_the_declaration_is_the_same_each_time(self) -> None:
        """`provider()` answers the same each time."""
        demand(self.plugin.provider() == self.plugin.provider(), "Two declarations differ.")

    @rule("bronze")
    def test_addresses_are_encrypted(self) -> None:
        """Every declared base URL is https."""
        urls = [url for named in self.desk.provider.urls.values() for url in named.values()]
        plain = [url for url in urls if not url.startswith("https://")]
        demand(not plain, f"These addresses are not https: {', '.join(plain)}.")

    @rule("bronze")
    def test_secret_settings_are_marked(self) -> None:
        """What an operator sets and is a secret carries `metadata={"secret": True}`."""
        schema = self.desk.provider.app_settings
        named = [name for name, one in _fields(schema) if not one.metadata.get("secret")]
        open_ = [name for name in named if SECRET.search(name)]
        demand(not open_, f"Not marked as secret: {', '.join(open_)}.")

    @rule("silver")
    def test_the_example_of_a_reference_fits_its_pattern(self) -> None:
        """`Reference.example` is one, and text around it or another text is none."""
        reference = self.desk.provider.reference
        found = reference.extract(f" {reference.example}\n")
        demand(found == reference.example, f"{reference.example!r} is not taken as a reference.")
        demand(reference.extract("no reference!") is None, "Any text is taken as a reference.")

    @rule("silver")
    def test_importing_it_is_quick_and_opens_no_connection(self) -> None:
        """Importing the module takes less than 300 ms of CPU and makes no connection."""
        seconds = IMPORT_SECONDS
        for _ in range(TRIES):
            seconds = min(seconds, self._loading())
            if seconds < IMPORT_SECONDS:
                return
        demand(False, f"Importing it takes more than {IMPORT_SECONDS} s of CPU.")

    def _named(self) -> str:
        """The module's name, or its file where nothing but the hub's folder leads to it."""
        name = self.plugin.__name__
        if "." in name or any(one.find_spec(name, None) for one in sys.meta_path):
            return name
        return inspect.getfile(self.plugin)

    def _loading(self) -> float:
        done = subprocess.run(  # noqa: S603 (the plugin under test)
            [sys.executable, "-c", LOADS, self._named()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        demand(done.returncode == 0, f"Importing it alone failed: {done.stderr.strip()[-300:]}")
        return float(done.stdout.split()[-1])

    @rule("gold")
    def test_every_setting_says_what_it_is(self) -> None:
        """Each field of the settings and of what an operator sets has a label."""
        provider = self.desk.provider
        known = [*_fields(provider.settings), *_fields(provider.app_settings)]
        bare = [name for name, one in known if not one.metadata.get("label")]
        demand(not bare, f"These settings have no label: {', '.join(bare)}.")

    @rule("silver")
    def test_the_settings_of_a_fresh_connection_are_valid(self) -> None:
        """The declared defaults pass the declared schema, as they are stored."""
        schema = self.desk.provider.settings
        if schema is not None:
            faults = schema().validate(schema().dump(schema().load({})))
            demand(not faults, f"The defaults of the settings are refused: {faults}.")

    @rule("gold")
    def test_every_call_is_under_a_declared_limit(self) -> None:
        """Where limits are declared, each request's name is covered by one of them."""
        provider = self.desk.provider
        self.desk.send(self.desk.push())
        for one in self.desk.gate.calls if provider.limits else ():
            covered = any(
                limit.covers(one.name, environment)
                for limit in provider.limits
                for environment in provider.urls
            )
            demand(covered, f"No declared limit covers the call {one.name}.")


def _fields(schema: type[Schema] | None) -> Iterator[tuple[str, fields.Field[Any]]]:
    yield from (schema().fields.items() if schema else ())
