"""`python3 run.py`: what it tells, what it remembers, when it installs again."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

import run
from tests.packaging.helpers import ROOT

SCRIPT = ROOT / "run.py"


# --- what it tells ---------------------------------------------------------------------------


# --- what it remembers -----------------------------------------------------------------------


PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny-{name}"
version = "1"
optional-dependencies = {{ {extras} }}
[tool.hatch.build.targets.wheel]
packages = ["tiny_{name}"]
"""


def add_package(folder: Path, name: str, extras: str = "") -> None:
    (folder / f"tiny_{name}").mkdir(parents=True)
    (folder / f"tiny_{name}" / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, extras=extras))


@pytest.fixture
def project(tmp_path) -> run.Project:
    root = tmp_path / "checkout"
    add_package(root, "hub", 'test = ["pytest"]')
    add_package(root / "plugins" / "one", "one")
    add_package(root / "plugins" / "_template", "template")
    (root / "constraints.txt").write_text("hatchling==1.33.0\n")
    shutil.copy(SCRIPT, root)
    return run.Project(root)


@pytest.fixture
def finished(project) -> run.Project:
    """A checkout whose set-up for running the hub was finished."""
    venv.create(project.venv, symlinks=True, with_pip=False)
    (project.venv / "bin" / "pip").touch()
    run.write_stamp(project, run.wanted(project, ""))
    return project


def is_current(project: run.Project, extras: str = "") -> bool:
    return run.is_current(run.wanted(project, extras), run.installed(project))


def must_remake(project: run.Project) -> bool:
    return run.must_remake(project, run.wanted(project, ""))


def test_a_finished_set_up_is_current(finished):
    assert is_current(finished)
    assert not must_remake(finished)


def test_the_template_of_plugins_is_not_installed(project):
    assert run.wanted(project, "")["packages"] == [".", "plugins/one"]


@pytest.mark.parametrize(
    "name", ["constraints.txt", "pyproject.toml", "plugins/one/pyproject.toml"]
)
def test_a_changed_file_is_installed_again_into_the_same_environment(finished, name):
    with (finished.root / name).open("a") as file:
        file.write("\n")

    assert not is_current(finished)
    assert not must_remake(finished)


def test_a_new_plugin_is_installed(finished):
    add_package(finished.root / "plugins" / "two", "two")

    assert not is_current(finished)
    assert not must_remake(finished)


def test_a_plugin_that_has_gone_leaves_nothing_behind(finished):
    shutil.rmtree(finished.root / "plugins" / "one")

    assert not is_current(finished)
    assert must_remake(finished)


def test_the_test_set_serves_to_run_the_hub_but_not_the_other_way_round(finished):
    assert not is_current(finished, "test")
    run.write_stamp(finished, run.wanted(finished, "test"))

    assert is_current(finished, "test")
    assert is_current(finished, "")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"python": "3.1'])
def test_a_damaged_stamp_counts_for_nothing(finished, text):
    finished.stamp.write_text(text)

    assert not is_current(finished)
    assert not must_remake(finished)


def test_an_interrupted_set_up_starts_from_nothing(finished):
    finished.unfinished.touch()

    assert must_remake(finished)


def test_an_environment_of_another_python_is_remade(finished):
    for link in (finished.venv / "bin").glob("python*"):
        link.unlink()
    other = finished.venv / "bin" / "python"
    other.write_text("#!/bin/sh\necho 3.11.0\n")
    other.chmod(0o755)

    assert run.venv_python(finished) == "3.11.0"
    assert must_remake(finished)


@pytest.mark.parametrize("part", ["bin/python", "bin/pip"])
def test_an_environment_without_python_or_pip_is_remade(finished, part):
    (finished.venv / part).unlink()

    assert must_remake(finished)


def test_a_moved_checkout_is_set_up_anew(finished):
    moved = run.Project(finished.root.rename(finished.root.with_name("elsewhere")))

    assert not is_current(moved)
    assert must_remake(moved)


# --- installing ------------------------------------------------------------------------------


@pytest.fixture
def offline(project, monkeypatch) -> run.Project:
    """A checkout with an environment that finds pip and the build backend where they are here."""
    venv.create(project.venv, symlinks=True, with_pip=False)
    (project.venv / "bin" / "pip").touch()
    (place,) = project.venv.glob("lib/python*/site-packages")
    (place / "here.pth").write_text(str(Path(pytest.__file__).parents[1]))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return project


def imports(project: run.Project, name: str) -> bool:
    python = project.program("python")
    return subprocess.run([python, "-c", f"import {name}"], check=False).returncode == 0


