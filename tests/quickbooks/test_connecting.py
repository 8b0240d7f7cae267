"""Connecting QuickBooks through the HTTP API and the connect pages: each edge by its number."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from kable_quickbooks_ledger.simulator import PRODUCTION_REALM

from kable_hub.store import tables as t
from kable_hub.testing import Fault
from kable_hub.usecases import accounts
from tests.dialogue import every_text
from tests.quickbooks.dialogue import Dialogue, begun, tokens
from tests.quickbooks.stage import CA, GB, TEST, US, stage
from tests.web.site import customer

DELIVERED, NOT_CONNECTED = ("delivered", ""), ("blocked", "not_connected")
REFUSED = ("uncertain", "reconnect_required")


def connections(shop, key=""):
    return shop.get("/connections", key=key)["items"]


def test_01_a_state_that_is_wrong_or_missing_or_was_used_stores_nothing(bare):
    dialogue = begun(bare).approve()
    for state in ("", "0" * 43, dialogue.query["state"] + "x"):
        refused = dialogue.come_back(state=state)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_state")
    assert dialogue.come_back(session=requests.Session()).json()["code"] == "bad_state"
    assert (tokens(bare), connections(bare)) == ([], [])
    assert dialogue.come_back().status_code == 200
    assert dialogue.come_back().json()["code"] == "bad_state"
    assert (tokens(bare), len(connections(bare))) == (["exchange"], 1)


def test_02_who_says_no_at_intuit_is_told_so_and_nothing_is_connected(bare):
    answer = begun(bare).deny().come_back()
    assert (answer.status_code, "Access was not granted at Intuit." in answer.text) == (422, True)
    assert (tokens(bare), connections(bare)) == ([], [])
    back = begun(bare, returnTo="https://shop.example/books").deny().come_back()
    assert back.headers["Location"] == (
        "https://shop.example/books?provider=quickbooks&connected=false&error=access_denied"
    )


@pytest.mark.parametrize("realm", ["", "no number", "٣٤"])
def test_03_an_answer_that_names_no_company_is_refused_before_its_code_is_used(bare, realm):
    dialogue = begun(bare).approve()
    answer = dialogue.come_back(realmId=realm)
    assert (answer.status_code, "names no company" in answer.text) == (422, True)
    assert (tokens(bare), connections(bare)) == ([], [])


def test_04_a_double_click_makes_one_connection_and_harms_nothing(bare):
    dialogue = begun(bare).approve()
    cookies = dialogue.session.cookies.get_dict()
    browsers = [requests.Session() for _ in range(2)]
    for one in browsers:
        one.trust_env = False
        one.cookies.update(cookies)
    with ThreadPoolExecutor(2) as clicks:
        answers = list(clicks.map(lambda one: dialogue.come_back(session=one), browsers))
    assert sorted(one.status_code for one in answers) == [200, 400]
    assert (tokens(bare), len(connections(bare))) == (["exchange"], 1)
    assert bare.post("/connections/quickbooks/check").status_code == 200


def test_04_a_code_that_was_used_before_means_start_again(shop):
    used = begun(shop).approve()
    code = used.query["code"]
    assert used.come_back().status_code == 200
    again = begun(shop).approve().come_back(code=code)
    assert (again.status_code, "start again" in again.text) == (422, True)
    assert shop.post("/connections/quickbooks/check").status_code == 200


# --- the same company, and another --------------------------------------------------------------


def lose_access(shop):
    """The app is disconnected on Intuit's side, and the hub finds out with an invoice."""
    for family in shop.quickbooks.sign_in.tokens.families:
        family.revoked = True
    waiting = [shop.push(), shop.push()]
    # Where planning had nothing to read, the first was on its way when Intuit refused: it is looked
    # for before it is sent again.
    assert shop.standing(waiting[0]) in (REFUSED, NOT_CONNECTED)
    assert shop.standing(waiting[1]) == NOT_CONNECTED
    assert shop.connection()["pauses"].keys() == {"reconnect"}
    return waiting


