"""An account, files to import into it, and what arrived."""

import json
from pathlib import Path

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store.scope import Scope
from kable_hub.usecases import customers, invoicing
from kable_hub.usecases.hub import open_hub

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "number,client_id,currency,issue_date,description,quantity,unit_price"


NO_PLUGINS = Registry.of()
"""Whoever only reads the store needs none, and trying them out takes its time."""


class Books:
    """An account, files to import, and what arrived."""

    def __init__(self, cli, folder):
        self.cli = cli
        self.folder = folder
        self.account = cli.account()

    def file(self, text, name="invoices.csv"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def run(self, text, *words, name="invoices.csv", env="test"):
        file = text if str(text).startswith("/") else self.file(text, name)
        return self.cli("import", str(file), "--account", self.account, "--env", env, *words)

    def load(self, text, *words, **where):
        """The report of an import, whatever its status."""
        return self.run(text, "--json", *words, **where).json

    def faults(self, text, *words, **where):
        report = self.load(text, *words, **where)
        return [(one["line"], one["number"], one["field"], one["code"]) for one in report["faults"]]

    def invoices(self, env="test"):
        hub = open_hub(Settings.load(self.cli.environ()), registry=NO_PLUGINS)
        scope = Scope(self.account, Environment(env))
        try:
            found = invoicing.list_invoices(hub, scope, limit=200).items
            whole = [invoicing.get_invoice(hub, scope, one.invoice.id).view for one in found]
            return {one.invoice.number: one for one in whole}
        finally:
            hub.close()

    def customer(self, client_id):
        hub = open_hub(Settings.load(self.cli.environ()), registry=NO_PLUGINS)
        try:
            scope = Scope(self.account, Environment.TEST)
            return customers.get_customer(hub, scope, client_id).customer
        finally:
            hub.close()


def csv(*rows, head=HEAD):
    return "\n".join([head, *rows]) + "\n"


def line(**changes):
    body = {
        "customer": "c1",
        "number": "J-1",
        "currency": "USD",
        "issueDate": "2026-11-22",
        "lines": [{"description": "work", "unitPrice": "19.99"}],
    }
    return json.dumps({**body, **changes}) + "\n"


GOOD = "A-1,c1,USD,2026-11-22,work,1,1.00"
