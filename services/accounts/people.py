"""People, their sessions and their keys as every part of the service sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.accounts.permissions import ADMIN

DEFAULT_TEAM, DEFAULT_TEAM_ID = "Default", "default-team-00000000"
"""The team that every account has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of an account."""

    id: int
    account_id: int
    public_id: str
    """A UUID: the id outside of the service."""
    name: str
    password_hash: str
    """Empty for somebody who signed in with a link and has set no password yet."""
    role: str
    permissions: frozenset[str]
    """The current permissions of the role."""
    team: str
    """Its name."""
    must_change: bool
    """Whether the password has to be changed."""
    created_at: datetime
    analytics_enabled: bool | None
    analytics_asked_at: datetime | None
    analytics_remind_at: datetime | None

    @property
    def is_admin(self) -> bool:
        """Whether it is an administrator."""
        return self.role == ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Somebody who is to be added."""

    name: str
    password_hash: str
    role: str
    team_id: str
    must_change: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has neither ended nor expired."""

    id: int
    person: Person
    expires_at: datetime
    by_link: bool = False
    """Whether the person came by a sign-in link of the operator's."""

    @property
    def needs_current_password(self) -> bool:
        """Whether a new password can be set only by who knows the current one. Not where the operator vouches for the person, who has no
        password of the own: none at all, or one that somebody else set."""
        return not self.by_link or not (self.person.must_change or not self.person.password_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """A person's API key that has not been deleted. The key itself is not stored."""

    id: int
    public_id: str
    """A UUID: the id outside of the service."""
    name: str
    permissions: tuple[str, ...] | None
    """Its maximum permissions; None for all permissions of its owner's role."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    owner: str
    """The person's public id."""
