import base64
import dataclasses
import os
from pathlib import Path

import marshmallow
import pytest
from marshmallow import fields

from kable_hub import Environment
from kable_hub.settings import Settings, SettingsError

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OLD_KEY = base64.urlsafe_b64encode(b"o" * 32).decode()
LIVE, TEST = Environment.LIVE, Environment.TEST


class AcmeSettings(marshmallow.Schema):
    api_key = fields.String(required=True, metadata={"secret": True})
    client_id = fields.String(required=True, metadata={"methods": ["oauth"]})
    webhook_secret = fields.String(metadata={"methods": ["oauth"], "secret": True})
    client_secret = fields.String(required=True, metadata={"methods": ["oauth"], "secret": True})
    region = fields.String(load_default="eu", validate=marshmallow.validate.OneOf(["eu", "us"]))
    note = fields.String()


@pytest.fixture
def acme(declare):
    return declare(app_settings=AcmeSettings)


def faults_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return caught.value.faults


def test_an_empty_environment_gives_a_hub_that_starts_on_loopback_with_sqlite():
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.engine) == ("127.0.0.1", 8080, "embedded")
    assert settings.data_dir == Path("kable-data")
    assert settings.database_url == "sqlite:///kable-data/hub.db"
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.encryption_keys == ()
    assert (settings.lease_seconds, settings.slice_seconds, settings.sweep_seconds) == (15, 10, 0.5)
    assert (settings.drain_slots, settings.push_threads) == (32, 64)


def test_every_variable_reaches_its_field(tmp_path):
    settings = Settings.load(
        {
            "KABLE_DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://hub:pw@db/hub",
            "KABLE_PUBLIC_URL": "https://hub.example.com/",
            "KABLE_HOST": "0.0.0.0",
            "KABLE_PORT": "9000",
            "KABLE_TRUSTED_PROXIES": "2",
            "KABLE_ENCRYPTION_KEYS": f"{KEY}, {OLD_KEY},",
            "KABLE_ENGINE": "embedded",
            "KABLE_DISABLE_PLUGINS": "acme, bolt",
            "KABLE_ALLOW_PLUGINS": "cargo",
            "KABLE_LEASE_SECONDS": "20",
            "KABLE_SLICE_SECONDS": "5",
            "KABLE_SWEEP_SECONDS": "1.5",
            "KABLE_DRAIN_SLOTS": "4",
            "KABLE_PUSH_THREADS": "8",
            "KABLE_MAX_BODY_BYTES": "2048",
            "KABLE_PRIVATE_WEBHOOKS": "true",
            "KABLE_METRICS_TOKEN": "a-token-nobody-guesses",
            "KABLE_LOG_FORMAT": "json",
            "KABLE_LOG_LEVEL": "DEBUG",
            "KABLE_PLUGINS_DIR": str(tmp_path),
            "KABLE_TRACE_HOOKS": "true",
        }
    )
    assert dataclasses.asdict(settings) == {
        "data_dir": tmp_path,
        "database_url": "postgresql://hub:pw@db/hub",
        "public_url": "https://hub.example.com",
        "host": "0.0.0.0",
        "port": 9000,
        "trusted_proxies": 2,
        "encryption_keys": (KEY, OLD_KEY),
        "engine": "embedded",
        "disabled_plugins": frozenset({"acme", "bolt"}),
        "allowed_plugins": frozenset({"cargo"}),
        "lease_seconds": 20,
        "slice_seconds": 5,
        "sweep_seconds": 1.5,
        "drain_slots": 4,
        "push_threads": 8,
        "max_body_bytes": 2048,
        "private_webhooks": True,
        "metrics_token": "a-token-nobody-guesses",
        "log_format": "json",
        "log_level": "DEBUG",
        "plugins_dir": tmp_path,
        "trace_hooks": True,
        "operator_values": {},
    }


def test_the_process_environment_is_never_read(monkeypatch):
    monkeypatch.setitem(os.environ, "KABLE_PORT", "1234")
    monkeypatch.setitem(os.environ, "KABLE_ACME_LIVE_API_KEY", "from the process")
    assert Settings.load({}).port == 8080
    assert not Settings.load({}).operator_values


