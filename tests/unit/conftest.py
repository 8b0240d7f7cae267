from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from kable_hub import (
    ConnectMethod,
    Document,
    Environment,
    Form,
    Kind,
    LinkedCustomer,
    Provider,
    Receipt,
    Reference,
    hookimpl,
)

MakePlugin = Callable[..., ModuleType]


def declaration(**changes: Any) -> Provider:
    values = {
        "slug": "acme",
        "title": "Acme",
        "kind": Kind.PAYMENTS,
        "urls": {
            Environment.LIVE: {"api": "https://api.example.com/"},
            Environment.TEST: {"api": "https://test.example.com"},
        },
        "reference": Reference(r"c_\d+", "Under Customers", "c_1"),
        "connect_methods": (ConnectMethod("key", "Paste a key"),),
    }
    return Provider(**{**values, **changes})


def _connect(request) -> Form:
    return Form(schema=object, title="Key")


def _link_customer(connection, customer, reference, key, since) -> LinkedCustomer:
    return LinkedCustomer(reference or "c_new")


def _plan_invoice(connection, invoice, link) -> Document:
    return {"number": invoice.number, "customer": link.reference}


def _push_invoice(connection, push) -> Receipt:
    return Receipt("doc_1", push.invoice.total, push.invoice.currency, push.link.reference)


def _find_invoice(push) -> None:
    return None


REQUIRED = {
    "connect": _connect,
    "link_customer": _link_customer,
    "plan_invoice": _plan_invoice,
    "push_invoice": _push_invoice,
    "find_invoice": _find_invoice,
}


def _make_plugin(*, declared: object = None, without: str = "", **hooks: Any) -> ModuleType:
    """A module with all required hooks; `hooks` are added as they are where marked already."""
    given = declaration() if declared is None else declared
    module = ModuleType(getattr(given, "slug", "nameless"))
    functions = {"provider": lambda: given, **REQUIRED, **hooks}
    for name, function in functions.items():
        if name != without:
            marked = hasattr(function, "kable_hub_impl")
            # A copy, for marking must not leak from one plugin into the next.
            setattr(module, name, function if marked else hookimpl(_copy(function)))
    return module


def _copy(function: Any) -> Any:
    return type(function)(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


@pytest.fixture
def make_plugin() -> MakePlugin:
    return _make_plugin


@pytest.fixture
def declare() -> Callable[..., Provider]:
    return declaration
