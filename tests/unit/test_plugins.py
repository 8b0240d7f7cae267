from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from kable_hub import (
    API_VERSION,
    Capability,
    Limit,
    Reference,
    hookimpl,
)
from kable_hub import plugins as plugins_module
from kable_hub.plugins import PluginCandidate, Registry, UnknownProvider, discover
from kable_hub.settings import Settings
from kable_hub.tryout import REQUIRED_HOOKS, SPECS

NOTHING_SET = Settings.load({})


def candidate(name: str, load: Callable[[], object], distribution: str = "") -> PluginCandidate:
    return PluginCandidate(name, distribution or f"dist-{name}", "1.0", load)


def reason_of(plugin: object, name: str = "acme") -> str:
    (report,) = discover(NOTHING_SET, [candidate(name, lambda: plugin)]).reports
    assert report.state == "quarantined"
    assert report.provider is None
    return report.reason


def raiser(error: BaseException) -> Callable[[], object]:
    def load() -> object:
        raise error

    return load


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def test_a_sound_plugin_is_admitted_and_its_provider_known(make_plugin):
    registry = discover(NOTHING_SET, [candidate("acme", make_plugin)])
    (report,) = registry.reports
    assert (report.name, report.distribution, report.version) == ("acme", "dist-acme", "1.0")
    assert (report.state, report.reason) == ("admitted", "")
    assert registry.provider("acme") is report.provider
    assert registry.providers() == [report.provider]
    assert registry.manager.has_plugin("acme")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("no module named acme_client"), "ImportError: no module named acme_client"),
        (SystemExit(3), "SystemExit: 3"),
        (SyntaxError("half a line"), "SyntaxError: half a line"),
        (GeneratorExit(), "GeneratorExit"),
        (Unprintable(), "Unprintable"),
    ],
)
def test_whatever_goes_wrong_on_import_quarantines_only_that_plugin(
    make_plugin, declare, error, said
):
    registry = discover(
        NOTHING_SET, [candidate("broken", raiser(error)), candidate("acme", make_plugin)]
    )
    states = {report.name: report.state for report in registry.reports}
    assert states == {"acme": "admitted", "broken": "quarantined"}
    assert said in registry.reports[1].reason
    assert "loading it failed" in registry.reports[1].reason


def test_a_keyboard_interrupt_stops_discovery():
    with pytest.raises(KeyboardInterrupt):
        discover(NOTHING_SET, [candidate("acme", raiser(KeyboardInterrupt()))])


@pytest.mark.parametrize(
    "hook", ["provider", "connect", "link_customer", "plan_invoice", "push_invoice", "find_invoice"]
)
def test_a_missing_required_hook_is_named(make_plugin, hook):
    reason = reason_of(make_plugin(without=hook))
    assert "required hook" in reason
    assert hook in reason


def test_a_misspelt_hook_is_named_with_the_one_that_was_meant(make_plugin):
    reason = reason_of(make_plugin(chek_connection=lambda connection: []))
    assert reason == "there is no hook chek_connection; did you mean check_connection?"


def test_an_unknown_hook_is_named(make_plugin):
    assert reason_of(make_plugin(zzz=lambda: None)) == "there is no hook zzz"


def test_an_argument_that_the_hook_does_not_have_is_named_with_those_it_has(make_plugin):
    reason = reason_of(make_plugin(find_invoice=lambda connection, marker: None))
    assert "find_invoice takes marker" in reason
    assert "it has connection, push" in reason


def _with_default(connection, push=None):
    return None


def _with_star(*arguments):
    return None


def _with_keywords(connection, **more):
    return None


@pytest.mark.parametrize("function", [_with_default, _with_star, _with_keywords])
def test_an_argument_that_would_never_be_filled_is_refused(make_plugin, function):
    assert "as a plain argument without a default" in reason_of(make_plugin(find_invoice=function))


async def _coroutine(connection, push):
    return None


def _generator(connection, push):
    yield None


@pytest.mark.parametrize("function", [_coroutine, _generator])
def test_a_hook_that_is_no_plain_function_is_refused(make_plugin, function):
    assert "has to be a plain function" in reason_of(make_plugin(find_invoice=function))


@pytest.mark.parametrize(
    "options",
    [
        {"wrapper": True},
        {"hookwrapper": True},
        {"specname": "push_invoice"},
        {"optionalhook": True},
        {"tryfirst": True},
        {"trylast": True},
    ],
)
def test_a_hook_with_an_option_is_refused_for_it_could_reach_other_providers(make_plugin, options):
    spy = hookimpl(**options)(lambda push: None)
    reason = reason_of(make_plugin(spy=spy))
    assert reason == f"spy has to be a plain hookimpl, without {next(iter(options))}"


@pytest.mark.parametrize(
    ("version", "party"),
    [(API_VERSION + 1, "update the hub"), (API_VERSION - 1, "update the plugin")],
)
def test_a_plugin_for_another_contract_version_is_told_who_has_to_update(
    make_plugin, declare, version, party
):
    declared = declare(api_version=version)
    reason = reason_of(make_plugin(declared=declared, hook_of_then=lambda: None))
    assert f"version {version}" in reason
    assert reason.endswith(party)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slug": "bolt"}, "named 'acme' but it declares 'bolt'"),
        ({"title": ""}, "no title"),
        ({"connect_methods": ()}, "no connect method"),
        ({"urls": {}}, "no base URLs"),
        ({"urls": {"sandbox": {}}}, "no base URLs"),
        ({"capabilities": frozenset({"teleport"})}, "unknown capabilities: teleport"),
        ({"capabilities": None}, "provider() failed: TypeError"),
        ({"limits": (Limit("rate"), Limit("rate"))}, "same name"),
        ({"reference": Reference("c_(", "", "")}, "no regular expression"),
        ({"api_version": "1"}, "provider() failed: TypeError"),
    ],
)
def test_a_declaration_that_cannot_be_worked_with_is_refused(make_plugin, declare, changes, said):
    assert said in reason_of(make_plugin(declared=declare(**changes)))


