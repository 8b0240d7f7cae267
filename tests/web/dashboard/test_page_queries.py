"""Statements that a page sends to the database: as many for fifty rows as for five, and few."""

import importlib

from kable_hub.web.app import create_app
from tests.docs.reading import ROOT
from tests.web.dashboard.crowd import crowd
from tests.web.dashboard.people import arrive, counted

PAGES = {
    "overview/": 15,
    "payments/": 8,
    "accounting/": 8,
    "customers/": 12,
    "customers/?search=C": 12,
    "customers/?standing=linked": 12,
    "customers/?standing=not_linked&provider=acme": 13,
    "customers/?standing=blocked": 12,
    "customers/bulk/": 4,
    "customers/{customer}/": 17,
    "customers/{customer}/integrations/": 16,
    "invoices/": 10,
    "invoices/?q=N": 11,
    "invoices/?q=C": 11,
    "invoices/?state=blocked": 12,
    "invoices/?state=cancelled&provider=acme": 12,
    "invoices/?state=due&from=2026-11-01": 11,
    "invoices/?customer={customer}": 11,
    "invoices/{invoice_id}/": 11,
    "settings/defaults/": 8,
    "settings/keys/": 5,
    "settings/people/": 6,
    "settings/webhooks/": 5,
    "settings/webhooks/{endpoint_id}/": 8,
    "plugins/": 4,
}


def test_no_page_asks_more_often_where_there_is_more(web_on_both):
    web_on_both.connect()
    home = f"/a/{web_on_both.account}/test"
    person = arrive(web_on_both, "member@shop.example", web_on_both.account, home)
    taken = []
    for count in (5, 50):
        ids = crowd(web_on_both, count)
        for path in PAGES:
            with counted(web_on_both.hub) as said:
                person.page(path.format(**ids))
            taken.append(len([one for one in said if not one.startswith("PRAGMA")]))
    few, many = taken[: len(PAGES)], taken[len(PAGES) :]
    assert dict(zip(PAGES, many, strict=True)) == dict(zip(PAGES, few, strict=True))
    assert not {path: many[at] for at, path in enumerate(PAGES) if many[at] > PAGES[path]}


def test_the_benchmark_times_every_page_or_says_why_not(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    filled, pages = importlib.import_module("_filled"), importlib.import_module("pages")
    hub = filled.opened(tmp_path)
    given, app = filled.fill(hub, 60), create_app(hub)
    assert pages.endpoints(app) == pages.PAGES.keys() | pages.LEFT_OUT.keys(), "see bench/pages.py"
    assert not pages.PAGES.keys() & pages.LEFT_OUT.keys()
    browser = pages.signed_in(app, hub)
    for path in pages.addresses(app, given):
        assert browser.get(path).status_code == 200, path
    home = f"/a/{given.scope.account_id}/test"
    assert pages.exported(browser, home).startswith("export.csv: 60 rows")
    hub.close()
