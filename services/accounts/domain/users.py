"""The people of the account: the rules of adding, changing and removing them. Each error that a method raises is checked in the order in
which its description names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from services.accounts.domain.anonymous import ANONYMOUS
from services.accounts.domain.config import PeopleRules
from services.accounts.domain.home import Home
from services.accounts.domain.passwords import Passwords, check_strength
from services.accounts.domain.texts import comma_list
from services.accounts.people import DEFAULT_TEAM, DEFAULT_TEAM_ID, NewPerson, Person
from services.accounts.permissions import ADMIN, HIGHEST, USER, lacking, level, permissions_of
from services.accounts.records import OneCall
from services.accounts.store.changes import GoneError
from services.accounts.store.people import PeopleStore
from services.accounts.store.stored_links import StoredLink
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_SHORTEST, _LONGEST = 3, 50
_NAME = re.compile(r"[a-zA-Z0-9_.-]+")


class Users:
    """Operations of people managers; their permission has been checked. `revoked(key_id)` is called for each session and key that has
    ended, or that permits something else than before, and `departed()` when somebody was removed. Raises PERMISSION_DENIED for callers of
    another account."""

    def __init__(
        self,
        store: PeopleStore,
        home: Home,
        passwords: Passwords,
        rules: PeopleRules,
        revoked: Callable[[int], None],
        departed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._home, self._passwords, self._rules = store, home, passwords, rules
        self._revoked, self._departed = revoked, departed

    @property
    def most(self) -> int:
        """How many people there may be; 0 for any number."""
        return self._rules.max_users

    async def all(self, caller: Identity) -> Sequence[Person]:
        """Everybody, the oldest first."""
        return await self._store.people(await self._home.require(caller))

    async def find_removed(self, account_id: int, user_ids: Collection[str]) -> Collection[str]:
        """Those of the ids that are nobody's any more."""
        return {*user_ids} - await self._store.existing(account_id, user_ids) - {ANONYMOUS}

    async def require_role(self, caller: Identity, role: str) -> None:
        """Raise FIELD_INVALID for a role that does not exist."""
        if not await self._is_role(await self._home.require(caller), role):
            raise DarkroomError(ErrorReason.FIELD_INVALID, "role: there is no such role. GET /v1/roles lists them.", field="role")

    async def find_manageable(self, caller: Identity, user_id: str) -> Person:
        """A person in whose name the caller may act. Raises USER_NOT_FOUND, and ESCALATION_DENIED for one who may do something that the
        caller may not."""
        person = await self._found(await self._home.require(caller), user_id)
        _check_manageable(caller, person)
        return person

    async def find_made(self, caller: Identity, ids: Sequence[int]) -> Person:
        """The person that an earlier call has added. Raises USER_NOT_FOUND."""
        person = await self._store.by_number(await self._home.require(caller), ids[0])
        if person is None:
            raise _not_found()
        return person

    async def create(
        self,
        caller: Identity,
        name: str,
        password: str | None,
        role: str | None,
        team: str | None,
        one: OneCall | None = None,
        link: StoredLink | None = None,
    ) -> Person:
        """Add a person, who has to change the password; with None, one who has no password yet, and perhaps a link for the first sign-in. A
        role that does not exist is `user`. `one` is the call, if it may be repeated.

        Raises FIELD_INVALID (name, password), ESCALATION_DENIED, FIELD_INVALID (team), NAME_TAKEN and USER_LIMIT_REACHED.
        """
        account_id = await self._home.require(caller)
        if not name or password == "":
            missing = "user_name" if not name else "password"
            raise DarkroomError(ErrorReason.FIELD_INVALID, "Username and password are required", field=missing)
        _check_name(name)
        if password is not None:
            check_strength(password, "password")
        given = role if role is not None and await self._is_role(account_id, role) else USER
        if level(given) > _level(caller):
            raise DarkroomError(ErrorReason.ESCALATION_DENIED, "Cannot create a user with a higher role than your own", field="role")
        check_given(caller, await self._store.role(account_id, given) or (), "role")
        team_id = await self._team_of_new(account_id, team.strip() if team is not None else "")
        password_hash = await self._passwords.hash(password) if password is not None else ""
        person = NewPerson(name=name, password_hash=password_hash, role=given, team_id=team_id, must_change=password is not None)
        try:
            return await self._store.add(account_id, person, one, link, max_users=self._rules.max_users)
        except GoneError:
            return await self.create(caller, name, password, role, team, one, link)

    async def update(self, caller: Identity, user_id: str, role: str | None, team: str | None) -> Person:
        """Change the role or the team of a person. A role that does not exist changes nothing, and neither does a blank team.

        Raises USER_NOT_FOUND, ESCALATION_DENIED, SELF_DEMOTE, LAST_ADMIN and FIELD_INVALID (team).
        """
        account_id = await self._home.require(caller)
        person = await self._found(account_id, user_id)
        if role is not None and not await self._is_role(account_id, role):
            role = None
        if role is not None:
            if level(role) > _level(caller):
                raise DarkroomError(ErrorReason.ESCALATION_DENIED, "Cannot assign a higher role than your own", field="role")
            check_given(caller, await self._store.role(account_id, role) or (), "role")
        _check_changeable(caller, person)
        if role is not None and person.is_admin and role != ADMIN:
            if _is(caller, person):
                raise DarkroomError(ErrorReason.SELF_DEMOTE, "Cannot remove your own admin role", field="role")
            _, admins = await self._store.count(account_id)
            if admins <= 1:
                raise _last_admin()
        team_id = await self._team(account_id, team) if team is not None and team.strip() else None
        if role is None and team_id is None:
            return person
        try:
            refreshed = await self._store.update(person, role=role, team_id=team_id)
        except GoneError:
            return await self.update(caller, user_id, role, team)
        if refreshed is None:
            # Somebody else has been faster, and demoted or removed the other one, or this one.
            await self._found(account_id, user_id)
            raise _last_admin()
        self._forget(refreshed)
        return await self._found(account_id, user_id)

    async def reset_password(self, caller: Identity, user_id: str, password: str) -> None:
        """Set the password of a person, who has to change it; all sessions and keys of the person end.

        Raises FIELD_INVALID, USER_NOT_FOUND, and ESCALATION_DENIED for one who may do something that the caller may not.
        """
        account_id = await self._home.require(caller)
        if not password:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "New password is required", field="new_password")
        check_strength(password, "new_password")
        person = await self._found(account_id, user_id)
        _check_manageable(caller, person)
        await self._reset(person, password)

    async def reset_password_of(self, name: str, password: str) -> Person:
        """The same for the operator, who names the person. Raises USER_NOT_FOUND."""
        account_id = await self._home.account_id()
        person = await self._store.by_name(account_id, name) if account_id is not None else None
        if person is None:
            raise _not_found()
        await self._reset(person, password)
        return person

    async def delete(self, caller: Identity, user_id: str) -> None:
        """Remove a person, and end all sessions and keys of the person; the person's library is deleted soon.

        Raises SELF_DELETE, USER_NOT_FOUND, ESCALATION_DENIED and LAST_ADMIN.
        """
        account_id = await self._home.require(caller)
        if caller.user is not None and caller.user.id == user_id:
            raise DarkroomError(ErrorReason.SELF_DELETE, "Cannot delete your own account")
        person = await self._found(account_id, user_id)
        _check_changeable(caller, person)
        ended = await self._store.delete(person)
        if ended is None:
            raise _not_found()
        self._forget(ended)
        self._departed()

    async def _reset(self, person: Person, password: str) -> None:
        ended = await self._store.reset_password(person, await self._passwords.hash(password))
        if ended is None:
            raise _not_found()
        self._forget(ended)

    async def _found(self, account_id: int, user_id: str) -> Person:
        person = await self._store.by_id(account_id, user_id) if "\0" not in user_id else None
        if person is None:
            raise _not_found()
        return person

    async def _is_role(self, account_id: int, role: str) -> bool:
        return "\0" not in role and await self._store.role(account_id, role) is not None

    async def _team_of_new(self, account_id: int, team: str) -> str:
        """The id of a team, in whatever case its name is written; without a name, that of the team `Default`."""
        if team:
            return await self._team(account_id, team, any_case=True)
        return await self._store.team(account_id, DEFAULT_TEAM) or DEFAULT_TEAM_ID

    async def _team(self, account_id: int, team: str, *, any_case: bool = False) -> str:
        found = await self._store.team(account_id, team, any_case=any_case) if "\0" not in team else None
        if found is None:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "Team not found", field="team")
        return found

    def _forget(self, key_ids: Iterable[int]) -> None:
        for key_id in key_ids:
            self._revoked(key_id)


