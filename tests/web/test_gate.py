"""Nothing under /api answers without a key, and every key does what it is for."""

import re

import flask
import pytest
from flask_smorest import Blueprint as SmorestBlueprint

from kable_hub.usecases import accounts
from kable_hub.web.app import create_app


def addresses(app):
    """Every method of every rule, with something in the place of each argument."""
    for rule in app.url_map.iter_rules():
        # One of several words stands for its first.
        path = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
        for argument in rule.arguments:
            for form in (f"<path:{argument}>", f"<{argument}>"):
                path = path.replace(form, "x")
        for method in sorted(rule.methods):
            yield method, path


def is_unauthorized(answer):
    if answer.request.method == "HEAD":
        return answer.status_code == 401
    return (
        answer.status_code == 401
        and answer.content_type == "application/problem+json"
        and answer.json["code"] == "unauthorized"
        and answer.json["requestId"] == answer.headers["X-Request-Id"]
        and answer.headers["WWW-Authenticate"] == "Bearer"
    )


def test_every_route_under_api_answers_401_without_a_key(web):
    client = web.app.test_client()
    walked = [(m, p) for m, p in addresses(web.app) if p.startswith("/api")]
    assert len(walked) > 60
    bad = [pair for pair in walked if not is_unauthorized(client.open(pair[1], method=pair[0]))]
    assert bad == []


@pytest.mark.parametrize(
    "make", [flask.Blueprint, SmorestBlueprint], ids=["flask", "flask-smorest"]
)
def test_a_route_that_somebody_else_adds_under_api_is_gated_too(web, make):
    app = create_app(web.hub)
    foreign = make("foreign", "foreign", url_prefix="/api/v1/foreign")
    foreign.add_url_rule("/open", "open", lambda: "secret")
    app.register_blueprint(foreign)
    client = app.test_client()
    assert is_unauthorized(client.get("/api/v1/foreign/open"))
    allowed = client.get("/api/v1/foreign/open", headers={"Authorization": f"Bearer {web.key}"})
    assert allowed.text == "secret"


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/nothing", "/api/v2", "/api//v1/x"])
def test_unknown_addresses_under_api_say_nothing_without_a_key(web, path):
    answer = web.app.test_client().get(path)
    assert answer.status_code in (308, 401)
    assert answer.status_code == 308 or is_unauthorized(answer)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic aHViOmh1Yg==", "Bearer nonsense", "Bearer \x7f", "hub_test_"],
)
def test_what_is_no_bearer_key_is_refused(web, header):
    answer = web.app.test_client().get("/api/v1/invoices", headers={"Authorization": header})
    assert is_unauthorized(answer)


def test_a_key_with_a_wrong_secret_is_refused(web):
    wrong = web.key[:-1] + ("A" if web.key[-1] != "A" else "B")
    assert web.get("/invoices", key=wrong).status_code == 401


def test_a_revoked_key_is_refused(web):
    made = web.made(f"/accounts/{web.account}/keys", {"environment": "test"}, key=web.operator)
    assert web.get("/connections", key=made["secret"]).status_code == 200
    gone = web.call("DELETE", f"/accounts/{web.account}/keys/{made['id']}", key=web.operator)
    assert gone.status_code == 204
    answer = web.get("/connections", key=made["secret"])
    assert (answer.status_code, answer.json["code"]) == (401, "key_revoked")


@pytest.mark.parametrize("path", ["/accounts", "/plugins"])
def test_operators_endpoints_refuse_an_accounts_key(web, path):
    answer = web.get(path)
    assert (answer.status_code, answer.json["code"]) == (403, "operator_key_required")


@pytest.mark.parametrize(
    "path", ["/customers", "/connections", "/invoices", "/deliveries", "/webhook-endpoints"]
)
def test_accounts_endpoints_refuse_an_operators_key(web, path):
    answer = web.get(path, key=web.operator)
    assert (answer.status_code, answer.json["code"]) == (403, "account_key_required")


def test_the_scheme_is_read_in_any_case(web):
    headers = {"Authorization": f"bearer {web.operator}"}
    assert web.app.test_client().get("/api/v1/accounts", headers=headers).status_code == 200


def test_the_description_of_the_api_is_behind_the_gate_as_well_as_on_the_docs_page(web):
    gated = web.get("/openapi.json")
    assert gated.json == web.app.test_client().get("/docs/openapi.json").json
    assert accounts.authenticate(web.hub, web.key).scope.account_id == web.account
