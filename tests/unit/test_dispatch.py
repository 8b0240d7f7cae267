from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest

from kable_hub import (
    Capability,
    Choice,
    ConnectionRevoked,
    ContractViolation,
    Credentials,
    CustomerReady,
    Environment,
    Event,
    Form,
    Grant,
    HostedPage,
    LeaseLost,
    LinkedCustomer,
    NeedsCustomer,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Receipt,
    ReconnectRequired,
    Redirect,
    Rejected,
    SettingChoices,
    Transient,
    Unfinished,
    Unsupported,
    hookimpl,
)
from kable_hub.dispatch import RESULTS, Dispatcher
from kable_hub.errors import CredentialsExpired
from kable_hub.plugins import Registry, UnknownProvider
from kable_hub.testing import builders
from kable_hub.tryout import SPECS

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RECEIPT = Receipt("doc_1", 10000, "USD", "c_1")
EVENT = Event("evt_1", "paid", "ext_1", Environment.TEST)
LINKED = LinkedCustomer("c_1")
PAGE = HostedPage("https://pay.example.com", NOW)
CREDENTIALS = Credentials({"token": "t"}, NOW + timedelta(hours=1))


def arguments_of(hook: str) -> dict[str, object]:
    """Something for every argument; two pushes for the hooks that take several."""
    values = {"reference": "c_1", "pushes": ["push", "push"]}
    return {name: values.get(name, name) for name in SPECS[hook]}


@pytest.fixture
def answering(make_plugin, declare):
    """A dispatcher whose plugin has all capabilities and answers `result` to every hook."""

    def make(result: object) -> Dispatcher:
        def answer(hook: str):
            names = ", ".join(SPECS[hook])
            return eval(f"lambda {names}: result", {"result": result})

        declared = declare(capabilities=frozenset(Capability))
        hooks = {hook: answer(hook) for hook in RESULTS}
        return Dispatcher(Registry.of(make_plugin(declared=declared, **hooks)))

    return make


@pytest.fixture
def raising(make_plugin):
    """A dispatcher whose plugin raises `error` from find_invoice."""

    def make(error: BaseException) -> Dispatcher:
        def find_invoice(push):
            raise error

        return Dispatcher(Registry.of(make_plugin(find_invoice=find_invoice)))

    return make


def call(dispatcher: Dispatcher, hook: str = "find_invoice", **changes: object) -> object:
    return dispatcher.call("acme", hook, **{**arguments_of(hook), **changes})


def test_every_dispatched_hook_has_a_result_check_and_provider_is_not_dispatched():
    assert set(RESULTS) == set(SPECS) - {"provider"}


GOOD = [
    ("connect", Form(schema=object, title="Key")),
    ("connect", Redirect("https://acme.example.com")),
    ("connect", Grant("ext_1", "Acme", {Environment.TEST: CREDENTIALS})),
    ("link_customer", LINKED),
    ("plan_invoice", {"total": 10000, "price": Decimal("1.50"), "lines": [{"text": None}]}),
    ("plan_invoice", MappingProxyType({"total": 1})),
    ("push_invoice", RECEIPT),
    ("find_invoice", RECEIPT),
    ("find_invoice", Unfinished({"draft": "d_1"})),
    ("find_invoice", None),
    ("push_invoices", [RECEIPT, Rejected("no")]),
    ("find_invoices", [None, Unfinished({})]),
    ("find_invoices", [RECEIPT, Transient("away")]),
    ("refresh", CREDENTIALS),
    ("search_customers", [LINKED]),
    ("search_customers", []),
    ("setting_choices", SettingChoices((Choice("1", "One"),))),
    ("collect_payment_method", PAGE),
    ("collect_invoice", RECEIPT),
    ("cancel_invoice", RECEIPT),
    ("receive_webhook", [EVENT]),
    ("work_event", [CustomerReady("c_1"), ConnectionRevoked()]),
    ("poll_changes", ([CustomerReady("c_1")], {"since": "2026"})),
    ("check_connection", ["a warning"]),
    ("disconnect", False),
]


@pytest.mark.parametrize(
    ("hook", "result"), GOOD, ids=[f"{h}-{i}" for i, (h, _) in enumerate(GOOD)]
)
def test_what_a_hook_may_answer_comes_back_unchanged(answering, hook, result):
    assert call(answering(result), hook) is result


def test_every_hook_is_seen_to_answer():
    assert {hook for hook, _ in GOOD} == set(RESULTS)


