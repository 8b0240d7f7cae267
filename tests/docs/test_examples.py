"""Every example of the README and of docs/ that can be run is run."""

import contextlib
import io
import json
import shlex
import tomllib
from types import ModuleType

import pytest
from click.testing import CliRunner
from kable_quickbooks_ledger.simulator import QuickBooksSimulator
from kable_stripe_payments.simulator import StripeSimulator

from kable_hub.cli import main
from kable_hub.domain import Environment
from kable_hub.plugins import GROUP, Registry
from kable_hub.provider import SLUG
from kable_hub.settings import Settings
from kable_hub.testing import Fault
from kable_hub.tryout import REQUIRED_HOOKS
from tests.docs.reading import PAGES, ROOT, blocks, name
from tests.docs.stage import fits, stage


@pytest.fixture
def guide(tmp_path):
    """A hub with both providers simulated, and what stands for the ids of the pages."""
    with StripeSimulator() as stripe, QuickBooksSimulator() as quickbooks:
        account = stripe.add_account().id
        key = stripe.add_key(account, Environment.TEST)
        customer = stripe.add_customer(account, Environment.TEST)
        environ = {**stripe.configuration(), **quickbooks.configuration()}
        with stage(tmp_path, environ) as one:
            one.words.update({"rk_test_0000": key, "cus_0000": customer})
            yield one


def test_the_guide_to_the_api_runs_from_top_to_bottom(guide):
    found = blocks("docs/api.md", "http", "json")
    requests, answers = found[::2], found[1::2]
    assert [one.language for one in requests] == ["http"] * len(answers)
    assert len(answers) >= 12
    for request, answer in zip(requests, answers, strict=True):
        expected = json.loads(answer.text)
        status, body = guide.run_until(request, expected)
        told = f"{request.text}\nanswered {status}: {json.dumps(body, indent=1)}"
        assert str(status) == answer.info, told
        assert fits(expected, body), told
        for one in (body or {}).get("deliveries", []):
            guide.words["{delivery_id}"] = one["id"]


def test_the_request_of_the_readme_connects(guide):
    (request,) = blocks("README.md", "http")
    assert guide.run(request)[0] == 201


