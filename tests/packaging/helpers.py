"""The repository's packages and files, as the packaging tests see them."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

import run

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = run.Project(ROOT).packages()


def declared(folder: Path) -> dict[str, Any]:
    """The project table of a package."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def repository_files() -> list[Path]:
    """All files that are tracked or would be; skips where there is no git checkout."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]
