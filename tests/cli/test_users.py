"""People who sign in, managed from the command line."""


def test_somebody_is_added_with_a_link_listed_disabled_and_let_in_again(cli):
    account = cli.ok("accounts", "create", "Shop", "--plan", "paid")["id"]
    added = cli.ok("users", "add", "Ben@Shop.example", "--account", account)
    assert (added["email"], added["role"], added["accountId"]) == (
        "ben@shop.example",
        "member",
        account,
    )
    assert added["link"].startswith("http://127.0.0.1:8080/first/")
    again = cli.ok("users", "link", "ben@shop.example")
    assert again["link"] != added["link"]

    assert cli("users", "disable", added["id"]).out == "ben@shop.example is disabled.\n"
    assert cli.ok("users", "list")[0]["disabledAt"]
    refused = cli("users", "link", "ben@shop.example")
    assert refused.code == 1
    assert "enable them first" in refused.err
    assert cli("users", "disable", added["id"], "--undo").out == "ben@shop.example is enabled.\n"
    assert cli.ok("users", "list")[0]["disabledAt"] is None


def test_an_operator_has_no_account_and_the_table_shows_both(cli):
    assert "Nobody can sign in yet." in cli("users", "list").out
    done = cli("users", "add", "ann@hub.example")
    assert "role   operator\n" in done.out
    assert "within a day" in done.err
    assert "ann@hub.example" in cli("users", "list").out


def test_what_cannot_be_added_is_told(cli):
    cli("users", "add", "ann@hub.example")
    assert "signs in as ann@hub.example already" in cli("users", "add", "ann@hub.example").err
    assert "is not an e-mail address" in cli("users", "add", "nobody").err
    assert "There is no account 'x'" in cli("users", "add", "a@b.example", "--account", "x").err
    assert "There is no user 'x'" in cli("users", "disable", "x").err
