"""What a newcomer does, over the hub's API and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kable_hub.demo.asking import Api, DemoFailed
from kable_hub.demo.samples import Part, Sample
from kable_hub.demo.simulators import customers_of, form_of
from kable_hub.demo.stage import Stage
from kable_hub.domain import Environment, Kind, LinkedCustomer
from kable_hub.provider import Capability, Provider
from kable_hub.testing.browsing import Browser

ENVIRONMENT = Environment.TEST


@dataclass(frozen=True)
class Posted:
    """An invoice that was posted: the API's answer, and how its customer came to each provider.

    `parts` by slug; a provider that is absent is not connected.
    """

    body: Mapping[str, Any]
    parts: Mapping[str, Part]
    payer: str


@dataclass
class Newcomer:
    """One person with an account. `say` tells what is done."""

    stage: Stage
    say: Callable[[str], None]
    account: str = ""
    connected: list[Provider] = field(default_factory=list)
    _keys: dict[Environment, str] = field(default_factory=dict, repr=False)
    _free: dict[str, list[LinkedCustomer]] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        """The API under the key of the environment in which the demo plays."""
        return self._api(ENVIRONMENT)

    @property
    def key(self) -> str:
        """That key."""
        return self._keys[ENVIRONMENT]

    def _api(self, environment: Environment) -> Api:
        return Api(self.stage.url, self._keys[environment])

    def sign_up(self) -> None:
        """Make an account on the paid plan and a key for each environment."""
        operator = Api(self.stage.url, self.stage.operator_key)
        self.account = operator.post("/accounts", {"name": "Demo", "plan": "paid"})["id"]
        keys = f"/accounts/{self.account}/keys"
        for environment in Environment:
            asked = {"environment": environment.value, "label": "demo"}
            self._keys[environment] = operator.post(keys, asked)["secret"]
        self.say("made an account on the paid plan, with a live and a test key")

    def connect(self, provider: Provider) -> None:
        """Connect a provider as a person in a browser would. Raises DemoFailed."""
        # Live first: an access that reaches both environments can only be given there.
        for environment in (Environment.LIVE, ENVIRONMENT):
            if environment in provider.urls and not self._connection(provider, environment):
                self._give_access(provider, environment)
        connection = self._connection(provider, ENVIRONMENT)
        if connection is None:
            raise DemoFailed(f"{provider.title} was not connected.")
        self.connected.append(provider)
        simulator = self.stage.simulators[provider.slug]
        self._free[provider.slug] = customers_of(simulator, ENVIRONMENT)
        self.say(f"connected {provider.title}: {connection['title']}")

    def _connection(self, provider: Provider, environment: Environment) -> Any:
        found = self._api(environment).get("/connections")["items"]
        mine = [one for one in found if one["provider"] == provider.slug]
        return mine[0] if mine and mine[0]["state"] == "active" else None

    def _give_access(self, provider: Provider, environment: Environment) -> None:
        api, asked = self._api(environment), {"provider": provider.slug}
        started = api.post("/connections", asked)
        if started["form"]:
            form = form_of(self.stage.simulators[provider.slug], environment)
            api.post("/connections", {**asked, "form": form})
        else:
            Browser().approve(started["connectUrl"])

    def introduce(self, sample: Sample) -> dict[str, Part]:
        """Make a customer and its counterparts; the part it plays at each connected provider."""
        parts = {one.slug: Part.UNLINKED for one in self.connected}
        links: dict[str, str] = {}
        create: dict[str, str] = {}
        if sample.part != Part.UNLINKED:
            for provider in self.connected:
                part, reference = self._counterpart(provider, sample)
                parts[provider.slug] = part
                if reference:
                    links[f"{provider.slug}CustomerId"] = reference
                elif part == Part.CREATED:
                    create[provider.slug] = "true"
        self.api.post("/customers", {**sample.customer, **links}, **create)
        self.say(f"made {sample.customer['companyName']}, {_told(parts)}")
        return parts

    def _counterpart(self, provider: Provider, sample: Sample) -> tuple[Part, str]:
        # Who cannot pay carries a warning; in the ledger that makes no difference.
        wanted = sample.part == Part.WITHOUT_CARD and provider.kind == Kind.PAYMENTS
        part = Part.WITHOUT_CARD if wanted else Part.BY_ID
        for one in self._free[provider.slug] if sample.part != Part.CREATED else ():
            if one.currency in ("", sample.currency) and bool(one.warnings) == wanted:
                self._free[provider.slug].remove(one)
                return part, one.reference
        created = provider.can(Capability.CREATE_CUSTOMER)
        return (Part.CREATED, "") if created else (Part.UNLINKED, "")

    def post(self, sample: Sample, parts: Mapping[str, Part]) -> list[Posted]:
        """Post a customer's invoices; of several payments providers they name one each in turn."""
        payers = [
            one.slug
            for one in self.connected
            if one.kind == Kind.PAYMENTS and parts[one.slug] != Part.UNLINKED
        ]
        posted = []
        for place, invoice in enumerate(sample.invoices):
            payer = payers[place % len(payers)] if payers else ""
            named = {"paymentProvider": payer} if len(payers) > 1 else {}
            body = self.api.post("/invoices", {**invoice, **named})
            posted.append(Posted(body, parts, payer))
        return posted


def _told(parts: Mapping[str, Part]) -> str:
    return "; ".join(f"{slug}: {part.value}" for slug, part in parts.items())
