"""Encryption at rest: MultiFernet, newest key first, bound to what it belongs to.

Fernet has no associated data, so the owner's id stands inside the plaintext and is checked:
a ciphertext moved to another row is refused.
"""

import fcntl
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kable_hub import canonical


class VaultError(Exception):
    """A ciphertext that none of the keys opens or that belongs to something else; or no key."""


class Vault:
    """Seals and opens JSON values for an owner (a connection, a connect attempt)."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise VaultError("an encryption key is not 32 url-safe base64-encoded bytes") from None
        self._newest = Fernet(keys[0])
        self._keys = tuple(keys)

    def derived(self, purpose: str) -> tuple[str, ...]:
        """A key for another purpose from each key, newest first: hex, 256 bits."""
        said = purpose.encode()
        return tuple(hmac.digest(one.encode(), said, "sha256").hex() for one in self._keys)

    def seal(self, owner: str, value: Any) -> str:
        """Encrypt `value` (canonical JSON) for `owner`."""
        return self._fernet.encrypt(canonical.dumps([owner, value]).encode()).decode()

    def open(self, owner: str, ciphertext: str) -> Any:
        """Decrypt what `seal` made for this owner. Raises VaultError."""
        try:
            sealed_for, value = canonical.loads(self._fernet.decrypt(ciphertext.encode()))
        except InvalidToken:
            raise VaultError(f"no key opens what is stored for {owner}") from None
        if sealed_for != owner:
            raise VaultError(f"what is stored for {owner} belongs to something else")
        return value

    def is_newest(self, ciphertext: str) -> bool:
        """Whether the newest key alone opens it."""
        try:
            self._newest.decrypt(ciphertext.encode())
        except InvalidToken:
            return False
        return True

    def rotate(self, owner: str, ciphertext: str) -> str:
        """The same value under the newest key."""
        return self.seal(owner, self.open(owner, ciphertext))


def key_file(path: Path) -> str:
    """The key kept in `path`; makes one, readable by its owner alone, where there is none.

    Raises VaultError where something else is kept there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make(path)
    key = path.read_text("utf-8", "replace").strip()
    try:
        Fernet(key)
    except ValueError:
        said = "holds no encryption key (32 bytes in URL-safe base64): put the right one back"
        raise VaultError(f"{path} {said}") from None
    return key


def _make(path: Path) -> None:
    """A key that is there whole or not at all; of processes that begin at once one makes it."""
    half = path.with_name(f"{path.name}.new")
    with open(half, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as new:
        fcntl.flock(new, fcntl.LOCK_EX)
        if path.exists():
            half.unlink(missing_ok=True)
            return
        new.truncate(0)  # of one that was killed here
        new.write(Fernet.generate_key())
        new.flush()
        half.rename(path)
