"""Passwords: what they must be like, and how they are kept.

A password is kept as argon2id (RFC 9106) with 19 MiB, two passes and one lane, which OWASP's Password Storage Cheat Sheet names as the
least that is safe: some 25 ms of one core. Few are computed at once, in threads, so that a flood of sign-ins leaves the rest of the service
its processor and its memory.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.platform.errors import DarkroomError, ErrorReason

RULE = "Password must be at least 8 characters with an uppercase letter, a lowercase letter and a number"
_LENGTH = 8
_KINDS = tuple(map(re.compile, ("[A-Z]", "[a-z]", "[0-9]")))
_PASSES, _KIB, _LANES = 2, 19_456, 1
_AT_ONCE, _WAITING = 2, 200
_SOON_SECONDS = 5

Result = TypeVar("Result")


def check_strength(password: str, field: str) -> None:
    """Raise FIELD_INVALID for a password that is too weak."""
    if len(password) < _LENGTH or not all(kind.search(password) for kind in _KINDS):
        raise DarkroomError(ErrorReason.FIELD_INVALID, RULE, field=field)


def make_password() -> str:
    """A random password that is strong enough: 128 bits."""
    return f"{secrets.token_urlsafe(16)}-Aa1"


class Passwords:
    """Hashes and compares passwords, a few at once. Raises RATE_LIMITED while too many wait for their turn."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_KIB, parallelism=_LANES, type=Type.ID)
        self._nobodys = self._hasher.hash(secrets.token_hex(16))
        self._turns, self._waiting = asyncio.Semaphore(_AT_ONCE), 0

    async def hash(self, password: str) -> str:
        """The stored form of a password: a hash with a salt and its parameters."""
        return await self._computed(lambda: self._hasher.hash(password))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that is kept. Where none is (None or empty), the answer is no, after the same time."""

        def verify() -> bool:
            try:
                return self._hasher.verify(kept or self._nobodys, password) and bool(kept)
            except (VerificationError, InvalidHashError):
                return False

        return await self._computed(verify)

    async def _computed(self, compute: Callable[[], Result]) -> Result:
        async with self._turn():
            return await asyncio.to_thread(compute)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= _WAITING:
            raise DarkroomError(ErrorReason.RATE_LIMITED, "Too many people are signing in. Try again soon.", retry_after=_SOON_SECONDS)
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1
