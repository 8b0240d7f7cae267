"""The edge cases of limits and of a company that takes nothing: storms, metered reads, an end.

The numbers are those of the list of 53 edge cases of an invoice hub for QuickBooks.
"""

from collections import Counter

import pytest

from kable_hub.testing import Fault
from tests.quickbooks.stage import CA, GB, US
from tests.web.site import invoice

EACH = 100
CURRENCIES = {US: "USD", CA: "CAD", GB: "GBP"}
STORM = '{"fault":{"error":[{"message":"ThrottleExceeded","code":"3001"}],"type":"SERVICE"}}'


@pytest.fixture
def three(bare):
    """The keys of three accounts, each with a company and a hundred invoices due there."""
    keys = {realm: bare.tenant(realm) for realm in CURRENCIES}
    for realm, key in keys.items():
        bodies = [invoice(f"S-{n}", currency=CURRENCIES[realm]) for n in range(EACH)]
        assert bare.made("/invoices/bulk", {"invoices": bodies}, key=key)["refused"] == 0
    bare.quickbooks.api.throttle.keep_published()
    return keys


def at(shop, realm):
    """The requests to one company: (moment, status)."""
    return [
        (one.at, one.status) for one in shop.asked("POST", f"/company/{realm}/(batch|invoice)$")
    ]


def fullest(moments, seconds):
    """The most requests that any window of so many seconds held."""
    ordered = sorted(moments)
    return max(
        sum(begin <= one < begin + seconds for one in ordered[place:])
        for place, begin in enumerate(ordered)
    )


def test_46_a_storm_pauses_one_company_for_a_minute_and_loses_and_doubles_nothing(bare, three):
    storm = Fault(path=f"/company/{US}/batch$", method="POST", status=429, body=STORM, times=3)
    bare.quickbooks.fault(storm)
    bare.until_quiet()
    for realm, key in three.items():
        assert bare.connection(key=key)["counts"] == {"delivered": EACH}
        numbers = Counter(row["DocNumber"] for row in bare.invoices(realm))
        assert numbers == Counter(f"S-{n}" for n in range(EACH))
        moments = [moment for moment, _ in at(bare, realm)]
        assert fullest(moments, 1) <= 10
        assert fullest(moments, 60) <= 40
    refused = [moment for moment, status in at(bare, US) if status == 429]
    later = [moment for moment, status in at(bare, US) if status == 200]
    assert min(later) - min(refused) >= 60
    assert {status for realm in (CA, GB) for _, status in at(bare, realm)} == {200}
    assert bare.quickbooks.api.throttle.refused == 0


def test_46_the_limits_of_one_company_are_no_others(bare, three):
    bare.quickbooks.fault(
        Fault(path=f"/company/{US}/", method="POST", status=429, body=STORM, times=1000)
    )
    for _ in range(3):
        bare.drain()
    for realm in (CA, GB):
        assert len(bare.invoices(realm)) == EACH
    assert bare.invoices(US) == []
    bare.quickbooks.clear_faults()
    bare.until_quiet()
    assert len(bare.invoices(US)) == EACH


def test_47_with_the_months_reads_used_up_invoices_go_on_unread(ready):
    ready.quickbooks.api.throttle.reads = 0
    made = [ready.push(), ready.push()]
    assert {ready.standing(one) for one in made} == {("delivered", "")}
    assert len(ready.invoices()) == 2
    assert ready.quickbooks.api.throttle.refused == 0


def test_47_what_has_to_be_looked_for_waits_until_reads_come_back(ready):
    throttle = ready.quickbooks.api.throttle
    throttle.reads = 0
    ready.quickbooks.fault(Fault(path="/invoice$", method="POST", stage="after", reset=True))
    uncertain = ready.push()
    ready.pass_time(3 * 3600)
    fresh = ready.push()
    assert ready.standing(uncertain)[0] == "uncertain"
    assert ready.standing(fresh) == ("delivered", "")
    throttle.reads = None
    ready.until_quiet()
    assert ready.standing(uncertain) == ("delivered", "")
    assert len(ready.invoices()) == 2


def test_48_a_subscription_that_ended_stops_the_connection_with_one_notice(ready):
    ready.books().subscribed = False
    made = [ready.push() for _ in range(3)]
    connection = ready.connection()
    assert connection["state"] == "paused"
    assert "Subscription period has ended" in connection["pauses"]["provider"]
    ready.pass_time(24 * 3600)
    ready.until_quiet()
    assert [ready.standing(one) for one in made] == [
        ("uncertain", "subscription_ended"),
        ("due", ""),
        ("due", ""),
    ]
    assert ready.calls("POST") == ["POST invoice"]


def test_48_once_it_is_paid_again_a_check_lets_the_queue_go_on(ready):
    ready.books().subscribed = False
    made = [ready.push() for _ in range(3)]
    ready.books().subscribed = True
    ready.made("/connections/quickbooks/check")
    ready.until_quiet()
    assert ready.connection()["state"] == "active"
    assert {ready.standing(one) for one in made} == {("delivered", "")}
    assert len(ready.invoices()) == 3
