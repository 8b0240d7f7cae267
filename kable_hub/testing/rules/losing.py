"""What goes wrong on the wire, and what it proves."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from kable_hub.errors import (
    CredentialsExpired,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    ReconnectRequired,
    Transient,
)
from kable_hub.testing.demands import demand, refused, rule
from kable_hub.testing.desk import attempted
from kable_hub.testing.fault import Fault
from kable_hub.testing.reception import TEST
from kable_hub.testing.rules.base import Rules

SECONDS = 7
HURRIED = (0.3, 0.3)


class Losing(Rules):
    """An answer that is lost proves nothing; what was not sent did nothing."""

    def _survives(self, spoil: Callable[[int], Fault], *, writes_only: bool = False) -> None:
        """Spoil each request of a push in turn: one document stands there in the end."""
        for step in self.desk.steps():
            if writes_only and not step.writes:
                continue
            push = self.desk.push()
            self.desk.simulator.fault(spoil(step.place))
            error = attempted(self.desk.send, push)
            self.desk.simulator.clear_faults()
            if step.writes:
                self._proves_nothing(error, step.name)
            self.desk.settle(push, unsure=isinstance(error, OutcomeUnknown))
            self.desk.arrived_once(push)

    def _proves_nothing(self, error: ProviderError | None, name: str) -> None:
        said = f"{type(error).__name__} was raised" if error else "a receipt was answered"
        honest = isinstance(error, OutcomeUnknown)
        demand(honest, f"{name} got no answer to go by, and {said}: only OutcomeUnknown is true.")

    @rule("bronze")
    def test_an_answer_that_is_lost_after_the_commit_makes_no_second_document(self) -> None:
        """The provider did it and its answer is lost, at each request: OutcomeUnknown, and in
        the end one document."""
        self._survives(lambda place: Fault(stage="after", reset=True, skip=place))

    @rule("bronze")
    def test_a_request_that_is_cut_off_is_made_good(self) -> None:
        """The provider did nothing and the connection broke, at each request: OutcomeUnknown,
        and in the end one document."""
        self._survives(lambda place: Fault(reset=True, skip=place))

    @rule("bronze")
    def test_a_fault_of_the_provider_proves_nothing(self) -> None:
        """A 5xx may follow a commit: OutcomeUnknown, and in the end one document."""
        for status in (500, 502, 503, 504):
            self._survives(lambda place, status=status: _answer(place, status))  # type: ignore[misc]

    @rule("silver")
    def test_half_an_answer_is_none(self) -> None:
        """An answer that ends in its middle proves nothing."""
        self._survives(lambda place: Fault(stage="after", truncate=20, skip=place))

    @rule("silver")
    def test_a_page_of_a_gateway_is_no_answer(self) -> None:
        """HTML under a good status proves nothing."""
        self._survives(lambda place: _answer(place, 200, "<html>Please wait</html>"))

    @rule("silver")
    def test_a_refusal_of_a_gateway_proves_nothing(self) -> None:
        """A 404 with a page that is none of the provider's proves nothing."""
        body = "<html>Not found</html>"
        self._survives(lambda place: _answer(place, 404, body), writes_only=True)

    @rule("silver")
    def test_an_empty_answer_is_no_receipt(self) -> None:
        """A good status with an empty body or an empty object proves nothing."""
        for body in ("", "{}", "[]"):
            self._survives(lambda place, body=body: _answer(place, 200, body), writes_only=True)  # type: ignore[misc]

    @rule("silver")
    def test_an_error_under_a_good_status_is_no_receipt(self) -> None:
        """A good status whose body is an error proves nothing."""
        body = '{"error": {"message": "later"}}'
        self._survives(lambda place: _answer(place, 200, body), writes_only=True)

    @rule("silver")
    def test_a_redirect_is_not_followed(self) -> None:
        """A redirect of a writing request is not followed, and proves nothing."""
        for step in [one for one in self.desk.steps() if one.writes]:
            push, begun = self.desk.push(), len(self.desk.gate.calls)
            before = len(self.desk.own_requests())
            headers = {"Location": "/"}
            self.desk.simulator.fault(Fault(status=307, headers=headers, skip=step.place))
            error = attempted(self.desk.send, push)
            self.desk.simulator.clear_faults()
            self._proves_nothing(error, step.name)
            made = len(self.desk.own_requests()) - before
            demand(made == len(self.desk.gate.calls) - begun, "It followed a redirect.")

    @rule("bronze")
    def test_a_request_that_never_left_did_nothing(self) -> None:
        """Where the provider cannot be reached the push is Transient: it did nothing."""
        push = self.desk.push()
        self.desk.connection()
        self.desk.simulator.stop()
        refused(Transient, self.desk.send, push)

    @rule("silver")
    def test_a_lost_answer_to_a_read_did_nothing(self) -> None:
        """Looking for a document is Transient where its answer is lost."""
        push = self.desk.push()
        self.desk.send(push)
        self.desk.simulator.fault(Fault(reset=True))
        refused(Transient, self.desk.find, push)

    @rule("bronze")
    def test_an_answer_is_waited_for_as_long_as_the_hub_allows(self) -> None:
        """A request is given up after `call.timeout`, and that proves nothing."""
        step = next(one for one in self.desk.steps() if one.writes)
        push = self.desk.push()
        self.desk.gate.timeout = HURRIED
        fault = Fault(stage="after", delay=3 * HURRIED[1], skip=step.place)
        self.desk.simulator.fault(fault)
        self._proves_nothing(attempted(self.desk.send, push), step.name)

    @rule("bronze")
    def test_too_many_requests_name_a_declared_limit(self) -> None:
        """429 is RateLimited with the name of a declared limit (or none), and leaves nothing."""
        error = self._slowed({})
        names = {"", *(one.name for one in self.desk.provider.limits)}
        demand(error.limit in names, f"There is no declared limit {error.limit!r}.")
        demand(not self.desk.simulator.documents(), "A refused push left a document.")

    @rule("silver")
    def test_the_wait_a_provider_asks_for_is_told_in_seconds(self) -> None:
        """`Retry-After` in seconds becomes `retry_after`."""
        error = self._slowed({"Retry-After": str(SECONDS)})
        demand(error.retry_after == timedelta(seconds=SECONDS), f"It tells {error.retry_after}.")

    @rule("gold")
    def test_the_wait_a_provider_asks_for_is_told_by_a_date(self) -> None:
        """`Retry-After` as a date becomes `retry_after`."""
        then = datetime.now(UTC) + timedelta(minutes=5)
        error = self._slowed({"Retry-After": format_datetime(then, usegmt=True)})
        told = error.retry_after or timedelta(0)
        demand(abs(told - timedelta(minutes=5)) < timedelta(seconds=30), f"It tells {told}.")

    @rule("silver")
    def test_a_wait_that_makes_no_sense_is_not_believed(self) -> None:
        """A `Retry-After` that is neither is as good as none, and no crash."""
        told = [self._slowed(one).retry_after for one in ({"Retry-After": "soon"}, {})]
        demand(told[0] == told[1], f"It tells {told[0]}.")

    def _slowed(self, headers: Mapping[str, str]) -> ProviderError:
        push = self.desk.push()
        self.desk.connection()
        self.desk.simulator.fault(Fault(status=429, body="{}", headers=headers))
        return refused((RateLimited, OutcomeUnknown), self.desk.send, push)

    @rule("bronze")
    def test_access_that_was_taken_back_stops_the_connection(self) -> None:
        """A grant revoked in mid-run is ReconnectRequired (or CredentialsExpired, to be
        refreshed), and nothing is made."""
        push = self.desk.push()
        self.desk.connection()
        self.desk.simulator.revoke_access(TEST)
        refused((ReconnectRequired, CredentialsExpired), self.desk.send, push)
        demand(not self.desk.simulator.documents(), "A refused push left a document.")

    @rule("gold")
    def test_fields_that_nobody_knows_yet_do_no_harm(self) -> None:
        """An answer with further fields is read as ever."""
        push = self.desk.push()
        self.desk.simulator.fault(Fault(stage="after", extra={"loyalty": {"points": 3}}, times=9))
        self.desk.send(push)
        self.desk.simulator.clear_faults()
        self.desk.arrived_once(push)

    @rule("silver")
    def test_proxies_of_the_machine_are_not_used(self) -> None:
        """Requests go to the provider and nowhere else, whatever the machine's proxy is."""
        push, before = self.desk.push(), dict(os.environ)
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy")
        os.environ |= dict.fromkeys(names, "http://127.0.0.1:9") | {"no_proxy": ""}
        try:
            self.desk.send(push)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.desk.arrived_once(push)


def _answer(place: int, status: int, body: str = "", **more: Any) -> Fault:
    return Fault(stage="after", status=status, body=body, skip=place, **more)
