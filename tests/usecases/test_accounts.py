import re

import pytest

from kable_hub.domain import Environment
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, connections, invoicing
from kable_hub.usecases.errors import Invalid, NotFound, Unauthorized
from tests.usecases.house import House


def key(home: House, environment: Environment = Environment.TEST) -> accounts.NewKey:
    return accounts.create_api_key(home.hub, home.account, environment, "billing")


def test_a_key_proves_its_account_and_environment(home: House):
    for environment in Environment:
        new = key(home, environment)
        caller = accounts.authenticate(home.hub, new.secret)
        assert caller == accounts.Caller(new.key.id, Scope(home.account, environment), False)
        assert re.fullmatch(rf"hub_{environment}_[a-z0-9]{{8}}_[\w-]{{43}}", new.secret)


def test_an_operator_key_belongs_to_no_account(home: House):
    new = accounts.create_operator_key(home.hub, "ops")
    assert new.secret.startswith("hub_op_")
    assert accounts.authenticate(home.hub, new.secret).is_operator
    listed = accounts.list_api_keys(home.hub, None).items
    assert [one.id for one in listed] == [new.key.id]


def test_the_secret_is_neither_kept_nor_shown_in_a_repr(home: House):
    new = key(home)
    stored = accounts.list_api_keys(home.hub, home.account).items[0]
    random = new.secret[-43:]
    assert random not in repr(new)
    assert random not in repr(vars(stored))
    assert stored.digest not in repr(stored)


@pytest.mark.parametrize("spoil", [lambda one: one[:-1] + ("A" if one[-1] != "A" else "B")])
def test_a_wrong_secret_is_refused(home: House, spoil):
    with pytest.raises(Unauthorized):
        accounts.authenticate(home.hub, spoil(key(home).secret))


@pytest.mark.parametrize("presented", ["", "hub_test", "sk_live_1", "hub_test_" + "a" * 52, "é"])
def test_what_is_no_key_of_this_hub_is_refused(home: House, presented: str):
    with pytest.raises(Unauthorized) as refused:
        accounts.authenticate(home.hub, presented)
    assert refused.value.status == 401


def test_the_environment_in_the_key_cannot_be_exchanged(home: House):
    with pytest.raises(Unauthorized):
        accounts.authenticate(home.hub, key(home).secret.replace("hub_test", "hub_live"))


def test_a_revoked_key_is_refused_and_revoking_twice_is_revoking_once(home: House):
    new = key(home)
    first = accounts.revoke_api_key(home.hub, home.account, new.key.id)
    home.clock.advance(5)
    assert accounts.revoke_api_key(home.hub, home.account, new.key.id) == first
    with pytest.raises(Unauthorized) as refused:
        accounts.authenticate(home.hub, new.secret)
    assert refused.value.code == "key_revoked"


def test_a_key_of_another_account_cannot_be_revoked(home: House):
    new = key(home)
    for account in (home.other_account().account_id, None):
        with pytest.raises(NotFound):
            accounts.revoke_api_key(home.hub, account, new.key.id)
    assert accounts.authenticate(home.hub, new.secret)


def test_the_use_of_a_key_is_noted_once_a_minute(home: House):
    new, seen = key(home), []
    for seconds in (0, 59, 1):
        home.clock.advance(seconds)
        accounts.authenticate(home.hub, new.secret)
        seen.append(accounts.list_api_keys(home.hub, home.account).items[0].used_at)
    assert seen[0] == seen[1]
    assert seen[2] == seen[0] + 60_000


def test_faulty_accounts_and_plans_are_refused_by_field(home: House):
    with pytest.raises(Invalid) as refused:
        accounts.create_account(home.hub, " ", "gold")
    assert {(one.field, one.code) for one in refused.value.errors} == {
        ("name", "required"),
        ("plan", "unknown_value"),
    }
    with pytest.raises(Invalid):
        accounts.set_plan(home.hub, home.account, "gold")


def test_an_unknown_account_is_not_found(home: House):
    for ask in (
        lambda: accounts.get_account(home.hub, "acc_0"),
        lambda: accounts.set_plan(home.hub, "acc_0", "paid"),
        lambda: accounts.create_api_key(home.hub, "acc_0", Environment.TEST),
        lambda: accounts.list_api_keys(home.hub, "acc_0"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_accounts_are_listed_newest_first_page_by_page(home: House):
    home.clock.advance(1)
    accounts.create_account(home.hub, "Second")
    first = accounts.list_accounts(home.hub, limit=1)
    rest = accounts.list_accounts(home.hub, first.next_cursor, limit=1)
    assert {one.name for one in (*first.items, *rest.items)} == {"Shop", "Second"}
    assert rest.next_cursor == ""


def test_a_downgrade_pauses_every_connection_and_an_upgrade_lets_them_go_on(home: House):
    home.connect("acme")
    home.connect("books", home.live)
    connections.pause(home.hub, home.live, "books", "stock-taking")
    home.customer("c1", "acme")
    accounts.set_plan(home.hub, home.account, "free")
    assert home.connection("acme").state == "paused"
    assert set(home.connection("books", home.live).pauses) == {"plan", "operator"}
    view = home.invoice()
    assert [one.state for one in view.deliveries] == ["due"]
    home.slept("acme")
    accounts.set_plan(home.hub, home.account, "paid")
    assert home.connection("acme").state == "active"
    assert home.due_at("acme") == home.hub.now()
    assert set(home.connection("books", home.live).pauses) == {"operator"}
    assert invoicing.get_invoice(home.hub, home.scope, view.invoice.id).view == view
