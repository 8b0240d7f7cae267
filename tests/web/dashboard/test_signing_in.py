"""Into the dashboard: passwords, one-time links, throttling, sessions and their end."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

import kable_hub.web
from kable_hub.clock import ManualClock
from kable_hub.store import tables as t
from kable_hub.usecases import signing_in, users
from tests import stores
from tests.web.dashboard.people import Person
from tests.web.site import Site, site

PASSWORD = "four plain words here"
WEAK_HASH = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")


@pytest.fixture
def anna(web: Site) -> Person:
    """A member with a password (hashed cheaply), who is not signed in."""
    user = users.add_user(web.hub, "anna@shop.example", web.account)
    with web.hub.database.write():
        t.User.update(password=WEAK_HASH).where(t.User.id == user.id).execute()
    return Person(web.app.test_client(), f"/a/{web.account}/test")


def sign_in(person: Person, password: str = PASSWORD, **more: str):
    return person.post("/signin", {"email": "Anna@shop.example", "password": password, **more})


def test_a_password_leads_to_the_page_that_was_asked_for(anna):
    asked = anna.get("customers/?q=x")
    assert asked.status_code == 303
    assert asked.location.startswith("/signin?next=/a/")

    answer = sign_in(anna, next=f"{anna.home}/customers/?q=x")

    assert answer.location == f"{anna.home}/customers/?q=x"
    assert "anna@shop.example" in anna.page("customers/")


def test_the_front_door_leads_back_to_where_somebody_left_off(anna):
    assert anna.get("/").location == "/signin"
    sign_in(anna)
    assert anna.get("/").location == f"{anna.home.replace('test', 'live')}/overview/"
    anna.page("invoices/")
    assert anna.get("/").location == f"{anna.home}/overview/"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/a/\\..\\evil",
        "/a/../../x",
        "/a/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/api/v1/invoices",
        "/signout",
    ],
)
def test_a_sign_in_leads_to_no_other_place_than_the_dashboard(anna, elsewhere):
    assert sign_in(anna, next=elsewhere).location == f"/a/{anna.home.split('/')[2]}/live/overview/"


def test_a_wrong_password_and_an_unknown_address_are_told_the_same(anna):
    wrong = sign_in(anna, "not the one at all")
    unknown = anna.post("/signin", {"email": "nobody@x.example", "password": PASSWORD})

    assert wrong.status_code == unknown.status_code == 401
    assert "The e-mail address or the password is wrong." in wrong.text
    assert "The e-mail address or the password is wrong." in unknown.text
    assert anna.get("customers/").status_code == 303


def test_who_is_disabled_is_out_at_once_and_stays_out(web, anna):
    sign_in(anna)
    assert anna.get("overview/").status_code == 200
    users.disable_user(web.hub, users.find_user(web.hub, "anna@shop.example"))
    assert anna.get("overview/").status_code == 303
    assert sign_in(anna).status_code == 401
    users.enable_user(web.hub, users.find_user(web.hub, "anna@shop.example"))
    assert sign_in(anna).status_code == 303


def test_a_form_without_this_browsers_token_is_refused(anna):
    answer = anna.post("/signin", {"email": "anna@shop.example", "password": PASSWORD}, token="x")
    assert answer.status_code == 400
    assert "form_forged" in answer.text
    sign_in(anna)
    assert anna.post("/signout", token="").status_code == 400
    assert anna.get("overview/").status_code == 200


def test_the_first_operator_comes_in_by_a_link_and_ends_it(web):
    nobody = Person(web.app.test_client(), f"/a/{web.account}/test")
    link = signing_in.first_link(web.hub)
    assert nobody.client.head(link).status_code == 204
    assert "Make yourself the operator" in nobody.page(link)

    weak = nobody.post(link, {"email": "op@hub.example", "password": "short"})
    assert weak.status_code == 422
    assert "At least 10 characters" in weak.text
    answer = nobody.post(link, {"email": "op@hub.example", "password": PASSWORD})

    assert answer.location == "/accounts"
    assert "Shop" in nobody.page("/accounts")
    assert users.find_user(web.hub, "op@hub.example").is_operator
    assert nobody.get(link).status_code == 400
    assert signing_in.first_link(web.hub) == ""


def test_keys_never_open_the_dashboard_and_sessions_never_open_the_api(web, anna):
    for key in (web.key, web.operator):
        answer = anna.get("overview/", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 303
    sign_in(anna)
    assert anna.get("/api/v1/invoices").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anna):
    cookie = sign_in(anna).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie


def test_ten_tries_that_fail_close_the_door_to_that_person_from_there_for_a_while(web, anna):
    clock = web.hub.clock = ManualClock(web.hub.clock.now())
    for _ in range(signing_in.TRIES_AS):
        assert sign_in(anna, "not the one at all").status_code == 401
    right = sign_in(anna)
    assert right.status_code == 429
    assert "Wait a quarter of an hour" in right.text
    assert anna.get("overview/").status_code == 303
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    form = {"email": "anna@shop.example", "password": PASSWORD}
    assert anna.post("/signin", form, environ_base=elsewhere).status_code == 303
    clock.advance(signing_in.WINDOW_MS / 1000)
    assert sign_in(Person(web.app.test_client(), anna.home)).status_code == 303


def test_who_tries_many_names_from_one_address_is_stopped(web, monkeypatch):
    monkeypatch.setattr(signing_in, "TRIES_FROM", 3)
    monkeypatch.setattr(signing_in, "_NOBODY", WEAK_HASH)
    nobody = Person(web.app.test_client(), f"/a/{web.account}/test")
    tried = [
        nobody.post("/signin", {"email": f"n{number}@x.example", "password": "y" * 12}).status_code
        for number in range(4)
    ]
    assert tried == [401, 401, 401, 429]


def test_sign_ins_that_succeed_use_up_no_tries(web, anna, monkeypatch):
    monkeypatch.setattr(signing_in, "TRIES_FROM", 2)
    for _ in range(4):
        assert sign_in(Person(web.app.test_client(), anna.home)).status_code == 303


def test_signing_out_everywhere_ends_the_sessions_of_every_browser(web, anna):
    other = Person(web.app.test_client(), anna.home)
    for one in (anna, other):
        sign_in(one)
        one.page("overview/")
    assert anna.post("/signout").location == "/signin"
    assert anna.get("overview/").status_code == 303
    assert other.get("overview/").status_code == 200
    sign_in(anna)
    assert "signed out everywhere" in anna.done("/signout", {"everywhere": "1"})
    assert other.get("overview/").status_code == 303


def test_a_new_password_ends_the_other_sessions_and_takes_the_old_one(web, anna):
    other = Person(web.app.test_client(), anna.home)
    for one in (anna, other):
        sign_in(one)
    wrong = anna.post("/you", {"old": "something else", "password": "five more plain words"})
    assert wrong.status_code == 422
    assert "not your present password" in wrong.text
    same = anna.post("/you", {"old": PASSWORD, "password": "anna@shop.example"})
    assert "This is the e-mail address." in same.text
    changed = {"old": PASSWORD, "password": "five more plain words"}
    assert "The password is changed." in anna.done("/you", changed)
    assert other.get("overview/").status_code == 303
    assert sign_in(other).status_code == 401
    assert sign_in(other, "five more plain words").status_code == 303


def test_a_part_that_htmx_asks_for_after_the_session_leads_to_sign_in_and_back(anna):
    answer = anna.get("invoices/", htmx=True)
    assert answer.status_code == 401
    assert answer.text == ""
    assert answer.headers["HX-Redirect"] == f"/signin?next={anna.home}/x"


def test_a_refusal_that_htmx_gets_stands_where_messages_stand(anna):
    sign_in(anna)
    answer = anna.get(f"settings/keys/{'x' * 9}/nothing", htmx=True)
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#messages"
    assert 'role="alert"' in answer.text
    assert "<html" not in answer.text


def test_a_session_ends_after_twelve_hours_in_which_no_page_was_opened(web, anna):
    clock = web.hub.clock = ManualClock(web.hub.clock.now())
    sign_in(anna)
    for hours in (11.9, 11.9):
        clock.advance(timedelta(hours=hours).total_seconds())
        assert anna.get("overview/").status_code == 200
    for hours in (6, 6):
        assert anna.get("overview/", htmx=True).status_code == 200
        clock.advance(timedelta(hours=hours).total_seconds())
    assert anna.get("overview/", htmx=True).status_code == 401
    assert anna.get("overview/").location.startswith("/signin?next=")
    assert "Sign in" in anna.page("/signin")


def test_a_session_ends_after_seven_days_however_busy(web, anna):
    clock = web.hub.clock = ManualClock(web.hub.clock.now())
    sign_in(anna)
    for _ in range(13):
        clock.advance(timedelta(hours=11.9).total_seconds())
        assert anna.get("overview/").status_code == 200
    clock.advance(timedelta(hours=11.9).total_seconds())
    assert anna.get("overview/").status_code == 200
    clock.advance(timedelta(hours=1.4).total_seconds())
    assert anna.get("overview/").status_code == 303
    sign_in(anna)
    assert anna.get("overview/").status_code == 200


def test_a_link_for_a_password_ends_with_the_next_one_its_day_and_its_owner(web, anna):
    hub, user = web.hub, users.find_user(web.hub, "anna@shop.example")
    clock = hub.clock = ManualClock(hub.clock.now())
    first, second = (signing_in.link_for(hub, user) for _ in range(2))
    assert anna.get(first).status_code == 400
    assert "anna@shop.example" in anna.page(second)
    clock.advance(signing_in.LINK_LIVES_MS / 1000)
    over = anna.get(second).text
    assert "bad_link" in over
    assert "This link is over" in over
    assert "ask an operator of this hub for a new link" in over
    third = signing_in.link_for(hub, user)
    users.disable_user(hub, user)
    assert anna.get(third).status_code == 400


def test_two_first_links_make_one_operator(web):
    links = [signing_in.first_link(web.hub) for _ in range(2)]
    forms = [{"email": f"op{number}@hub.example", "password": PASSWORD} for number in range(2)]
    opened = [signing_in.open_ticket(web.hub, link.rpartition("/")[2]) for link in links]
    signing_in.choose_password(web.hub, opened[0], **forms[0])
    with pytest.raises(signing_in.BadLink, match="works once"):
        signing_in.choose_password(web.hub, opened[1], **forms[1])
    assert [one.email for one in users.list_users(web.hub, every=True).items] == ["op0@hub.example"]


def test_the_cookie_is_kept_to_https_where_the_hub_is_reached_by_it(web, tmp_path):
    assert "Secure" not in web.app.test_client().get("/signin").headers["Set-Cookie"]
    url = stores.fresh_database_url("sqlite", tmp_path, prepare=stores.migrated)
    with site(url, tmp_path, KABLE_PUBLIC_URL="https://hub.example.com") as secure:
        person = Person(secure.app.test_client(), f"/a/{secure.account}/test")
        assert "Secure" in person.get("/signin").headers["Set-Cookie"]


def test_pages_stand_under_a_policy_that_runs_nothing_of_their_own(anna):
    policy = anna.get("/signin").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = anna.page("/signin")
    assert "<style" not in page
    assert " style=" not in page
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []


def test_what_is_vendored_is_what_was_checked():
    folder = Path(kable_hub.web.__file__).parent / "static/vendor"
    listed = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in folder.iterdir()
        if one.suffix in (".js", ".css")
    }
    assert found == listed
