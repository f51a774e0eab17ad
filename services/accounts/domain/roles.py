"""The account's roles: the rules of adding, changing and removing them. Errors are checked in the order
in which a method's description names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from services.accounts.domain.home import Home
from services.accounts.domain.repeats import Repeats
from services.accounts.domain.texts import comma_list
from services.accounts.domain.users import check_given
from services.accounts.permissions import BUILT_IN, PERMISSIONS, built_in_id
from services.accounts.records import OneCall
from services.accounts.roles import Role, RoleChange
from services.accounts.store.call_records import public_id_of
from services.accounts.store.roles import RoleStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity

_NAME = re.compile(r"[a-z0-9_-]{2,30}")
_LONGEST_DESCRIPTION = 500
_Found = TypeVar("_Found")
_BUILT_IN_IDS = {built_in_id(name) for name in BUILT_IN}


class Roles:
    """Operations of people managers; their permission has been checked. `revoked(key_id)` is called for each session and key that
    permits something else than before. Raises PERMISSION_DENIED for callers of another account."""

    def __init__(self, store: RoleStore, home: Home, repeats: Repeats, revoked: Callable[[int], None]) -> None:
        self._store, self._home, self._repeats, self._revoked = store, home, repeats, revoked

    async def all(self, caller: Identity) -> Sequence[Role]:
        """Those that every account has, and the account's own."""
        return await self._store.all(await self._home.require(caller))

    async def create(
        self, caller: Identity, name: str, description: str, permissions: Sequence[str], call: IdempotentCall | None = None
    ) -> Role:
        """Add a role; or the one that an earlier call with the same idempotency key has added, as it is now.

        Raises IDEMPOTENCY_KEY_MISMATCH, ROLE_NOT_FOUND (that one is gone), FIELD_INVALID, ESCALATION_DENIED (permissions that the caller
        lacks) and NAME_TAKEN.
        """
        account_id = await self._home.require(caller)

        async def made(_one: OneCall, ids: Sequence[int]) -> Role:
            return _still(await self._store.role(account_id, public_id_of(ids)))

        async def make(one: OneCall) -> Role:
            return await self._create(caller, account_id, name, description, permissions, one)

        return await self._repeats.once(call, caller, make, made)

    async def _create(
        self, caller: Identity, account_id: int, name: str, description: str, permissions: Sequence[str], one: OneCall
    ) -> Role:
        name, description = name.strip().lower(), description.strip()
        faults = [*_name_faults(name), *_description_faults(description)]
        if not permissions:
            faults.append(("permissions", "At least one permission is required"))
        _check(faults or _permission_faults(permissions))
        check_given(caller, permissions, "permissions")
        return await self._store.add(account_id, name, description, frozenset(permissions), one)

    async def update(
        self, caller: Identity, role_id: str, name: str | None, description: str | None, permissions: Sequence[str] | None
    ) -> Role:
        """Change a role.

        Raises ROLE_NOT_FOUND, FIELD_INVALID (built in; name, description), NAME_TAKEN, FIELD_INVALID (permissions) and ESCALATION_DENIED.
        """
        account_id = await self._home.require(caller)
        role = await self._own(account_id, role_id, "Cannot modify built-in roles")
        name = name.strip().lower() if name is not None else None
        description = description.strip() if description is not None else None
        _check([*(_name_faults(name) if name is not None else ()), *(_description_faults(description or ""))])
        if name is not None:
            await self._store.check_free(account_id, name, role_id)
        _check(_permission_faults(permissions or ()))
        after = role.permissions if permissions is None else frozenset(permissions)
        check_given(caller, after - role.permissions, "permissions")
        check_given(caller, role.permissions - after, "permissions", "take away")
        change = RoleChange(name=name, description=description, permissions=frozenset(permissions) if permissions is not None else None)
        if change != RoleChange():
            refreshed = await self._store.update(account_id, role_id, change)
            self._forget(_still(refreshed))
        return _still(await self._store.role(account_id, role_id))

    async def delete(self, caller: Identity, role_id: str) -> None:
        """Remove a role; those who had it are `user`. Raises ROLE_NOT_FOUND, FIELD_INVALID (built in) and
        ESCALATION_DENIED (permissions that the caller lacks)."""
        account_id = await self._home.require(caller)
        role = await self._own(account_id, role_id, "Cannot delete built-in roles")
        check_given(caller, role.permissions, "role_id", "take away")
        self._forget(_still(await self._store.delete(account_id, role_id)))

    async def _own(self, account_id: int, role_id: str, refusal: str) -> Role:
        if role_id in _BUILT_IN_IDS:
            raise DarkroomError(ErrorReason.FIELD_INVALID, refusal, field="role_id")
        return _still(await self._store.role(account_id, role_id) if "\0" not in role_id else None)

    def _forget(self, key_ids: Iterable[int]) -> None:
        for key_id in key_ids:
            self._revoked(key_id)


Fault = tuple[str, str]
"""A field, and what is wrong with it."""


def _name_faults(name: str) -> list[Fault]:
    if _NAME.fullmatch(name) is not None:
        return []
    return [("name", "Role name must be 2 to 30 characters: lower-case letters, numbers, hyphens and underscores")]


def _description_faults(description: str) -> list[Fault]:
    if len(description) <= _LONGEST_DESCRIPTION and "\0" not in description:
        return []
    return [("description", f"Description must be {_LONGEST_DESCRIPTION} characters or fewer, without NUL")]


def _permission_faults(permissions: Sequence[str]) -> list[Fault]:
    unknown = [one for one in dict.fromkeys(permissions) if one not in PERMISSIONS]
    return [("permissions", f"Invalid permissions: {comma_list(unknown)}")] if unknown else []


def _check(faults: Sequence[Fault]) -> None:
    if faults:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "; ".join(message for _, message in faults), field=faults[0][0])


def _still(found: _Found | None) -> _Found:
    if found is None:
        raise DarkroomError(ErrorReason.ROLE_NOT_FOUND, "Role not found")
    return found
