"""Acme: a provider that exists for the hub's own tests, with a ledger on a real socket.

It honours idempotency keys, knows drafts, hourly tokens with single-use refresh tokens, a
payment method per customer, voids and signed webhooks: every ability the hub has a side for.
"""

import hashlib
import hmac
import threading
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import requests
from marshmallow import Schema, fields

from kable_hub import (
    Capability,
    Connection,
    ConnectionRevoked,
    ConnectMethod,
    ConnectRequest,
    Credentials,
    CredentialsExpired,
    CustomerReady,
    Dedupe,
    Environment,
    Event,
    Facts,
    Form,
    Grant,
    HostedPage,
    Kind,
    Limit,
    LinkedCustomer,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    PaymentChanged,
    PaymentStatus,
    Provider,
    ProviderError,
    Push,
    RateLimited,
    Receipt,
    ReconnectRequired,
    Redirect,
    Reference,
    Rejected,
    Transient,
    Unfinished,
    canonical,
    hookimpl,
)
from kable_hub.plugins import Registry

_local = threading.local()


class AppSettings(Schema):
    client_id = fields.String(required=True)
    webhook_secret = fields.String(required=True, metadata={"secret": True})


class Settings(Schema):
    drafts = fields.Boolean(load_default=False)
    need_method = fields.Boolean(load_default=False)
    item = fields.String(load_default="")


class KeyForm(Schema):
    api_key = fields.String(required=True, metadata={"secret": True})


PROVIDER = Provider(
    slug="acme",
    title="Acme",
    kind=Kind.PAYMENTS,
    urls={env: {"api": "http://127.0.0.1:9"} for env in Environment},
    reference=Reference(
        r"A-\d+", "the number on the customer's page", "A-7", r"/customers/(A-\d+)"
    ),
    connect_methods=(ConnectMethod("oauth", "Connect"), ConnectMethod("key", "Use a key")),
    capabilities=frozenset(
        {
            Capability.CREATE_CUSTOMER,
            Capability.REFRESH,
            Capability.CANCEL_INVOICE,
            Capability.RECEIVE_WEBHOOK,
            Capability.DISCONNECT,
            Capability.COLLECT_PAYMENT_METHOD,
            Capability.CHECK_CONNECTION,
        }
    ),
    app_settings=AppSettings,
    settings=Settings,
    limits=(Limit("calls", requests=500, concurrency=16),),
    dedupe=Dedupe("key", timedelta(hours=24)),
    settle_after=timedelta(seconds=1),
    facts=Facts(max_lines=250),
)


BATCHING = replace(
    PROVIDER,
    capabilities=PROVIDER.capabilities | {Capability.PUSH_INVOICES, Capability.FIND_INVOICES},
    batch_size=10,
)