BAD = [
    ("connect", LINKED),
    ("connect", None),
    ("link_customer", None),
    ("link_customer", "c_1"),
    ("plan_invoice", None),
    ("plan_invoice", [1]),
    ("plan_invoice", {"price": 1.5}),
    ("plan_invoice", {1: "a key that is no text"}),
    ("plan_invoice", {"when": NOW}),
    ("plan_invoice", {"text": "\ud800"}),
    ("plan_invoice", {"price": Decimal("NaN")}),
    ("push_invoice", None),
    ("push_invoice", Unfinished({})),
    ("push_invoice", Receipt("doc_1", Decimal("100.00"), "USD", "c_1")),
    ("push_invoice", Receipt("doc_1", True, "USD", "c_1")),
    ("push_invoice", Receipt("doc_1", 10000, "USD", "c_1", tax=1.5)),
    ("push_invoice", Receipt(77, 10000, "USD", "c_1")),
    ("push_invoice", Receipt("", 10000, "USD", "c_1")),
    ("find_invoice", False),
    ("find_invoice", Unfinished({"at": NOW})),
    ("push_invoices", [RECEIPT]),
    ("push_invoices", [RECEIPT, RECEIPT, RECEIPT]),
    ("push_invoices", [RECEIPT, None]),
    ("push_invoices", [RECEIPT, ValueError("no")]),
    ("push_invoices", (RECEIPT, RECEIPT)),
    ("find_invoices", [None]),
    ("find_invoices", None),
    ("refresh", {"token": "t"}),
    ("refresh", Credentials({"token": None})),
    ("search_customers", None),
    ("search_customers", LINKED),
    ("search_customers", [LINKED, "c_2"]),
    ("setting_choices", ["1"]),
    ("collect_payment_method", "https://pay.example.com"),
    ("collect_invoice", True),
    ("cancel_invoice", None),
    ("receive_webhook", None),
    ("receive_webhook", EVENT),
    ("receive_webhook", [Event("evt_1", "paid", "ext_1", Environment.TEST, {"at": NOW})]),
    ("receive_webhook", [Event(5, "paid", "ext_1", Environment.TEST)]),
    ("work_event", [EVENT]),
    ("poll_changes", [CustomerReady("c_1")]),
    ("poll_changes", ([EVENT], {})),
    ("poll_changes", ([], {"at": NOW})),
    ("poll_changes", ([], None)),
    ("check_connection", None),
    ("check_connection", "a warning"),
    ("disconnect", None),
    ("disconnect", 1),
]


@pytest.mark.parametrize(("hook", "result"), BAD, ids=[f"{h}-{i}" for i, (h, _) in enumerate(BAD)])
def test_what_a_hook_may_not_answer_is_a_violation(answering, hook, result):
    with pytest.raises(ContractViolation, match=f"^acme: {hook} answered") as caught:
        call(answering(result), hook)
    assert caught.value.code == "contract_violation"


def test_every_hook_is_seen_to_be_refused():
    assert {hook for hook, _ in BAD} == set(RESULTS)


