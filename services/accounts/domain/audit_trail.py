"""An account's audit log: the parts that each service holds, as one list."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from services.platform.audit.log import AuditEntry, AuditQuery
from services.platform.errors import DarkroomError, ErrorReason

_DEFAULT_PAGE = 100
_AT_ONCE = 1000
"""Entries that a part gives in one call, at least."""
_MARK = "a1"


class AuditPart(Protocol):
    """One service's part of the log."""

    async def page(self, query: AuditQuery, limit: int, skip: int = 0) -> Sequence[AuditEntry]:
        """Up to `limit` entries, newest first, after `skip` others. Raises UNAVAILABLE."""

    async def count(self, query: AuditQuery) -> int:
        """How many entries there are. Raises UNAVAILABLE."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first."""

    entries: Sequence[AuditEntry]
    next_page_token: str
    """Empty at the end."""


class AuditTrail:
    """Merges the parts, which are named after their services."""

    def __init__(self, parts: Mapping[str, AuditPart]) -> None:
        self._parts = dict(sorted(parts.items()))

    async def page(self, query: AuditQuery, *, size: int, token: str, skip: int = 0) -> AuditPage:
        """`size` entries (0: 100), newest first, after `skip` others.

        Raises FIELD_INVALID for a token it did not make, and UNAVAILABLE if any part cannot be read: a list with gaps would deceive.
        """
        size = size or _DEFAULT_PAGE
        last = _position(token) if token else None
        queries = {name: _after(query, last, name) for name in self._parts}
        left = await self._narrow(queries, skip, _AT_ONCE - size)
        if left is None:
            return AuditPage([], "")
        pages = await asyncio.gather(*(part.page(queries[name], left + size + 1) for name, part in self._parts.items()))
        found = [(entry, name) for name, page in zip(self._parts, pages, strict=True) for entry in page]
        # Stable: what has the same time and id stays in the order of its parts.
        found.sort(key=lambda one: (one[0].time, one[0].id), reverse=True)
        found = found[left:]
        more = len(found) > size
        return AuditPage([entry for entry, _ in found[:size]], _token(*found[size - 1]) if more else "")

    async def count(self, query: AuditQuery) -> int:
        """How many entries all parts have. Raises UNAVAILABLE."""
        return sum(await asyncio.gather(*(part.count(query) for part in self._parts.values())))

    async def _narrow(self, queries: dict[str, AuditQuery], skip: int, near: int) -> int | None:
        """Change the queries to what the parts have after some of the entries that are skipped; returns how many more there are to skip, at
        most `near`, or None if there are not that many.

        Each part returns its entry number n = skip / parts. Before the newest of these come fewer than n entries of each part, so all of
        its part up to that one are skipped. The rest shrinks by a factor each time: the parts pass an entry of their indexes few times.
        """
        while skip > near:
            step = max(1, skip // len(self._parts))
            pages = await asyncio.gather(*(part.page(queries[name], 1, step - 1) for name, part in self._parts.items()))
            found = [(page[0], name) for name, page in zip(self._parts, pages, strict=True) if page]
            if not found:
                return None
            newest, name = max(found, key=lambda one: (one[0].time, one[0].id))
            queries[name] = replace(queries[name], before=(newest.time, newest.id))
            skip -= step
        return skip


@dataclass(frozen=True, slots=True)
class _Position:
    time: datetime
    id: int
    part: str


def _after(query: AuditQuery, last: _Position | None, part: str) -> AuditQuery:
    """The query for what a part has after a position; ids are unique within a part only."""
    if last is None:
        return query
    before = (last.time, last.id + 1 if part > last.part else last.id)
    return replace(query, before=min(before, query.before))


def _token(entry: AuditEntry, part: str) -> str:
    text = f"{_MARK} {entry.time.astimezone(UTC).isoformat()} {entry.id} {part}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(token: str) -> _Position:
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
        mark, time, number, part = text.split(" ")
        moment, entry_id = datetime.fromisoformat(time), int(number)
        if mark != _MARK or moment.tzinfo is None or not 0 <= entry_id < 10**15:
            raise ValueError(text)
    except (ValueError, binascii.Error):
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, "page_token: must be empty or the next_page_token of an earlier page.", field="page_token"
        ) from None
    return _Position(moment, entry_id, part)
