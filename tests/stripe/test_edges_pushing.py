"""The edge cases of pushing: lost answers, crashes, stored errors, hours of absence.

The numbers are those of the list of 48 edge cases of an invoice hub for Stripe.
"""

import copy
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from kable_stripe_payments.simulator import faults

from kable_hub import Kind
from kable_hub.testing import Fault, observing
from tests.acme import PROVIDER, Acme
from tests.acme_simulator import AcmeSimulator
from tests.crashing import killed_at
from tests.stripe.stage import TEST, stage
from tests.web.site import customer

BOOKS = Acme(replace(PROVIDER, slug="books", title="Books", kind=Kind.ACCOUNTING))
CREATE = "/v1/invoices$"
STEPS = {"create": CREATE, "lines": "add_lines$", "finalize": "finalize$"}


def lines(count):
    return [{"description": f"thing {n}", "amount": f"{n}.01"} for n in range(1, count + 1)]


def once(shop, made, total=1999, count=1):
    """The invoice stands at Stripe once, final and whole, and the hub knows."""
    shop.until_quiet()
    assert shop.standing(made) == ("delivered", "")
    there = shop.the_invoice()
    assert there["metadata"]["hub_invoice_id"] == made["id"]
    assert (there["status"], there["total"], len(there["_rows"])) == ("open", total, count)
    assert shop.delivery(made)["externalId"] == there["id"]


def keys_of(shop, path):
    return [one.header("idempotency-key") for one in shop.stripe.seen("POST", path)]


@pytest.fixture
def with_books(tmp_path):
    """Stripe and an accounting provider, both connected, c1 linked at the books alone."""
    with AcmeSimulator() as acme:
        names = {"API_URL": acme.url, "CLIENT_ID": "app", "WEBHOOK_SECRET": "secret"}
        environ = {f"KABLE_BOOKS_TEST_{name}": value for name, value in names.items()}
        with stage(tmp_path, BOOKS, **environ) as one:
            one.connect()
            form = {"provider": "books", "method": "key", "form": {"api_key": "token-1"}}
            one.made("/connections", form)
            one.made(
                "/customers", customer(booksCustomerId=acme.add_customer(name="A", method=True))
            )
            yield one, acme


def test_09_a_customer_without_a_link_is_not_charged_and_the_books_get_the_invoice(with_books):
    shop, acme = with_books
    before = shop.calls()
    shown = shop.push()
    assert shop.calls() == before
    assert [(one["provider"], one["state"]) for one in shown["deliveries"]] == [
        ("books", "delivered")
    ]
    assert shown["notLinked"] == ["stripe"]
    assert len(acme.docs) == 1


def test_12_a_customer_deleted_at_stripe_is_told_and_nothing_is_made(shop):
    there = shop.customer()
    shop.stripe.delete_customer(shop.merchant, TEST, there)
    waiting = shop.push()
    assert shop.standing(waiting) == ("blocked", "customer_gone")
    assert shop.invoices() == []
    assert shop.calls("POST", "/v1/") == []


def test_12_word_of_a_deleted_customer_breaks_its_link(shop):
    there = shop.customer()
    shop.stripe.delete_customer(shop.merchant, TEST, there)
    shop.hear()
    (link,) = shop.get("/customers/c1/links")["items"]
    assert link["state"] == "broken"


@pytest.mark.parametrize(
    ("holds", "standing"),
    [
        ("nothing", ("blocked", "requires_payment_method")),
        ("attached", ("blocked", "requires_payment_method")),
        ("default", ("delivered", "")),
        ("source", ("delivered", "")),
    ],
)
def test_13_only_a_default_can_be_charged(shop, holds, standing):
    there = shop.customer(with_card=False)
    own = shop.ledger().get("customer", there)
    card = "" if holds == "nothing" else shop.leave_card(there)
    own["invoice_settings"]["default_payment_method"] = card if holds == "default" else None
    own["default_source"] = card if holds == "source" else None
    assert shop.standing(shop.push()) == standing
    assert len(shop.invoices()) == (standing[0] == "delivered")


