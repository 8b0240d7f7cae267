"""Credentials at rest: one encrypted row for each connection, written by compare-and-swap."""

from dataclasses import dataclass, field

from kable_hub.clock import epoch_ms, from_ms
from kable_hub.dialogue import Credentials
from kable_hub.store import tables as t
from kable_hub.store.database import Database
from kable_hub.store.scope import Scope
from kable_hub.store.vault import Vault

# Fixed text: it is read for every step of every delivery.
_LOAD = """
    SELECT ciphertext, expires_at, reconnect_by, version FROM credential
    WHERE connection_id = ? AND account_id = ? AND environment = ?
"""


@dataclass(frozen=True)
class Stored:
    """Credentials as read, with the version a write has to name."""

    credentials: Credentials = field(repr=False)
    version: int


def load_credentials(
    database: Database, vault: Vault, scope: Scope, connection_id: str
) -> Stored | None:
    """Read and decrypt; None where the connection has none (any more)."""
    row = database.sql(_LOAD, connection_id, scope.account_id, scope.environment.value).fetchone()
    if row is None:
        return None
    ciphertext, expires_at, reconnect_by, version = row
    credentials = Credentials(
        secrets=vault.open(connection_id, ciphertext),
        expires_at=None if expires_at is None else from_ms(expires_at),
        reconnect_by=None if reconnect_by is None else from_ms(reconnect_by),
    )
    return Stored(credentials, version)


def version_of(scope: Scope, connection_id: str) -> int | None:
    """The version of a connection's credentials; the secrets stay unread."""
    mine = (
        (t.Credential.connection_id == connection_id)
        & (t.Credential.account_id == scope.account_id)
        & (t.Credential.environment == scope.environment.value)
    )
    version: int | None = t.Credential.select(t.Credential.version).where(mine).scalar()
    return version


def save_credentials(
    vault: Vault,
    scope: Scope,
    connection_id: str,
    credentials: Credentials,
    now: int,
    expected_version: int | None = None,
) -> bool:
    """Encrypt and write. With a version: only if nobody wrote meanwhile; False where one did."""
    values = {
        "ciphertext": vault.seal(connection_id, dict(credentials.secrets)),
        "expires_at": None if credentials.expires_at is None else epoch_ms(credentials.expires_at),
        "reconnect_by": (
            None if credentials.reconnect_by is None else epoch_ms(credentials.reconnect_by)
        ),
        "lease_until": 0,
        "updated_at": now,
    }
    statement = t.Credential.update(version=t.Credential.version + 1, **values).where(
        t.Credential.connection_id == connection_id
    )
    if expected_version is not None:
        return int(statement.where(t.Credential.version == expected_version).execute()) == 1
    if not statement.execute():
        t.Credential.create(
            connection_id=connection_id,
            account_id=scope.account_id,
            environment=scope.environment.value,
            **values,
        )
    return True


def delete_credentials(scope: Scope, connection_id: str) -> None:
    """Forget the secrets of a connection."""
    t.Credential.delete().where(
        t.Credential.connection_id == connection_id,
        t.Credential.account_id == scope.account_id,
        t.Credential.environment == scope.environment.value,
    ).execute()


def lease_refresh(connection_id: str, now: int, ttl_ms: int) -> int:
    """Take the short lease under which alone credentials are refreshed; 0 where it is taken."""
    statement = t.Credential.update(lease_until=now + ttl_ms).where(
        t.Credential.connection_id == connection_id, t.Credential.lease_until < now
    )
    return now + ttl_ms if statement.execute() else 0


def end_refresh(connection_id: str, lease: int) -> None:
    """Give this refresh lease back without new credentials, unless it is another's by now."""
    mine = (t.Credential.connection_id == connection_id) & (t.Credential.lease_until == lease)
    t.Credential.update(lease_until=0).where(mine).execute()
