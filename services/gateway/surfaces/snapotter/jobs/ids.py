"""Public ids of jobs: UUIDs (version 4, RFC 9562) that say which task a job is, to whoever has the key alone.

The id of a job is its only secret: who knows it may download its files. So it must not be guessed from another one, although tasks have
consecutive numbers. The 122 free bits of a UUID hold the account, the task and its kind among zeros, enciphered as a whole by a Feistel
network of ten rounds over two halves of 61 bits with keyed BLAKE2b, which is how FF1 (NIST SP 800-38G) is built from AES. A UUID that
somebody has made up deciphers to a kind in one of two million cases, and then names a task that does not exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

_ID_BITS = 50
"""Accounts and tasks have numbers below 1e15."""
_KIND_BITS = 22
_HALF_BITS = 61
_HALF = (1 << _HALF_BITS) - 1
_ROUNDS = 10
_VERSION, _VARIANT = 4, 2


class JobKind(IntEnum):
    """The kind of a job."""

    TASK = 0
    BUNDLE = 1
    """Uploads that were sent together."""
    INSTALLATION = 2
    """The installation of a bundle of models."""


@dataclass(frozen=True, slots=True)
class Job:
    """The meaning of an id."""

    account_id: int
    number: int
    """The id of the task or the bundle."""
    kind: JobKind


class JobIds:
    """Makes and reads ids, all replicas with the same secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, account_id: int, number: int, kind: JobKind = JobKind.TASK) -> str:
        """The id of an account's job."""
        bits = (((account_id << _ID_BITS) | number) << _KIND_BITS) | kind
        left, right = divmod(bits, 1 << _HALF_BITS)
        for turn in range(_ROUNDS):
            left, right = right, left ^ self._round(turn, right)
        return str(UUID(int=_spread((left << _HALF_BITS) | right)))

    def read(self, text: str) -> Job | None:
        """The meaning of an id; None for one that was not made here."""
        try:
            given = UUID(text)
        except ValueError:
            return None
        if str(given) != text.lower():
            return None
        left, right = divmod(_gathered(given.int), 1 << _HALF_BITS)
        for turn in reversed(range(_ROUNDS)):
            left, right = right ^ self._round(turn, left), left
        rest, kind = divmod((left << _HALF_BITS) | right, 1 << _KIND_BITS)
        account_id, job = divmod(rest, 1 << _ID_BITS)
        return Job(account_id, job, JobKind(kind)) if kind in set(JobKind) and account_id and job else None

    def _round(self, turn: int, half: int) -> int:
        digest = hashlib.blake2b(half.to_bytes(8), digest_size=8, key=self._secret, salt=bytes([turn])).digest()
        return int.from_bytes(digest) & _HALF


def _spread(bits: int) -> int:
    """122 bits as the number of a UUID, around its version and its variant."""
    high, middle, low = bits >> 74, (bits >> 62) & 0xFFF, bits & ((1 << 62) - 1)
    return (high << 80) | (_VERSION << 76) | (middle << 64) | (_VARIANT << 62) | low


def _gathered(number: int) -> int:
    """The reverse of `_spread`."""
    return ((number >> 80) << 74) | (((number >> 64) & 0xFFF) << 62) | (number & ((1 << 62) - 1))
