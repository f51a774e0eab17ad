"""Links with which people sign in once: the operator or somebody who manages people makes one, and opening it signs a person in.

A link's token is 256 random bits, of which only the SHA-256 is stored, with its expiry. It is used up by the statement that makes the
session, so that two who open it at once get one session.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.home import Home
from services.accounts.domain.keys import digest_of, make_token
from services.accounts.domain.sessions import Sessions, caller_network, check_enabled, invalid_session
from services.accounts.people import Person, Session
from services.accounts.store.people import PeopleStore
from services.accounts.store.sessions import SessionStore
from services.accounts.store.sign_in_links import LinkStore
from services.accounts.store.stored_links import StoredLink
from services.platform.audit.actor import acting_user
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason

LONGEST_MINUTES = 1440
"""How long a link may be good for."""
_TOKEN_BYTES = 32
_PATH = "/#/sign-in/"
_REFUSED = (
    "This sign-in link has been used or has expired. Somebody who manages people can make another, and so can the operator of this "
    "installation with `make link`, or with `python -m deploy.local link`."
)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that has just been made."""

    token: str
    """The token itself, shown once."""
    person: Person | None
    """Whom it signs in; None for the first administrator, whom its use adds."""
    expires_at: datetime

    @property
    def stored(self) -> StoredLink:
        """The link as it is stored."""
        return StoredLink(digest_of(self.token), self.expires_at)

    def url(self, public_url: str) -> str:
        """The link, at the URL of the installation. The part after the number sign stays in the browser, so no log contains it."""
        return f"{public_url.rstrip('/')}{_PATH}{quote(self.token, safe='')}"


class LinkMaker:
    """Makes links for the operator, and for those who manage people."""

    def __init__(self, store: LinkStore, people: PeopleStore, home: Home, rules: PeopleRules, clock: Clock = system_clock) -> None:
        self._store, self._people, self._home, self._rules, self._clock = store, people, home, rules, clock

    async def make(self, name: str | None, minutes: int) -> NewLink:
        """A link for the person of that name; without one, for the administrator who was added first, or whom the link's use adds.

        Raises SIGN_IN_DISABLED, ACCOUNT_NOT_FOUND (there is none that people could belong to) and USER_NOT_FOUND.
        """
        check_enabled(self._rules)
        account_id = await self._home.account_id()
        if account_id is None:
            raise DarkroomError(ErrorReason.ACCOUNT_NOT_FOUND, "There is no account yet: create one first.")
        person = await self._people.by_name(account_id, name) if name is not None else None
        if name is not None and person is None:
            raise DarkroomError(ErrorReason.USER_NOT_FOUND, "User not found")
        return await self._make(account_id, person, timedelta(minutes=minutes))

    def check(self) -> None:
        """Raise SIGN_IN_DISABLED where people do not sign in."""
        check_enabled(self._rules)

    async def make_for(self, person: Person, validity: timedelta) -> NewLink:
        """A link for a person. `check` has been called."""
        return await self._make(person.account_id, person, validity)

    async def _make(self, account_id: int, person: Person | None, validity: timedelta) -> NewLink:
        link = NewLink(secrets.token_urlsafe(_TOKEN_BYTES), person, self._clock() + validity)
        await self._store.add(account_id, person, link.stored)
        return link


class SignInLinks:
    """Signs in those who come by a link."""

    def __init__(
        self, store: LinkStore, sessions: Sessions, session_store: SessionStore, home: Home, rules: PeopleRules, clock: Clock = system_clock
    ) -> None:
        self._store, self._sessions, self._session_store = store, sessions, session_store
        self._home, self._rules, self._clock = home, rules, clock

    async def use(self, token: str) -> tuple[str, Session]:
        """Sign in with the token of a link: a new session's token, and the session.

        Raises SIGN_IN_DISABLED, RATE_LIMITED and CREDENTIALS_INVALID, in this order. A link that works is not RATE_LIMITED: its token
        cannot be guessed.
        """
        check_enabled(self._rules)
        digest, account_id = digest_of(token), await self._home.account_id()
        person = await self._person(digest, account_id) if account_id is not None else None
        if person is not None:
            now, session_token = self._clock(), make_token()
            expires_at = now + timedelta(hours=self._rules.session_hours)
            actor = acting_user(person.name, user_id=person.public_id)
            if await self._store.use(digest, now, person, digest_of(session_token), expires_at, caller_network(), actor):
                return session_token, await self._session_store.session(digest_of(session_token), now) or invalid_session()
        await self._sessions.count_wrong_secret()
        if account_id is not None:
            await self._session_store.note_refusal(account_id, 0, "", "bad_link", acting_user(""))
        raise DarkroomError(ErrorReason.CREDENTIALS_INVALID, _REFUSED)

    async def _person(self, digest: bytes, account_id: int) -> Person | None:
        """Whom a link signs in; where nobody has been added yet, the first administrator, who is added. None for a link that is none."""
        link = await self._store.find(digest, self._clock())
        if link is not None and link.person is None and link.for_first:
            await self._sessions.add_first(account_id, password="")
            link = await self._store.find(digest, self._clock())
        return link.person if link is not None else None
