"""The plugin author's whole world: the hooks' marker, the types, the errors.

A provider plugin imports from here (and, in its tests, from `kable_hub.testing`) and from
nowhere else in the hub.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import pluggy

from kable_hub import canonical, combining, money
from kable_hub.connection import Call, Connection
from kable_hub.dialogue import ConnectRequest, Credentials, Form, Grant, Redirect
from kable_hub.domain import (
    JSON,
    Address,
    Choice,
    Customer,
    CustomerLink,
    Document,
    Environment,
    HostedPage,
    Invoice,
    InvoiceLine,
    Kind,
    LinkedCustomer,
    PaymentStatus,
    Push,
    Receipt,
    SettingChoices,
    Unfinished,
)
from kable_hub.effects import (
    ConnectionRevoked,
    CustomerGone,
    CustomerReady,
    DocumentChanged,
    Effect,
    Event,
    PageChanged,
    PaymentChanged,
    WebhookRequest,
)
from kable_hub.errors import (
    Candidate,
    ContractViolation,
    CredentialsExpired,
    LeaseLost,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Reason,
    ReconnectRequired,
    Rejected,
    Transient,
    Unsupported,
)
from kable_hub.provider import (
    API_VERSION,
    Capability,
    ConnectMethod,
    Dedupe,
    Facts,
    Lift,
    Limit,
    Provider,
    Reference,
)

if TYPE_CHECKING:
    from kable_hub import keyform, oauth2, rest, transport
else:

    def __getattr__(name: str) -> object:
        """The helpers on demand: sockets and certificates are not loaded with the types."""
        if name not in ("keyform", "oauth2", "rest", "transport"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"kable_hub.{name}")


__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("kable_hub")
"""Marks a function of a plugin's module as the implementation of the hook of the same name."""

__all__ = [
    "API_VERSION",
    "JSON",
    "Address",
    "Call",
    "Candidate",
    "Capability",
    "Choice",
    "ConnectMethod",
    "ConnectRequest",
    "Connection",
    "ConnectionRevoked",
    "ContractViolation",
    "Credentials",
    "CredentialsExpired",
    "Customer",
    "CustomerGone",
    "CustomerLink",
    "CustomerReady",
    "Dedupe",
    "Document",
    "DocumentChanged",
    "Effect",
    "Environment",
    "Event",
    "Facts",
    "Form",
    "Grant",
    "HostedPage",
    "Invoice",
    "InvoiceLine",
    "Kind",
    "LeaseLost",
    "Lift",
    "Limit",
    "LinkedCustomer",
    "NeedsCustomer",
    "NeedsOperator",
    "OutcomeUnknown",
    "PageChanged",
    "PaymentChanged",
    "PaymentStatus",
    "Provider",
    "ProviderError",
    "Push",
    "RateLimited",
    "Reason",
    "Receipt",
    "ReconnectRequired",
    "Redirect",
    "Reference",
    "Rejected",
    "SettingChoices",
    "Transient",
    "Unfinished",
    "Unsupported",
    "WebhookRequest",
    "canonical",
    "combining",
    "hookimpl",
    "keyform",
    "money",
    "oauth2",
    "rest",
    "transport",
]
