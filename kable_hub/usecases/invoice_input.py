"""An invoice as it comes in, checked as a whole: every fault is told, nothing is bent to fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal

from kable_hub import money
from kable_hub.domain import InvoiceLine
from kable_hub.store.invoices import InvoiceRow
from kable_hub.usecases.checks import Checks

MAX_LINES = 10_000
MAX_METADATA = 40
_DECIMALS = 12
_DIGITS = 15
_EXACT = Context(prec=80)


@dataclass(frozen=True)
class NewLine:
    """A line as it comes in, in major units.

    One of `unit_price` and `amount` may be absent (`unit_price` only where the quantity is 1).
    `tax_amount` absent is reckoned from `tax_rate` (percent), else zero.
    """

    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    tax_rate: Decimal | None = None
    tax_code: str = ""
    product_code: str = ""
    service_date: date | None = None


@dataclass(frozen=True)
class NewInvoice:
    """An invoice as it comes in, in major units. `customer` is a hub id or a client id.

    `total`, where given, has to be the sum of the lines' amounts and taxes. `payment_provider`
    chooses among several linked payments providers. `auto_push=False` holds its deliveries;
    None leaves that to the account's default.
    """

    customer: str
    number: str
    currency: str
    issue_date: date
    lines: tuple[NewLine, ...]
    due_date: date | None = None
    total: Decimal | None = None
    memo: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_provider: str = ""
    auto_push: bool | None = None


def read_invoice(
    checks: Checks, new: NewInvoice, invoice_id: str, now: int, customer_id: str = ""
) -> InvoiceRow | None:
    """The invoice in minor units, its customer named by the caller; None where faults forbid it.

    Faults are added to `checks`, see `read_lines`.
    """
    lines = read_lines(checks, new, invoice_id)
    return None if lines is None else to_row(new, lines, invoice_id, customer_id, now)


def read_lines(checks: Checks, new: NewInvoice, invoice_id: str) -> tuple[InvoiceLine, ...] | None:
    """The invoice's lines in minor units; None where faults forbid it.

    Faults of the whole invoice, but for its customer, are added to `checks` with paths in the
    API's words, such as `lines.3.amount`.
    """
    _check_words(checks, new)
    sound = checks.currency("currency", new.currency)
    lines = _read_lines(checks, new, invoice_id) if sound else None
    if lines is not None:
        _check_total(checks, new, sum(line.amount + line.tax for line in lines))
    return lines


def to_row(
    new: NewInvoice, lines: tuple[InvoiceLine, ...], invoice_id: str, customer_id: str, now: int
) -> InvoiceRow:
    """The invoice of these lines, in minor units, as it is kept from `now` on."""
    subtotal, tax = sum(line.amount for line in lines), sum(line.tax for line in lines)
    return InvoiceRow(
        id=invoice_id,
        customer_id=customer_id,
        number=new.number,
        currency=new.currency,
        issue_date=new.issue_date,
        due_date=new.due_date,
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
        memo=new.memo,
        payment_provider=new.payment_provider,
        auto_push=new.auto_push is not False,
        revision=1,
        created_at=now,
        updated_at=now,
        metadata=dict(new.metadata),
        lines=lines,
    )


def as_new(row: InvoiceRow, customer: str) -> NewInvoice:
    """The input that would make this invoice again; `total` is left to be reckoned."""
    return NewInvoice(
        customer=customer,
        number=row.number,
        currency=row.currency,
        issue_date=row.issue_date,
        lines=tuple(_as_new_line(line, row.currency) for line in row.lines),
        due_date=row.due_date,
        memo=row.memo,
        metadata=row.metadata,
        payment_provider=row.payment_provider,
        auto_push=row.auto_push,
    )


def _check_words(checks: Checks, new: NewInvoice) -> None:
    checks.text("number", new.number, least=1, most=100)
    checks.text("memo", new.memo, most=2000, layout=True)
    if len(new.metadata) > MAX_METADATA:
        said = f"{len(new.metadata)} entries; at most {MAX_METADATA} are allowed."
        checks.fault("metadata", "too_many", said)
    for key, value in new.metadata.items():
        checks.text(f"metadata.{key[:40]}", key, least=1, most=40)
        checks.text(f"metadata.{key[:40]}", value, most=500)


def _read_lines(checks: Checks, new: NewInvoice, invoice_id: str) -> tuple[InvoiceLine, ...] | None:
    if not new.lines:
        checks.fault("lines", "required", "An invoice has at least one line.")
        return None
    if len(new.lines) > MAX_LINES:
        said = f"{len(new.lines)} lines; at most {MAX_LINES} are allowed."
        checks.fault("lines", "too_many", said)
        return None
    read = [
        _Line(Checks(checks, f"lines.{at}."), new.currency, one, f"{invoice_id}/{at + 1}").read()
        for at, one in enumerate(new.lines)
    ]
    lines = tuple(line for line in read if line is not None)
    return lines if len(lines) == len(read) else None


def _check_total(checks: Checks, new: NewInvoice, total: int) -> None:
    if abs(total) >= money.MAX_MINOR:
        checks.fault("total", "too_large", "The lines add up to more than any invoice.")
        return
    given = checks.minor("total", new.total, new.currency) if new.total is not None else None
    if given is not None and given != total:
        shown = money.text(total, new.currency)
        said = f"The lines add up to {shown}, tax included, not to {new.total:f}."
        checks.fault("total", "total_mismatch", said)


@dataclass
class _Line:
    checks: Checks
    currency: str
    new: NewLine
    id: str

    def read(self) -> InvoiceLine | None:
        """The line in minor units, or None where there were faults."""
        faults = len(self.checks.errors)
        self._check_words()
        if not self._check_numbers():
            return None
        amount = self._amount()
        unit_price = self._unit_price()
        tax = self._tax(amount)
        if len(self.checks.errors) > faults or None in (amount, unit_price, tax):
            return None
        return InvoiceLine(
            id=self.id,
            description=self.new.description,
            quantity=self.new.quantity,
            unit_price=unit_price or Decimal(0),
            amount=amount or 0,
            tax=tax or 0,
            tax_rate=self.new.tax_rate,
            tax_code=self.new.tax_code,
            product_code=self.new.product_code,
            service_date=self.new.service_date,
        )

    def _check_words(self) -> None:
        text = self.checks.text
        text("description", self.new.description, least=1, most=5000, layout=True)
        text("taxCode", self.new.tax_code, most=100)
        text("productCode", self.new.product_code, most=100)

    def _check_numbers(self) -> bool:
        new, sound = self.new, self._plain("quantity", self.new.quantity)
        if new.unit_price is not None:
            sound &= self._plain("unitPrice", new.unit_price)
        if new.tax_rate is not None:
            sound &= self._plain("taxRate", new.tax_rate)
            if sound and not 0 <= new.tax_rate <= 100:
                said = "A tax rate is between 0 and 100 percent."
                self.checks.fault("taxRate", "out_of_range", said)
                sound = False
        return sound

    def _plain(self, name: str, value: Decimal) -> bool:
        """A number of a size that people write; a tiny exponent must not cost us gigabytes."""
        if not value.is_finite():
            self.checks.fault(name, "not_a_number", f"{value} is not a number.")
            return False
        if value.adjusted() >= _DIGITS:
            said = f"At most {_DIGITS} digits stand before the point."
            self.checks.fault(name, "too_large", said)
            return False
        if int(value.as_tuple().exponent) < -_DECIMALS:
            said = f"At most {_DECIMALS} decimals are kept."
            self.checks.fault(name, "too_many_decimals", said)
            return False
        return True

    def _amount(self) -> int | None:
        new = self.new
        if new.unit_price is None and new.amount is None:
            said = "A line needs a unitPrice or an amount."
            self.checks.fault("unitPrice", "required", said)
            return None
        if new.amount is None:
            return self.checks.rounded("amount", self._product(), self.currency)
        amount = self.checks.minor("amount", new.amount, self.currency)
        if amount is not None and new.unit_price is not None:
            self._compare(new.amount)
        return amount

    def _compare(self, amount: Decimal) -> None:
        product = self._product()
        if abs(product - amount) >= money.unit(self.currency):
            said = f"Quantity times unit price is {product.normalize():f}, not {amount:f}."
            self.checks.fault("amount", "line_amount_mismatch", said)

    def _unit_price(self) -> Decimal | None:
        new = self.new
        if new.unit_price is not None or new.quantity == 1:
            return new.amount if new.unit_price is None else new.unit_price
        if new.amount is not None:
            said = "A line of another quantity than 1 needs its unitPrice."
            self.checks.fault("unitPrice", "required", said)
        return None

    def _tax(self, amount: int | None) -> int | None:
        new = self.new
        if new.tax_amount is not None:
            return self.checks.minor("taxAmount", new.tax_amount, self.currency)
        if new.tax_rate is None or amount is None:
            return 0
        tax = _exactly(money.to_major(amount, self.currency), new.tax_rate).scaleb(-2, _EXACT)
        return self.checks.rounded("taxAmount", tax, self.currency)

    def _product(self) -> Decimal:
        return _exactly(self.new.quantity, self.new.unit_price or Decimal(0))


def _exactly(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.multiply(left, right)


def _as_new_line(line: InvoiceLine, currency: str) -> NewLine:
    return NewLine(
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=money.to_major(line.amount, currency),
        tax_amount=money.to_major(line.tax, currency),
        tax_rate=line.tax_rate,
        tax_code=line.tax_code,
        product_code=line.product_code,
        service_date=line.service_date,
    )
