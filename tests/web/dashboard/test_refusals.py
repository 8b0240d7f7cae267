"""What a browser is shown where nothing is, where a method is not known, and where a view fails."""

import pytest

from kable_hub.domain import Environment
from kable_hub.store import tables as t
from kable_hub.usecases import accounts

HTML = {"Accept": "text/html"}
NOWHERE = ("/nothing", "/connect/nothing", "/a/acc_none/test/nothing/")


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("who", ["nobody", "member", "operator"])
def test_an_address_that_is_not_there_is_a_page_that_leads_on(people, who, path):
    answer = getattr(people, who).get(path)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is nothing at this address." in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert '<a href="/">To the dashboard</a>' in answer.text


def test_a_method_that_an_address_does_not_know_is_a_page_that_names_the_right_ones(people):
    for path in ("/accounts", people.member.at("overview/"), "/docs"):
        answer = people.member.client.delete(path)
        assert (answer.status_code, answer.mimetype) == (405, "text/html"), path
        assert "GET" in answer.headers["Allow"]


def test_a_failure_is_a_page_that_says_where_the_log_has_it_and_no_more(people):
    with people.site.hub.database.write():
        t.ApiKey.drop_table()
    answer = people.member.get("settings/keys/")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert answer.headers["X-Request-Id"] in answer.text
    assert "api_key" not in answer.text
    assert '<nav aria-label="Sections">' in answer.text


def test_a_program_is_answered_with_a_problem_whatever_it_accepts(people):
    client = people.nobody.client
    for path in ("/api/v1/nothing", "/api/v1/invoices", "/webhooks/nobody"):
        answer = client.post(path, headers=HTML)
        assert answer.mimetype == "application/problem+json", path
    assert client.get("/nothing", headers={"Accept": "*/*"}).json["code"] == "not_found"


def test_htmx_is_given_the_message_alone(people):
    answer = people.member.get("nothing/", htmx=True)
    assert answer.headers["HX-Retarget"] == "#messages"
    assert "<html" not in answer.text


def test_a_full_page_of_the_other_environments_keys_hides_none_of_this_one(people):
    hub, account = people.site.hub, people.site.account
    mine = accounts.create_api_key(hub, account, Environment.TEST, "hidden below")
    for _ in range(51):
        accounts.create_api_key(hub, account, Environment.LIVE, "live one")
    page = people.member.page("settings/keys/")
    assert mine.key.prefix in page
    assert "live one" not in page
    assert "Older" not in page
