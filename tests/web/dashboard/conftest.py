"""People in front of the dashboard of a site that has Acme plugged in."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from kable_hub.usecases import accounts
from tests.web.dashboard.people import People, Person, arrive, counted
from tests.web.site import Site


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
