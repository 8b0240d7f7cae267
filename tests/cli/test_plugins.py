from datetime import date

import pytest

from kable_hub import API_VERSION, plugins, tryout
from tests.architecture.tree import entry_points
from tests.docs.reading import ROOT

MEADOW = (ROOT / "tests" / "docs" / "cookbook" / "meadow.py").read_text("utf-8")

MODULES = {
    "broken": "raise RuntimeError('no such thing')",
    "third": """
from kable_hub import *

def _no(*args): raise NotImplementedError

@hookimpl
def provider():
    return Provider(slug="third", title="Third Way", kind=Kind.ACCOUNTING,
        urls={Environment.TEST: {"api": "http://127.0.0.1:1"}},
        reference=Reference(".+", "any", "x"), connect_methods=(ConnectMethod("key", "Key"),))

@hookimpl
def connect(request): _no()
@hookimpl
def link_customer(connection, customer, reference): _no()
@hookimpl
def plan_invoice(connection, invoice, link): _no()
@hookimpl
def push_invoice(connection, push): _no()
@hookimpl
def find_invoice(connection, push): _no()
""",
}


@pytest.fixture
def site(tmp_path):
    """A folder with further plugins, as pip would have installed them."""
    folder = tmp_path / "site"
    for name, source in MODULES.items():
        info = folder / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[kable_hub.providers]\n{name} = {name}_plugin\n")
        (folder / f"{name}_plugin.py").write_text(source)
    return folder


def test_every_plugin_of_the_repository_is_admitted(cli):
    found = {one["name"]: one for one in cli.ok("plugins")}
    assert found.keys() >= entry_points().keys()
    assert {found[slug]["state"] for slug in entry_points()} == {"admitted"}


def test_what_is_still_to_be_set_is_named(cli, monkeypatch):
    slug = sorted(entry_points())[0]
    missing = {one["name"]: one for one in cli.ok("plugins")}[slug]["missing"]
    assert set(missing) == {"live", "test"}
    for name in missing["live"]:
        assert name in cli("plugins").out
        monkeypatch.setenv(name, "ca_something")
    left = {one["name"]: one for one in cli.ok("plugins")}[slug]["missing"]
    assert set(left) == {"test"}


def test_a_third_plugin_appears_and_a_broken_one_is_quarantined_with_its_reason(
    cli, site, monkeypatch
):
    monkeypatch.syspath_prepend(site)
    found = {one["name"]: one for one in cli.ok("plugins")}
    assert (found["third"]["state"], found["third"]["title"]) == ("admitted", "Third Way")
    assert (found["third"]["version"], found["third"]["missing"]) == ("1.2", {})
    assert found["broken"]["state"] == "quarantined"
    assert "no such thing" in found["broken"]["reason"]
    shown = cli("plugins").out
    assert "Third Way" in shown
    assert "RuntimeError: no such thing" in shown


def test_a_plugin_that_is_switched_off_says_by_what(cli, monkeypatch):
    slug = sorted(entry_points())[0]
    monkeypatch.setenv("KABLE_DISABLE_PLUGINS", slug)
    found = {one["name"]: one for one in cli.ok("plugins")}[slug]
    assert (found["state"], found["reason"]) == ("disabled", "KABLE_DISABLE_PLUGINS names it")


def test_package_version_and_what_will_go_are_told(cli, monkeypatch):
    ends = tryout.Deprecation(date(2026, 12, 1), date(2027, 12, 1), "remember")
    monkeypatch.setattr(tryout, "DEPRECATED", {"poll_changes.cursor": ends})
    said = "poll_changes.cursor is deprecated since 2026-12-01 and goes on 2027-12-01: use remember"
    found = {one["name"]: one for one in cli.ok("plugins")}
    assert found["quickbooks"]["remarks"] == [said]
    assert found["stripe"]["remarks"] == []
    shown = cli("plugins").out
    assert said in shown
    version = found["stripe"]["version"]
    assert f"kable-stripe-payments {version}" in shown


def test_what_is_wrong_with_each_file_is_listed_and_the_sound_ones_beside_it(
    cli, tmp_path, monkeypatch
):
    monkeypatch.setattr(plugins, "PATIENCE", 2.0)
    files = {
        "asleep": "import time\ntime.sleep(4)",
        "dies": "raise SystemExit('for good')",
        "meadow": MEADOW,
        "newer": MEADOW.replace('slug="meadow"', f'slug="newer", api_version={API_VERSION + 1}'),
        "older": MEADOW.replace('slug="meadow"', f'slug="older", api_version={API_VERSION - 1}'),
        "stripe": MEADOW.replace('slug="meadow"', 'slug="stripe"'),
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    found = cli.ok("plugins", "--plugins-dir", str(tmp_path))
    reasons = {one["distribution"]: one["reason"] for one in found}
    assert reasons.pop("meadow.py") == reasons.pop("kable-quickbooks-ledger") == ""
    clash = "several plugins are called 'stripe': kable-stripe-payments and stripe.py"
    spoken = f"of the plugin contract, this hub speaks {API_VERSION}: update the"
    assert reasons == {
        "asleep.py": "loading it did not end within 2 s",
        "dies.py": "loading it failed: SystemExit: for good",
        "kable-stripe-payments": clash,
        "newer.py": f"it speaks version {API_VERSION + 1} {spoken} hub",
        "older.py": f"it speaks version {API_VERSION - 1} {spoken} plugin",
        "stripe.py": clash,
    }


def test_leaving_one_of_two_out_admits_the_other(cli, tmp_path, monkeypatch):
    (tmp_path / "stripe.py").write_text(MEADOW.replace('slug="meadow"', 'slug="stripe"'))
    monkeypatch.setenv("KABLE_DISABLE_PLUGINS", "kable-stripe-payments")
    found = cli.ok("plugins", "--plugins-dir", str(tmp_path))
    states = {one["distribution"]: one["state"] for one in found if one["name"] == "stripe"}
    assert states == {"kable-stripe-payments": "disabled", "stripe.py": "admitted"}
