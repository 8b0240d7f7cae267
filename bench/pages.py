"""How long the dashboard's pages take on the server, with many invoices in SQLite.

    python3 run.py bench pages [--invoices 100000] [--rounds 5] [--target 100] [--waiting]

Fills a temporary SQLite file with an account (`_filled.py`), signs an operator in and asks for
every page of the URL map, those with filters in several ways. No sockets: the app alone is
timed, on the wall's clock and in CPU time, medians of both. `--waiting`: nothing was sent yet.
Exit status 1 where a page takes longer than the target on the wall's clock.
"""

import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from _filled import Filled, fill, opened
from _main import arguments
from flask import Flask, url_for
from flask.testing import FlaskClient

from kable_hub.usecases import signing_in, users
from kable_hub.usecases.hub import Hub
from kable_hub.web.app import create_app

PAGES: Mapping[str, tuple[dict[str, str], ...]] = {
    "signin.choose": ({},),
    "signin.you": ({},),
    "dashboard.overview.index": ({},),
    "dashboard.connections.index": ({"kind": "payments"}, {"kind": "accounting"}),
    "dashboard.connections.ask_disconnect": ({"kind": "payments"},),
    "dashboard.customers.index": (
        {},
        {"search": "Customer 7"},
        {"search": "nobody"},
        {"standing": "linked"},
        {"standing": "not_linked"},
        {"standing": "blocked"},
        {"standing": "not_linked", "provider": "stripe"},
        {"standing": "blocked", "provider": "stripe", "search": "nobody"},
    ),
    "dashboard.customers.new": ({},),
    "dashboard.customers.show": ({},),
    "dashboard.customers.edit": ({},),
    "dashboard.customer_links.index": ({},),
    "dashboard.customer_links.unlink": ({},),
    "dashboard.customer_links.earlier": ({},),
    "dashboard.customer_cards.card": ({},),
    "dashboard.bulk_links.index": ({},),
    "dashboard.invoices.index": (
        {},
        {"q": "B-99999"},
        {"q": "B-"},
        {"q": "nobody"},
        {"q": "Customer 7"},
        {"state": "delivered"},
        {"state": "due"},
        {"state": "blocked"},
        {"state": "held"},
        {"state": "cancelled", "provider": "stripe"},
        {"state": "uncertain", "provider": "stripe"},
        {"state": "delivered", "from": "2030-01-01"},
        {"state": "rejected", "q": "Customer"},
        {"from": "2024-01-01", "to": "2024-01-01"},
        {"from": "2030-01-01"},
        {"customer": "c-0", "q": "nobody"},
    ),
    "dashboard.invoices.show": ({},),
    "dashboard.invoices.confirm": ({"what": "cancel"},),
    "dashboard.invoices.ask_settle": ({},),
    "dashboard.invoices.upload": ({},),
    "dashboard.settings.index": ({},),
    "dashboard.defaults.index": ({},),
    "dashboard.keys.index": ({},),
    "dashboard.keys.revoke": ({},),
    "dashboard.hooks.index": ({},),
    "dashboard.hooks.show": ({},),
    "dashboard.hooks.remove": ({},),
    "dashboard.people.index": ({},),
    "dashboard.plugins.index": ({},),
}
"""What is asked for: arguments and filters of each endpoint that answers GET with a page."""

PROVIDER = "what the provider is asked for decides how long it takes"
LEFT_OUT: Mapping[str, str] = {
    "signin.home": "leads on to the last place",
    "signin.sign_in": "leads on whoever is signed in",
    "signin.first": "lives for one use",
    "dashboard.connections.show": "has settings that the provider is asked for",
    "dashboard.connection_settings.choices": PROVIDER,
    "dashboard.customer_links.find": PROVIDER,
    "dashboard.customer_links.check": PROVIDER,
    "dashboard.customer_cards.settings": PROVIDER,
    "dashboard.invoices.preview": PROVIDER,
    "dashboard.invoices.export": "a file; printed apart",
    "dashboard.invoices.uploaded": "reads one small file, whatever there is in the database",
}
"""What is not timed, and why."""

_NEXT = re.compile(r'href="([^"]+)"[^>]*rel="next"')