def by_key(shop):
    return begun(shop)


def by_the_connections_own_address(shop):
    return Dialogue(shop).renew(shop.connection()["reconnectUrl"])


def by_the_address_that_intuit_knows(shop):
    return Dialogue(shop).renew(f"{shop.url}/connect/quickbooks/reconnect?environment=test")


WAYS = (by_key, by_the_connections_own_address, by_the_address_that_intuit_knows)


@pytest.mark.parametrize("begin", WAYS)
def test_11_the_same_company_again_keeps_links_and_settings_and_what_waited_goes_out(ready, begin):
    ready.settings(numbers="own")
    before, link = ready.connection(), ready.get("/customers/c1/links")
    waiting = lose_access(ready)
    assert begin(ready).approve().come_back().status_code == 200
    ready.until_quiet()
    after = ready.connection()
    assert {ready.standing(one) for one in waiting} == {DELIVERED}
    assert len(ready.invoices()) == 2
    assert (after["id"], after["state"], after["pauses"]) == (before["id"], "active", {})
    assert ready.get("/connections/quickbooks/settings")["values"]["numbers"] == "own"
    assert ready.get("/customers/c1/links") == link


@pytest.mark.parametrize("begin", WAYS)
def test_11_another_company_is_refused_and_links_stay_where_they_are(ready, begin):
    waiting, link = lose_access(ready), ready.get("/customers/c1/links")
    before = [ready.standing(one) for one in waiting]
    answer = begin(ready).approve(CA).come_back()
    assert (answer.status_code, "different_account" in answer.text) == (422, True)
    assert (ready.connection()["externalId"], ready.get("/customers/c1/links")) == (US, link)
    ready.until_quiet()
    assert [ready.standing(one) for one in waiting] == before
    assert ready.invoices(US) + ready.invoices(CA) == []


def test_11_a_company_is_exchanged_only_while_nothing_depends_on_it(shop):
    assert begun(shop).approve(GB).come_back().status_code == 200
    assert shop.connection()["externalId"] == GB
    other = accounts.create_account(shop.hub, "Other", "paid").id
    key = accounts.create_api_key(shop.hub, other, TEST).secret
    answer = begun(shop, key).approve(GB).come_back()
    assert (answer.status_code, "held_by_another_account" in answer.text) == (422, True)


def test_11_the_reconnect_address_brings_back_nothing_that_was_ended_here(ready):
    addresses = [
        ready.connection()["reconnectUrl"],
        f"{ready.url}/connect/quickbooks/reconnect?environment=test",
    ]
    ready.post("/connections/quickbooks/disconnect")
    for address in addresses:
        answer = Dialogue(ready).renew(address).approve().come_back()
        assert (answer.status_code, "different_account" in answer.text) == (422, True)
    assert (ready.connection()["state"], ready.connection()["reconnectUrl"]) == ("disconnected", "")


# --- the end, the two environments, the plan ------------------------------------------------------


def test_12_an_end_revokes_at_intuit_and_forgets_the_tokens(ready):
    kept = ready.quickbooks.sign_in.tokens.families[0].current
    ended = ready.made("/connections/quickbooks/disconnect")
    assert (ended["state"], ended["warnings"]) == ("disconnected", [])
    assert ready.quickbooks.sign_in.tokens.families[0].revoked
    assert kept not in every_text(ready)
    with ready.hub.database.read():
        assert t.Credential.select().count() == 0
    answer = ready.post("/invoices", {})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "fault",
    [Fault(path="revoke", reset=True, times=9), Fault(path="revoke", status=503, times=9)],
    ids=["no network", "not available"],
)
def test_12_an_end_that_intuit_does_not_hear_of_is_an_end_here_and_says_so(ready, fault):
    ready.quickbooks.fault(fault)
    ended = ready.made("/connections/quickbooks/disconnect")
    assert (ended["state"], len(ended["warnings"])) == ("disconnected", 1)
    assert "yourself" in ended["warnings"][0]
    with ready.hub.database.read():
        assert t.Credential.select().count() == 0


