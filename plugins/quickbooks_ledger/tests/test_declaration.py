"""What the hub is told, and that the hooks are the hub's hooks."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import kable_quickbooks_ledger as plugin
from kable_quickbooks_ledger.declaration import PROVIDER, AppSettings

from kable_hub import API_VERSION, Capability, Environment
from kable_hub.testing import builders

ROOT = Path(__file__).parents[1]


def hooks() -> set[str]:
    """The names of the functions that are marked as hooks."""
    return {name for name in dir(plugin) if hasattr(getattr(plugin, name), "kable_hub_impl")}


def test_the_declaration_speaks_this_hubs_version_and_is_the_same_each_time():
    assert plugin.provider() is plugin.provider() is PROVIDER
    assert PROVIDER.api_version == API_VERSION
    assert PROVIDER.slug == "quickbooks"


def test_every_declared_capability_has_its_hook_and_no_other_is_there():
    required = {"provider", "connect", "link_customer", "plan_invoice", "push_invoice"}
    declared = {one.value for one in PROVIDER.capabilities} - {Capability.CREATE_CUSTOMER}
    assert hooks() == declared | required | {"find_invoice", "work_event"}


def test_the_entry_points_name_plugin_and_simulator():
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points["kable_hub.providers"] == {"quickbooks": "kable_quickbooks_ledger"}
    for group in ("kable_hub.providers", "kable_hub.simulators"):
        (point,) = (one for one in entry_points(group=group) if one.name == "quickbooks")
        assert point.load()


def test_settings_have_working_defaults():
    settings = builders.default_settings(PROVIDER)
    assert settings["numbers"] == "company"
    assert settings["items"] == settings["tax_codes"] == {}


def test_the_secrets_of_the_app_are_marked():
    secret = {name for name, one in AppSettings().fields.items() if one.metadata.get("secret")}
    assert secret == {"client_secret", "verifier_token"}
    assert {name for name, one in AppSettings().fields.items() if one.required} == {
        "client_id",
        "client_secret",
    }


def test_live_and_test_have_hosts_of_their_own():
    live, test = PROVIDER.urls[Environment.LIVE], PROVIDER.urls[Environment.TEST]
    assert set(live) == set(test) == {"api", "authorize", "token", "revoke", "app"}
    assert live["api"] != test["api"]
    assert live["app"] != test["app"]
    assert all(url.startswith("https://") for url in (*live.values(), *test.values()))
