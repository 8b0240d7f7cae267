"""The newcomer's first minute, with the providers of the repository and with one more."""

import io
import os
import subprocess
import textwrap

import pytest
import requests
from rich.console import Console

from kable_hub.clock import SystemClock
from kable_hub.demo.asking import Api
from kable_hub.demo.play import play
from kable_hub.demo.samples import Part, samples
from kable_hub.demo.stage import stage
from kable_hub.demo.telling import Board
from kable_hub.demo.verdict import Fate, failures
from tests.architecture.tree import entry_points
from tests.forking import forked

pytestmark = pytest.mark.timeout(120)
THIRD = """
from kable_hub import Environment, LinkedCustomer
from tests.acme import Acme
from tests.acme_simulator import AcmeSimulator

plugin = Acme()
globals().update({name: getattr(plugin, name) for name in dir(plugin) if name[0] != "_"})


class Simulator(AcmeSimulator):
    def seed_demo(self):
        for number in range(4):
            self.add_customer(name=f"Acme customer {number}", method=True)

    def configuration(self):
        values = {"API_URL": self.url, "CLIENT_ID": "acme-app", "WEBHOOK_SECRET": "a-secret"}
        return {
            f"KABLE_ACME_{one}_{name}": value
            for one in ("LIVE", "TEST")
            for name, value in values.items()
        }

    def demo_customers(self, environment):
        return [LinkedCustomer(id_, one["name"]) for id_, one in self.customers.items()]

    def documents(self):
        return [
            {**doc, "external_id": doc["id"], "environment": "test"} for doc in self.finals()
        ]

    def routes(self, app):
        super().routes(app)
        app.add_url_rule("/authorize", view_func=self._authorize)

    def _gate(self):
        from flask import request
        return None if request.path == "/authorize" else super()._gate()

    def _authorize(self):
        from flask import redirect, request
        back = request.query_string.decode()
        return redirect(f"{back}&code=good")
"""


def demo(*words):
    with forked(["demo", "--once", "--port", "0", *words], os.environ) as process:
        out, err = process.communicate(timeout=100)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def with_third(tmp_path, monkeypatch):
    """The demo beside one more plugin; `changes` are replacements in its source."""

    def run(changes=()):
        info = tmp_path / "third-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[kable_hub.providers]\nacme = third\n[kable_hub.simulators]\nacme = third:Simulator\n"
        )
        source = THIRD
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        (tmp_path / "third.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(tmp_path)
        return demo()

    return run


def test_a_third_provider_joins_without_a_change_in_the_hub(with_third):
    done = with_third()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "connected Acme: Shop" in done.stdout
    assert "collected by acme" in done.stdout
    assert "collected by stripe" in done.stdout


def test_a_provider_that_gives_no_access_fails_the_demo_by_name_and_no_other(with_third):
    done = with_third([("&code=good", "&error=access_denied")])
    assert done.returncode == 1
    told = [line for line in done.stdout.splitlines() if line.startswith("Not as expected")]
    assert told == ["Not as expected: Acme is not connected"]


def test_a_simulator_that_does_not_start_is_named(tmp_path, monkeypatch):
    info = tmp_path / "lame-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lame\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kable_hub.simulators]\nlame = lame:Simulator\n")
    (tmp_path / "lame.py").write_text("def Simulator(): raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with stage(0) as built:
        assert {one.slug for one in built.providers} == entry_points().keys()
        told = list(failures(built, [], {}))
    assert told == ["the simulator of lame does not start: out of order"]


@pytest.fixture(scope="module")
def played():
    """A demo that has come to its end and still stands, with what it said."""
    said = io.StringIO()
    with stage(0) as built:
        posted, seen = play(built, Console(file=said, width=200), SystemClock())
        yield built, posted, seen, said.getvalue()


def test_every_expected_outcome_comes_true(played):
    built, posted, seen, _ = played
    assert list(failures(built, posted, seen)) == []
    assert {one.slug for one in built.providers} == entry_points().keys()
    assert len(posted) == sum(len(sample.invoices) for sample in samples()) == 14


def test_it_shows_every_kind_of_outcome(played):
    _, posted, seen, _ = played
    shown = {(one.state, one.code) for mine in seen.values() for one in mine.values()}
    assert shown == {
        ("delivered", ""),
        ("rejected", "unsupported"),
        ("blocked", "requires_payment_method"),
        ("not linked", ""),
    }
    assert {one.body["currency"] for one in posted} == {"USD", "EUR", "GBP", "JPY"}
    assert {part for one in posted for part in one.parts.values()} == set(Part)


def test_it_says_what_was_refused_and_why_and_where_to_go_on(played):
    built, _, _, said = played
    assert "LPB-5002: requires_payment_method: The customer has no default" in said
    assert "AUR-CN-1: unsupported: It takes no credit notes" in said
    assert "DFS-6001: the customer is not linked there" in said
    assert f"API docs   {built.url}/docs" in said
    key = said.partition("API key    ")[2].split()[0]
    assert len(Api(built.url, key).get("/invoices", limit="100")["items"]) == 14


def test_its_link_signs_in_to_the_dashboard_once(played):
    built, _, _, said = played
    link = said.partition("Dashboard  ")[2].split()[0]
    assert link.startswith(f"{built.url}/first/")
    pages = []
    for _ in range(2):
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Accept"] = "text/html"
            pages.append(session.get(link, timeout=60))
    assert pages[0].url.endswith("/test/overview/")
    assert "Demo" in pages[0].text
    assert pages[1].status_code == 400


def first(posted, number):
    return next(one for one in posted if one.body["number"] == number)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("blocked", "AUR-1001 at Stripe: expected delivered, found blocked"),
        ("due", "AUR-1001 at Stripe: expected delivered, found due"),
    ],
)
def test_an_outcome_that_did_not_come_true_is_named(played, state, said):
    built, posted, seen, _ = played
    id_ = first(posted, "AUR-1001").body["id"]
    other = {**seen, id_: {**seen[id_], "stripe": Fate(state)}}
    found = list(failures(built, posted, other))
    assert said in found
    assert "AUR-1001 stands 1 times at Stripe" in found


def test_what_stands_at_a_provider_is_counted_and_compared(played):
    built, posted, seen, _ = played
    stripe = built.simulators["stripe"]
    real = stripe.documents

    def failing(change):
        stripe.documents = lambda: change([dict(one) for one in real()])
        try:
            return list(failures(built, posted, seen))
        finally:
            del stripe.documents

    one = real()[0]
    number = next(p.body["number"] for p in posted if one["marker"].endswith(p.body["id"]))
    assert failing(lambda found: found[1:]) == [f"{number} stands 0 times at Stripe"]
    assert failing(lambda found: [*found, one]) == [f"{number} stands 2 times at Stripe"]
    assert failing(lambda found: [{**found[0], "total": 1}, *found[1:]]) == [
        f"{number} has another total at Stripe: 1"
    ]
    stray = {**one, "marker": ""}
    assert failing(lambda found: [*found, stray]) == ["1 documents at Stripe belong to no invoice"]


def test_in_a_terminal_the_invoices_stand_in_one_table(played):
    built, posted, seen, _ = played
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, width=160)
    with Board(console, built.providers, posted) as board:
        board.show(seen)
    shown = said.getvalue()
    assert all(provider.title in shown for provider in built.providers)
    assert all(one.body["number"] in shown for one in posted)
    assert "blocked (requires_payment_method)" in shown
