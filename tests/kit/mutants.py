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
        "SLOW = sum(range(60_000_000))\nMARKER = ",
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
        "    if not request.form:\n",
        '    if not request.form:\n        with request.call("begin", writes=True):\n'
        "            pass\n",
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
        "_form(request, error.message)",
        "_form(request)",
    ),
    _mutant(
        "a_key_of_the_other_environment_is_refused",
        "connect",
        'if account["environment"] != request.environment:',
        "if False:",
    ),
    _mutant(
        "secrets_are_in_no_error",
        "client",
        '            raise _error(call, answer, found.get("error"))',
        '            refusal = _error(call, answer, found.get("error"))\n'
        '            refusal.args = (f"{refusal.message} {self.key}",)\n            raise refusal',
    ),
    _mutant(
        "secrets_are_in_no_log",
        "client",
        '        with self.hub.call(name, writes=method != "GET") as call:\n',
        '        __import__("logging").getLogger("client").debug("sending %s", headers)\n'
        '        with self.hub.call(name, writes=method != "GET") as call:\n',
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
        "made = hits[0] if hits else api.post(",
        "made = api.post(",
    ),
    _mutant(
        "what_was_frozen_is_what_is_sent",
        "mapping",
        "    return {**push.document, ",
        '    return {**push.document, "number": push.invoice.number, ',
    ),
    _mutant(
        "a_push_sent_again_sends_the_same",
        "client",
        '"Content-Type": "application/json", ',
        '"Content-Type": "application/json", "X-Try": __import__("uuid").uuid4().hex, ',
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
    _mutant(
        "an_error_under_a_good_status_is_no_receipt",
        "client",
        'answer.status in (200, 201) and "error" not in found and found',
        "answer.status in (200, 201) and found",
    ),
    _mutant(
        "an_empty_answer_is_no_receipt",
        "client",
        'and "error" not in found and found:',
        'and "error" not in found and answer.body:',
        "a_page_of_a_gateway_is_no_answer",
    ),
    _mutant(
        "a_page_of_a_gateway_is_no_answer",
        "client",
        "    except ValueError:\n        return {}\n",
        '    except ValueError:\n        return {"text": answer.text} if answer.text else {}\n',
        "a_refusal_of_a_gateway_proves_nothing",
    ),
    _mutant(
        "too_many_requests_name_a_declared_limit", "client", 'limit="calls"', 'limit="requests"'
    ),
    _mutant(
        "the_wait_a_provider_asks_for_is_told_by_a_date",
        "client",
        "later = answer.retry_after()",
        'later = answer.retry_after() if answer.header("Retry-After").isdigit() else None',
    ),
    _mutant(
        "a_wait_that_makes_no_sense_is_not_believed",
        "client",
        "later = answer.retry_after()",
        'later = answer.retry_after()\n    if later is None and answer.header("Retry-After"):\n'
        '        later = __import__("datetime").timedelta(days=9)',
    ),
    _mutant(
        "access_that_was_taken_back_stops_the_connection",
        "client",
        "if status in (401, 403) and known:",
        "if status in (401, 403) and known and not call.writes:",
    ),
    _mutant(
        "fields_that_nobody_knows_yet_do_no_harm",
        "client",
        'and "error" not in found and found:',
        'and "error" not in found and found and "loyalty" not in found:',
    ),
    _mutant(
        "an_answer_is_waited_for_as_long_as_the_hub_allows",
        "client",
        "            answer = transport.send(\n",
        "            call.timeout = (30.0, 30.0)\n            answer = transport.send(\n",
    ),
    _mutant(
        "looking_only_reads",
        "__init__",
        "    listed = client.of(connection)",
        '    with connection.call("invoices.lock", writes=True):\n        pass\n'
        "    listed = client.of(connection)",
        "every_request_stands_in_the_gate",
    ),
    _mutant(
        "it_never_sleeps",
        "client",
        "    if status == 429:\n",
        '    if status == 429:\n        __import__("time").sleep(0.01)\n',
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
        "    if not request.form:\n",
        '    __import__("os").environ.get("KEY")\n    if not request.form:\n',
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
    _mutant(
        "a_document_beyond_the_first_page_is_found",
        "client",
        '            if not page["next"]:\n',
        '            if not page["next"] or name == "invoices.list":\n',
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
    words |= {"Acme": name.capitalize(), "acme": name}
    render(folder / name, words)
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
