"""Signing in and out, and changing the own password: the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.home import Home
from services.accounts.domain.keys import digest_of, make_token
from services.accounts.domain.passwords import Passwords, check_strength
from services.accounts.domain.rate_limits import RateLimited, RateLimits
from services.accounts.people import DEFAULT_TEAM_ID, NewPerson, Person, Session
from services.accounts.permissions import ADMIN
from services.accounts.store.people import PeopleStore
from services.accounts.store.sessions import SessionStore
from services.platform.audit.actor import Actor, ActorKind, acting_user
from services.platform.client_network import network_of
from services.platform.clock import Clock, system_clock
from services.platform.errors import MISSING, DarkroomError, ErrorReason
from services.platform.identity import Identity, current_client
from services.platform.scopes import require_changed_password

_LONGEST_NAME = 100
"""Characters. No name is longer. The audit log does not keep the rest of a longer one either."""

_REMINDED_AFTER = timedelta(days=7)
_ITSELF = Actor(ActorKind.SERVICE, "accounts")


class Sessions:
    """Operations without an identity, or with that of a session. `revoked(key_id)` is called for each session and key that has
    ended, or whose permissions have changed, and `attempts()` returns the limit of attempts to sign in that people have set, if they
    have."""

    def __init__(
        self,
        people: PeopleStore,
        sessions: SessionStore,
        home: Home,
        passwords: Passwords,
        limits: RateLimits,
        rules: PeopleRules,
        revoked: Callable[[int], None],
        clock: Clock = system_clock,
        attempts: Callable[[], Awaitable[float | None]] | None = None,
    ) -> None:
        self._people, self._sessions, self._home, self._passwords, self._limits = people, sessions, home, passwords, limits
        self._rules, self._revoked, self._clock, self._attempts = rules, revoked, clock, attempts

    async def create(self, user_name: str, password: str) -> tuple[str, Session]:
        """Sign in: a new session's token, and the session.

        Raises RATE_LIMITED (too many attempts), SIGN_IN_DISABLED, FIELD_INVALID, RATE_LIMITED (too many wrong passwords) and
        CREDENTIALS_INVALID, in this order. Beyond the limit of wrong passwords none is looked at: unlike a key, one can be guessed.
        """
        await self._count_attempt()
        check_enabled(self._rules)
        if not user_name or not password:
            missing = "user_name" if not user_name else "password"
            raise DarkroomError(ErrorReason.FIELD_INVALID, "Username and password are required", field=missing)
        account_id = await self._home.account_id()
        take_back = await self._count_password(account_id, user_name)
        person = await self._found(account_id, user_name) if account_id is not None else None
        matches = await self._passwords.matches(person.password_hash if person is not None else None, password)
        actor = acting_user(_shown(user_name))
        if person is not None and matches:
            take_back()
            token, expires_at = make_token(), self._clock() + timedelta(hours=self._rules.session_hours)
            signed_in = acting_user(person.name, user_id=person.public_id)
            if await self._sessions.add(person, digest_of(token), expires_at, signed_in, caller_network()):
                return token, await self._sessions.session(digest_of(token), self._clock()) or invalid_session()
        if account_id is not None:
            why = "unknown_user" if person is None else "bad_password"
            await self._sessions.note_refusal(account_id, person.id if person is not None else 0, _shown(user_name), why, actor)
        raise DarkroomError(ErrorReason.CREDENTIALS_INVALID, "Invalid credentials")

    async def session(self, token: str, caller: Identity | None = None) -> Session:
        """The session of a token; without one, that of the caller. Raises SESSION_INVALID, and RATE_LIMITED after too many wrong ones."""
        if not token and caller is not None and caller.user is not None:
            return await self._own(caller) or invalid_session()
        if not token:
            raise DarkroomError(ErrorReason.SESSION_INVALID, "No session token provided", metadata={"kind": MISSING})
        session = await self._sessions.session(digest_of(token), self._clock())
        if session is None:
            await self.count_wrong_secret()
        return session or invalid_session()

    async def delete(self, token: str, caller: Identity | None = None) -> None:
        """Sign out; without a token, the caller. Nothing happens where there is no session."""
        if token:
            session = await self._sessions.session(digest_of(token), self._clock())
        else:
            session = await self._own(caller) if caller is not None else None
        if session is not None:
            await self._end(session)

    async def end_own(self, caller: Identity) -> None:
        """Sign out whose session calls. Raises SESSION_INVALID where none does."""
        await self._end(await self._own(caller) or invalid_session())

    async def change_password(self, caller: Identity, current: str, new: str) -> None:
        """Change the password of the person whose session calls; that session stays, and all others and all keys of the person end. Whether
        the current one is needed, the session says (`Session.needs_current_password`).

        Raises SESSION_INVALID, FIELD_INVALID, RATE_LIMITED and PASSWORD_INVALID, in this order.
        """
        session = await self._own(caller) or invalid_session()
        if not new or (session.needs_current_password and not current):
            missing = "new_password" if current or not session.needs_current_password else "current_password"
            raise DarkroomError(ErrorReason.FIELD_INVALID, "Current password and new password are required", field=missing)
        check_strength(new, "new_password")
        await self._count_attempt()
        person = session.person
        take_back = await self._limits.count_password(current_client().address or "", person.name, familiar=True)
        if not session.needs_current_password or await self._passwords.matches(person.password_hash, current):
            take_back()
            ended = await self._people.change_password(person, await self._passwords.hash(new), keep=caller.key_id)
            if ended is not None:
                for key_id in ended:
                    self._revoked(key_id)
                return
        raise DarkroomError(ErrorReason.PASSWORD_INVALID, "Current password is incorrect", field="current_password")

    async def set_analytics(self, caller: Identity, enabled: bool, remind_later: bool) -> bool | None:
        """Keep whether the caller agrees to usage statistics, or is to be asked again in a week (None). For a caller who is not a person,
        nothing is kept. Raises PASSWORD_CHANGE_REQUIRED."""
        answered = None if remind_later else enabled
        if caller.user is not None and caller.key_id:
            require_changed_password(caller.user)
            now = self._clock()
            remind_at = now + _REMINDED_AFTER if remind_later else None
            await self._people.set_analytics(caller.account_id, caller.user.id, answered, now, remind_at)
        return answered

    async def count_wrong_secret(self) -> None:
        """Count a wrong secret of a kind that nobody can guess. Raises RATE_LIMITED."""
        await self._limits.count_wrong_key(current_client().address or "")

    async def _count_password(self, account_id: int | None, name: str) -> Callable[[], None]:
        """Count a password for a name, whether there is a person of that name or not; what is returned takes that back. Raises
        RATE_LIMITED."""
        address, known_name = current_client().address or "", _shown(name)
        try:
            return await self._limits.count_password(address, known_name)
        except RateLimited:
            if account_id is None or not await self._sessions.is_familiar(account_id, known_name, caller_network()):
                raise
        return await self._limits.count_password(address, known_name, familiar=True)

    async def _count_attempt(self) -> None:
        """Count an attempt to sign in. The limit is read each time: a new one is in force at once, in every replica."""
        await self._limits.sign_in(current_client().address or "", await self._attempts() if self._attempts is not None else None)

    async def add_first(self, account_id: int, password: str) -> None:
        """Add the first administrator, unless there is somebody; with an empty password, one who has to set one first to
        sign in with it."""
        await self._people.team(account_id, DEFAULT_TEAM_ID)
        first = NewPerson(
            name=self._rules.default_username,
            password_hash=await self._passwords.hash(password) if password else "",
            role=ADMIN,
            team_id=DEFAULT_TEAM_ID,
            must_change=bool(password) and not self._rules.skip_must_change,
        )
        await self._people.add_first(account_id, first, _ITSELF)

    async def _end(self, session: Session) -> None:
        await self._sessions.end(session, acting_user(session.person.name, session.id, session.person.public_id))
        self._revoked(session.id)

    async def _own(self, caller: Identity) -> Session | None:
        """The session that calls; None for any other caller."""
        if caller.user is None or not caller.user.session:
            return None
        return await self._sessions.session_by_id(caller.key_id, self._clock())

    async def _found(self, account_id: int, name: str) -> Person | None:
        """The person of a name. Where there is nobody yet, the first administrator is added, if there is a password for that."""
        if "\0" in name or len(name) > _LONGEST_NAME:
            return None
        # For any name, so that the time does not reveal whether it exists.
        if self._rules.default_password and await self._people.count(account_id) == (0, 0):
            await self.add_first(account_id, self._rules.default_password)
        return await self._people.by_name(account_id, name)


def _shown(name: str) -> str:
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_NAME]


def caller_network() -> str:
    """The network that a person signs in from, in the form in which it is kept; empty if it is not known."""
    return network_of(current_client().address or "")


def check_enabled(rules: PeopleRules) -> None:
    """Raise SIGN_IN_DISABLED where nobody signs in."""
    if not rules.auth_enabled:
        raise DarkroomError(ErrorReason.SIGN_IN_DISABLED, "Authentication is disabled")


def invalid_session() -> NoReturn:
    """Raise SESSION_INVALID."""
    raise DarkroomError(ErrorReason.SESSION_INVALID, "Session expired or invalid")
