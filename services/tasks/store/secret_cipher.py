"""How webhook secrets are stored: AES-256-GCM (NIST SP 800-38D) with keys from a file.

A stored secret is `v1.KEY.TEXT`: the id of its key, and a random nonce of 12 bytes with the ciphertext, in URL-safe base64. It is bound to
its account and webhook, so that it cannot be decrypted in another row.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MARK = "v1."
_KEY_BYTES, _NONCE_BYTES = 32, 12
_ID_CHARACTERS = 12
_KEY = f"a key of {_KEY_BYTES} bytes in base64 (openssl rand -base64 {_KEY_BYTES})"


class SecretUnreadable(Exception):
    """A stored secret cannot be decrypted: its key is missing, or, with `key_known`, the row has been changed by another hand."""

    def __init__(self, account_id: int, webhook_id: int, key_id: str, *, key_known: bool) -> None:
        problem = "is not what was stored" if key_known else "is encrypted with a key that is missing"
        super().__init__(f"the secret of webhook {webhook_id} of account {account_id} {problem} (key {key_id})")
        self.key_id, self.key_known = key_id, key_known


class SecretCipher:
    """Encrypts with the first of its keys, and decrypts with any. Each has 32 bytes."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._ciphers = {_id(key): AESGCM(key) for key in keys}
        self._first = _id(keys[0])

    @classmethod
    def from_file(cls, file: Path) -> SecretCipher:
        """From a file with one key a line, in base64. Raises ValueError and OSError."""
        return cls(read_keys(file))

    @property
    def prefix(self) -> str:
        """How secrets begin that are encrypted with the first key."""
        return f"{_MARK}{self._first}."

    def derive_keys(self, purpose: bytes) -> list[bytes]:
        """32 bytes for another purpose from each key (RFC 5869), in their order: every replica derives the same, and nobody has to keep
        another file."""
        return [HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(key) for key in self._keys]

    def seal(self, account_id: int, webhook_id: int, secret: str) -> str:
        """The stored form of the secret of a webhook (0: the account's default secret)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._ciphers[self._first].encrypt(nonce, secret.encode(), _row(account_id, webhook_id))
        return self.prefix + base64.urlsafe_b64encode(sealed).decode()

    def open(self, account_id: int, webhook_id: int, stored: str) -> str:
        """The secret. One that was stored while there was no key, in plain text, is returned unchanged. Raises SecretUnreadable."""
        if not stored.startswith(_MARK):
            return stored
        key_id, _, text = stored.removeprefix(_MARK).partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretUnreadable(account_id, webhook_id, key_id, key_known=False)
        try:
            sealed = base64.urlsafe_b64decode(text)
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _row(account_id, webhook_id)).decode()
        except (ValueError, InvalidTag):
            raise SecretUnreadable(account_id, webhook_id, key_id, key_known=True) from None


def read_keys(file: Path) -> list[bytes]:
    """The keys in a file, without empty lines. Raises ValueError, which names the line, and OSError."""
    keys = []
    for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        if line.strip():
            try:
                key = base64.b64decode(line.strip(), validate=True)
            except ValueError:
                key = b""
            if len(key) != _KEY_BYTES:
                raise ValueError(f"{file}, line {number}: must be {_KEY}")
            keys.append(key)
    if not keys:
        raise ValueError(f"{file}: must have a line with {_KEY}")
    return keys


def _id(key: bytes) -> str:
    return hashlib.sha256(b"darkroom webhook secrets " + key).hexdigest()[:_ID_CHARACTERS]


def _row(account_id: int, webhook_id: int) -> bytes:
    return f"webhook_secret {account_id} {webhook_id}".encode()
