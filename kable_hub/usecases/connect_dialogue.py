"""One connect dialogue with a provider's plugin, and what of it is kept between two steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kable_hub.dialogue import Form, Grant, Redirect
from kable_hub.store import connect_attempts, connections
from kable_hub.store.connect_attempts import AttemptRow
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Conflict, FieldError, Invalid, provider_problems
from kable_hub.usecases.forms import load
from kable_hub.usecases.grants import Asked, in_use
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_named
from kable_hub.usecases.tickets import LIFETIME_MS, digest, fresh_secret

Step = Form | Redirect | Grant


@dataclass(frozen=True)
class Dialogue:
    """A dialogue at one moment. `url` and `carry` are what the last Redirect left."""

    hub: Hub
    asked: Asked
    state: str = field(repr=False)
    url: str = field(default="", repr=False)
    carry: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def resumed(cls, hub: Hub, attempt: AttemptRow, state: str) -> "Dialogue":
        """The dialogue that was kept. Raises NotFound where the plugin is gone."""
        kept = hub.vault.open(attempt.id, attempt.carry)
        provider = provider_named(hub, attempt.provider)
        asked = Asked(
            attempt.scope, provider, attempt.method, kept["by_person"], kept.get("renews")
        )
        return cls(hub, asked, state, kept["url"], kept["carry"])

    def first_step(self) -> Step:
        """What the plugin asks for at the beginning. Raises the provider's problems."""
        return self.step()

    def step(
        self, query: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> Step:
        """One step of the plugin. Raises the provider's problems."""
        slug, asked = self.asked.provider.slug, self.asked
        with provider_problems():
            return self.hub.asking.ask_connect(
                asked.provider,
                environment=asked.scope.environment,
                method=asked.method,
                callback_url=callback_url(self.hub, slug),
                state=self.state,
                query=query,
                form=form,
                carry=self.carry,
                external_id=self._expected(),
            )

    def sealed(self, attempt_id: str, step: Form | Redirect) -> str:
        """What the next step needs, encrypted for the attempt."""
        url, carry = (step.url, dict(step.carry)) if isinstance(step, Redirect) else ("", {})
        asked = {"by_person": self.asked.by_person, "renews": self.asked.renews}
        kept = {"url": url, "carry": carry, **asked}
        return self.hub.vault.seal(attempt_id, kept)

    def _expected(self) -> str:
        scope, slug, renews = self.asked.scope, self.asked.provider.slug, self.asked.renews
        with self.hub.database.read():
            if renews is not None:
                meant = connections.by_reconnect_link(slug, renews) if renews else None
                return meant.external_id if meant else ""
            row = connections.by_provider(scope, slug)
            return row.external_id if row and in_use(scope, row.id) else ""


def callback_url(hub: Hub, slug: str) -> str:
    """Where a provider sends the browser back to: what an operator registers there."""
    return f"{hub.settings.public_url}/connect/{slug}/callback"


def configured(hub: Hub, scope: Scope, slug: str, method: str, by_person: bool) -> Asked:
    """A provider and a way to connect it. Raises NotFound, Invalid, Conflict
    (`not_configured`, with the missing variables in the extras).
    """
    provider = provider_named(hub, slug)
    methods = [one.name for one in provider.connect_methods]
    method = method or methods[0]
    if method not in methods:
        said = f"{method[:80]!r} is none of {', '.join(methods)}."
        raise Invalid(FieldError("method", "unknown_value", said))
    app = hub.settings.app_settings(provider, scope.environment, method)
    if not app.configured:
        missing = list(app.missing)
        told = [f"set {', '.join(missing)}", *app.faults] if missing else list(app.faults)
        detail = f"{provider.title} is not configured for {scope.environment}: {'; '.join(told)}."
        raise Conflict("not_configured", detail, extras={"variables": missing})
    return Asked(scope, provider, method, by_person)


def begin(dialogue: Dialogue, step: Form | Redirect, return_to: str) -> str:
    """Keep the dialogue for a browser; answers the ticket that opens it, once."""
    ticket, now, attempt_id = fresh_secret(), dialogue.hub.now(), new_id("att")
    redirects = isinstance(step, Redirect)
    connect_attempts.add(
        AttemptRow(
            id=attempt_id,
            scope=dialogue.asked.scope,
            provider=dialogue.asked.provider.slug,
            method=dialogue.asked.method,
            ticket_digest=digest(ticket),
            state_digest=digest(dialogue.state) if redirects else None,
            browser_digest="",
            carry=dialogue.sealed(attempt_id, step),
            return_to=return_to,
            created_at=now,
            expires_at=now + LIFETIME_MS,
        )
    )
    return ticket


def refused_values(form: Form, values: Mapping[str, str]) -> list[FieldError]:
    """What the form's own schema says against the values."""
    return load(form.schema, values, "form")[1]
