"""Cursor paging: `?limit=&cursor=` in, `{"items": [...], "nextCursor": ...}` out."""

from typing import Any

import marshmallow as ma

from kable_hub.store.scope import Page

DEFAULT = 50
MOST = 200


class Paging(ma.Schema):
    """The query of a list; lists with filters add theirs."""

    limit = ma.fields.Integer(
        load_default=DEFAULT,
        validate=ma.validate.Range(1, MOST),
        metadata={"description": "How many items at most."},
    )
    cursor = ma.fields.String(
        load_default="",
        validate=ma.validate.Regexp(r"^[A-Za-z0-9_]{0,64}$"),
        metadata={"description": "`nextCursor` of the page before."},
    )


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a page of such items."""
    fields: dict[str, Any] = {
        "items": ma.fields.List(ma.fields.Nested(item), required=True),
        "nextCursor": ma.fields.String(
            attribute="next_cursor",
            required=True,
            allow_none=True,
            metadata={"description": "Null on the last page."},
        ),
    }
    name = f"{item.__name__.removesuffix('Schema')}Page"
    base = type("_Page", (ma.Schema,), {"Meta": type("Meta", (), {"unknown": ma.INCLUDE})})
    return type(name, (base,), fields)


def as_page(page: Page[Any]) -> dict[str, Any]:
    """A use case's page as its schema dumps it."""
    return {"items": page.items, "next_cursor": page.next_cursor or None}
