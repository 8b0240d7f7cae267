"""People in front of the dashboard of a site that has Acme plugged in."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kable_hub.usecases import accounts
from tests import stores
from tests.acme import Acme
from tests.stores import migrated
from tests.web.dashboard.books import Books
from tests.web.dashboard.people import People, Person, arrive, counted
from tests.web.site import Site, site


@pytest.fixture
def people(web: Site) -> People:
    """A member, a stranger, an operator and nobody, each with an own browser."""
    other = accounts.create_account(web.hub, "Other shop", "paid").id
    home = f"/a/{web.account}/test"
    return People(
        site=web,
        other_account=other,
        member=arrive(web, "member@shop.example", web.account, home),
        stranger=arrive(web, "stranger@other.example", other, f"/a/{other}/test"),
        operator=arrive(web, "operator@hub.example", None, home),
        nobody=Person(web.app.test_client(), home),
    )


@pytest.fixture
def member(people: People) -> Person:
    """A signed-in member of the site's account, in test."""
    return people.member


@pytest.fixture
def queries(web: Site) -> Callable[[], AbstractContextManager[list[str]]]:
    """`with queries() as said:` gathers the statements of the block."""
    return lambda: counted(web.hub)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def shop(tmp_path: Path, books: Books) -> Iterator[Site]:
    """Acme and Books, both set up in both environments."""
    url = stores.fresh_database_url("sqlite", tmp_path, prepare=migrated)
    more = {}
    for env in ("LIVE", "TEST"):
        prefix = f"KABLE_BOOKS_{env}"
        more |= {f"{prefix}_CLIENT_ID": "app", f"{prefix}_WEBHOOK_SECRET": "hook-secret"}
    with site(url, tmp_path, Acme(), books, **more) as one:
        yield one
    stores.drop_database(url)


@pytest.fixture
def person(shop: Site) -> Person:
    return arrive(shop, "member@shop.example", shop.account, f"/a/{shop.account}/test")
