"""People in front of browsers: whoever is signed in, opening pages and sending forms."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kable_hub.store.users import UserRow
from kable_hub.usecases import signing_in, users
from kable_hub.usecases.hub import Hub
from tests.web.site import Site

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Person:
    """A browser. `home` is `/a/<account>/test`; paths without a slash in front begin there."""

    client: FlaskClient
    home: str
    user: UserRow | None = None

    def __post_init__(self) -> None:
        self.client.environ_base["HTTP_ACCEPT"] = "text/html"

    def at(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.home}/{path}"

    def get(self, path: str, *, htmx: bool = False, **options: Any) -> TestResponse:
        """Open a page, or a part of one as htmx does."""
        if htmx:
            headers = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{self.home}/x"}
            options["headers"] = {**headers, **options.get("headers", {})}
        return self.client.get(self.at(path), **options)

    def page(self, path: str) -> str:
        """The text of a page that has to be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status, answer.location)
        return answer.text

    def post(self, path: str, data: Any = None, *, token: str | None = None, **options: Any) -> Any:
        """Send a form with this browser's token."""
        given = self.token() if token is None else token
        sent = {"csrf_token": given, **(data or {})}
        return self.client.post(self.at(path), data=sent, **options)

    def done(self, path: str, data: Any = None, **options: Any) -> str:
        """Send a form that has to succeed; the text of the page it leads to."""
        answer = self.post(path, data, **options)
        assert answer.status_code == 303, (answer.status, answer.text)
        return self.page(answer.location)

    def token(self) -> str:
        page = self.client.get("/you", follow_redirects=True).text
        found = _TOKEN.search(page)
        assert found is not None, page
        return found[1]


@dataclass
class People:
    """Four at once: a member of the site's account, one of another's, an operator, and nobody."""

    site: Site
    other_account: str
    member: Person
    stranger: Person
    operator: Person
    nobody: Person


def arrive(site: Site, email: str, account: str | None, home: str) -> Person:
    """Add somebody and sign them in by a one-time link (a password would take hashing)."""
    user = users.add_user(site.hub, email, account)
    person = Person(site.app.test_client(), home, user)
    assert person.get(signing_in.link_for(site.hub, user, enters=True)).status_code == 303
    return person


@contextmanager
def counted(hub: Hub) -> Iterator[list[str]]:
    """The statements that reach the database in this block."""
    said: list[str] = []
    plain = hub.database.peewee.execute_sql

    def counting(sql: str, *args: Any, **options: Any) -> Any:
        said.append(sql)
        return plain(sql, *args, **options)

    hub.database.peewee.execute_sql = counting
    try:
        yield said
    finally:
        del hub.database.peewee.execute_sql
