"""Which plugins an operator lets in, and what becomes of those that hang, age or come as a file."""

import threading
from datetime import date

import pytest

from kable_hub import dispatch, hookspecs, plugins, tryout
from kable_hub.plugins import PluginCandidate, Registry, discover
from kable_hub.settings import Settings

NOTHING_SET = Settings.load({})
SINGLE = """
from kable_hub import *
from kable_hub import hookimpl


@hookimpl
def provider():
    return Provider(
        slug="solo",
        title="Solo",
        kind=Kind.PAYMENTS,
        urls={Environment.TEST: {"api": "https://api.solo.example"}},
        reference=Reference(pattern="[0-9]+", help="The number.", example="1"),
        connect_methods=(ConnectMethod("key", "Key"),),
    )


@hookimpl
def connect(request): ...


@hookimpl
def link_customer(connection): ...


@hookimpl
def plan_invoice(connection): ...


@hookimpl
def push_invoice(connection): ...


@hookimpl
def find_invoice(connection): ...
"""


def named(distribution, version="1.0.0", plugin=None):
    return PluginCandidate("acme", distribution, version, lambda: plugin)


@pytest.mark.parametrize(
    "entry", ["acme", "kable-acme", "Kable_Acme", "kable-acme==1.0.0", "kable_acme==1.0.0"]
)
def test_a_plugin_is_allowed_by_slug_distribution_or_exact_version(make_plugin, entry):
    settings = Settings.load({"KABLE_ALLOW_PLUGINS": f"bolt,{entry}"})
    (report,) = discover(settings, [named("kable-acme", plugin=make_plugin())]).reports
    assert report.state == "admitted", report.reason


def test_another_version_than_the_allowed_one_is_told_which_is_allowed():
    settings = Settings.load({"KABLE_ALLOW_PLUGINS": "kable-acme==1.0.0"})
    (report,) = discover(settings, [named("kable-acme", "1.0.1")]).reports
    assert report.state == "disabled"
    assert report.reason == "KABLE_ALLOW_PLUGINS allows kable-acme==1.0.0, and this is 1.0.1"


def test_a_plugin_is_switched_off_by_its_distribution():
    settings = Settings.load({"KABLE_DISABLE_PLUGINS": "kable-acme"})
    (report,) = discover(settings, [named("kable_acme")]).reports
    assert report.state == "disabled"


@pytest.mark.parametrize(
    "environ",
    [{"KABLE_DISABLE_PLUGINS": "acme-two"}, {"KABLE_ALLOW_PLUGINS": "acme-one==1.0.0"}],
)
def test_a_clash_of_names_is_ended_by_leaving_one_distribution_out(make_plugin, environ):
    plugin = make_plugin()
    found = [named("acme-one", plugin=plugin), named("acme-two", plugin=plugin)]
    registry = discover(Settings.load(environ), found)
    assert [one.state for one in registry.reports] == ["admitted", "disabled"]
    assert registry.provider("acme").title == "Acme"


def test_a_plugin_whose_loading_hangs_is_left_behind_and_the_next_goes_on(
    make_plugin, declare, monkeypatch
):
    monkeypatch.setattr(plugins, "PATIENCE", 0.05)
    held = threading.Event()
    hanging = PluginCandidate("acme", "kable-acme", "1", held.wait)
    sound = PluginCandidate(
        "bolt", "kable-bolt", "1", lambda: make_plugin(declared=declare(slug="bolt"))
    )
    stuck, other = discover(NOTHING_SET, [hanging, sound]).reports
    held.set()
    assert (stuck.state, other.state) == ("quarantined", "admitted")
    assert stuck.reason == "loading it did not end within 0.05 s"


def test_what_will_go_is_told_with_its_date_and_what_to_use(make_plugin, monkeypatch):
    ends = tryout.Deprecation(date(2026, 12, 1), date(2027, 12, 1), "push.key")
    monkeypatch.setattr(tryout, "DEPRECATED", {"link_customer.key": ends, "refresh": ends})
    (report,) = Registry.of(make_plugin()).reports
    assert report.state == "admitted"
    assert report.remarks == (
        "link_customer.key is deprecated since 2026-12-01 and goes on 2027-12-01: use push.key",
    )


def test_an_argument_that_a_later_hub_adds_leaves_an_earlier_plugin_working(
    make_plugin, monkeypatch
):
    """A hook grows: the plugin that was written before takes what it knows."""
    spec = hookspecs.push_invoice

    def push_invoice(connection, push, urgency):
        """As it may be one day."""

    for name in vars(spec):
        setattr(push_invoice, name, getattr(spec, name))
    monkeypatch.setattr(hookspecs, "push_invoice", push_invoice)
    monkeypatch.setattr(
        tryout, "SPECS", {**tryout.SPECS, "push_invoice": ("connection", "push", "urgency")}
    )
    monkeypatch.setattr(dispatch, "SPECS", tryout.SPECS)
    registry = Registry.of(make_plugin(push_invoice=lambda connection, push: (connection, push)))
    assert [one.state for one in registry.reports] == ["admitted"]
    caller = registry.manager.hook.push_invoice
    assert caller(connection=1, push=2, urgency=3) == (1, 2)


def test_a_file_in_the_operators_folder_is_a_plugin_and_a_broken_one_beside_it_is_told(tmp_path):
    (tmp_path / "solo.py").write_text(SINGLE)
    (tmp_path / "half.py").write_text("from kable_hub import (")
    (tmp_path / "_notes.py").write_text("raise SystemExit")
    registry = discover(Settings.load({"KABLE_PLUGINS_DIR": str(tmp_path)}))
    found = {one.name: one for one in registry.reports}
    assert registry.provider("solo").title == "Solo"
    assert (found["solo"].distribution, found["half"].state) == ("solo.py", "quarantined")
    assert "SyntaxError" in found["half"].reason
    assert "_notes" not in found


def test_a_file_that_takes_an_installed_providers_name_puts_both_out(tmp_path):
    (tmp_path / "stripe.py").write_text(SINGLE)
    registry = discover(Settings.load({"KABLE_PLUGINS_DIR": str(tmp_path)}))
    (one, other) = [one for one in registry.reports if one.name == "stripe"]
    assert {one.state, other.state} == {"quarantined"}
    assert "kable-stripe-payments and stripe.py" in one.reason
