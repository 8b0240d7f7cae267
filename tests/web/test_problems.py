"""Every error of every route has the one body."""

import logging

import pytest

from kable_hub.errors import RateLimited, Rejected
from kable_hub.usecases.errors import Conflict
from kable_hub.web import problems
from kable_hub.web.app import create_app
from tests.web.site import CANARY, site
from tests.web.test_gate import addresses

MEMBERS = {"type", "title", "status", "code", "requestId"}


def is_problem(answer, status=None):
    body = answer.json if answer.content_type == "application/problem+json" else {}
    return (
        set(body) >= MEMBERS
        and body["status"] == answer.status_code
        and status in (None, answer.status_code)
        and body["type"].endswith(f":{body['code']}")
        and body["requestId"] == answer.headers["X-Request-Id"]
        and all(set(one) == {"field", "code", "message"} for one in body.get("errors", ()))
    )


def test_a_wrong_method_is_a_problem_on_every_route_and_names_the_right_ones(web):
    client = web.app.test_client()
    for key in (web.key, web.operator):
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        for path in {path for _, path in addresses(web.app)}:
            answer = client.open(path, method="PROPFIND", headers=headers)
            assert is_problem(answer, 405), (path, answer.text)
            assert answer.headers["Allow"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_whatever_is_sent_to_any_route_is_answered_by_a_success_or_a_problem(web, body):
    client = web.app.test_client()
    pages = ("/docs", "/static", "/connect")
    for key in (web.key, web.operator):
        for method, path in addresses(web.app):
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            answer = client.open(path, method=method, headers=headers, data=body)
            if method in ("HEAD", "OPTIONS") or path.startswith(pages):
                continue
            good = answer.status_code < 400 or is_problem(answer)
            assert good, (method, path, answer.status_code, answer.text[:300])
            assert answer.status_code != 500, (method, path, answer.text)


def test_an_address_that_does_not_exist_is_a_problem(web):
    assert is_problem(web.get("/nothing/here"), 404)
    assert is_problem(web.app.test_client().get("/nothing"), 404)


def test_a_body_that_is_not_json_says_where(web):
    answer = web.post("/invoices", data=b'{"number": }', content_type="application/json")
    assert is_problem(answer, 400)
    assert answer.json["code"] == "invalid_json"
    assert "line 1, column 12" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": NaN}', "NaN is not a number"),
        (b'{"name": "a", "name": "b"}', "'name' stands twice"),
        (b'{"name": "a\\u0000"}', "NUL"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"name": "\\uDFFF"}', "surrogate"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
    ],
)
def test_json_that_cannot_be_kept_exactly_is_refused(web, body, said):
    answer = web.post("/accounts", data=body, content_type="application/json", key=web.operator)
    assert is_problem(answer, 400)
    assert said in answer.json["detail"]


def test_a_body_of_another_type_is_refused(web):
    answer = web.post("/invoices", data=b"a=b", content_type="application/x-www-form-urlencoded")
    assert is_problem(answer, 415)
    assert answer.json["code"] == "unsupported_media_type"


def test_a_body_over_the_limit_is_refused(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, KABLE_MAX_BODY_BYTES="2000") as web:
        answer = web.post("/customers", {"companyName": "x" * 3000})
        assert is_problem(answer, 413)
        hook = web.app.test_client().post("/webhooks/acme", data=b"x" * 3000)
        assert is_problem(hook, 413)


def test_every_fault_of_the_input_is_named_by_its_field(web):
    body = {"name": 5, "plan": "gold", "colour": "red"}
    answer = web.post("/accounts", body, key=web.operator)
    assert is_problem(answer, 422)
    found = {one["field"]: one["code"] for one in answer.json["errors"]}
    assert found == {"name": "invalid", "plan": "invalid", "colour": "unknown_field"}
    missing = web.post("/accounts", {}, key=web.operator).json["errors"]
    assert [(one["field"], one["code"]) for one in missing] == [("name", "required")]


def test_a_fault_deep_inside_is_named_by_its_path(web):
    body = {"lines": [{"description": "a"}, {"description": "b", "quantity": "two", "sum": 1}]}
    found = {one["field"] for one in web.post("/invoices", body).json["errors"]}
    assert found >= {"lines.1.quantity", "lines.1.sum", "customer", "issueDate"}


def test_unknown_parameters_of_the_query_are_refused_by_name(web):
    answer = web.get("/invoices?stat=due")
    assert is_problem(answer, 422)
    assert answer.json["errors"][0]["field"] == "stat"


@pytest.mark.parametrize("path", ["/invoices/a%00b", "/invoices?number=a%00b"])
def test_an_address_with_a_nul_is_refused(web, path):
    assert is_problem(web.get(path), 400)


def failing(web, error):
    app = create_app(web.hub)

    def fail():
        raise error

    app.add_url_rule("/api/v1/fail", view_func=fail)
    return app.test_client().get("/api/v1/fail", headers={"Authorization": f"Bearer {web.key}"})


def test_an_unexpected_failure_tells_the_caller_nothing_and_the_log_everything(web, caplog):
    with caplog.at_level(logging.ERROR):
        answer = failing(web, RuntimeError(f"cannot open {CANARY}"))
    assert is_problem(answer, 500)
    assert answer.json["code"] == "internal_error"
    assert "RuntimeError" not in answer.text
    assert CANARY not in answer.text
    assert answer.json["requestId"] in answer.headers["X-Request-Id"]


def test_an_error_of_a_provider_that_a_use_case_let_pass_is_a_problem(web):
    answer = failing(web, Rejected("no such customer", code="unknown_customer"))
    assert is_problem(answer, 422)
    assert answer.json["code"] == "unknown_customer"
    limited = failing(web, RateLimited("too fast"))
    assert is_problem(limited, 503)
    assert limited.headers["Retry-After"] == "30"


def test_further_members_of_a_problem_stand_beside_the_others(web):
    answer = failing(web, Conflict("preview_outdated", "Look again.", extras={"preview": [1]}))
    assert answer.json["preview"] == [1]


def test_a_secret_in_a_message_does_not_leave(web):
    answer = failing(web, Rejected(f"the provider did not like {CANARY}"))
    assert is_problem(answer, 422)
    assert CANARY not in answer.text


def test_messages_of_schemas_are_flattened_whatever_their_shape():
    said = {"json": {"a": {0: {"b": ["x", "y"]}}, "_schema": ["z"]}}
    found = [(one.field, one.message) for one in problems.invalid_fields(said).errors]
    assert found == [("a.0.b", "x"), ("a.0.b", "y"), ("", "z")]