def test_setting_up_installs_hub_and_plugins_and_a_second_start_does_nothing(offline, monkeypatch):
    run.ensure_installed(offline, "")

    assert imports(offline, "tiny_hub, tiny_one")
    assert not imports(offline, "tiny_template")
    assert is_current(offline)
    assert not offline.unfinished.exists()

    before = offline.stamp.stat()
    run.ensure_installed(offline, "")
    assert offline.stamp.stat() == before

    (offline.root / "pyproject.toml").write_text("[project]\nname = 'broken'")
    with pytest.raises(run.Failed, match="Installing failed"):
        run.ensure_installed(offline, "")
    assert not offline.stamp.exists()
    assert not offline.unfinished.exists()

    monkeypatch.setattr(run, "pip_install", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.ensure_installed(offline, "")
    assert must_remake(offline)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_extras_are_asked_for_only_where_a_package_has_them(project):
    hub, plugin = project.packages()

    assert run.target(hub, "test") == f"{hub}[test]"
    assert run.target(hub, "") == str(hub)
    assert run.target(plugin, "test") == str(plugin)


@pytest.fixture
def second(project) -> "Callable[[], subprocess.Popen[str]]":
    """Start another process that sets the same checkout up, and says so when it may."""
    code = (
        f"import run, pathlib; project = run.Project(pathlib.Path({str(project.root)!r}))\n"
        "with run.one_at_a_time(project): print('in')"
    )
    command = [sys.executable, "-c", code]
    return lambda: subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_second_set_up_waits_for_the_first(project, second):
    with run.one_at_a_time(project):
        other = second()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1)

    assert other.communicate(timeout=60) == ("in\n", None)


def test_a_pip_that_outlives_a_killed_set_up_still_holds_the_next_one_off(project, second):
    with run.one_at_a_time(project):
        orphan = subprocess.Popen(["sleep", "60"], close_fds=False)
    other = second()
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(timeout=1)
    orphan.kill()
    orphan.wait()

    assert other.communicate(timeout=60) == ("in\n", None)


def test_what_it_makes_is_ignored_by_git():
    made = [".venv/x", "__pycache__/run.pyc", ".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x"]
    command = ["git", "check-ignore", *made]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")

    assert done.stdout.split() == made


# --- testing ---------------------------------------------------------------------------------


RECORDER = """#!/bin/sh
case "$*" in *--collect-only*) echo "$PYTHONDONTWRITEBYTECODE" > "{log}.aside"; exit 0;; esac
echo "$@" >> "{log}"
echo "$HUB_TESTS_STEPS" > "{steps}"
case "$*" in *mypy*) exit 1;; esac
"""


@pytest.fixture
def recorded(finished, tmp_path, monkeypatch) -> Path:
    """The words of every program that the checkout's Python is asked to run; mypy fails."""
    log = tmp_path / "log"
    run.write_stamp(finished, run.wanted(finished, "test"))
    python = finished.venv / "bin" / "python"
    python.unlink()
    python.write_text(RECORDER.format(log=log, steps=tmp_path / "steps"))
    python.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return log


def test_a_failed_check_fails_the_run_but_not_before_the_tests_ran(recorded, finished, tmp_path):
    assert run.test(finished, []) == 1

    words = recorded.read_text().splitlines()
    assert [line.split()[1] for line in words] == ["ruff", "ruff", "mypy", "pytest"]
    steps = json.loads((tmp_path / "steps").read_text())
    assert [(step["name"], step["ok"]) for step in steps][-2:] == [
        ("ruff format", True),
        ("mypy", False),
    ]


def test_tests_are_compiled_and_kept_while_the_other_checks_run(recorded, finished, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    run.test(finished, [])

    assert recorded.with_suffix(".aside").read_text() == "\n"


def test_further_words_go_to_pytest_and_fast_leaves_the_slow_areas_out(recorded, finished):
    run.test(finished, ["--fast", "-k", "money"])

    words = recorded.read_text().splitlines()[-1].split()
    assert words[-2:] == ["-k", "money"]
    assert "--ignore=tests/packaging" in words
    assert "-n" not in words
    assert "--fast" not in words


@pytest.mark.parametrize(("cores", "workers"), [(2, 3), (3, 4), (64, 4)])
def test_the_whole_suite_runs_on_a_worker_more_than_there_are_cores(
    recorded, finished, monkeypatch, cores, workers
):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    run.test(finished, [])

    assert f"-n {workers}" in recorded.read_text().splitlines()[-1]


def test_one_core_runs_the_whole_suite_without_workers(recorded, finished, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    run.test(finished, [])

    assert "-n" not in recorded.read_text().splitlines()[-1].split()


def test_an_empty_run_fails(finished, monkeypatch):
    python = finished.venv / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 5\n")
    python.chmod(0o755)

    assert run.run_tests(finished, [], dict(os.environ)) == 5


def test_benchmarks_are_listed_and_an_unknown_one_is_an_error(finished, capsys):
    (finished.root / "bench").mkdir()
    (finished.root / "bench" / "backlog.py").touch()

    assert run.bench(finished, []) == 0
    assert "  backlog" in capsys.readouterr().out
    assert run.bench(finished, ["bakclog"]) == 2


def test_a_campaign_is_chosen_by_name_and_other_words_go_to_the_slow_tests(finished):
    folder = finished.root / "tests" / "campaigns"
    folder.mkdir(parents=True)
    (folder / "kill.py").write_text('if __name__ == "__main__":\n    main()\n')
    for beside in ("__init__.py", "judge.py", "test_judge.py"):
        (folder / beside).touch()

    def chosen(*arguments: str) -> list[str]:
        return run.campaign_command(finished, list(arguments))[1:]

    assert chosen("kill", "--kills", "5") == ["-m", "tests.campaigns.kill", "--kills", "5"]
    assert chosen() == ["-m", "pytest", "-m", "slow"]
    assert chosen("judge") == ["-m", "pytest", "-m", "slow", "judge"]
    assert run.campaigns(finished) == ["kill"]


def test_a_python_without_venv_is_told_what_to_install(project, monkeypatch):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(run.Failed, match=r"lacks venv and ensurepip.*\n.*apt install python3-venv"):
        run.make_venv(project)
