"""Broken copies of the template's plugin, each against one rule of the contract.

A mutant is the rendered template with one text replaced. `also` are the other rules that the same
fault cannot help but break.
"""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kable_hub.cli.new_provider import render
from kable_hub.testing import ProviderContract


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file` of the package `old` becomes `new`, and `rule` has to fail."""

    rule: str
    file: str
    old: str
    new: str
    also: frozenset[str] = field(default_factory=frozenset)
    way_in: str = "key"


API = "    return rest.Api(hub, "


def _api(rule: str, methods: str, *also: str) -> Mutant:
    """A mutant whose client is the hub's with other methods."""
    body = "".join(f"        {line}\n" for line in methods.strip().split("\n"))
    broken = f"    class Broken(rest.Api):\n{body}\n    return Broken(hub, "
    return _mutant(rule, "client", API, broken, *also)


def _mutant(rule: str, file: str, old: str, new: str, *also: str) -> Mutant:
    return Mutant(f"test_{rule}", f"{file}.py", old, new, frozenset(f"test_{one}" for one in also))


MUTANTS = (
    _mutant(
        "the_declaration_is_the_same_each_time",
        "__init__",
        "    return PROVIDER\n",
        '    own = __import__("uuid").uuid4().hex\n'
        '    return __import__("dataclasses").replace(PROVIDER, homepage=own)\n',
    ),
    _mutant("addresses_are_encrypted", "declaration", '"api": "https://api', '"api": "http://api'),
    _mutant(
        "the_example_of_a_reference_fits_its_pattern",
        "declaration",
        'example="cu_0001"',
        'example="cu_1"',
    ),
    _mutant(
        "importing_it_is_quick_and_opens_no_connection",
        "mapping",
        "MARKER = ",
        "import time\nENDS = time.process_time() + 0.4\n"
        "while time.process_time() < ENDS:\n    pass\nMARKER = ",
    ),
    _mutant("every_setting_says_what_it_is", "declaration", '"label": "Footer", ', ""),
    _mutant(
        "the_settings_of_a_fresh_connection_are_valid",
        "declaration",
        'load_default=""',
        'load_default="x" * 501',
    ),
    _mutant(
        "every_call_is_under_a_declared_limit",
        "declaration",
        "concurrency=8)",
        'concurrency=8, calls=("customers.*", "account.*"))',
    ),
    _mutant(
        "the_dialogue_begins_with_a_form_or_a_page_of_the_provider",
        "connect",
        "    return keyform.step(",
        '    with request.call("begin", writes=True):\n        pass\n    return keyform.step(',
        "every_request_stands_in_the_gate",
    ),
    _mutant(
        "connecting_again_names_the_same_account",
        "connect",
        'Grant(account["id"], ',
        'Grant(account["id"] + __import__("uuid").uuid4().hex, ',
    ),
    _mutant(
        "a_grant_names_the_account_and_brings_its_credentials",
        "connect",
        'account["name"], granted)',
        '"", granted)',
    ),
    _mutant(
        "what_is_no_key_is_asked_for_again",
        "connect",
        "        account = api.get(",
        "        if len(key) > 20:\n"
        '            granted = {request.environment: Credentials({"key": key})}\n'
        '            return Grant("ac_0001", "Anybody", granted)\n        account = api.get(',
    ),
    _mutant(
        "a_key_of_the_other_environment_is_refused",
        "connect",
        'if account["environment"] != request.environment:',
        "if False:",
    ),
    _api(
        "secrets_are_in_no_error",
        """
def error(self, call, answer, said):
    found = super().error(call, answer, said)
    found.args = (f"{found.message} {self.headers}",)
    return found
""",
    ),
    _api(
        "secrets_are_in_no_log",
        """
def request(self, name, *given):
    __import__("logging").getLogger("client").debug("sending %s", self.headers)
    return super().request(name, *given)
""",
    ),
    _mutant(
        "secrets_are_in_no_progress_and_no_document",
        "__init__",
        "    return mapping.to_document(invoice, link, connection.settings)\n",
        "    document = mapping.to_document(invoice, link, connection.settings)\n"
        '    return {**document, "as": connection.credentials["key"]}\n',
    ),
    _mutant(
        "a_reference_is_checked_and_answered_in_its_own_form",
        "mapping",
        'LinkedCustomer(customer["id"], customer["name"], ',
        'LinkedCustomer(customer["id"], __import__("uuid").uuid4().hex, ',
    ),
    _mutant(
        "checking_a_reference_only_reads",
        "__init__",
        '        found = api.get("customers.get", ',
        '        with connection.call("customers.touch", writes=True):\n            pass\n'
        '        found = api.get("customers.get", ',
        "every_request_stands_in_the_gate",
    ),
    _mutant(
        "a_customer_that_is_closed_is_refused", "__init__", 'if not found["active"]:', "if False:"
    ),
    _mutant(
        "a_customer_is_made_once_however_often_it_is_asked",
        "__init__",
        "hits[0]\n        if hits\n        else api.post(",
        "api.post(",
    ),
    _mutant(
        "what_was_frozen_is_what_is_sent",
        "mapping",
        "    return {**push.document, ",
        '    return {**push.document, "number": push.invoice.number, ',
    ),
    _api(
        "a_push_sent_again_sends_the_same",
        """
def post(self, name, path, body, headers=rest.NOTHING):
    own = {**headers, "X-Try": __import__("uuid").uuid4().hex}
    return super().post(name, path, body, own)
""",
    ),
    _mutant(
        "planning_writes_nothing",
        "__init__",
        "    return mapping.to_document(",
        '    with connection.call("drafts.create", writes=True):\n        pass\n'
        "    return mapping.to_document(",
        "every_request_stands_in_the_gate",
    ),
    _mutant(
        "the_same_invoice_is_planned_the_same_each_time",
        "mapping",
        '        "memo": invoice.memo[:500],',
        '        "memo": invoice.memo[:500] or __import__("uuid").uuid4().hex,',
    ),
    _mutant(
        "progress_is_small_json",
        "__init__",
        "    body = mapping.with_marker(push)\n",
        '    body = mapping.with_marker(push)\n    push.save({"seen": "x" * 9000})\n',
    ),
    _api(
        "an_error_under_a_good_status_is_no_receipt",
        """
def _is_result(self, call, body):
    return bool(body)
""",
    ),
    _api(
        "an_empty_answer_is_no_receipt",
        """
def _is_result(self, call, body):
    return isinstance(body, dict | list) and "error" not in body
""",
    ),
    _api(
        "a_page_of_a_gateway_is_no_answer",
        """
def _is_result(self, call, body):
    return super()._is_result(call, body) or (body is None and call.writes)
""",
        "half_an_answer_is_none",
        "an_empty_answer_is_no_receipt",
    ),
    _mutant(
        "too_many_requests_name_a_declared_limit", "client", 'limit="calls"', 'limit="requests"'
    ),
    _api(
        "the_wait_a_provider_asks_for_is_told_by_a_date",
        """
def error(self, call, answer, said):
    found = super().error(call, answer, said)
    if not answer.header("Retry-After").isdigit():
        found.retry_after = None
    return found
""",
    ),
    _api(
        "a_wait_that_makes_no_sense_is_not_believed",
        """
def error(self, call, answer, said):
    found = super().error(call, answer, said)
    if answer.header("Retry-After") and found.retry_after is None:
        found.retry_after = __import__("datetime").timedelta(days=9)
    return found
""",
    ),
    _api(
        "access_that_was_taken_back_stops_the_connection",
        """
def error(self, call, answer, said):
    if answer.status == 401 and call.writes:
        return __import__("kable_hub").Rejected("No.")
    return super().error(call, answer, said)
""",
    ),
    _api(
        "fields_that_nobody_knows_yet_do_no_harm",
        """
def _is_result(self, call, body):
    return super()._is_result(call, body) and "loyalty" not in body
""",
    ),
    _api(
        "an_answer_is_waited_for_as_long_as_the_hub_allows",
        """
def request(self, name, *given):
    from contextlib import contextmanager
    from dataclasses import replace

    held = self.hub.guard

    @contextmanager
    def patient(*named):
        with held(*named) as call:
            call.timeout = (30.0, 30.0)
            yield call

    return rest.Api.request(replace(self, hub=replace(self.hub, guard=patient)), name, *given)
""",
    ),
    _mutant(
        "looking_only_reads",
        "__init__",
        "    listed = client.of(connection)",
        '    with connection.call("invoices.lock", writes=True):\n        pass\n'
        "    listed = client.of(connection)",
        "every_request_stands_in_the_gate",
    ),
    _api(
        "it_never_sleeps",
        """
def error(self, call, answer, said):
    if answer.status == 429:
        __import__("time").sleep(0.01)
    return super().error(call, answer, said)
""",
    ),
    _mutant(
        "it_starts_no_thread",
        "__init__",
        "    body = mapping.with_marker(push)\n",
        '    beside = __import__("threading").Thread(target=dict)\n    beside.start()\n'
        "    body = mapping.with_marker(push)\n",
    ),
    _mutant(
        "it_does_not_read_the_environment",
        "connect",
        "    return keyform.step(",
        '    __import__("os").environ.get("KEY")\n    return keyform.step(',
    ),
    _mutant(
        "it_asks_the_hub_for_the_time",
        "__init__",
        "    listed = client.of(connection)",
        "    __import__('datetime').datetime.now()\n    listed = client.of(connection)",
    ),
    _mutant(
        "it_does_not_print",
        "__init__",
        "    body = mapping.with_marker(push)\n",
        '    print("pushing")\n    body = mapping.with_marker(push)\n',
    ),
    _mutant(
        "it_keeps_no_mutable_state_in_its_modules", "mapping", "MARKER = ", "SEEN = {}\nMARKER = "
    ),
    _api(
        "a_document_beyond_the_first_page_is_found",
        """
def pages(self, name, path, next_page, items="data", **query):
    only = (lambda page: {}) if name == "invoices.list" else next_page
    return super().pages(name, path, only, items, **query)
""",
    ),
    _mutant(
        "two_documents_of_one_push_are_for_a_person",
        "__init__",
        '    if len(hits) > 1:\n        said = "Several invoices',
        '    if len(hits) > 9:\n        said = "Several invoices',
    ),
    _mutant("what_is_found_is_called_adopted", "__init__", "adopted=True", "adopted=False"),
    _mutant(
        "a_voided_document_counts_as_found",
        "__init__",
        "    hits = [one for one in listed if one",
        '    hits = [one for one in listed if one["status"] != "void" and one',
    ),
    _mutant("a_paid_document_is_not_voided", "client", '    "invoice_paid": "already_paid",\n', ""),
    _mutant(
        "checking_a_connection_only_reads",
        "__init__",
        '    client.of(connection).get("account.get", "/v1/account")\n    return []',
        '    with connection.call("account.touch", writes=True):\n        pass\n    return []',
    ),
    _mutant(
        "a_plain_invoice_arrives_with_its_total",
        "mapping",
        '        "lines": [_line(row) for row in invoice.lines],',
        '        "lines": [_line(row) for row in invoice.lines][:1] + [\n'
        "            _line(row) for row in invoice.lines[2:]\n        ],",
        "as_many_lines_as_declared_arrive",
        "a_negative_line_takes_off",
    ),
    _mutant(
        "a_price_that_does_not_multiply_out_arrives_equal",
        "mapping",
        '        "amount": row.amount,',
        '        "amount": row.amount if row.unit_price * row.quantity % 1 == 0\n'
        "        else int(row.unit_price * row.quantity * 100),",
        "a_quantity_with_a_fraction_arrives_equal",
        "large_amounts_arrive_equal",
    ),
    _mutant(
        "a_receipt_is_the_same_however_it_came",
        "mapping",
        '        url=invoice["url"],',
        '        url="" if adopted else invoice["url"],',
    ),
    _mutant(
        "tax_arrives_equal_or_is_refused", "mapping", '        "tax": row.tax,', '        "tax": 0,'
    ),
)


def build(mutant: Mutant | None, name: str, folder: Path, patch: pytest.MonkeyPatch) -> type[Any]:
    """Render the template as `name`, break it, import it; its contract."""
    package = f"kable_{name}_payments"
    words = {"acme_payments": f"{name}_payments", "acme-payments": f"{name}-payments"}
    words |= {"Acme": name.capitalize(), "ACME": name.upper(), "acme": name}
    render(folder / name, words, mutant.way_in if mutant else "key")
    source = folder / name / "src"
    if mutant is not None:
        file = source / package / mutant.file
        text = file.read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.rule}: {mutant.old!r} in {mutant.file}"
        file.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    patch.syspath_prepend(str(source))
    plugin: ModuleType = import_module(package)
    simulator = getattr(import_module(f"{package}.simulator"), f"{name.capitalize()}Simulator")
    return type("Contract", (ProviderContract,), {"plugin": plugin, "simulator": simulator})