def endpoints(app: Flask) -> set[str]:
    """What the dashboard answers to GET."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("dashboard.", "signin.")) and "GET" in (rule.methods or ())
    }


def addresses(app: Flask, given: Filled) -> Iterator[str]:
    """Every page that is timed."""
    about: dict[str, Any] = {
        "account_id": given.scope.account_id,
        "env": given.scope.environment.value,
        "slug": "stripe",
        "customer": given.customer,
        "invoice_id": given.invoice,
        "delivery_id": given.delivery,
        "key_id": given.key,
        "endpoint_id": given.endpoint,
    }
    takes = {rule.endpoint: rule.arguments for rule in app.url_map.iter_rules()}
    with app.test_request_context():
        for endpoint, asked in PAGES.items():
            known = {name: value for name, value in about.items() if name in takes[endpoint]}
            yield from (url_for(endpoint, **{**known, **one}) for one in asked)


def with_next(client: FlaskClient, paths: Iterator[str]) -> Iterator[str]:
    """These addresses, and for those without a filter the page behind, where there is one."""
    for path in paths:
        yield path
        following = None if "?" in path else _NEXT.search(client.get(path).text)
        if following:
            yield following[1].replace("&amp;", "&")


def taken(client: FlaskClient, path: str, rounds: int) -> tuple[float, float]:
    """Milliseconds for a page on the wall's clock and in CPU time, medians; one more goes first
    and does not count."""
    wall, cpu = [], []
    for _ in range(rounds + 1):
        began, worked = time.perf_counter(), time.process_time()
        answer = client.get(path)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{path} answered {answer.status}")
    return statistics.median(wall[1:]), statistics.median(cpu[1:])


def exported(client: FlaskClient, home: str) -> str:
    """What the export of everything took, and how far the process grew on the way."""
    before, began = _grown(), time.process_time()
    answer = client.get(f"{home}/invoices/export.csv", buffered=False)
    rows = sum(piece.count(b"\r\n") for piece in answer.iter_encoded()) - 1
    took = time.process_time() - began
    return f"export.csv: {rows:,} rows, {took:.1f} s of CPU, {_grown() - before:.1f} MB more memory"


def _grown() -> float:
    """Megabytes this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def signed_in(app: Flask, hub: Hub) -> FlaskClient:
    """The browser of an operator."""
    client = app.test_client()
    name = f"bench-{hub.now()}@hub.example"
    client.get(signing_in.link_for(hub, users.add_user(hub, name, None), enters=True))
    return client


def measure(hub: Hub, given: Filled, rounds: int, target: float) -> int:
    """Print every page; answers how many took too long."""
    app = create_app(hub)
    client = signed_in(app, hub)
    home = f"/a/{given.scope.account_id}/{given.scope.environment.value}"
    names = {given.invoice: "<invoice>", given.customer: "<customer>", given.delivery: "<one>"}
    slow = 0
    print(f"{'wall':>9}{'CPU':>9}")
    for path in with_next(client, addresses(app, given)):
        wall, cpu = taken(client, path, rounds)
        slow += wall > target
        shown = path.removeprefix(home)
        for found, name in names.items():
            shown = shown.replace(found, name)
        print(f"{wall:>9.1f}{cpu:>9.1f}{'  OVER ' if wall > target else '       '}{shown}")
    print(f"\n{exported(client, home)}")
    for endpoint, reason in LEFT_OUT.items():
        print(f"Not timed: {endpoint}: {reason}.")
    return slow


def main() -> int:
    """Fill, measure, print."""
    about = arguments(__doc__)
    about.add_argument("--invoices", type=int, default=100_000)
    about.add_argument("--rounds", type=int, default=5)
    about.add_argument("--target", type=float, default=100, help="milliseconds")
    about.add_argument("--waiting", action="store_true", help="nothing was sent yet")
    asked = about.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = opened(Path(folder))
        given = fill(hub, asked.invoices, asked.waiting)
        print(f"{asked.invoices:,} invoices in SQLite; ms, medians of {asked.rounds}\n")
        slow = measure(hub, given, asked.rounds, asked.target)
        hub.close()
    print(f"\n{slow} over the target of {asked.target:g} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
