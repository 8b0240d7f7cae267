"""Two real processes need a new token at the same moment, on either store, in real time."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import kable_quickbooks_ledger
import pytest
import requests
from kable_quickbooks_ledger.simulator import QuickBooksSimulator

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import connections
from kable_hub.store import tables as t
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.credentials import load_credentials
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, connecting
from kable_hub.usecases.hub import Hub, open_hub
from tests import stores
from tests.conftest import fresh

PROCESSES, THREADS = 2, 3
TOKEN = "/tokens/bearer$"


@dataclass
class Books:
    """A hub in real time whose company is connected, and whose access token has just expired."""

    settings: Settings
    hub: Hub
    quickbooks: QuickBooksSimulator
    row: ConnectionRow

    def process(self, start: Any) -> Any:
        """Another process on the same store; its threads ask QuickBooks when all are there."""
        return multiprocessing.get_context("fork").Process(target=self._ask, args=(start,))

    def _ask(self, start: Any) -> None:
        hub = opened(self.settings)
        start.wait(60)
        with ThreadPoolExecutor(THREADS) as people:
            asked = [
                people.submit(hub.asking.ask, self.row, "check_connection") for _ in range(THREADS)
            ]
        os._exit(sum(one.exception() is not None for one in asked))

    def kept(self) -> str:
        """The refresh token in the store."""
        with self.hub.database.read():
            stored = load_credentials(
                self.hub.database, self.hub.vault, self.row.scope, self.row.id
            )
        assert stored is not None
        return stored.credentials.secrets["refresh_token"]


def opened(settings: Settings) -> Hub:
    return open_hub(settings, registry=Registry.of(kable_quickbooks_ledger))


@contextmanager
def connected(url: str, folder: Path) -> Iterator[Books]:
    with QuickBooksSimulator(latency=0.05) as quickbooks:
        quickbooks.seed_demo()
        quickbooks.sign_in.auto_approve = True
        given = {"KABLE_DATA_DIR": str(folder), "DATABASE_URL": url, **quickbooks.configuration()}
        settings = Settings.load(given)
        hub = opened(settings)
        scope = Scope(accounts.create_account(hub, "Shop", "paid").id, Environment.TEST)
        begun = connecting.start_connecting(hub, scope, "quickbooks")
        browser = connecting.open_ticket(hub, begun.connect_url.rpartition("/")[2])
        agreed = requests.get(browser.redirect_url, allow_redirects=False, timeout=60)
        query = dict(parse_qsl(urlsplit(agreed.headers["Location"]).query))
        assert connecting.finish(hub, "quickbooks", query, browser.browser_secret).ok
        with hub.database.write():
            row = connections.by_provider(scope, "quickbooks")
            t.Credential.update(expires_at=hub.now()).execute()
        assert row is not None
        quickbooks.sign_in.tokens.expire_access_tokens()
        yield Books(settings, hub, quickbooks, row)
        hub.close()


@pytest.fixture(params=stores.KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from fresh(request.param, tmp_path, stores.migrated)


def test_05_two_processes_with_an_expired_token_make_one_refresh_and_all_go_on(
    database_url: str, tmp_path: Path
) -> None:
    with connected(database_url, tmp_path) as one:
        one.hub.database.close()
        start = multiprocessing.get_context("fork").Barrier(PROCESSES)
        processes = [one.process(start) for _ in range(PROCESSES)]
        for each in processes:
            each.start()
        for each in processes:
            each.join(60)
        assert [each.exitcode for each in processes] == [0, 0]
        (family,) = one.quickbooks.sign_in.tokens.families
        refreshes = [b"refresh_token" in seen.body for seen in one.quickbooks.seen("POST", TOKEN)]
        assert (refreshes, one.quickbooks.sign_in.tokens.refreshes) == ([False, True], 1)
        assert one.kept() == family.current
        assert {seen.status for seen in one.quickbooks.seen("GET", "/v3/")} == {200}
