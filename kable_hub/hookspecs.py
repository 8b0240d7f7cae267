"""The hooks of a provider plugin. Each docstring is the contract, always in this order: what
it does, when it is called (and called again), what it must and must not do, what it raises.

Every hook but `provider` is dispatched to exactly one plugin. An implementation takes only
the arguments it needs, by name. All HTTP stands inside `connection.call` (or `request.call`).
No hook stores, sleeps, retries, reads the environment or keeps mutable module state. Any hook
may raise any ProviderError; the ones named are those with a special meaning there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pluggy

from kable_hub.connection import Connection
from kable_hub.dialogue import ConnectRequest, Credentials, Form, Grant, Redirect
from kable_hub.domain import (
    Customer,
    CustomerLink,
    Document,
    Environment,
    HostedPage,
    Invoice,
    LinkedCustomer,
    Push,
    Receipt,
    SettingChoices,
    Unfinished,
)
from kable_hub.effects import Effect, Event, WebhookRequest
from kable_hub.errors import ProviderError
from kable_hub.provider import Provider

if TYPE_CHECKING:
    from kable_hub.domain import JSON

hookspec = pluggy.HookspecMarker("kable_hub")


@hookspec(firstresult=True)
def provider() -> Provider:
    """Declare the provider.

    Called once when the plugin is tried out, without network. Must answer the same each time.
    Since API 1.
    """


@hookspec(firstresult=True)
def connect(request: ConnectRequest) -> Form | Redirect | Grant:
    """Take one step of the connect dialogue.

    Called first with neither `query` nor `form`, then with what the callback or the form
    brought. May call the provider; must not keep anything: what the next step needs goes into
    `Redirect.carry`. Must name the account at the provider in the Grant. Raises Rejected where
    the person or the provider refused (code `access_denied`, `invalid_grant`, ...), Transient
    where the provider was away. Since API 1.
    """


@hookspec(firstresult=True)
def link_customer(
    connection: Connection, customer: Customer, reference: str | None, key: str, since: datetime
) -> LinkedCustomer:
    """Check a reference, or create the customer where `reference` is None.

    Checking: called while a person waits; the customer has to exist, be active and belong to
    this environment. Creating: called from the outbox and called again with the same `key`
    until it is known to have worked; must look first (since `since`) and never make a second.
    Must answer the canonical reference. Raises Rejected (`unknown_customer`,
    `inactive_customer`, `wrong_environment`), NeedsOperator with choices where several
    candidates stand there: never a guess. Since API 1.
    """


@hookspec(firstresult=True)
def plan_invoice(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """Make the exact document that `push_invoice` will send, as canonical JSON.

    Called before the first send of a generation, and for people as a preview. May read at the
    provider, must not write. The hub freezes the answer: what is sent later is this. Raises
    Unsupported, NeedsCustomer, NeedsOperator, Rejected. Since API 1.
    """


@hookspec(firstresult=True)
def push_invoice(connection: Connection, push: Push) -> Receipt:
    """Make exactly one final document out of `push.document`.

    Called with the same push (same bytes, same key) until the outcome is known; after a crash
    with the last saved progress. Must put `push.marker` on the document, must save progress
    after each step that leaves something behind, must compare totals before an irrevocable
    step (then remove the draft and raise Rejected `total_mismatch`). Once the document is
    final it answers a Receipt: payment trouble is payment status, never an error. Raises
    OutcomeUnknown wherever there is no proof. Since API 1.
    """


@hookspec(firstresult=True)
def find_invoice(connection: Connection, push: Push) -> Receipt | Unfinished | None:
    """Look for the document of `push` over all its generations, by `push.marker`.

    Called after an unknown outcome, before anything is sent again. Reads only, and never an
    index that lags: by list or get in the window since `push.since`. Voided and archived
    documents count as found. After a backup was put back `push.document` is one of today, or {}
    where none can be planned: `push.marker` and `push.link` have to be enough. Answers
    Unfinished for a draft to go on from (which the hub does once no unanswered write can still
    come through, after a last look), None where nothing stands there. Raises NeedsOperator
    (`document_conflict`) on two hits or where only the number matches. Since API 1.
    """


@hookspec(firstresult=True)
def push_invoices(
    connection: Connection, pushes: Sequence[Push], batch_key: str
) -> list[Receipt | ProviderError]:
    """Push several at once: one answer for each push, in the same order.

    Called with the same members, order and `batch_key` once more where the answer was lost.
    An item's error stands in the list; a raised error concerns all. Capability
    `push_invoices`. Since API 1.
    """


@hookspec(firstresult=True)
def find_invoices(
    connection: Connection, pushes: Sequence[Push]
) -> list[Receipt | Unfinished | ProviderError | None]:
    """Look for several documents at once; as `find_invoice`, one answer for each push.

    Capability `find_invoices`. Since API 1.
    """


@hookspec(firstresult=True)
def refresh(connection: Connection) -> Credentials:
    """Get new credentials for old ones (a session login is a refresh).

    Called single-flight over threads and processes, with the newest stored credentials; the
    hub stores the answer before anyone uses it. Raises ReconnectRequired where only a person
    can help. Capability `refresh`. Since API 1.
    """


@hookspec(firstresult=True)
def search_customers(connection: Connection, query: str) -> list[LinkedCustomer]:
    """Suggest customers at the provider for what a person typed; at most 25, best first.

    Capability `search_customers`. Since API 1.
    """


@hookspec(firstresult=True)
def setting_choices(connection: Connection, field: str) -> SettingChoices:
    """Read the values a setting may take from the provider, and a working default.

    Called for settings fields with `metadata={"choices": True}`. Capability
    `setting_choices`. Since API 1.
    """


@hookspec(firstresult=True)
def collect_payment_method(
    connection: Connection, link: CustomerLink, success_url: str, failure_url: str
) -> HostedPage:
    """Make a short-lived page on which the customer leaves a payment method.

    Called while a person waits; each call may make a new page. The saved method has to become
    the default through a verified event, never through the return to `success_url`; that
    event answers CustomerReady, and PageChanged where the page has an `id`.
    Capability `collect_payment_method`. Since API 1.
    """


@hookspec(firstresult=True)
def collect_invoice(connection: Connection, receipt: Receipt, key: str) -> Receipt:
    """Ask the provider to collect a delivered, unpaid document again.

    Called from the outbox when a person asks for the payment, and called again with the same
    `key` until the outcome is known; another asking has another key. Answers how the
    collection stands then: a decline or a document paid meanwhile is payment status, never an
    error. Must never make a second document. Capability `collect_invoice`. Since API 1.
    """


@hookspec(firstresult=True)
def cancel_invoice(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void a delivered document.

    May be repeated: a document that is void already is success. A paid one is Rejected
    (`already_paid`). Capability `cancel_invoice`. Since API 1.
    """


