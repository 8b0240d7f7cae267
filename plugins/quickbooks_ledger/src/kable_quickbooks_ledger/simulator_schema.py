"""The simulated QuickBooks' own strictness: properties, types, lengths. Unknown means 2010."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from kable_quickbooks_ledger.simulator_faults import QboFault, too_long

_READ_ONLY = "Id:text SyncToken:text MetaData:any domain:text sparse:flag status:text"
_ADDRESS = (
    "Id:text Line1:text500 Line2:text500 Line3:text500 Line4:text500 Line5:text500 City:text255 "
    "Country:text255 CountrySubDivisionCode:text255 PostalCode:text30 Lat:text Long:text"
)


def _shape(written: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in written.split())


SHAPES: Mapping[str, Mapping[str, str]] = {
    "Reference": _shape("value:text name:text type:text"),
    "Memo": _shape("value:text1000"),
    "Email": _shape("Address:email"),
    "Address": _shape(_ADDRESS),
    "Tax": _shape("TotalTax:money TxnTaxCodeRef:Reference TaxLine:any"),
    "Invoice": _shape(
        f"{_READ_ONLY} CustomerRef:Reference DocNumber:text21 TxnDate:date DueDate:date "
        "SalesTermRef:Reference PrivateNote:text4000 CustomerMemo:Memo BillEmail:Email "
        "BillEmailCc:Email BillEmailBcc:Email EmailStatus:status Line:[Line] "
        "CurrencyRef:Reference ExchangeRate:number GlobalTaxCalculation:mode TxnTaxDetail:Tax "
        "ClassRef:Reference DepartmentRef:Reference BillAddr:Address ShipAddr:Address "
        "CustomField:any AllowOnlineACHPayment:flag AllowOnlineCreditCardPayment:flag "
        "AllowOnlinePayment:flag AllowIPNPayment:flag ApplyTaxAfterDiscount:flag "
        "PrintStatus:text TotalAmt:money Balance:money LinkedTxn:any TrackingNum:text "
        "ShipDate:date Deposit:money"
    ),
    "Line": _shape(
        "Id:text LineNum:number Description:text4000 Amount:money DetailType:text "
        "SalesItemLineDetail:Sales SubTotalLineDetail:any DescriptionLineDetail:any "
        "DiscountLineDetail:any LinkedTxn:any"
    ),
    "Sales": _shape(
        "ItemRef:Reference ClassRef:Reference Qty:number UnitPrice:number TaxCodeRef:Reference "
        "ServiceDate:date ItemAccountRef:Reference DiscountRate:number DiscountAmt:number"
    ),
    "Customer": _shape(
        f"{_READ_ONLY} DisplayName:text500 CompanyName:text100 Title:text16 GivenName:text100 "
        "MiddleName:text100 FamilyName:text100 Suffix:text16 FullyQualifiedName:text "
        "PrintOnCheckName:text110 Notes:text2000 PrimaryEmailAddr:Email PrimaryPhone:any "
        "BillAddr:Address ShipAddr:Address CurrencyRef:Reference Active:flag Taxable:flag "
        "Job:flag BillWithParent:flag ParentRef:Reference SalesTermRef:Reference "
        "PreferredDeliveryMethod:text DefaultTaxCodeRef:Reference Balance:money "
        "BalanceWithJobs:money WebAddr:any"
    ),
}
"""Property to kind, for what the plugin writes. A kind in capitals is another shape."""

_ENUMS = {
    "status": ("NotSet", "NeedToSend", "EmailSent"),
    "mode": ("TaxExcluded", "TaxInclusive", "NotApplicable"),
}
_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")


def check(shape: str, value: Any, path: str = "") -> None:
    """Raise the QboFault that Intuit's own schema would raise for this object."""
    if not isinstance(value, Mapping):
        raise _bad_type(path, value)
    known = SHAPES[shape]
    for name, item in value.items():
        if name not in known:
            raise _unknown(shape, name, len(known))
        if item is not None:
            _check_kind(known[name], item, name)


def _check_kind(kind: str, value: Any, name: str) -> None:
    if kind.startswith("["):
        if not isinstance(value, list):
            raise _bad_type(name, value)
        for item in value:
            check(kind[1:-1], item, name)
    elif kind in SHAPES:
        check(kind, value, name)
    elif kind in _ENUMS:
        if value not in _ENUMS[kind]:
            raise QboFault("2170", "Invalid Enumeration", f"{value}", element=name)
    elif kind in ("number", "money"):
        _number(kind, value, name)
    elif kind == "date":
        _date(value, name)
    elif kind == "flag":
        if not isinstance(value, bool):
            raise QboFault("2230", "Invalid Boolean", f"Supplied value:{value}", element=name)
    elif kind != "any":
        _text(kind, value, name)


def _number(kind: str, value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise QboFault("2080", "Invalid Number", f"Supplied value:{value}", element=name)
    if kind == "money" and Decimal(value) != round(Decimal(value), 2):
        raise QboFault("6000", "More than two decimals", f"{value}", element=name)


def _date(value: Any, name: str) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise QboFault("2060", "Invalid Date", f"Supplied value:{value}", element=name) from None


def _text(kind: str, value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise _bad_type(name, value)
    if any(ord(char) < 32 and char not in "\t\n\r" for char in value):
        raise QboFault("2040", "Invalid String", "Control characters", element=name)
    if kind == "email":
        _email(value, name)
        return
    limit = int(kind.removeprefix("text") or 0)
    if limit and len(value) > limit:
        raise too_long(name, limit, len(value))


def _email(value: str, name: str) -> None:
    if len(value) > 100:
        raise too_long(name, 100, len(value))
    if not all(_EMAIL.fullmatch(one.strip()) for one in value.split(",")):
        raise QboFault(
            "2210",
            "Invalid Email Address format",
            f"Email Address does not conform to the syntax rules of RFC 822. {value}",
            element=name,
        )


def _bad_type(name: str, value: Any) -> QboFault:
    kind = type(value).__name__
    return QboFault("2010", "Request has invalid or unsupported property", f"{name} as {kind}")


def _unknown(shape: str, name: str, count: int) -> QboFault:
    return QboFault(
        "2010",
        "Request has invalid or unsupported property",
        f'Unrecognized field "{name}" (class {shape}), not marked as ignorable '
        f"({count} known properties)",
    )
