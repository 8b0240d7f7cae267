"""The columns of a CSV file: what each means, and which header stands for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from kable_hub.importing.found import ColumnsMissing, FileRefused

FIELDS: Mapping[str, str] = {
    "number": "needed: the invoice's number; rows with the same number are one invoice",
    "client_id": "needed: your own id of the customer",
    "company_name": "the customer's name, where the customer has to be made",
    "email": "the customer's e-mail address, where the customer has to be made",
    "currency": "needed, unless --currency is said: ISO 4217 code",
    "issue_date": "needed: the invoice's date",
    "due_date": "when it has to be paid",
    "description": "needed: what the line is about",
    "quantity": "1 where absent",
    "unit_price": "needed where there is no amount: in major units, such as 19.99",
    "amount": "the line's net amount; quantity times unit price where absent",
    "tax_amount": "the line's tax; none where absent",
    "product_code": "your own code of the product",
    "memo": "a note on the invoice",
}
"""Every field a column can be, with its meaning. By default the header is the field's name."""

NEEDED = ("number", "client_id", "issue_date", "description")
API_NAMES = {
    "number": "number",
    "client_id": "customer",
    "company_name": "companyName",
    "email": "email",
    "currency": "currency",
    "issue_date": "issueDate",
    "due_date": "dueDate",
    "description": "description",
    "quantity": "quantity",
    "unit_price": "unitPrice",
    "amount": "amount",
    "tax_amount": "taxAmount",
    "product_code": "productCode",
    "memo": "memo",
}
"""Field to the API's word for it."""

FIELD_NAMES = {api: name for name, api in API_NAMES.items()} | {"clientId": "client_id"}


class BadMapping(ValueError):
    """A mapping of columns that cannot be meant; the text says why."""


@dataclass(frozen=True)
class Columns:
    """Which header stands for which field; `mapped` as the person said it."""

    mapped: Mapping[str, str]

    @classmethod
    def parse(cls, given: Iterable[str]) -> Self:
        """Read `field=Header` texts. Raises BadMapping."""
        mapped: dict[str, str] = {}
        for text in given:
            field, sign, header = (part.strip() for part in text.partition("="))
            if not sign or not header:
                raise BadMapping(f"{text!r} is not of the form field=Header.")
            if field not in FIELDS:
                raise BadMapping(
                    f"There is no field {field!r}; the fields are {', '.join(FIELDS)}."
                )
            if field in mapped:
                raise BadMapping(f"The field {field!r} is mapped twice.")
            if header in mapped.values():
                raise BadMapping(f"The column {header!r} is mapped to two fields.")
            mapped[field] = header
        return cls(mapped)

    def places(self, header: list[str], *, currency: bool) -> dict[str, int]:
        """Field to its place in a row. `currency`: whether one was said beside the file.

        A header that was mapped to one field is no other field's default. Raises FileRefused.
        """
        taken = set(self.mapped.values())
        wanted = {one: one for one in FIELDS if one not in taken} | dict(self.mapped)
        twice = sorted({one for one in wanted.values() if header.count(one) > 1})
        if twice:
            raise FileRefused(*(f"The column {one!r} stands twice in the header." for one in twice))
        found = {field: header.index(name) for field, name in wanted.items() if name in header}
        missing = [*NEEDED, *self.mapped, *(() if currency else ("currency",))]
        lacking = [field for field in dict.fromkeys(missing) if field not in found]
        said = [f"There is no column {wanted.get(one, one)!r} for {one}." for one in lacking]
        if "unit_price" not in found and "amount" not in found:
            said.append("There is no column for unit_price nor one for amount.")
        if said:
            hint = f"The file's columns are {', '.join(filter(None, header))[:300]}."
            raise ColumnsMissing(*said, hint)
        return found
