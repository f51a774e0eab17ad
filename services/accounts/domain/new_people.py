"""Adding people: with a password, or invited, by a link that signs in once."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

from services.accounts.domain.repeats import Repeats
from services.accounts.domain.sign_in_links import LinkMaker, NewLink
from services.accounts.domain.users import Users
from services.accounts.people import Person
from services.accounts.records import OneCall
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity

_TOKEN_BYTES = 32
INVITATION_MINUTES = 4320
"""How long a link is valid if the caller does not say."""


class NewPeople:
    """Operations of people managers; their permission has been checked. Raises PERMISSION_DENIED for callers of another account."""

    def __init__(self, users: Users, links: LinkMaker, repeats: Repeats) -> None:
        self._users, self._links, self._repeats = users, links, repeats

    async def add(
        self, caller: Identity, name: str, password: str, role: str | None, team: str | None, call: IdempotentCall | None = None
    ) -> Person:
        """Add a person, who has to change the password; or the one that an earlier call with the same idempotency key has added,
        in its present state.

        Raises IDEMPOTENCY_KEY_MISMATCH, USER_NOT_FOUND (that person is gone), and as `Users.create`.
        """

        async def make(one: OneCall) -> Person:
            return await self._users.create(caller, name, password, role, team, one)

        async def made(_one: OneCall, ids: Sequence[int]) -> Person:
            return await self._users.find_made(caller, ids)

        return await self._repeats.once(call, caller, make, made)

    async def invite(
        self, caller: Identity, name: str, role: str | None, team: str | None, validity: timedelta, call: IdempotentCall | None = None
    ) -> tuple[Person, NewLink]:
        """Add a person who has no password yet, and make a link for the first sign-in; or the same person and link as an earlier call with
        the same idempotency key, whether or not the link has been used.

        Raises SIGN_IN_DISABLED, IDEMPOTENCY_KEY_MISMATCH, USER_NOT_FOUND (that person is gone), FIELD_INVALID (name), ESCALATION_DENIED,
        FIELD_INVALID (team), NAME_TAKEN and USER_LIMIT_REACHED.
        """
        self._links.check()

        def link(one: OneCall) -> NewLink:
            token = base64.urlsafe_b64encode(self._repeats.secret(one)[:_TOKEN_BYTES]).rstrip(b"=").decode()
            return NewLink(token, None, one.moment + validity)

        async def make(one: OneCall) -> tuple[Person, NewLink]:
            new = link(one)
            return await self._users.create(caller, name, None, role, team, one, new.stored), new

        async def made(one: OneCall, ids: Sequence[int]) -> tuple[Person, NewLink]:
            return await self._users.find_made(caller, ids), link(one)

        return await self._repeats.once(call, caller, make, made)

    async def renew(self, caller: Identity, user_id: str, validity: timedelta) -> NewLink:
        """Make a link for somebody who is there. Raises SIGN_IN_DISABLED, USER_NOT_FOUND, and ESCALATION_DENIED for a person who may do
        something that the caller may not."""
        self._links.check()
        return await self._links.make_for(await self._users.find_manageable(caller, user_id), validity)
