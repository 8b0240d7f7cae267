"""From a plugin and its simulator to a connection, as the hub comes by it.

The plugin is called as the hub calls it, through the dispatcher, so a wrong type or a stray
exception of a plugin is a ContractViolation here too.
"""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, Self

from marshmallow import ValidationError

from kable_hub.connection import Connection
from kable_hub.dialogue import ConnectRequest, Credentials, Form, Grant, Redirect
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import (
    JSON,
    Environment,
)
from kable_hub.plugins import Registry
from kable_hub.provider import Capability
from kable_hub.settings import Settings
from kable_hub.testing import builders
from kable_hub.testing.browsing import Browser
from kable_hub.testing.builders import RecordingGuard
from kable_hub.testing.demands import demand
from kable_hub.testing.stage import ContractSimulator

TEST = Environment.TEST
CALLBACK = "http://127.0.0.1:9/connect/callback"
STATE = "state-of-this-dialogue"
SHORTEST_SECRET = 6
ROUNDS = 8


class Reception:
    """A plugin and its simulator, up to a connection. Use as a context manager."""

    def __init__(self, plugin: ModuleType, simulator: type[ContractSimulator]) -> None:
        registry = Registry.of(plugin)
        (report,) = registry.reports
        demand(report.state == "admitted", f"The hub does not admit the plugin: {report.reason}.")
        (self.provider,) = registry.providers()
        self.plugin = plugin
        self.gate = RecordingGuard()
        self.simulator = simulator()
        self.progress: dict[str, Mapping[str, JSON]] = {}
        self._hub = Dispatcher(registry)
        self._granted: dict[Environment, tuple[str, Credentials]] = {}
        self._memory = builders.fresh_memory()
        self._made = 0

    def __enter__(self) -> Self:
        self.simulator.start()
        self.simulator.seed_demo()
        self._settings = Settings.load(self.simulator.configuration())
        return self

    def __exit__(self, *exc: object) -> None:
        self.simulator.stop()

    def call(self, hook: str, **given: Any) -> Any:
        """One hook, called as the hub calls it."""
        return self._hub.call(self.provider.slug, hook, **given)

    def bare(self, hook: str, **given: Any) -> Any:
        """One hook of the plugin itself: what it raises is not mended by the hub first."""
        function = getattr(self.plugin, hook)
        return function(**{name: given[name] for name in inspect.signature(function).parameters})

    # --- connecting

    def app(self, environment: Environment) -> Mapping[str, str]:
        """What an operator of the simulator has set for one environment."""
        method = self.provider.connect_methods[0].name
        found = self._settings.app_settings(self.provider, environment, method)
        return {name: str(value) for name, value in found.values.items()}

    def request(self, environment: Environment = TEST, **given: Any) -> ConnectRequest:
        """A step of the connect dialogue."""
        known = [one for one in Environment if one in self.provider.urls]
        method = self.provider.connect_methods[0].name
        values: dict[str, Any] = {
            "environment": environment,
            "method": method,
            "callback_url": CALLBACK,
            "state": STATE,
            "app": {
                one: self._settings.app_settings(self.provider, one, method).values for one in known
            },
            "urls": {one: self._settings.urls(self.provider, one) for one in known},
            "now": builders.NOW,
            "guard": self.gate,
        }
        return ConnectRequest(**{**values, **given})

    def step(self, environment: Environment = TEST, **given: Any) -> Form | Redirect | Grant:
        """Take a step of the connect dialogue."""
        taken: Form | Redirect | Grant = self.call(
            "connect", request=self.request(environment, **given)
        )
        return taken

    def answer(self, step: Form | Redirect, environment: Environment = TEST) -> dict[str, Any]:
        """What a person brings to the next step: the form filled in, or a consent given."""
        if isinstance(step, Form):
            return {"form": loaded(step, self.simulator.demo_form(environment))}
        return {"query": Browser().consent(step.url, CALLBACK), "carry": step.carry}

    def grant(self, environment: Environment = TEST) -> Grant:
        """The whole dialogue."""
        step = self.step(environment)
        for _ in range(ROUNDS):
            if isinstance(step, Grant):
                return step
            demand(not (isinstance(step, Form) and step.error), f"It asked again: {step}")
            step = self.step(environment, **self.answer(step, environment))
        raise AssertionError("The dialogue came to no end.")

    def credentials(self, environment: Environment = TEST) -> Credentials:
        """The credentials of a connection, from one dialogue."""
        if environment not in self._granted:
            grant = self.grant(environment)
            for one, given in grant.environments.items():
                self._granted[one] = (grant.external_id, given)
        return self._granted[environment][1]

    def keep(self, credentials: Credentials, environment: Environment = TEST) -> None:
        """Use these credentials from now on."""
        self._granted[environment] = (self._granted[environment][0], credentials)

    def connection(self, environment: Environment = TEST, **settings: Any) -> Connection:
        """A connection with the settings that the hub would choose first, and these over them."""
        secrets = self.credentials(environment).secrets
        made = builders.connection(
            self.provider,
            environment=environment,
            credentials=secrets,
            app=self.app(environment),
            urls=self._settings.urls(self.provider, environment),
            external_id=self._granted[environment][0],
            guard=self.gate,
            memory=self._memory,
        )
        return replace(made, settings={**self._first_settings(made), **settings})

    def _first_settings(self, made: Connection) -> dict[str, Any]:
        chosen = dict(made.settings)
        if self.provider.settings and self.provider.can(Capability.SETTING_CHOICES):
            for name, one in self.provider.settings().fields.items():
                if one.metadata.get("choices") and not chosen.get(name):
                    answer = self.call("setting_choices", connection=made, field=name)
                    chosen[name] = answer.default or chosen.get(name)
        return {name: value for name, value in chosen.items() if value is not None}

    def secrets(self) -> list[str]:
        """Every secret that was handed to the plugin so far."""
        connection = self.connection()
        kept = connection.credentials.values()
        held = [one for one in kept if one != connection.external_id]
        for environment in self.provider.urls:
            app = self.app(environment)
            fields = self.provider.app_settings().fields if self.provider.app_settings else {}
            held += [
                app.get(name, "") for name, one in fields.items() if one.metadata.get("secret")
            ]
        return [one for one in held if len(one) >= SHORTEST_SECRET]


def loaded(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """Values of a form as the hub hands them on: taken by the form's own schema."""
    try:
        return dict(form.schema().load(dict(values)))
    except ValidationError as error:
        raise AssertionError(f"demo_form does not fit the form: {error.messages}") from error