def test_an_answer_that_differs_would_be_found():
    assert fits({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not fits({"a": [{"b": 1}]}, {"a": [{"b": 2}]})
    assert not fits({"a": [1]}, {"a": [1, 2]})
    assert not fits({"a": None}, {})


def example_plugin():
    """The plugin of docs/providers.md and its simulator, as a module and a class."""
    plugin, simulator = blocks("docs/providers.md", "python")
    module, kit = ModuleType("kable_paperclip"), {}
    exec(compile(plugin.text, "docs/providers.md", "exec"), vars(module))
    exec(compile(simulator.text, "docs/providers.md", "exec"), kit)
    return module, kit["PaperclipSimulator"]


@pytest.fixture
def paperclip(tmp_path):
    """The example's simulator and a hub in which the example alone is plugged in."""
    module, simulator = example_plugin()
    with simulator() as one:
        environ = {"KABLE_PAPERCLIP_TEST_API_URL": one.url}
        with stage(tmp_path, environ, Registry.of(module)) as hub:
            yield one, hub


def post(hub, path, body):
    return hub.call("POST", f"/api/v1{path}", json.dumps(body))


def connect(hub):
    body = {"provider": "paperclip", "method": "key", "form": {"api_key": "k-1"}}
    return post(hub, "/connections", body)


def test_the_example_plugin_is_admitted_with_the_required_hooks_alone():
    module, _ = example_plugin()
    (report,) = Registry.of(module).reports
    assert (report.state, report.reason) == ("admitted", "")
    hooks = {word for word, value in vars(module).items() if hasattr(value, "kable_hub_impl")}
    assert hooks == REQUIRED_HOOKS


def test_the_example_plugin_makes_one_document_though_the_answer_is_lost(paperclip):
    simulator, hub = paperclip
    assert connect(hub)[0] == 201
    customer = {"clientId": "c1", "companyName": "Northwind", "currency": "USD"}
    assert post(hub, "/customers", {**customer, "paperclipCustomerId": "P17"})[0] == 201
    simulator.fault(Fault(path="/invoices", method="POST", stage="after", reset=True))
    lines = [{"description": "work", "unitPrice": "19.99"}]
    body = {"customer": "c1", "number": "N-1", "currency": "USD", "issueDate": "2026-11-22"}
    assert post(hub, "/invoices", {**body, "lines": lines})[0] == 201

    (request,) = blocks("docs/api.md", "http")[4:5]
    assert request.text.startswith("GET /api/v1/invoices/")
    _, found = hub.run_until(request, {"deliveries": [{"state": "delivered"}]})
    assert [one["state"] for one in found["deliveries"]] == ["delivered"]
    assert [one["total"] for one in simulator.invoices] == [1999]
    assert len(simulator.seen("POST", "/invoices")) == 2


def test_the_example_plugin_says_that_a_key_is_wrong(paperclip):
    simulator, hub = paperclip
    said = '{"error": {"message": "There is no such key."}}'
    simulator.fault(Fault(path="/shop", status=401, body=said))
    status, problem = connect(hub)
    assert status == 422
    assert "There is no such key" in problem["errors"][0]["message"]


def test_the_examples_packaging_names_the_entry_point_that_the_hub_looks_for():
    (project,) = blocks("docs/providers.md", "toml")
    (short,) = blocks("README.md", "toml")
    points = tomllib.loads(project.text)["project"]["entry-points"]
    assert tomllib.loads(short.text)["project"]["entry-points"] == points
    assert list(points) == [GROUP]
    assert all(SLUG.fullmatch(slug) for slug in points[GROUP])


def test_the_settings_file_of_the_example_is_read(tmp_path):
    (block,) = blocks("docs/settings.md", "toml")
    file = tmp_path / "settings.toml"
    file.write_text(block.text)
    settings = Settings.load({"KABLE_SETTINGS_FILE": str(file)})
    assert settings.operator_values == {
        "KABLE_STRIPE_TEST_CLIENT_ID": "ca_0000",
        "KABLE_STRIPE_TEST_SECRET_KEY": "sk_test_0000",
    }


def test_the_example_of_a_key_makes_one_that_the_hub_takes():
    (block,) = blocks("docs/security.md", "python")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(block.text, {})
    key = said.getvalue().strip()
    assert Settings.load({"KABLE_ENCRYPTION_KEYS": key}).encryption_keys == (key,)


@pytest.fixture
def importing(tmp_path, monkeypatch):
    """Run `kable-hub import` on a store of its own, with an account in it."""
    monkeypatch.setenv("KABLE_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)

    def run(*words):
        return CliRunner().invoke(main, list(words), catch_exceptions=False)

    made = run("accounts", "create", "Docs", "--json")
    account = json.loads(made.output)["id"]
    return lambda file, *words: run("import", file, "--account", account, "--env", "test", *words)


def test_the_example_of_an_import_goes_in_and_can_be_repeated(importing):
    shown = blocks("docs/importing.md", "sh")[0].text.split()
    first = importing(shown[2], "--json")
    assert (first.exit_code, json.loads(first.output)["accepted"]) == (0, 4)
    again = json.loads(importing(shown[2], "--json").output)
    assert (again["accepted"], again["unchanged"]) == (0, 4)


def test_the_example_of_mapped_columns_goes_in(importing, tmp_path):
    words = shlex.split(blocks("docs/importing.md", "sh")[1].text)
    file = tmp_path / "shop.csv"
    file.write_text(
        "InvoiceNo,CustomerID,InvoiceDate,Description,Quantity,UnitPrice\n"
        "536365,17850,01/12/2010 08:26,LANTERN,6,3.39\n"
        "536365,17850,01/12/2010 08:26,HOLDER,8,2.75\n"
    )
    done = importing(str(file), "--json", *words[words.index("--currency") :])
    assert json.loads(done.output)["faults"] == []
    assert json.loads(done.output)["accepted"] == 1


def test_the_example_of_json_lines_goes_in(importing, tmp_path):
    (block,) = blocks("docs/importing.md", "json")
    file = tmp_path / "invoices.jsonl"
    file.write_text(block.text)
    assert json.loads(importing(str(file), "--json").output)["accepted"] == 1


RUNNABLE = {"http", "json", "python", "toml"}
PLAIN = {"promql", "sh", "text", "yaml"}
"""Command lines are parsed by test_names, output is compared by test_readme."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_has_an_example_that_nothing_runs(page):
    run = {
        "README.md": {"http", "toml"},
        "docs/api.md": {"http", "json"},
        "docs/cookbook.md": {"python"},  # tests/docs/test_cookbook.py
        "docs/contract-rules.md": {"python"},  # tests/docs/test_tutorial.py
        "docs/providers.md": {"python", "toml"},
        "docs/tutorial.md": {"python", "toml"},  # tests/docs/test_tutorial.py
        "docs/settings.md": {"toml"},
        "docs/security.md": {"python"},
        "docs/importing.md": {"json"},
        "docs/webhooks.md": {"http", "json", "python"},
    }
    found = {one.language for one in blocks(name(page), *RUNNABLE)}
    assert found == run.get(name(page), set())
    opened = [line[3:].split() for line in page.read_text().splitlines() if line[:3] == "```"]
    assert {words[0] for words in opened if words} <= RUNNABLE | PLAIN
