"""Everything in the store that is encrypted, and encrypting it anew with the newest key.

Row by row and by compare-and-swap, so that it may run while the hub is at work, be stopped, and be
run again: a row that was written meanwhile was written under the newest key.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kable_hub.store.database import Database
from kable_hub.store.vault import Vault, VaultError

SEALED = (
    ("credential", "connection_id", "ciphertext"),
    ("webhook_endpoint", "id", "secret"),
    ("webhook_endpoint", "id", "old_secret"),
    ("hosted_page", "id", "url"),
    ("connect_attempt", "id", "carry"),
)
"""Table, the column that names the owner, the column that is sealed (empty: nothing there)."""
_PORTION = 200


@dataclass
class Resealed:
    """What became of a column: rows encrypted `anew`, those that the newest key opens already
    (`kept`), and the owners of those that no key opens (`lost`)."""

    table: str
    column: str
    anew: int
    kept: int
    lost: list[str]


def reseal(database: Database, vault: Vault) -> list[Resealed]:
    """Have everything under the newest key, as far as one of the keys opens it."""
    return [_column(database, vault, *one) for one in SEALED]


def _column(database: Database, vault: Vault, table: str, owner: str, column: str) -> Resealed:
    found = Resealed(table, column, 0, 0, [])
    change = f"UPDATE {table} SET {column} = ? WHERE {owner} = ? AND {column} = ?"  # noqa: S608
    for rows in _portions(database, table, owner, column):
        for whose, text in rows:
            if vault.is_newest(text):
                found.kept += 1
                continue
            try:
                anew = vault.rotate(whose, text)
            except VaultError:
                found.lost.append(whose)
                continue
            with database.write():
                found.anew += int(database.sql(change, anew, whose, text).rowcount)
    return found


def _portions(
    database: Database, table: str, owner: str, column: str
) -> Iterator[list[tuple[str, str]]]:
    text = f"""
        SELECT {owner}, {column} FROM {table} WHERE {owner} > ? AND {column} <> ''
        ORDER BY {owner} LIMIT {_PORTION}
    """  # noqa: S608 - own names
    after = ""
    while True:
        with database.read():
            rows = [(str(row[0]), str(row[1])) for row in database.sql(text, after).fetchall()]
        if not rows:
            return
        yield rows
        after = rows[-1][0]
