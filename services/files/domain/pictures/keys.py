"""Keys that sign URLs of pictures.

The signature of a URL is `{id}.{mac}`: the id of a key, and the HMAC-SHA256 (RFC 2104) of `{operations}/{source}`, the bytes of the path as
they came, in base64 for URLs without padding. The secret of a key is derived from its id and account with one of the service's own, so no
database or backup holds it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from services.files.records import PictureKey
from services.files.store import PictureStore
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall

_MOST = 20
_SCHEMES = ("http", "https", "storage")
_LONGEST_ID = 18
_KNOWN, _MOST_KNOWN = timedelta(seconds=5), 10_000
"""For how long a key is remembered, also that there is none, and how many are."""


class PictureKeys:
    """The keys of accounts. `secret` is the service's own, the same in every replica."""

    def __init__(self, store: PictureStore, secret: bytes, idempotency: IdempotencyRecords, clock: Clock) -> None:
        self._store, self._secret, self._idempotency, self._clock = store, secret, idempotency, clock
        self._known: dict[int, tuple[PictureKey | None, datetime]] = {}

    async def create(
        self, account_id: int, name: str, origins: Sequence[str], call: IdempotentCall | None = None
    ) -> tuple[PictureKey, str]:
        """A new key and its secret; for a call that repeats an earlier one, those that it made.

        Raises FIELD_INVALID for an origin, TOO_MANY_API_KEYS, and what `IdempotencyRecords.once` raises.
        """

        async def make() -> PictureKey:
            for index, origin in enumerate(origins):
                _check_origin(origin, f"origins[{index}]")
            key = await self._store.create_key(account_id, name, origins, most=_MOST, call=call, now=self._clock())
            if key is None:
                raise DarkroomError(ErrorReason.TOO_MANY_API_KEYS, f"An account has at most {_MOST} picture keys. Delete one first.")
            return key

        key = await self._idempotency.once(call, make, lambda ids: self._made(account_id, ids[0]))
        return key, self.secret_of(key)

    async def list(self, account_id: int) -> list[PictureKey]:
        """The account's keys, oldest first."""
        return await self._store.keys(account_id)

    async def delete(self, account_id: int, key_id: int) -> None:
        """Delete a key. Raises API_KEY_NOT_FOUND."""
        if not await self._store.delete_key(account_id, key_id):
            raise missing()

    async def signer(self, signature: str, signed: str) -> PictureKey:
        """The key that has signed a text. Raises PERMISSION_DENIED, the same for a wrong signature and a key that does not exist."""
        number, _, mac = signature.partition(".")
        key = await self._key(int(number)) if number.isascii() and number.isdecimal() and len(number) <= _LONGEST_ID else None
        # Compared in any case, so that the time does not show whether there is such a key.
        wanted = sign(self.secret_of(key) if key is not None else "", signed)
        if not hmac.compare_digest(wanted.encode(), mac.encode()) or key is None:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "signature: does not fit the URL, or its key has been deleted.")
        return key

    def secret_of(self, key: PictureKey) -> str:
        """Its secret: 43 characters."""
        return _text(hmac.digest(self._secret, f"{key.account_id}/{key.id}".encode(), hashlib.sha256))

    async def _key(self, key_id: int) -> PictureKey | None:
        """A key as it was seconds ago: URLs that nobody has signed cost no query each."""
        now = self._clock()
        key, until = self._known.get(key_id, (None, now))
        if until <= now:
            key = await self._store.key(key_id)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key_id] = key, now + _KNOWN
        return key

    async def _made(self, account_id: int, key_id: int) -> PictureKey:
        key = await self._store.key(key_id)
        if key is None or key.account_id != account_id:
            raise missing()
        return key


def sign(secret: str, signed: str) -> str:
    """The part of a signature after the dot."""
    return _text(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))


def allows(key: PictureKey, url: str) -> bool:
    """Whether URLs of the key may name a picture at another URL."""
    try:
        asked = httpx.URL(url)
        return not asked.userinfo and any(_is_below(asked, httpx.URL(origin)) for origin in key.origins)
    except (httpx.InvalidURL, UnicodeError):
        return False


def _is_below(url: httpx.URL, origin: httpx.URL) -> bool:
    # As it is fetched. A path with `..` may lead out of the folder that it begins with.
    inside = url.path.startswith(origin.path) and ".." not in url.path.split("/")
    return (url.scheme, url.host, url.port) == (origin.scheme, origin.host, origin.port) and (inside or not origin.path.strip("/"))


def _check_origin(origin: str, field: str) -> None:
    try:
        url = httpx.URL(origin)
        is_one = url.scheme in _SCHEMES and bool(url.host) and not (url.userinfo or url.query or url.fragment) and url.path.endswith("/")
    except (httpx.InvalidURL, UnicodeError):
        is_one = False
    if not is_one:
        problem = "must be the beginning of an http, https or storage URL: a host, and after it nothing or a path that ends with a slash"
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=["https://cdn.example.com", "storage://photos/shop/"]
        )


def _text(mac: bytes) -> str:
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def missing() -> DarkroomError:
    return DarkroomError(ErrorReason.API_KEY_NOT_FOUND, "There is no such picture key.")
