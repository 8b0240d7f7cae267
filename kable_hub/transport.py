"""One HTTP request to a provider: sent once, answered whole, or an error that says what is known.

No redirect, no proxy, no cookie, no retry. A connection is kept for the next request of the same
thread. One that the other side has closed by then is replaced before anything is written to it;
one that breaks after the first byte was written is never written to again: whether the provider
took the request cannot be known, so a write is then `OutcomeUnknown` and never sent a second time
from here. Certificates are checked against the `certifi` bundle.
"""

import http.client
import select
import socket
import ssl
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi

from kable_hub import canonical
from kable_hub.connection import Call
from kable_hub.errors import ContractViolation, OutcomeUnknown, Transient

LONGEST_WAIT = 3600
"""Seconds: nobody is believed who asks to wait for longer."""

KEPT = 8
"""Connections to so many hosts stay open in a thread."""

_AGENT = {"User-Agent": "kable-hub", "Accept-Encoding": "gzip"}
_PORTS = {"http": 80, "https": 443}
_GZIP = 16 + zlib.MAX_WBITS
_threads = threading.local()


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the whole body.

    `request_id` is the provider's own id of the request, empty where it names none.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str = ""

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 in it is replaced."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """A header's value by its name in any case, or empty."""
        return self.headers.get(name.lower(), "")

    def retry_after(self, now: datetime | None = None) -> timedelta | None:
        """The wait that the provider asks for, as `wait_asked` reads it."""
        return wait_asked(self.headers, now)

    def json(self) -> Any:
        """The body as JSON, numbers with a fraction as Decimal. Raises ValueError."""
        return canonical.loads(self.body)


def wait_asked(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """The wait of a `Retry-After` header (RFC 9110, 10.2.3): seconds, or a date.

    A date counts from `now`, else from the answer's own `Date`. At most an hour; None where the
    header is missing or makes no sense.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), LONGEST_WAIT))
    try:
        since = now or parsedate_to_datetime(headers.get("date", ""))
        wait = parsedate_to_datetime(text) - since
    except (TypeError, ValueError):
        return None
    return min(max(timedelta(0), wait), timedelta(seconds=LONGEST_WAIT))


def send(
    call: Call,
    method: str,
    url: str,
    *,
    to: str,
    headers: Mapping[str, str],
    body: str | bytes | None = None,
    ambiguous: bool | None = None,
    request_id: str = "Request-Id",
) -> Answer:
    """Send one request inside `call`, with its timeouts, and note the answer there.

    `to` names the provider in errors, which never show the address; `request_id` is the header
    of the provider's own id. Raises Transient where the request provably never left, or
    changes nothing; OutcomeUnknown where an `ambiguous` one (default: a writing call) got no
    whole answer.
    """
    address = _address(url)
    sent = body.encode() if isinstance(body, str) else body
    wire = _connected(call, to, address)
    try:
        _ask(wire, call, method, _target(address), {**_AGENT, **headers}, sent)
        answer = _heard(wire.getresponse(), request_id.lower())
    except (OSError, http.client.HTTPException, zlib.error, EOFError):
        wire.close()
        unsure = call.writes if ambiguous is None else ambiguous
        kind = OutcomeUnknown if unsure else Transient
        raise kind(f"{to}'s answer to {call.name} was lost.", code="no_answer") from None
    except BaseException:
        wire.close()
        raise
    call.answered(answer.status, answer.request_id)
    return answer


def _ask(
    wire: http.client.HTTPConnection,
    call: Call,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> None:
    wire.sock.settimeout(call.timeout[1])
    wire.request(method, target, body=body, headers=headers)


def _heard(response: http.client.HTTPResponse, request_id: str) -> Answer:
    """The whole answer: half of one is none, so everything is read before it is believed."""
    if response.status < 200:
        # A hint, and the answer is still to come: it must not be taken for the next request's.
        raise http.client.HTTPException
    content = response.read()
    named = {name.lower(): value for name, value in response.getheaders()}
    if named.get("content-encoding", "").lower() == "gzip":
        content = _unpacked(content)
    return Answer(response.status, named, content, named.get(request_id, ""))


def _unpacked(content: bytes) -> bytes:
    """The bytes behind gzip. Raises EOFError where they end in the middle."""
    unpacking = zlib.decompressobj(_GZIP)
    whole = unpacking.decompress(content)
    if content and not unpacking.eof:
        raise EOFError
    return whole


def _connected(call: Call, to: str, address: SplitResult) -> http.client.HTTPConnection:
    """This thread's open connection to the host. Raises Transient where there is none to have."""
    wires = _wires()
    place = (address.scheme, address.hostname or "", address.port or _PORTS[address.scheme])
    wire = wires.pop(place, None)
    if wire is None or _is_stale(wire):
        if wire is not None:
            wire.close()
        wire = _opened(call, to, *place)
    wires[place] = wire
    while len(wires) > KEPT:
        wires.pop(next(iter(wires))).close()
    return wire


def _opened(call: Call, to: str, scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    wait = call.timeout[0]
    try:
        made = (
            http.client.HTTPSConnection(host, port, timeout=wait, context=trusted())
            if scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=wait)
        )
        # Whoever writes to a closed connection gets an error, never a second connection.
        made.auto_open = 0
        made.connect()
    except (OSError, UnicodeError, http.client.HTTPException):
        raise Transient(f"{to} could not be reached ({call.name}).", code="unreachable") from None
    made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _is_stale(wire: http.client.HTTPConnection) -> bool:
    """Closed by either side. Between requests nothing can rightly come, so what is there to be
    read is the end, or words that belong to no request of ours."""
    if wire.sock is None:
        return True
    waiting = select.poll()
    waiting.register(wire.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _wires() -> dict[tuple[str, str, int], http.client.HTTPConnection]:
    """This thread's connections, the one used last at the end."""
    wires: dict[tuple[str, str, int], http.client.HTTPConnection] | None
    wires = getattr(_threads, "wires", None)
    if wires is None:
        wires = _threads.wires = {}
    return wires


def _address(url: str) -> SplitResult:
    """The address apart. Raises ContractViolation where it is none for HTTP."""
    try:
        address = urlsplit(url)
        known = address.scheme in _PORTS and address.hostname and (address.port or True)
    except ValueError:
        known = None
    if not known:
        raise ContractViolation("the provider's address is not one for HTTP", code="bad_address")
    return address


def _target(address: SplitResult) -> str:
    path = address.path or "/"
    return f"{path}?{address.query}" if address.query else path


@cache
def trusted() -> ssl.SSLContext:
    """One for all connections: making it reads every certificate."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
