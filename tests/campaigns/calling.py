"""Software that sends invoices to the hub and does not give up: what got no answer is sent again,
by the same Idempotency-Key or, without one, by the same number.
"""

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import requests

from kable_hub import money
from tests.campaigns.field import CURRENCIES, Field
from tests.campaigns.judge import Accepted

THREADS = 3
BULK = 8
TIMEOUT = 30
PATIENCE = 120.0


class Caller:
    """Sends the invoices 0, 1, 2, … as far as they are allowed; used by the campaign's thread.

    `accepted` is all that the hub said yes to; `resent` how many requests had to be sent more
    than once; `faults` what the hub should never have answered.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self._allowed = 0
        self._next = 0
        self._stop = False
        self._change = threading.Condition()
        self.accepted: list[Accepted] = []
        self.resent = 0
        self.in_flight = 0
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for one in self._threads:
            one.start()

    def allow(self, upto: int) -> None:
        """Invoices below this number may be sent."""
        with self._change:
            self._allowed = upto
            self._change.notify_all()

    def is_idle(self) -> bool:
        """Whether all that may be sent was accepted."""
        return len(self.accepted) >= self._allowed

    def finish(self, seconds: float) -> bool:
        """Wait until all that may be sent is answered; whether it was."""
        end = time.monotonic() + seconds
        with self._change:
            self._stop = True
            self._change.notify_all()
        for one in self._threads:
            one.join(max(0.0, end - time.monotonic()))
        return not any(one.is_alive() for one in self._threads)

    def _work(self) -> None:
        with self._field.session() as session:
            for numbers in self._portions():
                try:
                    self._send(session, numbers)
                except Exception as error:
                    self.faults.append(f"sending {numbers}: {error!r}")

    def _portions(self) -> Iterator[range]:
        """Four single invoices, then a bulk, and so on."""
        while True:
            with self._change:
                while self._next >= self._allowed:
                    if self._stop:
                        return
                    self._change.wait()
                first = self._next
                size = BULK if first % (4 + BULK) == 4 else 1
                self._next = min(self._allowed, first + size)
                numbers = range(first, self._next)
            yield numbers

    def _send(self, session: requests.Session, numbers: range) -> None:
        bodies = [body_of(number) for number in numbers]
        keyed = numbers[0] % 2 == 0
        headers = {"Idempotency-Key": f"sent-{numbers[0]}"} if keyed else {}
        if len(bodies) == 1:
            answer = self._post(session, "/invoices", bodies[0], headers)
            results = [answer.json()] if answer.status_code == 201 else [None]
        else:
            answer = self._post(session, "/invoices/bulk", {"invoices": bodies}, headers)
            results = [one["invoice"] for one in answer.json()["results"]]
        for body, result in zip(bodies, results, strict=True):
            self._keep(body, result or self._standing(body, answer))

    def _post(
        self, session: requests.Session, path: str, body: Any, headers: dict[str, str]
    ) -> requests.Response:
        """Until the hub has said something; a failure of its own is no answer."""
        end = time.monotonic() + PATIENCE
        tries = 0
        while True:
            tries += 1
            answer = self._once(lambda: session.post(self._url(path), json=body, **_more(headers)))
            if answer is not None and answer.status_code < 500:
                self.resent += tries > 1
                return answer
            if time.monotonic() > end:
                raise TimeoutError(f"POST {path} had no answer, at last {answer!r}")
            time.sleep(0.02)

    def _once(self, send: Callable[[], requests.Response]) -> requests.Response | None:
        with self._change:
            self.in_flight += 1
        try:
            return send()
        except requests.RequestException:
            return None
        finally:
            with self._change:
                self.in_flight -= 1

    def _standing(self, body: dict[str, Any], answer: requests.Response) -> Any:
        """What was sent before and got no answer has its number already: look it up."""
        path = f"/invoices?number={body['number']}&limit=200"
        page = self._field.ask(path)
        found = [one for one in page["items"] if one["number"] == body["number"]]
        if not found:
            self.faults.append(f"{body['number']} was refused: {answer.text[:300]}")
        return found[0] if found else None

    def _keep(self, body: dict[str, Any], result: Any) -> None:
        if result is None:
            return
        one = Accepted.of(result, self._field.goes[body["currency"]])
        if (one.number, one.currency, one.total) != sent(body):
            self.faults.append(f"{body['number']} was sent as {sent(body)}, accepted as {one}")
        self.accepted.append(one)

    def _url(self, path: str) -> str:
        return f"{self._field.url}/api/v1{path}"


def _more(headers: dict[str, str]) -> dict[str, Any]:
    return {"headers": headers, "timeout": TIMEOUT}


def sent(body: dict[str, Any]) -> tuple[str, str, int]:
    """Number, currency and total in minor units of what is sent."""
    total = sum(Decimal(line["unitPrice"]) for line in body["lines"])
    return body["number"], body["currency"], money.to_minor(Decimal(total), body["currency"])


def body_of(number: int) -> dict[str, Any]:
    """An invoice with one to four lines."""
    currency = CURRENCIES[number % len(CURRENCIES)]
    lines = [
        {"description": f"part {line}", "quantity": 1, "unitPrice": f"{100 + number}.{line:02d}"}
        for line in range(1 + number % 4)
    ]
    return {
        "customer": f"c-{currency}",
        "number": f"K-{number}",
        "currency": currency,
        "issueDate": "2026-11-22",
        "lines": lines,
    }
