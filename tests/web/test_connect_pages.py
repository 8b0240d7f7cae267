"""Connecting in a browser: cookie, form token, the way back, and what a stranger is told."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import Client

from kable_hub import Credentials, Grant, Redirect, hookimpl
from kable_hub.store import tables as t
from tests.acme import Acme
from tests.web.site import site


class TwoRounds(Acme):
    """Asks for a form first and goes to the provider then."""

    @hookimpl
    def connect(self, request):
        if request.method == "key" and request.form:
            return Redirect(f"https://acme.example/authorize?state={request.state}")
        if request.method == "key" and request.query:
            secrets = Credentials({"token": request.query["code"], "refresh": ""})
            return Grant("shop", "Shop", {request.environment: secrets})
        return super().connect(request)


HTML = {"Accept": "text/html,*/*;q=0.8"}


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def start(web, **body):
    """Begin in the API by a live key, which a grant for both environments takes."""
    started = web.made("/connections", {"provider": "acme", **body}, key=web.live_key)
    return path_of(started["connectUrl"])


def connections(web):
    return web.get("/connections", key=web.live_key).json["items"]


def state_of(answer):
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    found = re.search(r"state=([^&]+)", answer.headers["Location"])
    return found[1] if found else query["state"][0]


def go(client: Client, path: str, **options):
    return client.get(path, headers=HTML, **options)


def test_a_redirect_and_back_makes_the_connection(web_on_both):
    web = web_on_both
    browser = web.app.test_client()
    opened = go(browser, start(web))
    assert opened.status_code == 302
    assert opened.headers["Location"].startswith(web.acme.url)
    cookie = opened.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/connect" in cookie
    back = go(browser, f"/connect/acme/callback?code=good&state={state_of(opened)}")
    assert back.status_code == 200
    assert "is connected" in back.text
    assert [one["state"] for one in connections(web)] == ["active"]


def test_a_link_opens_once(web):
    link = start(web)
    assert go(web.app.test_client(), link).status_code == 302
    again = go(web.app.test_client(), link)
    assert again.status_code >= 400
    assert again.mimetype == "text/html"
    assert "bad_ticket" in again.text
    assert again.headers["X-Request-Id"] in again.text


def test_whoever_only_looks_at_a_link_does_not_use_it_up(web):
    link = start(web)
    assert web.app.test_client().head(link, headers=HTML).status_code == 204
    assert go(web.app.test_client(), link).status_code == 302


def test_another_browser_cannot_finish(web):
    opened = go(web.app.test_client(), start(web))
    back = go(web.app.test_client(), f"/connect/acme/callback?code=good&state={state_of(opened)}")
    assert back.status_code >= 400
    assert "bad_state" in back.text
    assert connections(web) == []


def test_machines_are_told_in_a_problem_body(web):
    answer = web.app.test_client().get("/connect/acme/callback?state=x&code=y")
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "bad_state"


def test_the_person_may_say_no(web):
    browser = web.app.test_client()
    opened = go(browser, start(web))
    path = f"/connect/acme/callback?error=access_denied&state={state_of(opened)}"
    back = go(browser, path)
    assert back.status_code == 422
    assert "Not connected" in back.text
    assert "access_denied" in back.text


def test_the_browser_returns_to_where_the_account_wants_it(web):
    browser = web.app.test_client()
    opened = go(browser, start(web, returnTo="/settings?tab=pay#top"))
    back = go(browser, f"/connect/acme/callback?code=good&state={state_of(opened)}")
    assert back.status_code == 303
    expected = "/settings?tab=pay&provider=acme&connected=true#top"
    assert back.headers["Location"].endswith(expected)


@pytest.mark.parametrize("place", ["//evil.example", "javascript:x", "/\\\\evil.example", "page"])
def test_a_return_to_a_stranger_is_refused(web, place):
    answer = web.post("/connections", {"provider": "acme", "returnTo": place})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "returnTo"


def test_a_callback_by_post_is_led_to_the_one_by_get(web):
    browser = web.app.test_client()
    opened = go(browser, start(web))
    posted = browser.post("/connect/acme/callback", data={"code": "good", "state": "s&t"})
    assert posted.status_code == 303
    assert posted.headers["Location"] == "/connect/acme/callback?code=good&state=s%26t"
    assert opened.status_code == 302


def form(web, browser):
    link = start(web, method="key")
    page = go(browser, link)
    assert page.status_code == 200
    token = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)[1]
    return link, page, token


def test_a_form_is_shown_and_its_values_connect(web):
    browser = web.app.test_client()
    link, page, token = form(web, browser)
    assert "Paste your key" in page.text
    assert 'type="password"' in page.text
    assert "script" not in page.headers["Content-Security-Policy"]
    answer = browser.post(link, data={"csrf_token": token, "api_key": "token-1"}, headers=HTML)
    assert answer.status_code == 200
    assert "Shop (live) is connected" in answer.text
    assert len(connections(web)) == 1


def test_a_form_without_its_token_is_refused(web):
    browser = web.app.test_client()
    link, _, token = form(web, browser)
    for sent in ({}, {"csrf_token": "0" * 64}, {"csrf_token": "ü"}):
        answer = browser.post(link, data={**sent, "api_key": "token-1"}, headers=HTML)
        assert answer.status_code == 403
        assert "form_forged" in answer.text
    stranger = web.app.test_client()
    stolen = stranger.post(link, data={"csrf_token": token, "api_key": "token-1"}, headers=HTML)
    assert stolen.status_code == 403
    assert connections(web) == []


def test_wrong_values_show_the_form_again(web):
    browser = web.app.test_client()
    link, _, token = form(web, browser)
    answer = browser.post(link, data={"csrf_token": token}, headers=HTML)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert token in answer.text


def test_over_https_the_cookie_is_secure_and_browsers_stay_there(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, KABLE_PUBLIC_URL="https://hub.example") as web:
        answer = go(web.app.test_client(), start(web))
        assert "Secure" in answer.headers["Set-Cookie"]
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_form_that_is_too_large_is_refused_on_a_page(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, KABLE_MAX_BODY_BYTES="2000") as web:
        browser = web.app.test_client()
        link, _, token = form(web, browser)
        sent = {"csrf_token": token, "api_key": "x" * 3000}
        answer = browser.post(link, data=sent, headers=HTML)
        assert (answer.status_code, answer.mimetype) == (413, "text/html")
        assert "body_too_large" in answer.text


def test_a_form_may_lead_on_to_the_provider(tmp_path, sqlite_url):
    with site(sqlite_url, tmp_path, TwoRounds()) as web:
        browser = web.app.test_client()
        link, _, token = form(web, browser)
        sent = browser.post(link, data={"csrf_token": token, "api_key": "x"}, headers=HTML)
        assert sent.status_code == 303
        assert sent.headers["Location"].startswith("https://acme.example/authorize")
        back = go(browser, f"/connect/acme/callback?code=token-1&state={state_of(sent)}")
        assert "is connected" in back.text


def test_anybody_may_renew_a_connection_that_stands(web):
    browser = web.app.test_client()
    opened = go(browser, start(web))
    assert (
        go(browser, f"/connect/acme/callback?code=good&state={state_of(opened)}").status_code == 200
    )
    (row,) = connections(web)
    link = path_of(row["reconnectUrl"])
    assert link == f"/connect/acme/reconnect?connection={row['id']}"
    stranger = web.app.test_client()
    page = go(stranger, link)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "Set-Cookie" not in page.headers
    told = go(stranger, "/connect/acme/reconnect?connection=con_0")
    assert told.text == page.text
    begun = stranger.post(link, headers=HTML)
    assert begun.status_code == 303
    again = go(stranger, path_of(begun.headers["Location"]))
    back = go(stranger, f"/connect/acme/callback?code=good&state={state_of(again)}")
    assert "is connected" in back.text
    assert [one["id"] for one in connections(web)] == [row["id"]]


def test_whoever_only_looks_at_a_reconnect_link_begins_nothing(web):
    browser = web.app.test_client()
    assert browser.head("/connect/acme/reconnect").status_code == 204
    assert go(browser, "/connect/acme/reconnect").status_code == 200
    assert go(browser, "/connect/nowhere/reconnect").status_code == 404
    with web.hub.database.read():
        assert t.ConnectAttempt.select().count() == 0


def test_a_reconnect_link_that_asks_for_no_environment_is_refused(web):
    answer = web.app.test_client().post("/connect/acme/reconnect?environment=prod")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "environment")
