"""Entries of the audit log as SnapOtter's clients know them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from darkroom.common.v1 import audit_pb2 as pb
from services.gateway.surfaces.snapotter.times import instant

Details = dict[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """The name of an action, its object, and its details."""

    name: str
    target: str
    details: Callable[[pb.AuditEntry], Details]
    target_detail: str = ""
    """The particular that holds the id of the target."""


def _said(**names: str) -> Callable[[pb.AuditEntry], Details]:
    """Particulars of an entry under other names; those that it lacks are left out. `actor` is who did it."""

    def details(entry: pb.AuditEntry) -> Details:
        known = {**entry.details, "actor": entry.actor.user_id}
        return {name: known[said] for name, said in names.items() if known.get(said)}

    return details


def _of_files(listed: str) -> Callable[[pb.AuditEntry], Details]:
    def details(entry: pb.AuditEntry) -> Details:
        count, items = int(entry.details["count"]), json.loads(entry.details[listed])
        return {**_said(userId="actor")(entry), "count": count, listed: items}

    return details


def _changes(entry: pb.AuditEntry) -> Details:
    changes = {name: entry.details[name] for name in ("role", "team") if name in entry.details}
    return {**_said(adminId="actor", targetUserId="user_id")(entry), "changes": changes}


_OF_USER = _said(userId="user_id", username="user_name")
_OF_ROLE = _said(adminId="actor", roleId="role_id", roleName="role_name")
KINDS: Mapping[pb.AuditAction.ValueType, Kind] = {
    pb.AUDIT_ACTION_SESSION_CREATED: Kind("LOGIN_SUCCESS", "user", _OF_USER, "user_id"),
    pb.AUDIT_ACTION_SESSION_REFUSED: Kind("LOGIN_FAILED", "user", _said(username="user_name", reason="why")),
    pb.AUDIT_ACTION_SESSION_DELETED: Kind("LOGOUT", "user", _said(userId="user_id"), "user_id"),
    pb.AUDIT_ACTION_PASSWORD_CHANGED: Kind("PASSWORD_CHANGED", "user", _OF_USER, "user_id"),
    pb.AUDIT_ACTION_PASSWORD_RESET: Kind(
        "PASSWORD_RESET", "user", _said(adminId="actor", targetUserId="user_id", targetUsername="user_name"), "user_id"
    ),
    pb.AUDIT_ACTION_USER_CREATED: Kind(
        "USER_CREATED", "user", _said(adminId="actor", newUserId="user_id", newUsername="user_name", role="role"), "user_id"
    ),
    pb.AUDIT_ACTION_USER_UPDATED: Kind("USER_UPDATED", "user", _changes, "user_id"),
    pb.AUDIT_ACTION_USER_DELETED: Kind(
        "USER_DELETED", "user", _said(adminId="actor", deletedUserId="user_id", deletedUsername="user_name"), "user_id"
    ),
    pb.AUDIT_ACTION_LIBRARY_UPLOADED: Kind("FILE_UPLOADED", "file", _of_files("files")),
    pb.AUDIT_ACTION_LIBRARY_DELETED: Kind("FILE_DELETED", "file", _of_files("ids")),
    pb.AUDIT_ACTION_KEY_CREATED: Kind(
        "API_KEY_CREATED", "api_key", _said(userId="user_id", keyId="user_key_id", keyName="name"), "user_key_id"
    ),
    pb.AUDIT_ACTION_KEY_REVOKED: Kind("API_KEY_DELETED", "api_key", _said(userId="user_id", keyId="user_key_id"), "user_key_id"),
    pb.AUDIT_ACTION_ROLE_CREATED: Kind("ROLE_CREATED", "role", _OF_ROLE),
    pb.AUDIT_ACTION_ROLE_UPDATED: Kind("ROLE_UPDATED", "role", _said(adminId="actor", roleId="role_id")),
    pb.AUDIT_ACTION_ROLE_DELETED: Kind("ROLE_DELETED", "role", _OF_ROLE),
}
"""Every action that SnapOtter knows; others are not shown."""
ACTIONS = {kind.name: action for action, kind in KINDS.items()}


def _id(entry: pb.AuditEntry, kind: Kind) -> str:
    """A UUID (version 4), the same each time. Numbers of entries are unique within a service, and `files` holds those about files."""
    service = "files" if kind.target == "file" else "accounts"
    digest = hashlib.blake2b(f"{service} {entry.id}".encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def shown(entry: pb.AuditEntry) -> dict[str, object]:
    """An entry in SnapOtter's form."""
    kind, actor = KINDS[entry.action], entry.actor
    details = kind.details(entry)
    person = actor.name if actor.kind == pb.AUDIT_ACTOR_KIND_USER else ""
    return {
        "id": _id(entry, kind),
        "actorId": actor.user_id if actor.user_id and not actor.removed else None,
        "actorUsername": details.get("username") or details.get("newUsername") or person or "system",
        "action": kind.name,
        "targetType": kind.target,
        "targetId": entry.details.get(kind.target_detail) or None,
        "details": details or None,
        "ipAddress": entry.address or None,
        "createdAt": instant(entry.time),
    }