def test_an_empty_variable_counts_as_not_set(acme):
    settings = Settings.load({"KABLE_PORT": "", "KABLE_ACME_LIVE_API_KEY": ""})
    assert settings.port == 8080
    assert settings.app_settings(acme, LIVE).missing == ("KABLE_ACME_LIVE_API_KEY",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KABLE_PORT", "eighty"),
        ("KABLE_PORT", "70000"),
        ("KABLE_TRUSTED_PROXIES", "-1"),
        ("KABLE_ENGINE", "celery"),
        ("KABLE_ENGINE", "cluster"),
        ("DATABASE_URL", "mysql://db/hub"),
        ("DATABASE_URL", "postgresql://[half"),
        ("KABLE_PUBLIC_URL", "hub.example.com"),
        ("KABLE_PUBLIC_URL", "http://[half"),
        ("KABLE_ENCRYPTION_KEYS", "canary-key"),
        ("KABLE_ENCRYPTION_KEYS", KEY + ",canary-ü"),
        ("KABLE_LEASE_SECONDS", "nan"),
        ("KABLE_SLICE_SECONDS", "0.2"),
        ("KABLE_DRAIN_SLOTS", "0"),
        ("KABLE_LOG_LEVEL", "LOUD"),
        ("KABLE_SETTINGS_FILE", "no-such-file.toml"),
        ("KABLE_ACME_LIVE_API_URL", "api.example.com"),
    ],
)
def test_a_bad_value_is_a_fault_that_names_the_variable_and_hides_the_value(name, value):
    (fault,) = faults_of({name: value})
    assert fault.startswith(f"{name}: ")
    assert "canary" not in fault


def test_the_cluster_engine_needs_postgres_and_says_so():
    (fault,) = faults_of({"KABLE_ENGINE": "cluster"})
    assert fault == "KABLE_ENGINE: cluster needs PostgreSQL; set DATABASE_URL to postgresql://…"
    there = {"KABLE_ENGINE": "cluster", "DATABASE_URL": "postgresql://hub@db/hub"}
    assert Settings.load(there).engine == "cluster"


@pytest.mark.parametrize("missing", ["procrastinate", "psycopg", "psycopg_pool"])
def test_the_cluster_engine_names_the_extra_that_it_needs(monkeypatch, missing):
    monkeypatch.setattr(
        "kable_hub.settings.find_spec", lambda name: None if name == missing else object()
    )
    (fault,) = faults_of({"KABLE_ENGINE": "cluster", "DATABASE_URL": "postgresql://hub@db/hub"})
    assert fault.endswith("pip install 'kable-hub[cluster]'")


def test_all_faults_are_listed_at_once():
    faults = faults_of(
        {
            "KABLE_PORT": "x",
            "KABLE_ENGINE": "y",
            "KABLE_SETTINGS_FILE": "nowhere",
            "KABLE_ACME_TEST_API_URL": "z",
        }
    )
    assert [fault.split(":")[0] for fault in faults] == [
        "KABLE_PORT",
        "KABLE_ENGINE",
        "KABLE_SETTINGS_FILE",
        "KABLE_ACME_TEST_API_URL",
    ]


def test_no_secret_stands_in_the_repr(acme):
    settings = Settings.load(
        {
            "KABLE_ENCRYPTION_KEYS": KEY,
            "DATABASE_URL": "postgresql://hub:canary-pw@db/hub",
            "KABLE_ACME_LIVE_API_KEY": "canary-of-acme",
        }
    )
    shown = repr(settings) + repr(settings.app_settings(acme, LIVE))
    assert "canary" not in shown
    assert KEY not in shown


def test_app_settings_come_from_the_variables_of_provider_and_environment(acme):
    settings = Settings.load({"KABLE_ACME_LIVE_API_KEY": "live-key", "KABLE_ACME_LIVE_NOTE": "n"})
    live = settings.app_settings(acme, LIVE)
    assert live.values == {"api_key": "live-key", "note": "n", "region": "eu"}
    assert live.configured
    test = settings.app_settings(acme, TEST)
    assert test.missing == ("KABLE_ACME_TEST_API_KEY",)
    assert not test.configured


