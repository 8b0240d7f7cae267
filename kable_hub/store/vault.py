"""Encryption at rest: MultiFernet, newest key first, bound to what it belongs to.

Fernet has no associated data, so the owner's id stands inside the plaintext and is checked:
a ciphertext moved to another row is refused.
"""

import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kable_hub import canonical


class VaultError(Exception):
    """A ciphertext that none of the keys opens, or that belongs to something else."""


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
    """The key kept in `path`; makes one, readable by its owner alone, where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Fernet.generate_key()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(key)
    except FileExistsError:
        return path.read_text().strip()
    return key.decode()
