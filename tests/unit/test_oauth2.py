"""OAuth 2.0 with a small server of its own, over a real socket."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import request

from kable_hub import (
    ConnectRequest,
    CredentialsExpired,
    Environment,
    NeedsOperator,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Rejected,
    Transient,
    canonical,
    oauth2,
    rest,
)
from kable_hub.testing import Fault, RecordingGuard, Simulator, builders

TEST = Environment.TEST
CALLBACK = "http://127.0.0.1:9/connect/small/callback"
APP = {"client_id": "the:client", "client_secret": "secret-canary %+/"}
CANARIES = ("secret-canary", "code-canary", "access-canary", "refresh-canary")
SMALL = oauth2.Server("Small", "web/agree", "web/token", scope="read write", limit="calls")


class SmallServer(Simulator):
    """Answers `reply`, or invalid_grant where nothing is to be had."""

    def routes(self, app):
        self.reply = {"access_token": "access-canary-1", "expires_in": 3600}
        self.forms = []

        @app.post("/token")
        def token():
            self.forms.append(request.form.to_dict())
            return self.reply or ({"error": "invalid_grant"}, 400)

        @app.get("/account")
        def account():
            return {"error": {"code": "token_expired", "message": "Too old."}}, 401


@pytest.fixture
def server():
    with SmallServer() as one:
        yield one


def asked(server, **given):
    values = {
        "environment": TEST,
        "method": "oauth",
        "callback_url": CALLBACK,
        "state": "the-hubs-state",
        "app": {TEST: APP},
        "urls": {TEST: {"web": server.url}},
        "now": builders.NOW,
        "guard": RecordingGuard(),
        "query": {"code": "code-canary"},
    }
    return ConnectRequest(**{**values, **given})


@pytest.fixture
def exchange(server):
    return lambda how=SMALL, **given: how.exchange(asked(server, **given))


@pytest.fixture
def refresh(server):
    """Refresh what a connection has, at noon."""
    held = {"access_token": "access-canary-0", "refresh_token": "refresh-canary-0", "realm": "7"}

    def run(how=SMALL, **credentials):
        with_id = type("Provider", (), {"slug": "small", "urls": {}})
        connection = builders.connection(
            with_id,
            credentials={**held, **credentials},
            settings={},
            app=APP,
            urls={"web": server.url},
            clock=lambda: builders.NOW,
        )
        return how.refresh(connection)

    return run


def test_the_browser_is_sent_off_with_the_hubs_state_and_callback(server):
    how = replace(SMALL, more={"prompt": "consent"})
    url = urlsplit(how.ask(asked(server, query={})).url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{server.url}/agree"
    assert dict(parse_qsl(url.query)) == {
        "response_type": "code",
        "client_id": "the:client",
        "redirect_uri": CALLBACK,
        "scope": "read write",
        "state": "the-hubs-state",
        "prompt": "consent",
    }
    assert server.requests == []


def test_an_address_with_a_query_keeps_it_and_no_scope_is_no_value(server):
    urls = {TEST: {"web": server.url, "authorize": "https://small.example/agree?tenant=1"}}
    url = oauth2.Server("Small").ask(asked(server, urls=urls, query={})).url
    assert url.startswith("https://small.example/agree?tenant=1&response_type=code&")
    assert "scope" not in url


@pytest.mark.parametrize(
    ("query", "code", "provider_code"),
    [
        ({"error": "access_denied"}, "access_denied", ""),
        ({"error": "invalid_scope", "code": "code-canary"}, "connect_refused", "invalid_scope"),
        ({"error": "<b>code-canary"}, "connect_refused", ""),
        ({"state": "the-hubs-state"}, "invalid_callback", ""),
        ({"code": ""}, "invalid_callback", ""),
    ],
)
def test_a_callback_without_consent_is_rejected_before_any_request(
    exchange, server, query, code, provider_code
):
    with pytest.raises(Rejected) as caught:
        exchange(query=query)
    assert (caught.value.code, caught.value.provider_code) == (code, provider_code)
    assert server.requests == []


def test_a_code_becomes_tokens_that_know_their_ends(exchange, server):
    server.reply |= {"refresh_token": "refresh-canary-1", "refresh_token_expires_in": "864000"}
    server.reply |= {"realm": "7"}
    tokens = exchange()
    assert dict(tokens.credentials.secrets) == {
        "access_token": "access-canary-1",
        "refresh_token": "refresh-canary-1",
    }
    assert tokens.credentials.expires_at == builders.NOW + timedelta(hours=1)
    assert tokens.credentials.reconnect_by == builders.NOW + timedelta(days=10)
    assert (tokens.access, tokens.reply["realm"]) == ("access-canary-1", "7")
    assert server.forms == [
        {"grant_type": "authorization_code", "code": "code-canary", "redirect_uri": CALLBACK}
    ]


def test_the_client_proves_itself_by_basic_authorization_or_in_the_body(exchange, server):
    exchange()
    exchange(replace(SMALL, secret_in_body=True, headers={"X-More": "1"}))
    basic, body = server.requests
    proof = b64encode(b"the%3Aclient:secret-canary%20%25%2B%2F").decode()
    assert basic.header("authorization") == f"Basic {proof}"
    assert (body.header("authorization"), body.header("x-more")) == ("", "1")
    assert APP.items() <= server.forms[1].items()
    assert not APP.items() & server.forms[0].items()


def test_without_refresh_a_person_is_needed_when_the_access_token_dies(exchange):
    given = exchange().credentials
    assert given.reconnect_by == given.expires_at == builders.NOW + timedelta(hours=1)


@pytest.mark.parametrize("silent", [{}, {"expires_in": 0}, {"expires_in": None}])
def test_tokens_whose_end_is_not_told_last_for_good_or_as_declared(exchange, server, silent):
    server.reply = {"access_token": "access-canary-1", **silent}
    assert exchange().credentials.expires_at is None
    assert exchange().credentials.reconnect_by is None
    declared = exchange(replace(SMALL, lasts=timedelta(days=1)))
    assert declared.credentials.expires_at == builders.NOW + timedelta(days=1)


def test_a_refresh_rotates_the_token_and_keeps_what_else_is_held(refresh, server):
    server.reply |= {"refresh_token": "refresh-canary-1"}
    secrets = refresh().credentials.secrets
    assert dict(secrets) == {
        "access_token": "access-canary-1",
        "refresh_token": "refresh-canary-1",
        "realm": "7",
    }
    assert server.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-canary-0"}]


def test_a_refresh_token_that_does_not_rotate_is_used_on(refresh):
    given = refresh().credentials
    assert given.secrets["refresh_token"] == "refresh-canary-0"
    assert given.reconnect_by is None


def test_of_several_ends_the_nearest_counts(refresh, server):
    server.reply |= {"idle": 900, "hard": 600}
    given = refresh(replace(SMALL, ends=("idle", "hard", "other"))).credentials
    assert given.reconnect_by == builders.NOW + timedelta(minutes=10)


def test_without_a_refresh_token_only_a_person_can_help(refresh, server):
    with pytest.raises(ReconnectRequired):
        refresh(refresh_token="")
    assert server.requests == []


@pytest.mark.parametrize("status", [200, 400, 401])
def test_what_is_refused_starts_again_or_needs_a_person(exchange, refresh, server, status):
    body = '{"error":"invalid_grant"}'
    server.fault(Fault(status=status, body=body, headers={"Request-Id": "r1"}, times=2))
    for kind, run in ((Rejected, exchange), (ReconnectRequired, refresh)):
        with pytest.raises(kind) as caught:
            run()
        error = caught.value
        assert (error.code, error.provider_code) == ("invalid_grant", "invalid_grant")
        assert (error.http_status, error.request_id) == (status, "r1")


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_refused_client_is_the_operators_and_the_grant_stands(exchange, refresh, server, error):
    server.fault(Fault(status=401, body=canonical.dumps({"error": error}), times=2))
    for run in (exchange, refresh):
        with pytest.raises(NeedsOperator) as caught:
            run()
        assert (caught.value.code, caught.value.scope) == ("bad_app_credentials", "connection")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error":"invalid_grant"}'),
        (503, ""),
        (429, '{"error":"too_many_requests"}'),
        (302, ""),
        (400, "<html>"),
        (401, '{"error":{"message":"no"}}'),
        (403, "[]"),
    ],
)
def test_an_answer_that_says_nothing_about_the_grant_ends_nothing(
    exchange, refresh, server, status, body
):
    headers = {"Retry-After": "7"}
    server.fault(Fault(status=status, body=body, headers=headers, times=2))
    unlimited = replace(SMALL, limit="")
    for run in (exchange, refresh):
        with pytest.raises(Transient) as caught:
            run(unlimited)
        assert not isinstance(caught.value, RateLimited)
        assert caught.value.retry_after == timedelta(seconds=7)
    assert refresh().access == "access-canary-1"


def test_a_limit_that_is_hit_pauses_the_declared_one(refresh, server):
    server.fault(Fault(status=429, headers={"Retry-After": "7"}))
    with pytest.raises(RateLimited) as caught:
        refresh()
    assert (caught.value.limit, caught.value.retry_after) == ("calls", timedelta(seconds=7))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(stage="after", reset=True),
        Fault(stage="after", truncate=9),
        Fault(status=200, body="<html>"),
        Fault(status=200, body="[1]"),
        Fault(status=200, body="{}"),
        Fault(status=200, body='{"access_token":7}'),
        Fault(status=200, body='{"access_token":"a","expires_in":"soon"}'),
        Fault(status=200, body='{"access_token":"a","expires_in":1e99}'),
        Fault(status=200, body='{"access_token":"a","expires_in":[1]}'),
    ],
)
def test_a_lost_or_odd_answer_starts_again_or_leaves_open_what_it_did(
    exchange, refresh, server, fault
):
    server.fault(replace(fault))
    with pytest.raises(Transient, match="Start again"):
        exchange()
    server.fault(replace(fault))
    with pytest.raises(OutcomeUnknown):
        refresh()


def test_a_server_that_is_away_is_transient(exchange, refresh, server):
    server.stop()
    for run in (exchange, refresh):
        with pytest.raises(Transient):
            run()


@pytest.mark.parametrize("url", ["http://small.example", "ftp://127.0.0.1", "small.example", ""])
def test_an_address_where_secrets_would_travel_in_the_open_is_refused(exchange, server, url):
    with pytest.raises(NeedsOperator) as caught:
        exchange(urls={TEST: {"web": url}})
    assert caught.value.code == "insecure_url"
    assert server.requests == []


def test_each_request_stands_in_the_gate_and_is_no_write_of_a_document(server):
    guard = RecordingGuard()
    SMALL.exchange(asked(server, guard=guard))
    assert [(call.name, call.writes) for call in guard.calls] == [("oauth.exchange", False)]
    assert guard.calls[0].http_status == 200


def test_no_secret_is_in_a_repr_or_an_error(exchange, refresh, server):
    server.reply |= {"refresh_token": "refresh-canary-1"}
    shown = [SMALL, exchange(), refresh()]
    server.fault(
        Fault(status=400, body='{"error":"code-canary refresh-canary"}', times=2),
        Fault(status=400, body='{"error":"invalid_grant","error_description":"code-canary"}'),
        Fault(status=200, body='{"access_token":["access-canary"]}'),
    )
    for run in (exchange, refresh, exchange, refresh):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            run()
        shown += [caught.value, vars(caught.value)]
    assert not [one for one in shown for canary in CANARIES if canary in repr(one)]


def test_a_dead_access_token_asks_for_a_refresh_and_not_for_a_person(server):
    api = rest.Api(asked(server), server.url, "Small", {}, stale=frozenset({"token_expired"}))
    with pytest.raises(CredentialsExpired):
        api.get("account.get", "/account")
    with pytest.raises(ReconnectRequired):
        replace(api, stale=frozenset()).get("account.get", "/account")