def test_fields_of_a_connect_method_are_needed_only_for_that_method(acme):
    settings = Settings.load({"KABLE_ACME_LIVE_API_KEY": "live-key"})
    assert settings.app_settings(acme, LIVE, "key").configured
    assert settings.app_settings(acme, LIVE, "oauth").missing == (
        "KABLE_ACME_LIVE_CLIENT_ID",
        "KABLE_ACME_LIVE_CLIENT_SECRET",
    )


def test_a_value_that_the_schema_refuses_makes_the_provider_unconfigured(acme):
    settings = Settings.load(
        {"KABLE_ACME_LIVE_API_KEY": "live-key", "KABLE_ACME_LIVE_REGION": "mars"}
    )
    found = settings.app_settings(acme, LIVE)
    assert found.faults == ("KABLE_ACME_LIVE_REGION: Must be one of: eu, us.",)
    assert not found.configured


def test_a_provider_without_app_settings_is_configured(declare):
    assert Settings.load({}).app_settings(declare(), LIVE).configured


def settings_file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return {"KABLE_SETTINGS_FILE": str(path)}


def test_the_settings_file_is_read_and_the_environment_wins(tmp_path, acme):
    environ = settings_file(
        tmp_path,
        '[acme.live]\napi_key = "from-file"\nnote = true\nregion = "us"\n'
        '[acme.test]\napi_url = "http://127.0.0.1:9"\nnote = 7\n',
    )
    settings = Settings.load({**environ, "KABLE_ACME_LIVE_REGION": "eu"})
    assert settings.app_settings(acme, LIVE).values == {
        "api_key": "from-file",
        "note": "true",
        "region": "eu",
    }
    assert settings.app_settings(acme, TEST).values["note"] == "7"
    assert settings.urls(acme, TEST) == {"api": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "canary',
        'api_key = "canary"',
        '[acme]\nlive = "canary"',
        '[acme.sandbox]\napi_key = "canary"',
        '[acme.live]\n"api key" = "canary"',
        '[acme.live]\napi_key = ["canary"]',
    ],
)
def test_a_malformed_settings_file_is_a_fault_that_hides_the_values(tmp_path, text):
    (fault,) = faults_of(settings_file(tmp_path, text))
    assert fault.startswith("KABLE_SETTINGS_FILE: ")
    assert "canary" not in fault


def test_base_urls_are_the_declared_ones_unless_overridden(declare):
    settings = Settings.load({"KABLE_ACME_TEST_API_URL": "http://127.0.0.1:5000/"})
    assert settings.urls(declare(), LIVE) == {"api": "https://api.example.com"}
    assert settings.urls(declare(), TEST) == {"api": "http://127.0.0.1:5000"}


def test_an_environment_without_declared_urls_has_none(declare):
    provider = declare(urls={TEST: {"api": "https://test.example.com"}})
    assert Settings.load({}).urls(provider, LIVE) == {}


def test_every_value_that_may_be_secret_is_known_to_the_redaction():
    settings = Settings.load(
        {
            "KABLE_ENCRYPTION_KEYS": f"{KEY},{OLD_KEY}",
            "DATABASE_URL": "postgresql://hub:p%40ssword@db/hub",
            "KABLE_ACME_LIVE_API_KEY": "live-key",
            "KABLE_ACME_LIVE_REGION": "eu",
            "KABLE_ACME_LIVE_API_URL": "https://api.example.com",
        }
    )
    assert settings.secrets() == {
        KEY,
        OLD_KEY,
        "p%40ssword",
        "p@ssword",
        "live-key",
    }


def test_a_short_value_is_not_redacted_for_it_would_blot_out_words():
    assert Settings.load({}).secrets() == frozenset()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("KABLE_DATABASE_URL", "DATABASE_URL"), ("KABLE_PROT", "KABLE_PORT"), ("KABLE_XYZ", "")],
)
def test_a_misspelt_variable_is_named_instead_of_ignored(name, meant):
    with pytest.raises(SettingsError) as refused:
        Settings.load({name: "1"})
    assert refused.value.faults[0].startswith(f"{name}: there is no such setting")
    assert meant in refused.value.faults[0]
