"""Column types of the store."""

from typing import Any

import peewee as pw

from kable_hub import canonical


class CanonicalField(pw.TextField):
    """JSON kept as its canonical text: the same bytes come back, Decimals stay exact."""

    def db_value(self, value: Any) -> str | None:
        """Text for the database."""
        return None if value is None else canonical.dumps(value)

    def python_value(self, value: str | None) -> Any:
        """The value that was stored."""
        return None if value is None else canonical.loads(value)


class MomentField(pw.BigIntegerField):
    """A moment as epoch milliseconds, UTC."""
