"""One Idempotency-Key, one effect, one answer: whoever repeats, in whatever order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kable_hub.store import idempotency as store
from kable_hub.store import tables as t
from kable_hub.testing import Fault
from kable_hub.usecases import accounts
from kable_hub.web import idempotency
from tests.web.site import customer, invoice
from tests.web.test_gate import addresses

KEY = {"Idempotency-Key": "order-1"}


def new_account(web, name="Shop 2", headers=KEY):
    return web.post("/accounts", {"name": name}, key=web.operator, headers=headers)


def names(web):
    return [one.name for one in accounts.list_accounts(web.hub).items]


def test_a_repeat_answers_the_same_and_does_nothing(web_on_both):
    first = new_account(web_on_both)
    again = new_account(web_on_both)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert again.content_type == first.content_type
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert names(web_on_both) == ["Shop 2", "Shop"]


def test_without_a_key_every_request_does_its_work(web):
    new_account(web, headers={})
    new_account(web, headers={})
    assert names(web) == ["Shop 2", "Shop 2", "Shop"]


def test_the_same_key_with_another_body_is_refused(web_on_both):
    new_account(web_on_both)
    other = new_account(web_on_both, "Shop 3")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert names(web_on_both) == ["Shop 2", "Shop"]


def test_the_same_key_at_another_address_is_refused(web):
    new_account(web)
    path = f"/accounts/{web.account}/keys"
    other = web.post(path, {"environment": "test"}, key=web.operator, headers=KEY)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_the_same_key_of_another_caller_is_another_key(web):
    web.made("/customers", customer(), headers=KEY)
    live = web.post("/customers", customer(), key=web.live_key, headers=KEY)
    assert live.status_code == 201
    assert "Idempotent-Replayed" not in live.headers


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x7f", "tab\t"])
def test_a_key_that_is_none_is_refused(web, key):
    answer = new_account(web, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert names(web) == ["Shop"]


def test_the_longest_key_is_accepted(web):
    assert new_account(web, headers={"Idempotency-Key": "~" * 255}).status_code == 201


def test_a_refused_request_gives_its_key_back(web_on_both):
    web = web_on_both
    refused = web.post("/accounts", {"name": ""}, key=web.operator, headers=KEY)
    assert refused.status_code == 422
    assert new_account(web).status_code == 201


def test_a_refusal_by_the_use_case_rolls_everything_back_together(web_on_both):
    web = web_on_both
    web.made("/customers", customer())
    web.made("/invoices", invoice())
    again = web.post("/invoices", invoice(), headers=KEY)
    assert (again.status_code, again.json["code"]) == (409, "duplicate_invoice_number")
    assert web.post("/invoices", invoice("INV-2"), headers=KEY).status_code == 201


def at_once(count, act):
    barrier = threading.Barrier(count)

    def run(_):
        barrier.wait()
        return act()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_simultaneous_requests_with_one_key_make_one_effect(web_on_both):
    answers = at_once(6, lambda: new_account(web_on_both))
    assert {one.status_code for one in answers} == {201}
    assert len({one.data for one in answers}) == 1
    assert sum("Idempotent-Replayed" not in one.headers for one in answers) == 1
    assert names(web_on_both) == ["Shop 2", "Shop"]


def linked_customer(web, headers=KEY):
    return web.post("/customers", customer(acmeCustomerId="A-1"), headers=headers)


def test_where_a_provider_is_asked_a_repeat_answers_the_same_too(web_on_both):
    web = web_on_both
    web.connect()
    first = linked_customer(web)
    asked = len(web.acme.seen(path="/customers"))
    again = linked_customer(web)
    assert first.status_code == 201
    assert first.json["links"][0]["reference"] == "A-1"
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(web.acme.seen(path="/customers")) == asked


def test_where_a_provider_is_asked_a_second_request_waits_outside(web_on_both):
    web = web_on_both
    web.connect()
    web.acme.fault(Fault(path="/customers", delay=0.5))
    answers = at_once(3, lambda: linked_customer(web))
    made = [one for one in answers if one.status_code == 201]
    told = [one for one in answers if one.status_code == 409]
    assert len(made) == 1
    assert {one.json["code"] for one in told} == {"idempotency_key_in_use"}
    assert {one.headers["Retry-After"] for one in told} == {"1"}
    assert linked_customer(web).data == made[0].data


def test_a_refusal_of_the_provider_gives_the_key_back(web_on_both):
    web = web_on_both
    web.connect()
    unknown = web.post("/customers", customer(acmeCustomerId="A-9"), headers=KEY)
    assert unknown.status_code == 422
    assert linked_customer(web).status_code == 201


def test_a_failure_of_the_provider_is_not_kept(web):
    web.connect()
    web.acme.fault(Fault(path="/customers", status=500))
    assert linked_customer(web).status_code == 503
    assert linked_customer(web).status_code == 201


def claimed(web, age_ms):
    """The row a process leaves that died over the request of `linked_customer`."""
    assert linked_customer(web, {"Idempotency-Key": "probe"}).status_code == 201
    with web.hub.database.write():
        row = t.IdempotentAnswer.get(t.IdempotentAnswer.key == "probe")
        t.IdempotentAnswer.delete().execute()
        t.Link.delete().execute()
        t.Customer.delete().execute()
        return store.claim(row.scope, "order-1", row.fingerprint, web.hub.now() - age_ms)


def test_a_claim_whose_process_died_is_respected_for_a_while_and_then_taken_over(web_on_both):
    web = web_on_both
    web.connect()
    claim = claimed(web, 1000)
    assert linked_customer(web).json["code"] == "idempotency_key_in_use"
    with web.hub.database.write():
        store.release(claim)
    lease = idempotency.LEASE.total_seconds() * 1000
    claimed(web, lease + 1000)
    assert linked_customer(web).status_code == 201


def test_a_request_whose_claim_was_taken_over_leaves_nothing(web):
    web.connect()
    web.acme.fault(Fault(path="/customers", delay=0.6))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(linked_customer, web)
        while not taken_over(web):
            pass
        answer = slow.result()
    assert (answer.status_code, answer.json["code"]) == (409, "idempotency_key_in_use")
    assert web.get("/customers").json["items"] == []


def taken_over(web):
    with web.hub.database.write():
        row = t.IdempotentAnswer.get_or_none(t.IdempotentAnswer.key == "order-1")
        if row is None:
            return False
        abandoned = store.Kept(row.fingerprint, 0, {}, "", row.created_at)
        return store.take_over(row.scope, "order-1", abandoned, web.hub.now()) is not None


def test_the_answer_that_shows_a_key_is_not_kept(web_on_both):
    web = web_on_both
    path = f"/accounts/{web.account}/keys"
    first = web.post(path, {"environment": "test"}, key=web.operator, headers=KEY)
    again = web.post(path, {"environment": "test"}, key=web.operator, headers=KEY)
    assert (again.status_code, again.json["code"]) == (409, "already_created")
    assert again.json["location"] == first.headers["Location"]
    with web.hub.database.read():
        rows = [str(row.__data__) for row in t.IdempotentAnswer.select()]
    assert rows
    assert not any(first.json["secret"] in row for row in rows)


def test_old_answers_are_forgotten(web):
    new_account(web)
    old = web.hub.now() - idempotency.KEEPS.total_seconds() * 1000 - 1
    with web.hub.database.write():
        t.IdempotentAnswer.update(created_at=int(old)).execute()
    web.app.extensions[idempotency.SWEPT][0] = 0
    assert "Idempotent-Replayed" not in new_account(web, "Shop 3").headers


def test_every_post_of_the_api_honours_the_key(web):
    posts = [path for method, path in addresses(web.app) if method == "POST"]
    adapter = web.app.url_map.bind("localhost")
    plain = []
    for path in posts:
        endpoint, _ = adapter.match(path, method="POST")
        view = web.app.view_functions[endpoint]
        act = getattr(getattr(view, "view_class", None), "post", view)
        while act is not None and not getattr(act, "is_idempotent", False):
            act = getattr(act, "__wrapped__", None)
        if path.startswith("/api/") and act is None:
            plain.append(path)
    assert plain == []


def test_every_kind_of_post_works_under_a_key(web_on_both):
    web = web_on_both
    web.connect()
    assert linked_customer(web).status_code == 201
    web.made("/customers", customer("c2"))
    held = web.made("/invoices", invoice(autoPush=False))
    delivery, found = f"/deliveries/{held['deliveries'][0]['id']}", f"/invoices/{held['id']}"
    earlier = "/customers/c1/links/acme/push-earlier"
    confirm = web.get(earlier).json["confirm"]
    bodies = [
        ("/customers/c2/links/acme/create", None),
        (earlier, {"confirm": confirm}),
        ("/invoices/bulk", {"invoices": [invoice("INV-2")]}),
        (f"{found}/push", {}),
        (f"{delivery}/retry", None),
        ("/deliveries/retry", {}),
        (f"{found}/cancel", None),
        ("/connections/acme/pause", {"reason": "x"}),
        ("/connections/acme/resume", None),
        ("/connections/acme/check", None),
        ("/connections/acme/disconnect", None),
    ]
    for path, body in bodies:
        key = {"Idempotency-Key": path[-40:]}
        first = web.post(path, body, headers=key)
        assert first.status_code in (200, 201), (path, first.json)
        again = web.post(path, body, headers=key)
        assert (again.status_code, again.data) == (first.status_code, first.data)
        assert again.headers["Idempotent-Replayed"] == "true"


def test_connections_are_woken_after_the_commit(web):
    web.connect()
    linked_customer(web)
    committed = []

    def look(_connection):
        committed.append(not web.hub.database.in_transaction())

    web.hub.on_wake = look
    web.made("/invoices", invoice(), headers={"Idempotency-Key": "a"})
    web.made("/invoices", invoice("INV-2"))
    assert committed == [True, True]