def test_a_provider_hook_that_answers_something_else_is_refused(make_plugin):
    assert reason_of(make_plugin(declared="acme")) == "provider() answered str, not a Provider"


def test_a_provider_hook_that_raises_is_refused(make_plugin):
    reason = reason_of(make_plugin(provider=raiser(SystemExit("bye"))))
    assert reason == "provider() failed: SystemExit: bye"


@pytest.mark.parametrize("slug", ["Acme", "1acme", "ac-me", "ac_me", ""])
def test_a_slug_that_could_not_stand_in_a_variable_is_refused(make_plugin, declare, slug):
    assert "the slug" in reason_of(make_plugin(declared=declare(slug=slug)), slug)


OPTIONAL = sorted(SPECS.keys() - REQUIRED_HOOKS)


def function_of(hook: str) -> Callable[..., object]:
    return eval(f"lambda {', '.join(SPECS[hook])}: None")


@pytest.mark.parametrize("hook", OPTIONAL)
def test_a_hook_without_its_declared_capability_is_refused(make_plugin, hook):
    reason = reason_of(make_plugin(**{hook: function_of(hook)}))
    assert reason.startswith(f"it has the hook {hook} but does not declare the capability ")


@pytest.mark.parametrize("capability", sorted(set(Capability) - {Capability.CREATE_CUSTOMER}))
def test_a_declared_capability_without_its_hook_is_refused(make_plugin, declare, capability):
    reason = reason_of(make_plugin(declared=declare(capabilities=frozenset({capability}))))
    assert reason == f"it declares the capability {capability} but has no hook {capability}"


def test_receive_webhook_needs_work_event(make_plugin, declare):
    declared = declare(capabilities=frozenset({Capability.RECEIVE_WEBHOOK}))
    hooks = {"receive_webhook": function_of("receive_webhook")}
    reason = reason_of(make_plugin(declared=declared, **hooks))
    assert reason == "it declares the capability receive_webhook but has no hook work_event"


def test_a_plugin_with_every_capability_is_admitted(make_plugin, declare):
    declared = declare(capabilities=frozenset(Capability))
    plugin = make_plugin(declared=declared, **{hook: function_of(hook) for hook in OPTIONAL})
    assert Registry.of(plugin).provider("acme") is declared


def test_two_plugins_of_one_name_are_both_refused_and_both_distributions_named(make_plugin):
    registry = discover(
        NOTHING_SET,
        [candidate("acme", make_plugin, "acme-one"), candidate("acme", make_plugin, "acme-two")],
    )
    assert [report.state for report in registry.reports] == ["quarantined", "quarantined"]
    for report in registry.reports:
        assert "acme-one and acme-two" in report.reason
    assert registry.providers() == []


def test_a_plugin_that_is_switched_off_is_not_even_loaded():
    load = raiser(AssertionError("loaded"))
    disabled = discover(Settings.load({"KABLE_DISABLE_PLUGINS": "acme"}), [candidate("acme", load)])
    assert (disabled.reports[0].state, disabled.reports[0].reason) == (
        "disabled",
        "KABLE_DISABLE_PLUGINS names it",
    )
    other = discover(Settings.load({"KABLE_ALLOW_PLUGINS": "bolt"}), [candidate("acme", load)])
    assert (other.reports[0].state, other.reports[0].reason) == (
        "disabled",
        "KABLE_ALLOW_PLUGINS does not name it",
    )


def test_an_allowed_plugin_is_tried_out(make_plugin):
    settings = Settings.load({"KABLE_ALLOW_PLUGINS": "acme"})
    assert discover(settings, [candidate("acme", make_plugin)]).provider("acme").title == "Acme"


def test_a_quarantined_plugin_leaves_nothing_behind_in_the_manager(make_plugin):
    registry = Registry.of(make_plugin(without="connect"))
    assert registry.manager.get_plugins() == set()


def test_asking_for_an_unknown_provider_says_why_it_is_not_there(make_plugin):
    registry = Registry.of(make_plugin(without="connect"))
    with pytest.raises(UnknownProvider, match="'acme' is quarantined: required hooks are missing"):
        registry.provider("acme")
    with pytest.raises(UnknownProvider, match="no provider 'bolt'"):
        registry.provider("bolt")


def test_a_plugin_at_hand_whose_provider_raises_is_reported_under_its_own_name(make_plugin):
    plugin = make_plugin(provider=raiser(ValueError("no")))
    (report,) = Registry.of(plugin).reports
    assert (report.name, report.state) == ("acme", "quarantined")


def test_providers_are_listed_by_slug(make_plugin, declare):
    bolt = make_plugin(declared=declare(slug="bolt"))
    registry = Registry.of(bolt, make_plugin())
    assert [provider.slug for provider in registry.providers()] == ["acme", "bolt"]


def test_an_entry_point_that_names_an_object_is_refused():
    point = EntryPoint("acme", "collections:OrderedDict", plugins_module.GROUP)
    (report,) = discover(
        NOTHING_SET, [candidate("acme", lambda: plugins_module._module(point))]
    ).reports
    assert report.reason == "its entry point has to name a module, not 'collections:OrderedDict'"


# --- real packages, built and installed ---------------------------------------------------------
