"""Reads of the simulated QuickBooks: entities, queries, rates, the change feed."""

from datetime import datetime

from flask import request

from kable_quickbooks_ledger import simulator_query
from kable_quickbooks_ledger.simulator_books import ENTITIES, Book, Row
from kable_quickbooks_ledger.simulator_faults import QboFault, inactive

MOST_CHANGES = 1000
"""So many objects an answer of the change feed holds, over all the entities asked for."""


def entity_of(path: str) -> str:
    """The entity a path names, or empty."""
    return next((one for one in ENTITIES if one.lower() == path), "")


def get(book: Book, path: str) -> Row:
    """Answer a GET. Raises QboFault."""
    first, _, name = path.partition("/")
    match first:
        case "companyinfo":
            return {"CompanyInfo": book.info()}
        case "preferences":
            return {"Preferences": book.preferences()}
        case "query":
            return simulator_query.run(book, request.args.get("query", ""))
        case "exchangerate":
            return _rate(book)
        case "cdc":
            return _changed(book)
    entity = entity_of(first)
    if not entity or not name:
        raise unsupported(path)
    return {entity: _read(book, entity, name)}


def _read(book: Book, entity: str, name: str) -> Row:
    if not name.isdecimal():
        raise QboFault(
            "2030",
            "Invalid ID",
            f"Id should be a valid number. Supplied value:{name}",
            element="Id",
        )
    row = book.tables[entity].get(name)
    if row is None:
        raise inactive()
    return row


def _rate(book: Book) -> Row:
    currency = request.args.get("sourcecurrencycode", "")
    if currency not in book.rates:
        raise inactive()
    return {
        "ExchangeRate": {
            "SourceCurrencyCode": currency,
            "TargetCurrencyCode": book.home_currency,
            "Rate": book.rates[currency],
            "AsOfDate": request.args.get("asofdate", ""),
        }
    }


def _changed(book: Book) -> Row:
    since = datetime.fromisoformat(request.args["changedSince"])
    found, left = [], MOST_CHANGES
    for entity in request.args["entities"].split(","):
        rows = book.changed(entity, since)[:left]
        found.append({entity: rows, "startPosition": 1})
        left -= len(rows)
    return {"CDCResponse": [{"QueryResponse": found}]}


def unsupported(path: str) -> QboFault:
    """500 in a 400: there is no such operation."""
    return QboFault("500", "Unsupported Operation", f"Operation {path} is not supported.")
