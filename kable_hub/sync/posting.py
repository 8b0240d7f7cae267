"""One POST to an address that an account named: never redirected, bounded in time, judged by its
status alone.

The connection goes to the very address that was checked, so that a name cannot lead elsewhere
between check and call. Of the answer only the head is read.
"""

import http.client
import io
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from kable_hub.clock import Clock
from kable_hub.sync.reach import Place, Refused, places
from kable_hub.transport import trusted

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
LONGEST_HEAD = 65_536
_PORTS = {"http": 80, "https": 443}
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r?\n)")


@dataclass(frozen=True)
class Answered:
    """What came back: the status, or why there is none (`error`, safe to show).

    `retry_after` in seconds, where the answer names it.
    """

    status: int | None = None
    error: str = ""
    retry_after: int | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300


def post(
    url: str, headers: Mapping[str, str], body: str, clock: Clock, *, private: bool
) -> Answered:
    """Send `body` as JSON. `private` lets in addresses of private networks. Raises nothing."""
    address = urlsplit(url)
    try:
        wire = _connected(address, clock, private=private)
    except Refused as refused:
        return Answered(error=f"not sent: {refused}")
    except ssl.SSLError:
        return Answered(error="the certificate or the encryption is not accepted")
    except (OSError, UnicodeError):
        return Answered(error="could not be reached")
    try:
        with wire:
            ends = clock.monotonic() + ANSWER_SECONDS
            wire.settimeout(ANSWER_SECONDS)
            wire.sendall(_request(address, headers, body.encode()))
            return _heard(wire, clock, ends)
    except TimeoutError:
        return Answered(error=f"no answer within {ANSWER_SECONDS:.0f} seconds")
    except (OSError, http.client.HTTPException):
        return Answered(error="the connection broke before the answer")


def _connected(address: SplitResult, clock: Clock, *, private: bool) -> socket.socket:
    """An open connection to the first place that takes one, encrypted where it has to be."""
    host, ends = address.hostname or "", clock.monotonic() + CONNECT_SECONDS
    port = address.port or _PORTS[address.scheme]
    failed = OSError("no address")
    for place in places(host, port, private=private):
        try:
            wire = _opened(place, max(0.1, ends - clock.monotonic()))
        except OSError as error:
            failed = error
            continue
        return _encrypted(wire, host) if address.scheme == "https" else wire
    raise failed


def _opened(place: Place, seconds: float) -> socket.socket:
    family, address, port = place
    wire = socket.socket(family, socket.SOCK_STREAM)
    try:
        wire.settimeout(seconds)
        wire.connect((address, port))
    except OSError:
        wire.close()
        raise
    return wire


def _encrypted(wire: socket.socket, host: str) -> socket.socket:
    try:
        return trusted().wrap_socket(wire, server_hostname=host)
    except OSError:
        wire.close()
        raise


def _request(address: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    sent = {
        "Host": address.netloc,
        "User-Agent": "kable-hub",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _heard(wire: socket.socket, clock: Clock, ends: float) -> Answered:
    """The head of the answer; hints that come before it are passed over."""
    gathered = b""
    while len(gathered) < LONGEST_HEAD:
        head, separator, rest = gathered.partition(b"\r\n\r\n")
        if separator:
            answered = _read(head, clock.now())
            if answered.status is None or answered.status >= 200:
                return answered
            gathered = rest
            continue
        left = ends - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        wire.settimeout(left)
        more = wire.recv(16_384)
        if not more:
            raise ConnectionError
        gathered += more
    return Answered(error="the answer is not HTTP")


def _read(head: bytes, now: datetime) -> Answered:
    found = _STATUS.match(head + b"\r\n")
    if found is None:
        return Answered(error="the answer is not HTTP")
    lines = head.partition(b"\n")[2] + b"\r\n\r\n"
    named = http.client.parse_headers(io.BytesIO(lines))
    return Answered(int(found[1]), retry_after=_wish(named.get("Retry-After", ""), now))


def _wish(text: str, now: datetime) -> int | None:
    """Retry-After as seconds from now; None where it says nothing that can be read."""
    if re.fullmatch(r"\d{1,9}", text):
        return int(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0, int((until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()))