class Acme:
    """The plugin; an instance, so that tests can vary what it declares."""

    def __init__(self, provider: Provider = PROVIDER) -> None:
        self._provider = provider

    @hookimpl
    def provider(self) -> Provider:
        return self._provider

    @hookimpl
    def connect(self, request: ConnectRequest) -> Form | Redirect | Grant:
        if request.method == "key":
            if not request.form:
                return Form(KeyForm, "Paste your key")
            secrets = {"token": request.form["api_key"], "refresh": ""}
            return Grant("shop", "Shop", {request.environment: Credentials(secrets)})
        if not request.query:
            url = request.urls[request.environment]["api"]
            back = f"{request.callback_url}?state={request.state}"
            return Redirect(f"{url}/authorize?{back}", {"verifier": "v"})
        if request.query.get("error"):
            raise Rejected("the person said no", code="access_denied")
        return self._grant(request)

    def _grant(self, request: ConnectRequest) -> Grant:
        grants = {}
        for environment in Environment:
            url = request.urls[environment]["api"]
            with request.call("oauth.token", writes=True) as call:
                answer = requests.post(
                    f"{url}/token", data={"code": request.query["code"]}, timeout=call.timeout
                )
                call.answered(answer.status_code)
            if answer.status_code != 200:
                raise Rejected("the code is not valid", code="invalid_grant")
            grants[environment] = Credentials(answer.json())
        return Grant("shop", "Shop", grants, app_id="acme-app", shared=True)

    @hookimpl
    def refresh(self, connection: Connection) -> Credentials:
        old = connection.credentials["refresh"]
        answer = _call(connection, "token.refresh", "POST", "/token", data={"refresh": old})
        if answer.status_code != 200:
            raise ReconnectRequired("the refresh token is not valid")
        return Credentials(answer.json())

    @hookimpl
    def link_customer(
        self, connection: Connection, customer: Any, reference: str | None, key: str
    ) -> LinkedCustomer:
        if reference is None:
            body = {"name": customer.company_name, "client_id": customer.id}
            answer = _call(connection, "customers.create", "POST", "/customers", body, key)
        else:
            answer = _call(connection, "customers.get", "GET", f"/customers/{reference}")
        if answer.status_code == 404:
            raise Rejected(f"there is no customer {reference}", code="unknown_customer")
        found = answer.json()
        return LinkedCustomer(found["id"], found["name"], currency=found.get("currency", ""))

    @hookimpl
    def plan_invoice(self, connection: Connection, invoice: Any, link: Any) -> Any:
        if invoice.memo == "no item" and not connection.settings["item"]:
            raise NeedsOperator("choose an item first", code="missing_setting", on="settings")
        if connection.settings["need_method"]:
            answer = _call(connection, "customers.get", "GET", f"/customers/{link.reference}")
            if not answer.json().get("method"):
                raise NeedsCustomer("no payment method", code="requires_payment_method")
        return {
            "customer": link.reference,
            "number": invoice.number,
            "total": invoice.total,
            "currency": invoice.currency,
            "memo": invoice.memo,
            "lines": [{"text": row.description, "amount": row.amount} for row in invoice.lines],
        }

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        body = {**push.document, "marker": push.marker}
        if not connection.settings["drafts"]:
            return _receipt(
                _sent(_call(connection, "docs.create", "POST", "/docs", body, push.key))
            )
        draft = push.progress.get("draft")
        if draft is None:
            body["draft"] = True
            made = _call(connection, "docs.create", "POST", "/docs", body, push.key)
            draft = _sent(made)["id"]
            push.save({"draft": draft})
        path = f"/docs/{draft}/finalize"
        return _receipt(
            _sent(_call(connection, "docs.finalize", "POST", path, {}, f"{push.key}:f"))
        )

    @hookimpl
    def find_invoice(self, connection: Connection, push: Push) -> Receipt | Unfinished | None:
        answer = _call(connection, "docs.list", "GET", f"/docs?marker={push.marker}")
        hits = answer.json()["docs"]
        if len(hits) > 1:
            raise NeedsOperator("two documents", code="document_conflict")
        if hits and hits[0]["status"] == "draft":
            return Unfinished({"draft": hits[0]["id"]})
        return _receipt(hits[0], adopted=True) if hits else None

    @hookimpl
    def cancel_invoice(self, connection: Connection, receipt: Receipt, push: Push) -> Receipt:
        path = f"/docs/{receipt.external_id}/void"
        answer = _call(connection, "docs.void", "POST", path, {}, f"{push.key}:void")
        if answer.status_code == 422:
            raise Rejected("it is paid", code="already_paid")
        return _receipt(_sent(answer))

    @hookimpl
    def collect_payment_method(
        self, connection: Connection, link: Any, success_url: str, failure_url: str
    ) -> HostedPage:
        body = {"customer": link.reference, "back": [success_url, failure_url]}
        page = _call(connection, "pages.create", "POST", "/pages", body).json()
        return HostedPage(page["url"], connection.now() + timedelta(minutes=30))

    @hookimpl
    def check_connection(self, connection: Connection) -> list[str]:
        _call(connection, "ping", "GET", "/customers/A-1")
        return []

    @hookimpl
    def disconnect(self, connection: Connection) -> bool:
        return _call(connection, "revoke", "POST", "/revoke", {}).status_code == 200

    @hookimpl
    def receive_webhook(self, request: Any, app: Any) -> list[Event]:
        secret = app.get("webhook_secret", "").encode()
        good = hmac.new(secret, request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(good, request.headers.get("acme-signature", "")):
            raise Rejected("the signature does not fit", code="bad_signature")
        body = canonical.loads(request.body)
        environment = Environment(body["environment"])
        return [Event(body["id"], body["type"], body["shop"], environment, body["data"])]

    @hookimpl
    def work_event(self, connection: Connection, event: Event) -> list[Any]:
        match event.type:
            case "customer.ready":
                return [CustomerReady(event.payload["customer"])]
            case "doc.changed":
                path = f"/docs/{event.payload['doc']}"
                doc = _call(connection, "docs.get", "GET", path).json()
                status = PaymentStatus(doc["status"])
                return [PaymentChanged(doc["id"], status, connection.now())]
            case "revoked":
                return [ConnectionRevoked("taken back at Acme")]
        return []


@cache
def acme_alone() -> Registry:
    """Acme, tried out once: it keeps nothing from test to test."""
    return Registry.of(Acme())


class BatchingAcme(Acme):
    """Acme with batches of ten."""

    def __init__(self) -> None:
        super().__init__(BATCHING)

    @hookimpl
    def push_invoices(
        self, connection: Connection, pushes: Any, batch_key: str
    ) -> list[Receipt | ProviderError]:
        items = [{**push.document, "marker": push.marker} for push in pushes]
        answer = _call(connection, "docs.batch", "POST", "/batch", items, batch_key)
        return [_item(one) for one in answer.json()["items"]]

    @hookimpl
    def find_invoices(self, connection: Connection, pushes: Any) -> list[Receipt | None]:
        wanted = ",".join(push.marker for push in pushes)
        answer = _call(connection, "docs.list", "GET", f"/docs?markers={wanted}")
        found = {doc["marker"]: _receipt(doc, adopted=True) for doc in answer.json()["docs"]}
        return [found.get(push.marker) for push in pushes]


def _session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
    session: requests.Session = _local.session
    return session


def _call(
    connection: Connection,
    name: str,
    method: str,
    path: str,
    body: Any = None,
    key: str = "",
    data: Any = None,
) -> requests.Response:
    writes = method == "POST"
    headers = {"Authorization": f"Bearer {connection.credentials['token']}", "Key": key}
    with connection.call(name, writes=writes) as call:
        try:
            answer = _session().request(
                method,
                connection.urls["api"] + path,
                data=data if data is not None else canonical.dumps(body).encode(),
                headers=headers,
                timeout=call.timeout,
            )
        except requests.exceptions.ConnectionError as error:
            refused = "refused" in str(error).lower()
            raise (Transient if refused or not writes else OutcomeUnknown)("no answer") from error
        call.answered(answer.status_code, answer.headers.get("request-id", ""))
    _raise(answer, writes)
    return answer


def _raise(answer: requests.Response, writes: bool) -> None:
    status = answer.status_code
    if status == 401:
        raise CredentialsExpired("the token is stale", http_status=401)
    if status == 403:
        raise ReconnectRequired("access was taken back", http_status=403)
    if status == 429:
        wait = timedelta(seconds=int(answer.headers.get("retry-after", "1")))
        raise RateLimited("too fast", retry_after=wait, limit="calls", http_status=429)
    if status >= 500:
        error = OutcomeUnknown if writes else Transient
        raise error("Acme is not well", http_status=status)


def _sent(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise Rejected(answer.json()["error"], http_status=answer.status_code)
    body: dict[str, Any] = answer.json()
    return body


def _item(result: dict[str, Any]) -> Receipt | ProviderError:
    return Rejected(result["error"]) if "error" in result else _receipt(result)


def _receipt(doc: dict[str, Any], adopted: bool = False) -> Receipt:
    return Receipt(
        external_id=doc["id"],
        total=doc["total"],
        currency=doc["currency"],
        customer=doc["customer"],
        number=doc["number"],
        url=f"https://acme.example/docs/{doc['id']}",
        status=doc["status"],
        payment_status=PaymentStatus.OPEN,
        adopted=adopted,
    )
