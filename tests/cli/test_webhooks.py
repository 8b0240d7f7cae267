"""Outgoing webhooks, managed from the command line."""


def test_an_endpoint_is_added_listed_tried_and_removed(cli):
    account = cli.ok("accounts", "create", "Shop")["id"]
    assert "There are no endpoints." in cli("webhooks", "list", account, "--env", "test").out
    url = "https://shop.example/hooks"
    one = (account, url, "--env", "test", "--event", "invoice.blocked")
    made = cli.ok("webhooks", "add", *one, "--description", "the shop")
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["eventTypes"], made["enabled"]) == (url, ["invoice.blocked"], True)
    assert [row["id"] for row in cli.ok("webhooks", "list", account, "--env", "test")] == [
        made["id"]
    ]
    assert cli.ok("webhooks", "list", account, "--env", "live") == []
    assert "is on its way" in cli("webhooks", "test", account, made["id"], "--env", "test").out
    shown = cli("webhooks", "list", account, "--env", "test").out
    assert "invoice.blocked" in shown
    assert "whsec_" not in shown
    assert cli("webhooks", "remove", account, made["id"], "--env", "test").code == 0
    again = cli("webhooks", "remove", account, made["id"], "--env", "test")
    assert (again.code, "There is no endpoint" in again.err) == (1, True)


def test_the_secret_is_told_to_be_kept(cli):
    account = cli.ok("accounts", "create", "Shop")["id"]
    done = cli("webhooks", "add", account, "http://shop.example/", "--env", "test")
    assert "whsec_" in done.out
    assert "not shown again" in done.err


def test_what_cannot_be_added_is_told(cli):
    account = cli.ok("accounts", "create", "Shop")["id"]
    refused = cli("webhooks", "add", account, "https://10.0.0.1/", "--env", "live")
    assert refused.code == 1
    assert "not on the public internet" in refused.err
    assert "There is no account 'x'" in cli("webhooks", "list", "x", "--env", "live").err
