"""`kable-hub new-provider`: from nothing to a provider whose tests are green."""

import ast
import os
import subprocess
import sys
import tomllib

import pytest

from kable_hub.cli import new_provider
from tests.architecture.tree import ROOT, entry_points

TEMPLATE = ROOT / "plugins" / "_template"
FILES = sorted(
    path
    for path in TEMPLATE.rglob("*")
    if path.is_file() and "cache" not in str(path.relative_to(TEMPLATE))
)
VARIANTS = [one for one in FILES if one.name.startswith("oauth2.")]
OWN = {"PROVIDER", "connect", "connect_methods", "capabilities", "of", "at"}
"""What a way in may have otherwise in the files that both have."""


@pytest.fixture
def made(cli, tmp_path):
    """Make a package; its folder."""

    def make(name, *words):
        done = cli("new-provider", name, "--into", str(tmp_path), *words)
        assert done.code == 0, done.err
        (folder,) = tmp_path.glob(f"kable-{name}-*")
        assert str(folder) in done.out
        return folder

    return make


def texts(folder):
    """Every file by its name, with its text."""
    return {
        file.relative_to(folder).as_posix(): file.read_text("utf-8")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.mark.parametrize("connect", ["key", "oauth2"])
def test_the_package_is_the_template_under_its_own_names(made, connect):
    found = texts(made("zeta", "--connect", connect))
    assert len(found) == len(FILES) - len(VARIANTS)
    assert not [name for name, text in found.items() if "acme" in (name + text).lower()]
    project = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["name"] == "kable-zeta-payments"
    assert project["entry-points"]["kable_hub.providers"] == {"zeta": "kable_zeta_payments"}
    assert "class ZetaSimulator(Access)" in found["src/kable_zeta_payments/simulator.py"]
    assert found["LICENSE"] == (ROOT / "LICENSE").read_text("utf-8")


def test_the_tests_of_a_new_provider_that_is_signed_in_to_are_green_at_once(made):
    """Those of one with a key are run from an installed hub, in tests/packaging."""
    folder = made("if", "--kind", "payments", "--connect", "oauth2")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "Kind.PAYMENTS" in "".join(texts(folder / "src").values())


def test_each_way_in_has_its_own_declaration_hooks_and_readme(made):
    found = texts(made("zeta", "--connect", "oauth2"))
    declared = found["src/kable_zeta_payments/declaration.py"]
    assert "Capability.REFRESH" in declared
    assert "app_settings=AppSettings" in declared
    assert "def refresh(" in found["src/kable_zeta_payments/__init__.py"]
    for name in ("TEST_CLIENT_ID", "LIVE_CLIENT_ID", "TEST_CLIENT_SECRET", "LIVE_CLIENT_SECRET"):
        assert f"KABLE_ZETA_{name}" in found["README.md"]
        assert f"KABLE_ZETA_{name}" in found[".github/workflows/tests.yml"]
    assert "paste" not in found["README.md"]


def test_a_way_in_that_is_not_there_is_refused_and_the_known_are_named(cli, tmp_path):
    done = cli("new-provider", "zeta", "--connect", "magic", "--into", str(tmp_path))
    assert done.code == 2
    assert "'key', 'oauth2'" in done.err
    assert list(tmp_path.iterdir()) == []


def test_every_variant_stands_beside_what_it_replaces():
    assert len(VARIANTS) >= 5
    assert all(one.with_name(one.name.removeprefix("oauth2.")) in FILES for one in VARIANTS)


@pytest.mark.parametrize("name", ["__init__", "client", "declaration"])
def test_what_is_not_of_the_way_in_is_the_same_in_both(name):
    (one,) = [variant for variant in VARIANTS if variant.name == f"oauth2.{name}.py"]
    ours, theirs = parts(one.with_name(f"{name}.py")), parts(one)
    assert len(ours) >= 5
    assert {name: text for name, text in ours.items() if name not in OWN}.items() <= theirs.items()


def parts(file):
    """The functions, classes, values and named arguments of a module by name, as written."""
    found = {}
    for one in ast.parse(file.read_text("utf-8")).body:
        targets = [target.id for target in getattr(one, "targets", [])]
        for name in [*targets, *([one.name] if hasattr(one, "name") else [])]:
            found[name] = ast.unparse(one)
        for argument in getattr(getattr(one, "value", None), "keywords", []):
            found[argument.arg] = ast.unparse(argument.value)
    return found


@pytest.mark.parametrize(
    "name", ["None", "", "1st", "two-words", "ünder", "../zeta", "a b", "Zeta"]
)
def test_a_name_that_cannot_be_a_slug_is_refused(cli, tmp_path, name):
    done = cli("new-provider", name, "--into", str(tmp_path))
    assert done.code == 2
    assert "lower-case letters and digits" in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_slug_of_an_installed_provider_is_refused_and_its_owner_named(cli, tmp_path):
    slug = next(iter(entry_points()))
    done = cli("new-provider", slug, "--into", str(tmp_path))
    assert done.code == 2
    assert f"{slug!r} is taken by the installed kable-{slug}-" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_what_stands_there_already_is_left_alone(cli, tmp_path, make):
    there = tmp_path / "kable-zeta-payments"
    getattr(there, make)()
    done = cli("new-provider", "zeta", "--into", str(tmp_path))
    assert done.code == 1
    assert f"{there} exists already." in done.err
    assert list(tmp_path.rglob("*")) == [there]


def test_a_folder_that_is_not_there_is_not_made(cli, tmp_path):
    done = cli("new-provider", "zeta", "--into", str(tmp_path / "none"))
    assert done.code == 2
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_is_left_where_writing_fails(cli, tmp_path, monkeypatch):
    broken, into = tmp_path / "template", tmp_path / "into"
    (broken / "src").mkdir(parents=True)
    into.mkdir()
    (broken / "a.py").write_text("one = 1\n")
    (broken / "src" / ("acme" * 50)).write_text("its new name is too long for a folder\n")
    monkeypatch.setattr(new_provider, "TEMPLATE", broken)
    done = cli("new-provider", "longer", "--into", str(into))
    assert done.code == 1
    assert "File name too long" in done.err
    assert list(into.iterdir()) == []


def test_what_a_run_of_the_templates_tests_left_there_is_not_copied(cli, tmp_path, monkeypatch):
    template, into = tmp_path / "template", tmp_path / "into"
    into.mkdir()
    for name in ("a.py", "__pycache__/a.pyc", ".pytest_cache/v"):
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_bytes(b"\xff" if "cache" in name else b"")
    monkeypatch.setattr(new_provider, "TEMPLATE", template)
    assert cli("new-provider", "zeta", "--into", str(into)).code == 0
    assert list(texts(into)) == ["kable-zeta-payments/a.py"]


@pytest.mark.parametrize(
    "file", [one for one in FILES if one.suffix == ".py"], ids=lambda f: f.name
)
def test_the_template_uses_its_slug_as_no_name_so_any_slug_fits(file):
    tree = ast.parse(file.read_text("utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg | ast.keyword)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert "acme" not in names
