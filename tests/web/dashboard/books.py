"""Books: a second provider of the site, whose settings are of every kind."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

from marshmallow import Schema, fields, validate

from kable_hub import Choice, ConnectMethod, Kind, ReconnectRequired, SettingChoices, hookimpl
from kable_hub.domain import Environment
from kable_hub.provider import Capability
from kable_hub.store.scope import Scope
from kable_hub.usecases import connections
from tests.acme import PROVIDER, Acme
from tests.web.dashboard.people import Person
from tests.web.site import Site

HTML = {"Accept": "text/html,*/*;q=0.8"}


def ids(**more):
    return fields.String(load_default="", validate=validate.Length(max=5), metadata=more)


class BooksSettings(Schema):
    item = ids(label="Default item", choices=True)
    codes = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=validate.Length(1, 5)),
        load_default=dict,
        metadata={"label": "Tax code", "key_label": "Your code", "choices": True},
    )
    numbers = fields.String(
        load_default="own", validate=validate.OneOf(["own", "theirs"], ["Yours", "Theirs"])
    )
    terms = fields.Integer(load_default=30, strict=True, metadata={"per_customer": True})
    mail = fields.Boolean(load_default=True, metadata={"label": "Mail it"})
    since = fields.Date(load_default=None, allow_none=True)
    caption = fields.String(load_default="Number")


BOOKS = replace(
    PROVIDER,
    slug="books",
    title="Books",
    kind=Kind.ACCOUNTING,
    settings=BooksSettings,
    capabilities=PROVIDER.capabilities | {Capability.SETTING_CHOICES},
    connect_methods=(ConnectMethod("oauth", "Connect", "Sign in there", ("books.write",)),),
    events=("doc.changed",),
)


class Books(Acme):
    """Acme as accounting; `closed` makes it refuse to say what there is to choose."""

    def __init__(self) -> None:
        super().__init__(BOOKS)
        self.closed = False

    @hookimpl
    def setting_choices(self, connection, field):
        if self.closed:
            raise ReconnectRequired("the access was ended")
        return SettingChoices((Choice("7", "Services"), Choice("8", "Goods & more")), "7")


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def connect(person: Person, place: str = "payments/acme", **query: str):
    """Press Connect and come back from the provider with `query`; the page it leads to."""
    begun = person.post(f"{place}/connect", {"method": "oauth"})
    opened = person.get(path_of(begun.location), headers=HTML)
    state = re.search(r"state=([^&]+)", opened.location)[1]
    words = "&".join(f"{name}={value}" for name, value in query.items())
    slug = place.rpartition("/")[2]
    back = person.get(f"/connect/{slug}/callback?state={state}&{words}", headers=HTML)
    told = person.get(path_of(back.location))
    return told.location, person.page(told.location)


def row(site: Site, slug: str = "acme", environment: Environment = Environment.TEST):
    return connections.get_connection(site.hub, Scope(site.account, environment), slug)