@hookspec(firstresult=True)
def receive_webhook(
    request: WebhookRequest, app: Mapping[str, str], connection: Connection | None
) -> list[Event]:
    """Verify a webhook on its raw bytes and take it apart. No network.

    `app` are the operator's settings of the environment it came in for; `connection` is set
    where the address named one. Must raise Rejected (`bad_signature`) for anything that is
    not proven to come from the provider, and answer [] for what does not matter. Capability
    `receive_webhook`. Since API 1.
    """


@hookspec(firstresult=True)
def work_event(connection: Connection, event: Event) -> list[Effect]:
    """Turn a stored event into effects.

    Called after the event was stored, possibly again and in any order. May call the provider;
    has to read the state afresh rather than trust the event's body. Comes with
    `receive_webhook`. Since API 1.
    """


@hookspec(firstresult=True)
def poll_changes(
    connection: Connection, cursor: "Mapping[str, JSON]"
) -> "tuple[list[Effect], Mapping[str, JSON]]":
    """Read what changed at the provider since `cursor` ({} at first); answer the next cursor.

    Capability `poll_changes`. Since API 1.
    """


@hookspec(firstresult=True)
def check_connection(connection: Connection) -> list[str]:
    """Try the connection with a cheap read; answer warnings for people.

    Raises ReconnectRequired or NeedsOperator where something is missing. A success wakes a
    paused connection and what waited for settings. Called with nothing remembered of the
    connection. Capability `check_connection`. Since API 1.
    """


@hookspec(firstresult=True)
def disconnect(connection: Connection, apps: Mapping[Environment, Mapping[str, str]]) -> bool:
    """Take the grant back at the provider; True where it is gone (also where it was before).

    Called with the last connection that lives on the grant. `apps` are the operator's settings
    of both environments: a shared grant may have been given to the other one's app. Best
    effort: the hub disconnects locally whatever it answers, and tells the person where the
    grant still stands. Capability `disconnect`. Since API 1.
    """
