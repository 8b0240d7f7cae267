"""Every setting, command, module and operation that the documentation names is there."""

import re
import shlex

import click
import pytest

import run
from kable_hub.cli import main
from kable_hub.domain import Environment
from kable_hub.plugins import discover
from kable_hub.settings import Settings
from tests.docs.reading import PAGES, ROOT, blocks, inline, name

VARIABLE = re.compile(r"\b(?:KABLE_(?:[A-Z0-9_]|<[A-Z]+>)+|DATABASE_URL)")
NAMES = [name(page) for page in PAGES]


class Asked(dict):
    """An empty environment that keeps the names it is asked for."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def get(self, key, default=None):
        self.names.add(key)
        return default


def known_variables():
    asked = Asked()
    settings = Settings.load(asked)
    # The values of a connect form, whose fields only the plugin's dialogue knows.
    found = {*asked.names, "KABLE_<NAME>_TEST_FORM_<FIELD>"}
    for provider in discover(settings).providers():
        for environment in Environment:
            prefix = f"KABLE_{provider.slug}_{environment}_".upper()
            found |= {prefix + one.upper() for one in provider.app_settings().fields}
            found |= {f"{prefix}{one.upper()}_URL" for one in provider.urls[environment]}
    return found


def unknown_variables(text):
    named = {
        one.replace("<ENV>", environment)
        for one in VARIABLE.findall(text)
        for environment in ("LIVE", "TEST")
    }
    return named - known_variables()


@pytest.mark.parametrize("page", NAMES)
def test_every_variable_exists(page):
    assert unknown_variables((ROOT / page).read_text("utf-8")) == set()


def test_a_variable_that_does_not_exist_would_be_found():
    text = "`KABLE_PORT`, `KABLE_PROT`, `KABLE_STRIPE_<ENV>_CLIENT_ID`, `KABLE_STRIPE_<ENV>_ID`"
    assert unknown_variables(text) == {"KABLE_PROT", "KABLE_STRIPE_LIVE_ID", "KABLE_STRIPE_TEST_ID"}


def test_every_variable_of_the_hub_is_on_the_settings_page():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8").replace("<ENV>", "LIVE")
    live = {one for one in known_variables() if "_TEST_" not in one}
    assert live - set(VARIABLE.findall(page)) == set()


def commands(page):
    """Every command line that a page shows or mentions."""
    lines = [line for block in blocks(page, "sh") for line in block.text.splitlines()]
    said = [one for one in inline(page) if one.startswith(("kable-hub ", "python3 run.py "))]
    shown = [line for line in lines if line.strip() and not line.startswith(("#", "export "))]
    return [*shown, *said]


def wrong(line):
    """What is wrong with a command line; empty where nothing is."""
    words = [word for word in shlex.split(line) if word != "…"]
    if words[:2] == ["python3", "run.py"]:
        if words[2] not in run.COMMANDS:
            return f"run.py has no command {words[2]}"
        if words[2] not in ("hub", "demo"):
            return ""
        words = ["kable-hub", *words[2:]] if words[2] == "demo" else ["kable-hub", *words[3:]]
    if words[0] != "kable-hub":
        return f"{words[0]} is no command of this repository"
    return refused(words[1:])


def refused(words):
    command, context = main, click.Context(main, info_name="kable-hub")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        if inner is None:
            return f"there is no command {words[0]}"
        command, words = inner, words[1:]
        context = click.Context(command, context)
    try:
        command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("page", NAMES)
def test_every_command_line_is_understood(page):
    assert [f"{line}: {fault}" for line in commands(page) if (fault := wrong(line))] == []


@pytest.mark.parametrize(
    "line",
    ["kable-hub serv", "kable-hub serve --prot 1", "python3 run.py dmeo", "kable-hub outbox lst"],
)
def test_a_command_that_does_not_exist_would_be_found(line):
    assert wrong(line)


def test_there_are_command_lines_to_look_at():
    assert len(commands("README.md")) >= 6
    assert len(commands("docs/operating.md")) >= 8


def test_every_module_that_the_architecture_names_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", text)
    assert len(named) > 20
    inside = [one.removeprefix("kable_hub/") for one in named if one != "__init__.py"]
    assert [one for one in inside if not (ROOT / "kable_hub" / one).exists()] == []


def test_every_law_of_the_contract_has_its_place():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert re.findall(r"^\| (\d+) ", text, re.MULTILINE) == [str(law) for law in range(14)]


def test_every_operation_that_is_mentioned_is_in_the_list_of_the_api():
    listed = set(re.findall(r"^\| `([A-Z]+ \S+)` \|", (ROOT / "docs/api.md").read_text(), re.M))
    listed = {shape(one) for one in listed}
    assert len(listed) > 30
    said = {one for page in NAMES for one in inline(page) if re.match(r"[A-Z]+ /api/v1/\S+$", one)}
    assert len(said) > 10
    assert {one for one in said if shape(one) not in listed} == set()


def shape(operation):
    """An operation with every id and slug in its path as a star."""
    path = operation.partition("?")[0]
    path = re.sub(r"\{\w+\}|(?<=connections/)(?:stripe|quickbooks)", "*", path)
    return path.replace("default_item", "*")
