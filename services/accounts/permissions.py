"""The permissions of roles, and their meaning for calls.

A person's permissions are those of the role at the moment of a call; with an API key that has a list, what both have. Methods of the
platform ask for scopes, as they do of an account's own keys:

| permissions | scopes |
|---|---|
| any, or none | files:read, files:write, tasks:read, tasks:write, billing:read |
| users:manage | users:manage |
| teams:manage | teams:manage |
| audit:read | audit:read |
| settings:write | settings:write |
| branding:manage | branding:manage |
| features:manage | features:manage |
| system:health | system:read |
| all | all |

So the first row holds for everyone who has signed in: `tools:use`, `files:own`, `apikeys:own`, `pipelines:own` and `settings:read` are
listed, and a role without them is refused nothing. Whose files and keys somebody sees (`…:all`) is decided where they are listed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from darkroom.common.v1.scopes import SCOPES

ADMIN, EDITOR, USER = "admin", "editor", "user"
_OF_USER = frozenset({"tools:use", "files:own", "apikeys:own", "pipelines:own", "settings:read"})
_OF_EDITOR = _OF_USER | {"files:all", "pipelines:all"}
PERMISSIONS = _OF_EDITOR | {
    "apikeys:all",
    "settings:write",
    "users:manage",
    "teams:manage",
    "branding:manage",
    "features:manage",
    "system:health",
    "audit:read",
}
"""All there are."""
BUILT_IN: Mapping[str, frozenset[str]] = {ADMIN: PERMISSIONS, EDITOR: _OF_EDITOR, USER: _OF_USER}
"""The roles that every account has. Its own are in the database."""
HIGHEST = 3
_LEVELS = {ADMIN: HIGHEST, EDITOR: 2, USER: 1}
_EVERYONE = frozenset({"files:read", "files:write", "tasks:read", "tasks:write", "billing:read"})
_SAME = ("users:manage", "teams:manage", "audit:read", "settings:write", "branding:manage", "features:manage")
_GIVEN_BY = {**{name: name for name in _SAME}, "system:health": "system:read"}


def permissions_of(scopes: Collection[str] | None) -> frozenset[str]:
    """The permissions that a key of the account itself with these scopes may give. `users:manage` suffices for those that everyone has."""
    if scopes is None or SCOPES.keys() <= {*scopes}:
        return PERMISSIONS
    return (_OF_EDITOR if {*scopes} >= _EVERYONE else _OF_USER) | {permission for permission, scope in _GIVEN_BY.items() if scope in scopes}


def lacking(giver: Collection[str], given: Collection[str]) -> list[str]:
    """The permissions that somebody may not give because the giver lacks them. Those of the role `user` refuse nobody anything."""
    return sorted({*given} - {*giver} - _OF_USER)


def built_in_id(role: str) -> str:
    """The id of a role that every account has."""
    return f"builtin-{role}"


def level(role: str) -> int:
    """How high a role is: nobody may give one that is above the own. An account's own roles are the lowest."""
    return _LEVELS.get(role, 0)


def scopes_of(permissions: frozenset[str], *, must_change: bool = False) -> frozenset[str] | None:
    """The scopes of somebody with these permissions; None for all of them. Empty while the password has to be changed."""
    if must_change:
        return frozenset()
    if permissions >= PERMISSIONS:
        return None
    return _EVERYONE | {scope for permission, scope in _GIVEN_BY.items() if permission in permissions}
