"""Addresses that browsers are led back to: an account may hold them to a list of hosts.

The grammar is narrower than a browser's on purpose: where the two could read an address
differently (backslashes, user names, bare words, other scripts), it is refused.
"""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from kable_hub.domain import Environment
from kable_hub.store import accounts
from kable_hub.store.scope import Scope
from kable_hub.usecases.checks import Checks

LONGEST = 2000
MOST_HOSTS = 50
DEFAULT_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST = rf"(?:{_NAME}|\[[0-9a-f:.]+\])(?::\d{{1,5}})?"
_PLACE = re.compile(_HOST, re.IGNORECASE)
_ENTRY = re.compile(rf"{_HOST}|\*\.{_LABEL}\.{_HOST}")


def check_hosts(checks: Checks, field: str, hosts: Sequence[str]) -> tuple[str, ...]:
    """The list of hosts in lower case; faults by `field`, such as `returnHosts.0`."""
    if len(hosts) > MOST_HOSTS:
        checks.fault(field, "too_many", f"At most {MOST_HOSTS} hosts can be listed.")
    lowered = tuple(dict.fromkeys(one.lower() for one in hosts))
    for place, one in enumerate(hosts):
        if not _is_entry(one):
            said = (
                f"{one[:80]!r} is no host such as shop.example, shop.example:8443 or "
                "*.shop.example (its subdomains); other scripts are written as xn--..."
            )
            checks.fault(f"{field}.{place}", "bad_host", said)
    return lowered


def check_address(
    checks: Checks, scope: Scope, field: str, url: str, *, local: bool = False
) -> None:
    """An address this account's people may be led to; `local` lets in a path of this hub.

    https (in test also http), at one of the account's hosts where it lists any. Joins the
    caller's read. Faults are `bad_url` and `host_not_allowed`.
    """
    if local and _is_local(url):
        return
    account = accounts.get(scope.account_id)
    fault = address_fault(url, scope.environment, account.return_hosts if account else ())
    if fault is not None:
        code, said = fault
        other = " A path of this hub is taken, too." if local and code == "bad_url" else ""
        checks.fault(field, code, said + other)


def address_fault(
    url: str, environment: Environment, hosts: Sequence[str] = ()
) -> tuple[str, str] | None:
    """What stands against an address, as code and message; None where nothing does. Pure."""
    schemes = ("https", "http") if environment is Environment.TEST else ("https",)
    parts = _split(url)
    if parts is None or parts.scheme not in schemes or len(url) > LONGEST:
        return "bad_url", (
            f"This has to be an {' or '.join(schemes)} address: at most {LONGEST} printable "
            "ASCII characters, with a host and without user name or backslash."
        )
    if hosts and not any(_covers(one, parts) for one in hosts):
        said = f"{parts.netloc.lower()} is none of the account's hosts ({', '.join(hosts)})."
        return "host_not_allowed", said
    return None


def _is_entry(text: str) -> bool:
    if not text.isascii() or not _ENTRY.fullmatch(text.lower()):
        return False
    try:
        return urlsplit(f"//{text}").port != 0
    except ValueError:
        return False


def _is_local(url: str) -> bool:
    plain = bool(_PRINTABLE.fullmatch(url)) and "\\" not in url and len(url) <= LONGEST
    return plain and url.startswith("/") and not url.startswith("//")


def _split(url: str) -> SplitResult | None:
    """The parts of an address that every browser reads alike, or None."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        sound = _PLACE.fullmatch(parts.netloc) and parts.port != 0
    except ValueError:
        return None
    return parts if sound else None


def _covers(entry: str, parts: SplitResult) -> bool:
    default = DEFAULT_PORTS[parts.scheme]
    host, port = _host_and_port(urlsplit(f"//{entry}"), default)
    named = _host_and_port(parts, default)
    if host.startswith("*."):
        return named[0].endswith(host[1:]) and named[1] == port
    return named == (host, port)


def _host_and_port(parts: SplitResult, default: int) -> tuple[str, int]:
    return parts.hostname or "", parts.port or default
