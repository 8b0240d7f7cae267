"""Behind reverse proxies: whose word counts for the caller's address and scheme."""

import flask
import pytest

from kable_hub.usecases import signing_in
from tests.web.dashboard.people import Person
from tests.web.dashboard.test_signing_in import WEAK_HASH
from tests.web.site import Site, site


@pytest.fixture
def few(monkeypatch) -> None:
    """Two tries from one address, and a hash that is quick to check."""
    monkeypatch.setattr(signing_in, "TRIES_FROM", 2)
    monkeypatch.setattr(signing_in, "_NOBODY", WEAK_HASH)


def tries(web: Site, *forwarded: str) -> list[int]:
    """How sign-ins end that say they come from these addresses, each as somebody else."""
    nobody = Person(web.app.test_client(), "")
    return [
        nobody.post(
            "/signin",
            {"email": f"n{number}@x.example", "password": "not the one"},
            headers={"X-Forwarded-For": text},
        ).status_code
        for number, text in enumerate(forwarded)
    ]


def scheme_of(web: Site, **headers: str) -> str:
    with web.app.test_client() as client:
        client.get("/signin", headers=headers)
        return flask.request.scheme


def test_without_a_proxy_nobody_chooses_an_address_or_a_scheme(web, few):
    assert tries(web, "192.0.2.1", "192.0.2.2", "192.0.2.3") == [401, 401, 429]
    assert scheme_of(web, **{"X-Forwarded-Proto": "https"}) == "http"


def test_behind_one_proxy_the_address_it_saw_counts_and_no_forged_one(sqlite_url, tmp_path, few):
    https = "https://hub.example"
    with site(sqlite_url, tmp_path, KABLE_TRUSTED_PROXIES="1", KABLE_PUBLIC_URL=https) as web:
        one, other = "192.0.2.1", "192.0.2.2"
        assert tries(web, one, f"198.51.100.7, {one}", f"198.51.100.8, {one}") == [401, 401, 429]
        assert tries(web, f"{one}, {other}") == [401]
        assert scheme_of(web, **{"X-Forwarded-Proto": "https"}) == "https"
        assert scheme_of(web, **{"X-Forwarded-Proto": "https, http"}) == "http"
        cookie = web.app.test_client().get("/signin").headers["Set-Cookie"]
        assert "Secure;" in cookie
        assert "HttpOnly;" in cookie
