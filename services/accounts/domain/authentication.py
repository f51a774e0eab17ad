"""Authenticates the key, or the token of the session, of every request at the edge, from memory where possible."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import Counter

from services.accounts.domain.keys import digest_of
from services.accounts.networks import holds
from services.accounts.records import KeyOwner
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import IDENTITY_SECONDS, Signer

FRESH_SECONDS = 5.0
"""Older answers are looked up again, so a revocation takes effect within this time even when no announcement arrives."""
TOKEN_SECONDS = 20.0
"""A token is handed out for this long, so that it always has most of its minute left."""
_CAPACITY = 20_000
_CHECKS = Counter(
    "darkroom_key_checks",
    "Keys checked, by outcome (known, expired, unknown, elsewhere: not from this address) and by source (memory, database).",
    ["outcome", "source"],
)
_KNOWN = {source: _CHECKS.labels("known", source) for source in ("memory", "database")}

FindOwner = Callable[[bytes], Awaitable[KeyOwner | None]]
SignToken = Callable[[KeyOwner, datetime], str]
NoteUse = Callable[[int, datetime], None]


@dataclass(slots=True)
class _Answer:
    owner: KeyOwner | None
    asked_at: float
    token: str = ""
    signed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A valid key's owner, and an identity token of its account."""

    owner: KeyOwner
    token: str


class IdentitySigner:
    """Signs the identity tokens of keys; none outlives its key."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __call__(self, owner: KeyOwner, now: datetime) -> str:
        """A token of the key's account, made at `now`."""
        left = (owner.expires_at - now).total_seconds() if owner.expires_at is not None else IDENTITY_SECONDS
        return self._signer.identity_token(
            owner.account_id, owner.key_id, owner.scopes, left, owner.name, owner.own_limits.max_streams, owner.user, owner.refreshed
        )


class KeyAuthenticator:
    """Turns keys into identity tokens.

    `find_owner(digest)` asks the database, `sign(owner, now)` makes a token, `used(key_id, now)` is called for each accepted key, `clock`
    returns seconds and `now` the time. Valid and unknown keys are cached separately, 20,000 of each, so that a flood of guesses evicts
    only guesses and no valid keys.
    """

    def __init__(
        self,
        find_owner: FindOwner,
        sign: SignToken,
        used: NoteUse,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._find_owner, self._sign, self._used, self._clock, self._now = find_owner, sign, used, clock, now
        self._valid: OrderedDict[bytes, _Answer] = OrderedDict()
        self._unknown: OrderedDict[bytes, _Answer] = OrderedDict()
        self._digest_of_key: dict[int, bytes] = {}
        self._pending: dict[bytes, asyncio.Task[_Answer]] = {}
        self._evictions = 0

    def knows(self, secret: str) -> bool:
        """Whether the key is one of those in memory, valid when it was last looked up."""
        return digest_of(secret) in self._valid

    async def identify(self, secret: str, address: str) -> KeyIdentity:
        """The owner of the key that is used from an address, and an identity token with at least 40 of its 60 seconds left, unless the key
        itself expires sooner.

        Raises API_KEY_INVALID for an unknown, revoked or expired key, ADDRESS_NOT_ALLOWED for one that may not be used from there, and
        UNAVAILABLE when the database is needed and cannot be reached.
        """
        digest = digest_of(secret)
        clock, now = self._clock(), self._now()
        answer = self._valid.get(digest) or self._unknown.get(digest)
        source = "memory"
        if answer is None or clock - answer.asked_at > FRESH_SECONDS:
            source = "database"
            answer = await self._asked(digest)
        if answer.owner is None:
            _CHECKS.labels("unknown", source).inc()
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        if answer.owner.expires_at is not None and answer.owner.expires_at <= now:
            _CHECKS.labels("expired", source).inc()
            moment = answer.owner.expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            what = "session" if answer.owner.user is not None and answer.owner.user.session else "API key"
            raise DarkroomError(ErrorReason.API_KEY_INVALID, f"This {what} expired at {moment}.")
        if answer.owner.networks is not None and not holds(answer.owner.networks, address):
            _CHECKS.labels("elsewhere", source).inc()
            raise DarkroomError(ErrorReason.ADDRESS_NOT_ALLOWED, f"This API key may not be used from {address or 'this address'}.")
        _KNOWN[source].inc()
        if not answer.token or clock - answer.signed_at > TOKEN_SECONDS:
            answer.token, answer.signed_at = self._sign(answer.owner, now), clock
        self._used(answer.owner.key_id, now)
        return KeyIdentity(answer.owner, answer.token)

    def evict(self, key_id: int) -> None:
        """Drop what is cached about a key or a session that has been revoked, has expired, or may do something else than before."""
        self._evictions += 1
        digest = self._digest_of_key.pop(key_id, None)
        if digest is not None:
            self._valid.pop(digest, None)

    async def _asked(self, digest: bytes) -> _Answer:
        """Ask the database, only once for all requests that wait for the same key."""
        task = self._pending.get(digest)
        if task is None:
            task = self._pending[digest] = asyncio.create_task(self._ask(digest))
            task.add_done_callback(lambda _: self._pending.pop(digest, None))
        # The caller may be cancelled while others still wait.
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes) -> _Answer:
        evictions, asked_at = self._evictions, self._clock()
        owner = await self._find_owner(digest)
        before = self._valid.get(digest)
        answer = _Answer(owner, asked_at)
        if before is not None and before.owner == owner:
            answer.token, answer.signed_at = before.token, before.signed_at
        # Not cached if a revocation arrived meanwhile: the database may have been read before it.
        if evictions == self._evictions:
            self._remember(digest, answer)
        return answer

    def _remember(self, digest: bytes, answer: _Answer) -> None:
        kept, other = (self._unknown, self._valid) if answer.owner is None else (self._valid, self._unknown)
        other.pop(digest, None)
        kept[digest] = answer
        kept.move_to_end(digest)
        if answer.owner is not None:
            self._digest_of_key[answer.owner.key_id] = digest
        if len(kept) > _CAPACITY:
            _, oldest = kept.popitem(last=False)
            if oldest.owner is not None:
                self._digest_of_key.pop(oldest.owner.key_id, None)
