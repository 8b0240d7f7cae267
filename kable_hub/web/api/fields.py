"""What request and answer schemas are made of: camelCase names, exact numbers, plain moments."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import marshmallow as ma

from kable_hub.clock import from_ms
from kable_hub.web.api.quick import Reader, Writer

_NUMBER = re.compile(r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$")
_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")


def camel(name: str) -> str:
    """`issue_date` as `issueDate`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def camel_keys(value: Any) -> Any:
    """JSON with every key in camelCase."""
    if isinstance(value, Mapping):
        return {camel(str(name)): camel_keys(one) for name, one in value.items()}
    return [camel_keys(one) for one in value] if isinstance(value, list | tuple) else value


class _Camel(ma.Schema):
    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        """Name the field in camelCase."""
        field_obj.data_key = field_obj.data_key or camel(field_name)


class Body(_Camel):
    """Base of what comes in; unknown fields are refused by name."""

    class Meta:
        unknown = ma.RAISE

    _reader: Reader | None = None

    def made(self, values: dict[str, Any]) -> Any:
        """What a view gets of sound values; the values, where a schema does not say."""
        return values

    @ma.post_load
    def _made(self, values: dict[str, Any], **_: Any) -> Any:
        return self.made(values)

    def load(self, data: Any, *, many: Any = None, partial: Any = None, unknown: Any = None) -> Any:
        """As marshmallow's, in a fraction of the time where nothing is wrong."""
        reader = self._reader
        if reader is None or reader.schema is not self:
            reader = self._reader = Reader(self, own="_made")
        if reader.fits and not (many or self.many or partial or self.partial):
            with suppress(KeyError, ma.ValidationError):  # marshmallow says what is wrong
                return self.made(reader.read(data))
        return super().load(data, many=many, partial=partial, unknown=unknown)


class Answer(_Camel):
    """Base of what goes out; clients have to expect further fields."""

    class Meta:
        unknown = ma.INCLUDE

    _writer: Writer | None = None

    def shape(self, value: Any) -> Any:
        """What the fields are read from: an object or a dict."""
        return value

    @ma.pre_dump
    def _shaped(self, value: Any, **_: Any) -> Any:
        return self.shape(value)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """As marshmallow's, in a fraction of the time."""
        writer = self._writer
        if writer is None or writer.schema is not self:
            writer = self._writer = Writer(self, own="_shaped")
        if not writer.fits:
            return super().dump(obj, many=many)
        if self.many if many is None else many:
            return [writer.write(self.shape(one)) for one in obj]
        return writer.write(self.shape(obj))


class Exact(ma.fields.Field[Decimal]):
    """An exact decimal number: a JSON number or its text comes in, text goes out."""

    default_error_messages = {  # noqa: RUF012 (marshmallow declares it so)
        "invalid": "Not a decimal number like 19.99."
    }

    def __init__(self, **said: Any) -> None:
        metadata = {"pattern": _NUMBER.pattern, **said.pop("metadata", {})}
        super().__init__(metadata=metadata, **said)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        sound = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not sound and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
            raise self.make_error("invalid")
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > 20:
            raise self.make_error("invalid")
        return number

    def _serialize(self, value: Any, attr: Any, obj: Any, **_: Any) -> Any:  # noqa: ARG002
        return None if value is None else f"{value:f}"


class Day(ma.fields.Field[date]):
    """A calendar day, `2026-11-22`."""

    default_error_messages = {"invalid": "Not a day like 2026-11-22."}  # noqa: RUF012

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> date:
        try:
            if isinstance(value, str) and _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.make_error("invalid")

    def _serialize(self, value: Any, attr: Any, obj: Any, **_: Any) -> Any:  # noqa: ARG002
        return value.isoformat() if value else None


class Moment(ma.fields.Field[int]):
    """Epoch milliseconds as ISO 8601 in UTC, for answers."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **_: Any) -> Any:  # noqa: ARG002
        return None if value is None else moment(value)


@lru_cache(256)
def moment(ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC; a bulk says the same one thousands of times."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(about: str = "", **said: Any) -> ma.fields.String:
    """A text field with its description."""
    metadata = {"description": about} if about else {}
    return ma.fields.String(metadata={**metadata, **said.pop("metadata", {})}, **said)


def currency(**said: Any) -> ma.fields.String:
    """A currency code that comes in."""
    return text("ISO 4217.", metadata={"pattern": "^[A-Z]{3}$"}, **said)


def texts(**said: Any) -> ma.fields.List[Any]:
    """A list of texts."""
    return ma.fields.List(ma.fields.String(), **said)


def nullable(**said: Any) -> ma.fields.String:
    """A text that may be null, for answers."""
    return ma.fields.String(allow_none=True, **said)