def check_given(caller: Identity, permissions: Collection[str], field: str, change: str = "give") -> None:
    """Raise ESCALATION_DENIED if somebody would give, or otherwise `change`, permissions that the caller lacks."""
    if missing := lacking(_permissions(caller), permissions):
        message = f"Cannot {change} permissions that you don't have: {comma_list(missing)}"
        raise DarkroomError(ErrorReason.ESCALATION_DENIED, message, field=field)


def _check_changeable(caller: Identity, person: Person) -> None:
    if missing := lacking(_permissions(caller), person.permissions):
        message = f"Cannot change or remove a user who has permissions that you don't have: {comma_list(missing)}"
        raise DarkroomError(ErrorReason.ESCALATION_DENIED, message)


def _check_manageable(caller: Identity, person: Person) -> None:
    if level(person.role) > _level(caller) or lacking(_permissions(caller), person.permissions):
        raise DarkroomError(ErrorReason.ESCALATION_DENIED, "Cannot act for a user with a higher role than your own")


def _permissions(caller: Identity) -> frozenset[str]:
    return caller.user.permissions if caller.user is not None else permissions_of(caller.scopes)


def _level(caller: Identity) -> int:
    """That of the person's role. For a key of the account itself, the permissions alone count."""
    return level(caller.user.role) if caller.user is not None else HIGHEST


def _is(caller: Identity, person: Person) -> bool:
    return caller.user is not None and caller.user.id == person.public_id


def _check_name(name: str) -> None:
    if not _SHORTEST <= len(name) <= _LONGEST:
        message = f"Username must be {_SHORTEST} to {_LONGEST} characters"
    elif _NAME.fullmatch(name) is None:
        message = "Username may only contain letters, numbers, dots, hyphens and underscores"
    else:
        return
    raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="user_name")


def _not_found() -> DarkroomError:
    return DarkroomError(ErrorReason.USER_NOT_FOUND, "User not found")


def _last_admin() -> DarkroomError:
    return DarkroomError(ErrorReason.LAST_ADMIN, "Cannot demote the last admin", field="role")
