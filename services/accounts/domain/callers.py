"""The caller and its permissions, for clients that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from darkroom.common.v1.scopes import SCOPES
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.sessions import Sessions, invalid_session
from services.accounts.people import Person, Session
from services.accounts.permissions import PERMISSIONS, scopes_of
from services.accounts.records import Account
from services.accounts.store.people import PeopleStore
from services.accounts.store.sessions import SessionStore
from services.platform.identity import Identity, UserIdentity

SESSION, USER_KEY, ACCOUNT_KEY = "session", "user_key", "account_key"
"""With what a call is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller."""

    account: Account
    kind: str
    """SESSION, USER_KEY or ACCOUNT_KEY."""
    person: Person | None
    """None for a key of the account."""
    must_change: bool
    """Whether the session is only good for changing the password."""
    needs_current_password: bool
    """As in `Session`."""
    permissions: Sequence[str]
    """The permissions of the role and of the key's list; for a key of the account, all or none."""
    scopes: Sequence[str]
    """The caller's scopes, in the order of the protos."""
    all_scopes: bool
    """Whether these are all there are, also in later versions."""
    expires_at: datetime | None


class Callers:
    """Identifies callers."""

    def __init__(self, accounts: Accounts, people: PeopleStore, sessions: Sessions, session_store: SessionStore) -> None:
        self._accounts, self._people, self._sessions, self._session_store = accounts, people, sessions, session_store

    async def caller(self, identity: Identity) -> Caller:
        """The caller. Raises SESSION_INVALID, API_KEY_NOT_FOUND and ACCOUNT_NOT_FOUND for one that has just ended."""
        if identity.user is None:
            key = await self._accounts.key(identity.key_id, identity.account_id)
            return await self._described(identity, None, ACCOUNT_KEY, key.expires_at)
        if identity.user.session:
            return await self._of_session(identity, await self._sessions.session("", identity))
        person = await self._people.by_id(identity.account_id, identity.user.id) or invalid_session()
        user_key = await self._session_store.key(identity.key_id) or invalid_session()
        return await self._described(identity, person, USER_KEY, user_key.expires_at)

    async def signed_in(self, session: Session) -> Caller:
        """The person who has just signed in."""
        person = session.person
        user = UserIdentity(person.public_id, person.name, person.role, person.permissions, person.must_change, session=True)
        scopes = scopes_of(person.permissions, must_change=person.must_change)
        return await self._of_session(Identity(person.account_id, session.id, scopes=scopes, user=user), session)

    async def _of_session(self, identity: Identity, session: Session) -> Caller:
        needs = session.needs_current_password
        return await self._described(identity, session.person, SESSION, session.expires_at, needs_current_password=needs)

    async def _described(
        self, identity: Identity, person: Person | None, kind: str, expires_at: datetime | None, *, needs_current_password: bool = True
    ) -> Caller:
        return Caller(
            account=await self._accounts.account(identity.account_id),
            kind=kind,
            person=person,
            must_change=identity.user is not None and identity.user.must_change,
            needs_current_password=needs_current_password,
            permissions=sorted(filter(identity.permits, PERMISSIONS)),
            scopes=[scope for scope in SCOPES if identity.scopes is None or scope in identity.scopes],
            all_scopes=identity.scopes is None,
            expires_at=expires_at,
        )
