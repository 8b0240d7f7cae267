import pytest

from kable_hub.settings import Settings
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import open_hub


def caller(cli, secret):
    hub = open_hub(Settings.load(cli.environ()))
    try:
        return accounts.authenticate(hub, secret)
    finally:
        hub.close()


def test_an_account_is_made_listed_and_put_on_another_plan(cli):
    made = cli.ok("accounts", "create", "Lighthouse", "--plan", "free")
    assert made["plan"] == "free"
    assert cli.ok("accounts", "set-plan", made["id"], "paid")["plan"] == "paid"
    assert cli.ok("accounts", "list") == [{**made, "plan": "paid"}]


def test_an_account_is_held_to_its_hosts_and_let_go_again(cli):
    account = cli.account()
    hosts = ("Shop.example", "*.shop.example")
    held = cli.ok("accounts", "set-return-hosts", account, *hosts)
    assert held["returnHosts"] == ["shop.example", "*.shop.example"]
    assert "shop.example, *.shop.example" in cli("accounts", "set-plan", account, "paid").out
    refused = cli("accounts", "set-return-hosts", account, "https://shop.example")
    assert (refused.code, "returnHosts.0" in refused.err) == (1, True)
    assert cli.ok("accounts", "set-return-hosts", account)["returnHosts"] == []


def test_people_get_words_and_a_table(cli):
    account = cli.account()
    assert f"id           {account}\n" in cli("accounts", "set-plan", account, "paid").out
    shown = cli("accounts", "list").out
    assert account in shown
    assert "Shop" in shown
    assert "There are no keys." in cli("accounts", "keys", "list", account).out


def test_a_name_is_shown_as_it_is_and_not_as_markup(cli):
    cli.ok("accounts", "create", "[bold]Shop[/bold]")
    assert "[bold]Shop[/bold]" in cli("accounts", "list").out


def test_a_fresh_key_opens_the_account_and_its_environment(cli):
    account = cli.account()
    made = cli.ok("accounts", "keys", "create", account, "--env", "live", "--label", "till")
    found = caller(cli, made["secret"])
    assert (found.scope.account_id, found.scope.environment) == (account, "live")
    listed = cli.ok("accounts", "keys", "list", account)
    assert [(one["id"], one["label"], one["environment"]) for one in listed] == [
        (made["id"], "till", "live")
    ]
    assert "secret" not in listed[0]


def test_a_key_is_shown_once_to_people_with_a_warning_beside_it(cli):
    done = cli("keys", "create-operator")
    key = next(line.split()[1] for line in done.out.splitlines() if line.startswith("key"))
    assert caller(cli, key).is_operator
    assert "not shown again" in done.err
    assert key not in cli("keys", "list").out


def test_a_revoked_key_opens_nothing(cli):
    account = cli.account()
    mine = cli.ok("accounts", "keys", "create", account, "--env", "test")
    operators = cli.ok("keys", "create-operator")
    assert cli("accounts", "keys", "revoke", account, mine["id"]).code == 0
    assert cli("keys", "revoke", operators["id"]).code == 0
    for one in (mine, operators):
        with pytest.raises(accounts.Unauthorized):
            caller(cli, one["secret"])
    assert cli.ok("keys", "list")[0]["revokedAt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["accounts", "create", " "], "Error: name: This must not be empty."),
        (["accounts", "set-plan", "acc_none", "paid"], "Error: There is no account 'acc_none'."),
        (["accounts", "keys", "list", "acc_none"], "Error: There is no account 'acc_none'."),
        (["keys", "revoke", "key_none"], "Error: There is no API key 'key_none'."),
    ],
)
def test_a_refusal_is_one_line_and_status_1(cli, words, said):
    done = cli(*words)
    assert (done.code, done.out, done.err) == (1, "", f"{said}\n")


def test_another_accounts_key_is_not_there(cli):
    mine, theirs = cli.account(), cli.account()
    key = cli.ok("accounts", "keys", "create", mine, "--env", "test")["id"]
    assert cli("accounts", "keys", "revoke", theirs, key).code == 1


def test_an_account_is_renamed(cli):
    account = cli.account()
    assert cli.ok("accounts", "rename", account, "Lighthouse")["name"] == "Lighthouse"
    refused = cli("accounts", "rename", account, "")
    assert (refused.code, "name: This must not be empty." in refused.err) == (1, True)
    assert "There is no account 'x'" in cli("accounts", "rename", "x", "Y").err


def test_what_holds_where_nobody_says_is_shown_and_changed(cli):
    account = cli.account()
    one = ("accounts", "defaults", account, "--env", "test")
    assert cli.ok(*one) == {"autoPush": True, "createCustomersAt": []}
    assert cli.ok(*one, "--hold")["autoPush"] is False
    slug = "stripe"
    held = {"autoPush": False, "createCustomersAt": [slug]}
    assert cli.ok(*one, "--create-at", slug) == cli.ok(*one) == held
    shown = cli(*one).out
    assert "are held until they are pushed" in shown
    assert slug in shown
    assert cli.ok(*one, "--create-at", "", "--send") == {"autoPush": True, "createCustomersAt": []}
    assert "createCustomersAt.0" in cli(*one, "--create-at", "nobody").err
    live = ("accounts", "defaults", account, "--env", "live")
    assert cli.ok(*live) == {"autoPush": True, "createCustomersAt": []}
