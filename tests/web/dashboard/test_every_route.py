"""Every route of the URL map for every role: nothing of another account is shown or changed."""

import pytest
from werkzeug.routing import AnyConverter

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.usecases import accounts, users
from tests.web.dashboard.people import People
from tests.web.site import customer, invoice

ROLES = ("nobody", "stranger", "member", "operator")
MARK = "Zanzibar-7c41"
"""Stands in whatever the account owns, so that a page that shows any of it gives itself away."""

OPEN = {"signin.home", "signin.sign_in", "signin.sign_out", "signin.first"}
SELVES = {"signin.choose", "signin.make_account", "signin.you"}


@pytest.fixture
def owned(people: People) -> dict[str, str]:
    """What the account has, by the name of the argument that stands for it in a route."""
    web = people.site
    connection = web.connect()
    made = web.made("/customers", customer(companyName=MARK))
    reference = {"reference": web.acme.add_customer(name=MARK)}
    assert web.call("PUT", "/customers/c1/links/acme", reference).status_code in (200, 201)
    bill = web.made("/invoices", invoice(f"{MARK}-1"))
    key = accounts.create_api_key(web.hub, web.account, Environment.TEST, MARK).key
    url = f"https://{MARK}.example/hooks".lower()
    endpoint = web.made("/webhook-endpoints", {"url": url, "description": MARK})["id"]
    added = users.add_user(web.hub, f"{MARK}@shop.example", web.account)
    return {
        "account_id": web.account,
        "env": "test",
        "slug": "acme",
        "provider": "acme",
        "connection_id": connection["id"],
        "customer_id": made["id"],
        "client_id": "c1",
        "customer": "c1",
        "invoice_id": bill["id"],
        "delivery_id": bill["deliveries"][0]["id"],
        "key_id": key.id,
        "endpoint_id": endpoint,
        "message_id": web.made(f"/webhook-endpoints/{endpoint}/test")["id"],
        "user_id": added.id,
        "ticket": "unknown",
        "what": "cancel",
    }


def routes(people: People, owned: dict[str, str]):
    """Endpoint, method and address of every route of the dashboard."""
    adapter = people.site.app.url_map.bind("localhost")
    for rule in people.site.app.url_map.iter_rules():
        if rule.endpoint.startswith(("dashboard.", "signin.")):
            values = {name: owned.get(name, owned["invoice_id"]) for name in rule.arguments}
            for name, converter in rule._converters.items():
                if isinstance(converter, AnyConverter):
                    values[name] = min(converter.items)
            for method in sorted(rule.methods & {"GET", "POST"}):
                yield rule.endpoint, method, adapter.build(rule.endpoint, values)


def contents(people: People) -> dict[str, list[dict[str, object]]]:
    """Every row but those that say who signed in when."""
    with people.site.hub.database.read():
        return {
            one._meta.table_name: list(one.select().dicts())
            for one in t.TABLES
            if one not in (t.SignInTry, t.SignInTicket)
        }


def ask(people: People, role: str, method: str, path: str):
    person = getattr(people, role)
    return person.get(path) if method == "GET" else person.post(path)


@pytest.mark.parametrize("role", ["nobody", "stranger"])
def test_who_does_not_belong_to_an_account_sees_and_changes_nothing_of_it(people, owned, role):
    before, walked = contents(people), 0
    for endpoint, method, path in routes(people, owned):
        if endpoint in OPEN | SELVES:
            continue
        walked += 1
        answer = ask(people, role, method, path)
        if role == "nobody":
            assert answer.status_code == 303, path
            assert answer.location.startswith("/signin"), path
        else:
            assert answer.status_code == 404, (method, path)
        assert MARK.lower() not in answer.text.lower(), path
    assert walked > 10
    assert contents(people) == before


@pytest.mark.parametrize("role", ["member", "operator"])
def test_who_belongs_to_it_is_answered_at_every_address(people, owned, role):
    for endpoint, method, path in routes(people, owned):
        if endpoint in OPEN | SELVES or method == "POST":
            continue
        answer = ask(people, role, method, path)
        assert answer.status_code < 500, (path, answer.text)
        assert answer.status_code != 401, path


@pytest.mark.parametrize("role", ["stranger", "member", "operator"])
def test_a_form_without_the_browsers_token_changes_nothing(people, owned, role):
    before, person = contents(people), getattr(people, role)
    for _, method, path in routes(people, owned):
        if method == "POST":
            assert person.post(path, token="forged").status_code in (400, 404), path
    assert contents(people) == before


def test_another_accounts_things_are_not_there_under_ones_own_address(people, owned):
    """The ids of one account in the addresses of the other."""
    before, other = contents(people), people.other_account
    mixed = {**owned, "account_id": other}
    for endpoint, method, path in routes(people, mixed):
        if endpoint.startswith("dashboard."):
            answer = ask(people, "stranger", method, path)
            assert answer.status_code < 500, (method, path)
            assert MARK.lower() not in answer.text.lower(), (method, path)
    after = contents(people)
    mine = {name: _of(rows, people.site.account) for name, rows in before.items()}
    assert {name: _of(rows, people.site.account) for name, rows in after.items()} == mine


def _of(rows: list[dict[str, object]], account: str) -> list[dict[str, object]]:
    return [row for row in rows if account in (row.get("account_id"), row.get("id"))]


def test_only_operators_choose_among_accounts_and_make_them(people):
    assert "Other shop" in people.operator.page("/accounts")
    for one in (people.member, people.stranger):
        assert one.get("/accounts").status_code == 303
        assert one.post("/accounts", {"name": "Mine", "plan": "paid"}).status_code == 404
    assert people.nobody.get("/accounts").location.startswith("/signin")
    assert "Fresh" in people.operator.done("/accounts", {"name": "Fresh", "plan": "paid"})
    assert people.operator.post("/accounts", {"name": "", "plan": "paid"}).status_code == 422


def test_an_unknown_environment_or_account_is_404(people):
    for path in ("/a/acc_none/test/overview/", f"/a/{people.site.account}/prod/overview/"):
        assert people.operator.get(path).status_code == 404