@pytest.mark.parametrize("executed", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize("call", range(1, 7))
def test_18_a_process_killed_at_any_call_leaves_one_invoice_with_exact_lines(shop, call, executed):
    shop.customer()
    made = shop.invoice(lines=lines(201))
    seen = killed_at(shop, call, executed=executed)
    assert len(seen) == call
    shop.restart()
    once(shop, made, total=sum(100 * n + 1 for n in range(1, 202)), count=201)


@pytest.mark.parametrize("path", STEPS.values(), ids=STEPS)
def test_19_a_lost_answer_is_asked_for_with_the_same_key(shop, path):
    shop.customer()
    shop.stripe.fault(faults.lost_after(path=path, method="POST"))
    made = shop.push()
    once(shop, made)
    first, *more = keys_of(shop, path)
    assert set(more) <= {first}


def test_20_two_workers_with_the_same_invoice_make_it_once(shop):
    shop.customer()
    made = shop.invoice()
    arrived, go_on = Event(), Event()

    def hold(_simulator, request, _answer):
        if (request.method, request.path) == ("POST", "/v1/invoices") and not arrived.is_set():
            arrived.set()
            go_on.wait(60)

    with observing(hold):
        first = Thread(target=shop.drain)
        first.start()
        assert arrived.wait(60)
        shop.clock.advance(60)
        shop.drain()
        tried = shop.delivery(made)["tried"]
        go_on.set()
        first.join()
    assert tried[-1]["httpStatus"] == 409
    assert tried[-1]["providerCode"] == "idempotency_key_in_use"
    once(shop, made)
    assert len(set(keys_of(shop, CREATE))) == 1


def test_21_lines_that_arrive_after_the_hub_has_looked_do_not_stand_there_twice(shop):
    shop.customer()
    shop.stripe.fault(
        Fault(path="add_lines$", late=30, times=2), Fault(path="finalize$", late=30, times=3)
    )
    once(shop, shop.push())


@pytest.mark.parametrize("done", ["before", "after"])
@pytest.mark.parametrize("step", ["/v1/invoices ", "add_lines", "finalize"])
def test_21_a_stored_500_is_got_round_by_looking_and_never_doubles(shop, step, done):
    shop.customer()
    shop.stripe.break_next(step, done)
    made = shop.push()
    once(shop, made)
    assert {code for code in shop.tries(made) if code} <= {"http_500", "not_settled_yet"}
    asked = [call for call in shop.calls("POST", "/v1/invoices") if step in f"{call} "]
    assert len(asked) <= 3, "the stored answer is not asked for again and again"


@pytest.mark.parametrize("path", STEPS.values(), ids=STEPS)
def test_22_after_25_hours_the_invoice_is_looked_for_and_not_sent_again(shop, path):
    shop.customer()
    shop.stripe.fault(faults.lost_after(path=path, method="POST"))
    made = shop.invoice()
    shop.drain()
    sent = len(shop.calls("POST", path))
    shop.pass_time(25 * 3600)
    once(shop, made)
    assert len(shop.calls("POST", path)) == sent
    assert "find" in [one["step"] for one in shop.delivery(made)["tried"]]


def test_23_an_index_that_lags_makes_no_second_invoice_and_no_second_customer(shop):
    shop.stripe.search_lag = 3600
    shop.stripe.fault(faults.lost_after(path="/v1/customers$", method="POST"))
    shop.made("/customers?stripe=true", customer(email="a@example.com"))
    shop.until_quiet()
    assert len(shop.ledger().of("customer")) == 1
    (link,) = shop.get("/customers/c1/links")["items"]
    shop.leave_card(link["reference"])
    shop.stripe.fault(faults.lost_after(path="finalize$"))
    made = shop.invoice()
    shop.drain()
    shop.clock.advance(25 * 3600)
    once(shop, made)
    assert shop.calls("GET", "search") == []


def test_24_what_is_sent_cannot_be_changed_here_and_stripe_is_not_asked(shop):
    shop.customer()
    made = shop.push()
    there, calls = copy.deepcopy(shop.the_invoice()), shop.calls()
    answer = shop.call("PATCH", f"/invoices/{made['id']}", {"memo": "changed"})
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_already_sent")
    shop.work()
    assert (shop.the_invoice(), shop.calls()) == (there, calls)


def test_24_nor_while_nobody_knows_whether_it_arrived(shop):
    shop.customer()
    shop.stripe.fault(faults.lost_before(path=CREATE, method="POST", times=2))
    made = shop.invoice()
    shop.drain()
    assert shop.standing(made)[0] == "uncertain"
    answer = shop.call("PATCH", f"/invoices/{made['id']}", {"memo": "changed"})
    assert answer.status_code == 409
    once(shop, made)


def test_26_the_same_key_with_other_parameters_is_looked_into_and_ends(shop):
    shop.customer()
    shop.stripe.fault(faults.lost_after(path=CREATE, method="POST"))
    made = shop.invoice()
    shop.drain()
    for stored in shop.ledger().stored.values():
        stored.request += "&other=1"
    once(shop, made)
    assert "idempotency_mismatch" in shop.tries(made)
    assert len(shop.calls("POST", CREATE)) == 2


class Apart:
    """A clock so many hours off another one."""

    def __init__(self, clock, hours):
        self.clock, self.off = clock, timedelta(hours=hours)

    def now(self):
        return self.clock.now() + self.off

    def monotonic(self):
        return self.clock.monotonic()


@pytest.mark.parametrize("hours", [-23, -6, 6, 23])
def test_a_clock_that_is_hours_off_makes_no_second_invoice(shop, hours):
    shop.customer()
    shop.stripe.clock = Apart(shop.clock, hours)
    finalize = STEPS["finalize"]
    shop.stripe.fault(faults.lost_after(path=finalize, method="POST"))
    shop.stripe.fault(faults.lost_before(path=CREATE, method="POST"))
    shop.stripe.fault(faults.lost_before(path=finalize, method="POST"))
    once(shop, shop.invoice())
