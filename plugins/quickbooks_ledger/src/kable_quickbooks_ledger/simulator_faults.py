"""The faults of the simulated QuickBooks, and the two shapes in which they are written."""

from typing import Any

from markupsafe import escape

from kable_hub import canonical


class QboFault(Exception):
    """A refusal: Intuit's code, message, detail, the element, the HTTP status."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str = "",
        *,
        element: str = "",
        status: int = 400,
        sort: str = "ValidationFault",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.fault = {
            "Error": [
                {
                    "Message": message,
                    "Detail": f"{message} : {detail}" if detail else message,
                    "code": code,
                    "element": element,
                }
            ],
            "type": sort,
        }


class GatewayFault(Exception):
    """A refusal of the gateway before the API: lower-case keys, six-digit code in the text."""

    def __init__(self, status: int, code: str, word: str, detail: str = "") -> None:
        super().__init__(word)
        self.status = status
        text = f"message={word}; errorCode={code:0>6}; statusCode={status}"
        row = {"message": text, "detail": detail or None, "code": code, "element": None}
        sort = "AUTHENTICATION" if status == 401 else "SERVICE"
        self.body: dict[str, Any] = {
            "warnings": None,
            "fault": {"error": [row], "type": sort},
            "queryResponse": None,
            "batchItemResponse": [],
            "requestId": None,
        }


def missing(parameter: str) -> QboFault:
    """2020: a required value is not there."""
    return QboFault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {parameter} is missing in the request",
        element=parameter,
    )


def business(detail: str) -> QboFault:
    """6000: a rule of the books is broken."""
    return QboFault(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {detail}",
    )


def inactive() -> QboFault:
    """610: the object is gone or inactive."""
    return QboFault(
        "610",
        "Object Not Found",
        "Something you're trying to use has been made inactive. Check the fields with accounts, "
        "customers, items, vendors or employees.",
    )


def bad_reference(kind: str, value: str) -> QboFault:
    """2500: a reference points at nothing. `kind`: Names, Items, TaxCodes, ..."""
    return QboFault("2500", "Invalid Reference Id", f"{kind} element id {value} not found")


def too_long(element: str, limit: int, length: int) -> QboFault:
    """2050: a string does not fit."""
    return QboFault(
        "2050",
        "Invalid String Length",
        f"Min:0 Max:{limit} supported. Supplied length:{length}",
        element=element,
    )


def faults_as_xml(body: bytes) -> str:
    """What QuickBooks answers where JSON was not asked for; only faults have content here."""
    parsed = canonical.loads(body)
    fault = parsed.get("Fault") or parsed.get("fault") or {}
    rows = fault.get("Error") or fault.get("error") or []
    errors = "".join(_xml({name.lower(): value for name, value in row.items()}) for row in rows)
    inner = f'<Fault type="{fault["type"]}">{errors}</Fault>' if errors else ""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse'
    return f'{head} xmlns="http://schema.intuit.com/finance/v3">{inner}</IntuitResponse>'


def _xml(row: dict[str, Any]) -> str:
    message, detail = escape(row["message"]), escape(row["detail"] or "")
    parts = f"<Message>{message}</Message><Detail>{detail}</Detail>"
    return f'<Error code="{row["code"]}">{parts}</Error>'
