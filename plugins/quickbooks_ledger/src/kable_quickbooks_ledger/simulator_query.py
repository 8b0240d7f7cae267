"""The part of QuickBooks' query language that the plugin (and its tests) may use."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from kable_quickbooks_ledger.simulator_books import LISTS, NAMES, Book, Row
from kable_quickbooks_ledger.simulator_faults import QboFault

_QUERY = re.compile(
    r"select\s+(?P<what>\*|count\(\*\))\s+from\s+(?P<entity>\w+)"
    r"(?:\s+where\s+(?P<where>.*?))?"
    r"(?:\s+order\s?by\s+(?P<order>[\w.]+)(?:\s+(?P<way>asc|desc))?)?"
    r"(?P<page>(?:\s+(?:startposition|maxresults)\s+\d+){0,2})\s*",
    re.IGNORECASE | re.DOTALL,
)
_LITERAL = r"'(?:[^'\\]|\\.)*'|true|false|\d+(?:\.\d+)?"
_TERM = re.compile(
    rf"\s*(?P<field>[\w.]+)\s*(?P<op>=|<=|>=|<|>|like|in)\s*"
    rf"(?P<value>{_LITERAL}|\((?:\s*(?:{_LITERAL})\s*,?)+\))\s*(?:(?P<more>and)\b|$)",
    re.IGNORECASE,
)
_LISTS = (*NAMES, *LISTS)
_Test = Callable[[Row], bool]


def run(book: Book, text: str) -> dict[str, Any]:
    """The QueryResponse for a query. Raises QboFault 4000 or 4001."""
    found = _QUERY.fullmatch(text.strip())
    if found is None:
        raise QboFault("4000", "Error parsing query", f"QueryParserError: {text[:80]}")
    entity = next((one for one in book.tables if one.lower() == found["entity"].lower()), None)
    if entity is None:
        raise _invalid(f"invalid context declaration: {found['entity']}")
    page = dict(zip(*[iter(found["page"].lower().split())] * 2, strict=True))
    start = int(page.get("startposition", 1))
    size = min(int(page.get("maxresults", 100)), 1000)
    if start < 1:
        raise _invalid("value 0 is too small. Min allowed value is 1")
    rows = _matching(book, entity, found["where"] or "")
    if found["order"]:
        key, last = found["order"], (found["way"] or "").lower() == "desc"
        rows.sort(key=lambda row: str(_field(row, key)), reverse=last)
    if found["what"] != "*":
        return {"QueryResponse": {"totalCount": len(rows)}}
    shown = rows[start - 1 : start - 1 + size]
    if not shown:
        return {"QueryResponse": {}}
    return {"QueryResponse": {entity: shown, "startPosition": start, "maxResults": len(shown)}}


def _matching(book: Book, entity: str, where: str) -> list[Row]:
    tests = _tests(where)
    if entity in _LISTS and "active" not in where.lower():
        tests.append(lambda row: bool(row.get("Active", True)))
    return [row for row in book.tables[entity].values() if all(test(row) for test in tests)]


def _tests(where: str) -> list[_Test]:
    tests: list[_Test] = []
    at, more = 0, bool(where.strip())
    while more:
        found = _TERM.match(where, at)
        if found is None:
            raise QboFault("4000", "Error parsing query", f"QueryParserError: {where[at:80]}")
        if found["field"].lower() == "privatenote":
            raise _invalid("property PrivateNote is not queryable")
        tests.append(_test(found["field"], found["op"].lower(), found["value"]))
        at, more = found.end(), bool(found["more"])
    return tests


def _test(field: str, op: str, value: str) -> _Test:
    literals = [_literal(one) for one in re.findall(_LITERAL, value, re.IGNORECASE)]
    match op:
        case "in":
            return lambda row: _text(_field(row, field)) in [_text(one) for one in literals]
        case "like":
            pattern = re.escape(literals[0]).replace("%", ".*")
            return lambda row: bool(
                re.fullmatch(pattern, str(_field(row, field) or ""), re.IGNORECASE)
            )
        case "=":
            return lambda row: _text(_field(row, field)) == _text(literals[0])
    return lambda row: _compare(_field(row, field), op, literals[0])


def _literal(text: str) -> str:
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text.lower()


def _field(row: Row, path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value.get("value", value.get("Address")) if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | str) else str(value)


def _compare(value: Any, op: str, literal: str) -> bool:
    if value is None:
        return False
    left, right = _sortable(value), _sortable(literal)
    match op:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
    return bool(left >= right)


def _sortable(value: Any) -> Any:
    text = str(value)
    if "T" in text:
        return datetime.fromisoformat(text)
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


def _invalid(detail: str) -> QboFault:
    return QboFault("4001", "Invalid query", f"QueryValidationError: {detail}")
