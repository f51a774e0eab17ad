"""Roles and teams as every part of the service sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A set of permissions that people can have."""

    id: str
    name: str
    description: str
    permissions: frozenset[str]
    built_in: bool
    """Whether every account has it."""
    user_count: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """Changes of a role; None: unchanged."""

    name: str | None = None
    description: str | None = None
    permissions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team of people."""

    id: str
    name: str
    member_count: int
    created_at: datetime
