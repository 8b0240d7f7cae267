"""The processes beside the hub in `quickbooks_limit.py`: a QuickBooks simulator, and a plain loop
over python-quickbooks. Each prints one line of JSON when it stands.
"""

import os
import random
import re
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from _said import cpu, obey, one_by_one, say
from _stage import LINES
from kable_quickbooks_ledger.simulator import SANDBOX_REALM, QuickBooksSimulator

from kable_hub import Environment, canonical
from kable_hub.testing import Fault

CUSTOMER = "28"


def simulator(latency: str = "0", limits: str = "") -> None:
    """A QuickBooks with one company; `latency` in seconds, `limits` keeps Intuit's."""
    one = QuickBooksSimulator(latency=float(latency))
    one.seed_demo()
    if limits:
        one.api.throttle.keep_published()

    @one.app.get("/bench/usage")
    def usage() -> dict[str, Any]:
        marks = [document["marker"] for document in one.documents() if document["marker"]]
        counts = {"marked": len(marks), "distinct": len(set(marks)), "drafts": 0}
        throttle = one.api.throttle
        reads = sum(throttle.used.values())
        return {**counts, "cpu": cpu(), "refused": throttle.refused, "reads": reads}

    chance = random.Random(5)

    class Sometimes(Fault):
        """Hits a share of the requests that write, each by chance."""

        def matches(self, request: Any) -> bool:
            writes = request.method == "POST" and bool(re.search("/(batch|invoice)$", request.path))
            return writes and chance.random() < self.skip / 100

    @one.app.get("/bench/break/<int:percent>")
    def breaking(percent: int) -> dict[str, Any]:
        one.clear_faults()
        one.fault(Sometimes(stage="after", status=500, skip=percent))
        return {}

    @one.app.get("/bench/ledger")
    def ledger() -> list[tuple[str, bool]]:
        """Whose each invoice is, by the hub's marker or by the loop's number; all are final."""
        found = one.documents()
        return [(each["marker"].rpartition("/")[2] or each["number"], True) for each in found]

    @one.app.get("/bench/created")
    def created() -> list[float]:
        """When each invoice was made, in seconds."""
        return [seen.at for seen in one.seen("POST", "/batch$|/invoice$") for _ in made(seen)]

    @one.app.get("/bench/discovery")
    def discovery() -> dict[str, str]:
        """What Intuit's own client asks for when it is made."""
        urls = one.urls(Environment.TEST)
        return {
            "issuer": one.url,
            "authorization_endpoint": urls["authorize"],
            "token_endpoint": urls["token"],
            "revocation_endpoint": urls["revoke"],
            "userinfo_endpoint": one.url,
            "jwks_uri": one.url,
        }

    with one:
        token = one.sign_in.grant(SANDBOX_REALM, "sandbox")["access_token"]
        said = {"url": one.url, "token": token, "realm": SANDBOX_REALM, "customer": CUSTOMER}
        say({**said, "configuration": one.configuration()})
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


def made(seen: Any) -> range:
    """As many as the invoices that a request made."""
    if seen.status != 200:
        return range(0)
    items = canonical.loads(seen.body).get("BatchItemRequest") if "/batch" in seen.path else [seen]
    return range(sum("Query" not in item for item in items) if "/batch" in seen.path else 1)


def loop(url: str, token: str, realm: str) -> None:
    """Make as many invoices as each line of the input says; answer seconds and CPU seconds."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    warnings.simplefilter("ignore")
    from intuitlib.client import AuthClient
    from quickbooks import QuickBooks
    from quickbooks.exceptions import QuickbooksException

    class Books(QuickBooks):  # type: ignore[misc]
        api_url_v3 = sandbox_api_url_v3 = f"{url}/sandbox/v3"

    auth = AuthClient("id", "secret", url, f"{url}/bench/discovery", access_token=token)
    client = Books(auth_client=auth, company_id=realm, minorversion=75)
    push = one_by_one(lambda number: one_invoice(client, number), QuickbooksException)
    obey("loop", push, cpu)


def one_invoice(client: Any, number: str) -> None:
    """The create that the hub makes for an invoice of two lines."""
    from quickbooks.objects.base import EmailAddress, Ref
    from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
    from quickbooks.objects.invoice import Invoice

    invoice = Invoice()
    invoice.CustomerRef = reference(Ref, CUSTOMER)
    invoice.CurrencyRef = reference(Ref, "USD")
    invoice.DocNumber, invoice.PrivateNote = number, f"Invoice {number}"
    invoice.TxnDate, invoice.EmailStatus = "2026-11-22", "NotSet"
    invoice.BillEmail = EmailAddress()
    invoice.BillEmail.Address = "billing@drivr.example"
    for text, price in LINES:
        line = SalesItemLine()
        line.Description, line.Amount, line.LineNum = text, float(price), None
        line.SalesItemLineDetail = SalesItemLineDetail()
        line.SalesItemLineDetail.ItemRef = reference(Ref, "1")
        line.SalesItemLineDetail.TaxCodeRef = reference(Ref, "NON")
        line.SalesItemLineDetail.Qty, line.SalesItemLineDetail.UnitPrice = 1, float(price)
        line.SalesItemLineDetail.ServiceDate = None
        invoice.Line.append(line)
    # Empty texts, which the library sends for what was not set, are no dates and no amounts.
    for name in ("DueDate", "ShipDate", "TotalAmt", "GlobalTaxCalculation", "SyncToken"):
        setattr(invoice, name, None)
    invoice.save(qb=client, request_id=f"{number}-create")


def reference(kind: Any, value: str) -> Any:
    """One of the library's references."""
    made = kind()
    made.value, made.name, made.type = value, None, None
    return made


PARTS: Mapping[str, Callable[..., None]] = {"simulator": simulator, "loop": loop}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
