"""What every answer carries, and how numbers go in and out."""

import re
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from kable_hub.web.exact import loads


def test_every_answer_has_a_request_id_and_a_sane_one_of_the_caller_is_kept(web):
    assert re.fullmatch(r"req_\w{26}", web.get("/invoices").headers["X-Request-Id"])
    kept = web.get("/invoices", headers={"X-Request-Id": "order-17:a.b_c"})
    assert kept.headers["X-Request-Id"] == "order-17:a.b_c"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "a;b"])
def test_a_request_id_that_could_do_harm_is_replaced(web, given):
    answer = web.get("/nothing", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/nothing", "/healthz", "/docs", "/connect"])
def test_every_answer_protects_the_browser(web, path):
    headers = web.app.test_client().get(path).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in headers


def test_numbers_of_a_request_are_exact():
    assert loads(b'{"a": 2.55, "b": 1e2, "c": 3}') == {"a": Decimal("2.55"), "b": 100, "c": 3}
    assert isinstance(loads("2.55"), Decimal)


def test_lists_are_paged_by_a_cursor(web):
    for number in range(5):
        web.made("/accounts", {"name": f"Shop {number}"}, key=web.operator)
    first = web.get("/accounts?limit=4", key=web.operator).json
    assert len(first["items"]) == 4
    assert first["nextCursor"]
    second = web.get(f"/accounts?limit=4&cursor={first['nextCursor']}", key=web.operator).json
    assert len(second["items"]) == 2
    assert second["nextCursor"] is None
    names = [one["name"] for one in first["items"] + second["items"]]
    assert names == ["Shop 4", "Shop 3", "Shop 2", "Shop 1", "Shop 0", "Shop"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=a'b"])
def test_a_wrong_page_is_refused(web, query):
    assert web.get(f"/accounts?{query}", key=web.operator).status_code == 422


def test_what_was_made_is_found_at_its_location(web):
    made = web.post("/accounts", {"name": "Shop 2"}, key=web.operator)
    assert made.status_code == 201
    path = made.headers["Location"].removeprefix("/api/v1")
    assert web.get(path, key=web.operator).json == made.json


def test_moments_are_told_in_utc(web):
    made = web.made("/accounts", {"name": "Shop 2"}, key=web.operator)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["createdAt"])


def test_probes_answer_without_a_key(web):
    client = web.app.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready", "reconnectSoon": 0, "longUncertain": 0}


def test_the_hub_is_not_ready_without_its_store(web, tmp_path):
    web.hub.database.close()
    web.hub.database.path.rename(tmp_path / "gone.db")
    web.hub.database.path.mkdir()
    with capture_logs() as lines:
        answer = web.app.test_client().get("/readyz")
    web.hub.database.path.rmdir()
    (tmp_path / "gone.db").rename(web.hub.database.path)
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert "hub.db" not in answer.text
    assert "unable to open database file" in lines[0]["reason"], "the log says why"


def test_the_hub_is_not_ready_before_its_migrations(web):
    with web.hub.database.write():
        web.hub.database.sql("DELETE FROM schema_migration")
    answer = web.app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
