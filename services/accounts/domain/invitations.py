"""Inviting people: somebody is added without a password, and gets a link that signs in once."""

from __future__ import annotations

from datetime import timedelta

from services.accounts.domain.sign_in_links import LinkMaker, NewLink
from services.accounts.domain.users import Users
from services.accounts.people import Person
from services.platform.identity import Identity

INVITATION_MINUTES = 4320
"""How long a link is valid if the caller does not say."""


class Invitations:
    """Operations of people managers; their permission has been checked. Raises PERMISSION_DENIED for callers of another account."""

    def __init__(self, users: Users, links: LinkMaker) -> None:
        self._users, self._links = users, links

    async def invite(self, caller: Identity, name: str, role: str | None, team: str | None, validity: timedelta) -> tuple[Person, NewLink]:
        """Add a person who has no password yet, and make a link for the first sign-in.

        Raises SIGN_IN_DISABLED, FIELD_INVALID (name), ESCALATION_DENIED, FIELD_INVALID (team), NAME_TAKEN and USER_LIMIT_REACHED.
        """
        self._links.check()
        person = await self._users.create(caller, name, None, role, team)
        return person, await self._links.make_for(person, validity)

    async def renew(self, caller: Identity, user_id: str, validity: timedelta) -> NewLink:
        """Make a link for somebody who is there. Raises SIGN_IN_DISABLED, USER_NOT_FOUND, and ESCALATION_DENIED for a person who may do
        something that the caller may not."""
        self._links.check()
        return await self._links.make_for(await self._users.find_manageable(caller, user_id), validity)
