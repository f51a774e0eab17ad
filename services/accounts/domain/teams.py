"""The account's teams: the rules of adding, renaming and removing them. Errors are checked in the order
in which a method's description names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from services.accounts.domain.home import Home
from services.accounts.domain.repeats import Repeats
from services.accounts.records import OneCall
from services.accounts.roles import Team
from services.accounts.store.call_records import public_id_of
from services.accounts.store.teams import TeamStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity

_LONGEST = 50
_Found = TypeVar("_Found")


class Teams:
    """Operations of team managers; their permission has been checked. Raises PERMISSION_DENIED for callers of another account."""

    def __init__(self, store: TeamStore, home: Home, repeats: Repeats) -> None:
        self._store, self._home, self._repeats = store, home, repeats

    async def all(self, caller: Identity) -> Sequence[Team]:
        """All teams, the oldest first."""
        return await self._store.all(await self._home.require(caller))

    async def create(self, caller: Identity, name: str, call: IdempotentCall | None = None) -> Team:
        """Add a team; or the one that an earlier call with the same idempotency key has added, as it is now.

        Raises IDEMPOTENCY_KEY_MISMATCH, TEAM_NOT_FOUND (that one is gone), FIELD_INVALID and NAME_TAKEN.
        """
        account_id = await self._home.require(caller)

        async def make(one: OneCall) -> Team:
            return await self._store.add(account_id, _checked(name), one)

        async def made(_one: OneCall, ids: Sequence[int]) -> Team:
            return await self._found(account_id, public_id_of(ids))

        return await self._repeats.once(call, caller, make, made)

    async def update(self, caller: Identity, team_id: str, name: str) -> Team:
        """Rename a team. Raises TEAM_NOT_FOUND, FIELD_INVALID and NAME_TAKEN."""
        account_id = await self._home.require(caller)
        await self._found(account_id, team_id)
        return _still(await self._store.rename(account_id, team_id, _checked(name)))

    async def delete(self, caller: Identity, team_id: str) -> None:
        """Remove a team. Raises TEAM_NOT_FOUND and FIELD_INVALID (`Default`, or one with people)."""
        account_id = await self._home.require(caller)
        await self._found(account_id, team_id)
        _still(await self._store.delete(account_id, team_id))

    async def _found(self, account_id: int, team_id: str) -> Team:
        return _still(await self._store.team(account_id, team_id) if "\0" not in team_id else None)


def _checked(name: str) -> str:
    name = name.strip()
    if not name:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "Team name is required", field="name")
    if len(name) > _LONGEST or "\0" in name:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"Team name must be {_LONGEST} characters or fewer, without NUL", field="name")
    return name


def _still(found: _Found | None) -> _Found:
    if found is None:
        raise DarkroomError(ErrorReason.TEAM_NOT_FOUND, "Team not found")
    return found
