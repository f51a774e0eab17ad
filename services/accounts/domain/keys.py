"""API keys and tokens of sessions: how they are made, recognised and stored.

An account's key is `dk_sk_` and 43 characters of 0-9, A-Z and a-z from the operating system's random source: 256 bits. Only its SHA-256 is
stored. A slow, salted hash protects secrets that people choose; guessing one of 2^256 equally likely keys is hopeless at any speed, so a
plain hash loses nothing, and a key can be found with one lookup in a unique index.

A person's key is `si_` and 96 of 0-9 and a-f: 384 bits. A session's token is a UUID of version 4: 122 bits. Both are stored like that, too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import uuid

from services.accounts.records import NewKey

_MARK = "dk_sk_"
_ALPHABET = string.digits + string.ascii_letters
_SECRET_CHARACTERS = 43
_SHOWN_CHARACTERS = 6
_USER_MARK, _USER_BYTES = "si_", 48
SESSION = ""
"""The prefix that stands for tokens of sessions, which have none."""
_FORMS = {
    _MARK: re.compile(rf"{_MARK}[0-9A-Za-z]{{{_SECRET_CHARACTERS}}}"),
    _USER_MARK: re.compile(rf"{_USER_MARK}[0-9a-f]{{{2 * _USER_BYTES}}}"),
    SESSION: re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
}


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
    return _new(_MARK + characters, len(_MARK))


def _new(secret: str, mark: int) -> NewKey:
    return NewKey(secret=secret, prefix=secret[: mark + _SHOWN_CHARACTERS], digest=digest_of(secret))


def digest_of(secret: str) -> bytes:
    """The SHA-256 under which a key is stored and found."""
    return hashlib.sha256(secret.encode()).digest()


def prefix_of(text: str) -> str | None:
    """The prefix of a key, as surfaces name those that they take; empty for what has the form of a session's token. None for anything else:
    the database need not be asked."""
    return next((prefix for prefix, form in _FORMS.items() if form.fullmatch(text)), None)


def user_key(secret: bytes) -> NewKey:
    """The key of a person that 64 random bytes make."""
    return _new(_USER_MARK + secret[:_USER_BYTES].hex(), len(_USER_MARK))


def make_token() -> str:
    """A new random token of a session."""
    return str(uuid.uuid4())
