"""Bring a file of invoices into an account: CSV or JSON lines, every fault with its line.

A file is read twice: once to refuse what is no such file at all, before anything is written,
and once to import it, with no more of it in memory than the invoices that are still incomplete.
"""

from kable_hub.importing.columns import FIELDS, BadMapping, Columns
from kable_hub.importing.csv_file import CsvFile
from kable_hub.importing.found import ColumnsMissing, Fault, FileRefused, FoundInvoice, Source
from kable_hub.importing.json_file import JsonFile
from kable_hub.importing.loading import Report, check_destinations, load

__all__ = [
    "FIELDS",
    "BadMapping",
    "Columns",
    "ColumnsMissing",
    "CsvFile",
    "Fault",
    "FileRefused",
    "FoundInvoice",
    "JsonFile",
    "Report",
    "Source",
    "check_destinations",
    "load",
]
