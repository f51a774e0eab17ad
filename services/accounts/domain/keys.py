"""API keys: how they are made, recognised and stored.

A key is `dk_sk_` and 43 characters of 0-9, A-Z and a-z from the operating system's random source: 256 bits. Only its SHA-256 is stored. A
slow, salted hash protects secrets that people choose; guessing one of 2^256 equally likely keys is hopeless at any speed, so a plain hash
loses nothing, and a key can be found with one lookup in a unique index.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string

from services.accounts.records import NewKey

_MARK = "dk_sk_"
_ALPHABET = string.digits + string.ascii_letters
_SECRET_CHARACTERS = 43
_SHOWN_CHARACTERS = 6
_KEY = re.compile(rf"{_MARK}[0-9A-Za-z]{{{_SECRET_CHARACTERS}}}")


def make_key() -> NewKey:
    """A new random key."""
    return _key("".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS)))


def derived_key(pepper: bytes, nonce: bytes) -> NewKey:
    """The key of a random nonce: always the same, and indistinguishable from random without both the pepper and the nonce.

    The characters are the digits of an HMAC-SHA512, whose 512 bits are twice what they hold, so no character is more likely than another.
    """
    number, characters = int.from_bytes(hmac.digest(pepper, nonce, "sha512"), "big"), ""
    for _ in range(_SECRET_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        characters += _ALPHABET[digit]
    return _key(characters)


def _key(characters: str) -> NewKey:
    secret = _MARK + characters
    return NewKey(secret=secret, prefix=secret[: len(_MARK) + _SHOWN_CHARACTERS], digest=digest_of(secret))


def digest_of(secret: str) -> bytes:
    """The SHA-256 under which a key is stored and found."""
    return hashlib.sha256(secret.encode()).digest()


def is_key(text: str) -> bool:
    """Whether a text has the form of a key. If not, it is no key, and the database need not be asked."""
    return _KEY.fullmatch(text) is not None
