import re
import subprocess
import sys

import pytest

from kable_hub import __version__
from kable_hub.cli import COMMANDS


def test_the_help_names_every_command_with_what_it_does(cli):
    done = cli("--help")
    assert done.code == 0
    for name, (_, _, about) in COMMANDS.items():
        assert re.search(rf"^  {name}\s+{re.escape(about)}$", done.out, re.MULTILINE), name


@pytest.mark.parametrize(
    "words",
    [
        *([name] for name in COMMANDS),
        *(["accounts", name] for name in ("create", "list", "set-plan", "keys")),
        *(["accounts", "keys", name] for name in ("create", "list", "revoke")),
        *(["keys", name] for name in ("create-operator", "list", "revoke")),
        *(["outbox", name] for name in ("list", "retry")),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(cli, words):
    done = cli(*words, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: kable-hub {' '.join(words)}")
    said = done.out.partition("\n\n")[2].strip()
    assert said[0].isupper()
    assert "." in said.partition("\n\n")[0]


def test_the_version_is_the_packages(cli):
    assert cli("--version").out == f"kable-hub, version {__version__}\n"


def test_the_package_can_be_run_as_a_module(cli):
    done = subprocess.run(
        [sys.executable, "-m", "kable_hub", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == cli("--version").out


@pytest.mark.parametrize(
    "words",
    [
        ["polish"],
        ["accounts", "create"],
        ["accounts", "set-plan", "acc_1", "golden"],
        ["accounts", "keys", "create", "acc_1"],
        ["accounts", "keys", "create", "acc_1", "--env", "stage"],
        ["outbox", "list", "--state", "lost"],
        ["outbox", "list", "--limit", "0"],
        ["serve", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_what_is_not_understood_ends_with_status_2_and_says_where_help_is(cli, words):
    done = cli(*words)
    assert done.code == 2
    assert "--help" in done.err
    assert "Error: " in done.err
