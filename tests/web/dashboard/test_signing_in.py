"""Into the dashboard: passwords, one-time links, throttling, sessions and their end."""

import pytest
from werkzeug.security import generate_password_hash

from kable_hub.store import tables as t
from kable_hub.usecases import signing_in, users
from tests.web.dashboard.people import Person
from tests.web.site import Site

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
