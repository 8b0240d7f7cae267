"""Rows are written by fixed text: a name that is no column is never left out silently."""

import pytest

from kable_hub.store import tables as t
from kable_hub.store.rows import insert_all


def test_a_name_that_is_no_column_is_refused_by_name():
    rows = [{"id": "inv_1"}, {"id": "inv_2", "colour": "red"}]
    with pytest.raises(KeyError, match="colour"):
        insert_all(t.Invoice, rows)