def test_13_the_keys_of_production_are_refused_for_test_before_anything_is_asked(tmp_path):
    same = {"KABLE_QUICKBOOKS_TEST_CLIENT_ID": "production-client-id"}
    with stage(tmp_path, **same) as shop:
        for key in (shop.key, shop.live_key):
            refused = shop.post("/connections", {"provider": "quickbooks"}, key=key)
            assert (refused.status_code, refused.json["code"]) == (409, "not_configured")
            assert "needs its own" in refused.json["detail"]
        assert shop.quickbooks.requests == []


def test_13_production_keys_alone_in_test_are_told_as_an_environment_mismatch(tmp_path):
    keys = {"CLIENT_ID": "production-client-id", "CLIENT_SECRET": "production-client-secret"}
    given = {f"KABLE_QUICKBOOKS_TEST_{name}": value for name, value in keys.items()}
    given |= {f"KABLE_QUICKBOOKS_LIVE_{name}": "" for name in keys}
    with stage(tmp_path, **given) as shop:
        answer = begun(shop).approve(PRODUCTION_REALM).come_back()
        assert answer.status_code == 422
        assert "Environment mismatch" in answer.text
        assert "development keys serve sandbox companies only" in answer.text
        assert connections(shop) == []


def test_13_a_mismatch_that_shows_with_an_invoice_stops_the_connection_and_names_itself(ready):
    body = '{"fault":{"error":[{"message":"ApplicationAuthorizationFailed","code":"003100"}]}}'
    ready.quickbooks.fault(Fault(path="/invoice", status=403, body=body))
    made = ready.push()
    assert ready.connection()["pauses"].keys() == {"provider"}
    assert "Environment mismatch" in ready.connection()["pauses"]["provider"]
    asked = len(ready.asked())
    ready.until_quiet()
    assert (len(ready.asked()), ready.invoices()) == (asked, [])
    assert ready.post("/connections/quickbooks/check").status_code == 200
    ready.until_quiet()
    assert (ready.standing(made), len(ready.invoices())) == (DELIVERED, 1)


def test_13_what_is_test_never_reaches_a_live_company(bare):
    bare.connect(key=bare.live_key)
    bare.made("/customers", customer(quickbooksCustomerId="28"), key=bare.live_key)
    asked = len(bare.quickbooks.requests)
    refused = bare.post("/customers", customer(quickbooksCustomerId="28"))
    assert refused.json["errors"][0]["code"] == "not_connected"
    bare.made("/customers", customer())
    bare.push()
    assert (len(bare.quickbooks.requests), bare.invoices(PRODUCTION_REALM)) == (asked, [])


def test_14_the_free_plan_connects_nothing(bare):
    accounts.set_plan(bare.hub, bare.account, "free")
    refused = bare.post("/connections", {"provider": "quickbooks"})
    assert (refused.status_code, refused.json["code"]) == (402, "paid_plan_required")
    assert bare.quickbooks.requests == []


def test_14_a_plan_that_goes_back_to_free_pauses_and_drops_nothing(ready):
    accounts.set_plan(ready.hub, ready.account, "free")
    waiting = [ready.invoice() for _ in range(2)]
    ready.until_quiet()
    assert ready.connection()["pauses"].keys() == {"plan"}
    assert {ready.standing(one) for one in waiting} == {("due", "")}
    assert ready.calls("POST") == []
    address = ready.connection()["reconnectUrl"]
    answer = Dialogue(ready).renew(address).approve().come_back()
    assert (answer.status_code, "paid_plan_required" in answer.text) == (422, True)
    accounts.set_plan(ready.hub, ready.account, "paid")
    ready.work()
    assert {ready.standing(one) for one in waiting} == {DELIVERED}