def test_a_refused_answer_is_described_by_its_types_only(answering):
    with pytest.raises(ContractViolation, match=r"list of 2 \(Receipt, str\)") as caught:
        call(answering([RECEIPT, "canary"]), "push_invoices")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        Transient("away"),
        RateLimited("slow down"),
        OutcomeUnknown("no answer"),
        CredentialsExpired("stale"),
        ReconnectRequired("revoked"),
        Rejected("no"),
        NeedsCustomer("no card"),
        NeedsOperator("no account"),
        Unsupported("too long", fact="max_lines"),
        LeaseLost("taken over"),
        ContractViolation("from the gate"),
        ProviderError("plain"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_provider_error_passes_through_unchanged(raising, error):
    with pytest.raises(type(error)) as caught:
        call(raising(error))
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [ValueError("canary"), AssertionError("canary"), SystemExit("canary"), GeneratorExit("canary")],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_is_a_violation_that_names_its_type_and_no_value(raising, error):
    with pytest.raises(ContractViolation) as caught:
        call(raising(error), push="canary")
    assert str(caught.value) == f"acme: find_invoice raised {type(error).__name__}"
    assert caught.value.__cause__ is error


def test_a_keyboard_interrupt_passes_through(raising):
    with pytest.raises(KeyboardInterrupt):
        call(raising(KeyboardInterrupt()))


def test_an_undeclared_hook_is_unsupported_and_names_the_capability(make_plugin):
    dispatcher = Dispatcher(Registry.of(make_plugin()))
    with pytest.raises(Unsupported) as caught:
        call(dispatcher, "refresh")
    assert caught.value.fact == "refresh"
    with pytest.raises(Unsupported) as caught:
        call(dispatcher, "work_event")
    assert caught.value.fact == "receive_webhook"


def test_creating_a_customer_is_unsupported_unless_declared_and_checking_one_is_not(
    make_plugin, declare
):
    dispatcher = Dispatcher(Registry.of(make_plugin()))
    assert call(dispatcher, "link_customer").reference == "c_1"
    with pytest.raises(Unsupported) as caught:
        call(dispatcher, "link_customer", reference=None)
    assert caught.value.fact == "create_customer"
    declared = declare(capabilities=frozenset({Capability.CREATE_CUSTOMER}))
    able = Dispatcher(Registry.of(make_plugin(declared=declared)))
    assert call(able, "link_customer", reference=None).reference == "c_new"


def test_an_unknown_provider_is_told(make_plugin):
    with pytest.raises(UnknownProvider):
        Dispatcher(Registry.of(make_plugin())).call("bolt", "find_invoice", connection=1, push=1)


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("provider", {}),
        ("teleport", {}),
        ("find_invoice", {"push": 1}),
        ("find_invoice", {"connection": 1, "push": 1, "marker": 1}),
    ],
)
def test_a_wrong_call_by_the_hub_itself_is_a_type_error(make_plugin, hook, arguments):
    with pytest.raises(TypeError):
        Dispatcher(Registry.of(make_plugin())).call("acme", hook, **arguments)


def test_only_the_chosen_provider_is_called(make_plugin, declare):
    called = []

    def plugin(slug: str):
        return make_plugin(
            declared=declare(slug=slug), find_invoice=lambda push: called.append(slug)
        )

    dispatcher = Dispatcher(Registry.of(*map(plugin, ("acme", "bolt", "cargo"))))
    for slug in ("bolt", "acme", "cargo", "bolt"):
        dispatcher.call(slug, "find_invoice", connection=None, push=None)
    assert called == ["bolt", "acme", "cargo", "bolt"]


def test_none_of_the_chosen_provider_does_not_fall_through_to_another(make_plugin, declare):
    other = make_plugin(declared=declare(slug="bolt"), find_invoice=lambda push: RECEIPT)
    dispatcher = Dispatcher(Registry.of(make_plugin(), other))
    assert call(dispatcher) is None


def test_an_implementation_that_sneaks_in_under_another_name_is_never_reached(make_plugin):
    registry = Registry.of(make_plugin())
    dispatcher = Dispatcher(registry)
    called = []

    class Sneak:
        @hookimpl(specname="find_invoice")
        def look(self, push):
            called.append(push)
            return RECEIPT

    registry.manager.register(Sneak(), "sneak")
    assert call(dispatcher) is None
    assert called == []


def test_a_second_implementation_of_the_chosen_plugin_is_an_isolation_fault(make_plugin):
    registry = Registry.of(make_plugin())
    plugin = registry.manager.get_plugin("acme")
    registry.manager.unregister(plugin)
    plugin.look = hookimpl(specname="find_invoice")(lambda push: RECEIPT)
    registry.manager.register(plugin, "acme")
    with pytest.raises(ContractViolation) as caught:
        call(Dispatcher(registry))
    assert caught.value.code == "isolation_broken"


def test_a_plugin_that_vanished_from_the_manager_is_an_isolation_fault(make_plugin):
    registry = Registry.of(make_plugin())
    registry.manager.unregister(name="acme")
    with pytest.raises(ContractViolation, match="would reach nobody"):
        call(Dispatcher(registry))


def test_a_real_push_goes_through_a_plugin_that_takes_only_what_it_needs(make_plugin, declare):
    dispatcher = Dispatcher(Registry.of(make_plugin()))
    connection = builders.connection(declare())
    invoice, link = builders.invoice(), builders.link("c_1")
    document = dispatcher.call(
        "acme", "plan_invoice", connection=connection, invoice=invoice, link=link
    )
    push = builders.push(invoice, link, document)
    receipt = dispatcher.call("acme", "push_invoice", connection=connection, push=push)
    assert (receipt.total, receipt.customer) == (invoice.total, "c_1")
