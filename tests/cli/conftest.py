"""`kable-hub` run inside the test's process, and as a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kable_hub.cli import main
from tests.cli.books import Books
from tests.forking import forked

PROGRAM = "from kable_hub.cli import main; main(prog_name='kable-hub')"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """A data folder of its own, and commands over it."""

    folder: Path

    def __call__(self, *words: str) -> Done:
        result = CliRunner().invoke(main, words, prog_name="kable-hub")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def ok(self, *words: str) -> Any:
        """The JSON of a command that has to succeed."""
        done = self(*words, "--json")
        assert done.code == 0, done
        return done.json

    def environ(self, **changes: str) -> dict[str, str]:
        return {**os.environ, "KABLE_DATA_DIR": str(self.folder), **changes}

    def start(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """A process of its own, forked from this one; the test has to end it."""
        return forked(words, self.environ(**changes))

    def program(self, *words: str, **changes: str) -> "subprocess.Popen[str]":
        """As `start`, but begun from nothing, as people begin it."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            env=self.environ(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def alone(self, *words: str, **changes: str) -> Done:
        """Begun from nothing, it ends by itself."""
        with self.program(*words, **changes) as process:
            out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)

    def account(self, plan: str = "paid") -> str:
        return str(self.ok("accounts", "create", "Shop", "--plan", plan)["id"])


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("KABLE_DATA_DIR", str(tmp_path / "data"))
    return Cli(tmp_path / "data")


@pytest.fixture
def books(cli, tmp_path):
    return Books(cli, tmp_path)
