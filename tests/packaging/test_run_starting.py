"""`python3 run.py` before it does anything: which Python it needs, and what it tells."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import run
from tests.packaging.helpers import ROOT

SCRIPT = ROOT / "run.py"


def launch(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_an_old_python_is_told_which_one_is_needed(version):
    told = run.refusal(version)

    assert "needs Python 3.11 or newer" in told
    assert f"this is Python {version[0]}.{version[1]}." in told


@pytest.mark.parametrize("version", [(3, 11), (3, 13), (4, 0)])
def test_a_new_python_is_not_refused(version):
    assert run.refusal(version) == ""


def test_an_old_python_ends_with_the_sentence_and_no_traceback():
    pretend = (
        "import runpy, sys; sys.version_info = (3, 10, 4);"
        f"sys.modules['tomllib'] = None; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = launch("-c", pretend)

    assert done.returncode == 1
    assert done.stderr.startswith("Kable Hub needs Python 3.11 or newer, and this is Python 3.10.")
    assert "Traceback" not in done.stderr


def test_the_file_parses_on_an_old_python():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


def test_it_needs_nothing_that_is_not_in_the_standard_library():
    imports = list(ast.walk(ast.parse(SCRIPT.read_text())))
    names = {a.name for n in imports if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in imports if isinstance(n, ast.ImportFrom) and n.module}

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_without_a_command_it_prints_the_help_and_installs_nothing(arguments, tmp_path):
    done = launch(str(SCRIPT), *arguments, cwd=tmp_path)

    assert done.returncode == 0
    assert "usage: python3 run.py COMMAND" in done.stdout
    for command in run.COMMANDS:
        assert f"\n  {command} " in done.stdout


def test_an_unknown_command_is_an_error_with_the_help(capsys):
    assert run.main(["dmeo"]) == 2
    assert "no command 'dmeo'" in capsys.readouterr().out
