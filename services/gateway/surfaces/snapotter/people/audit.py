"""The audit log: what accounts says, in SnapOtter's JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import audit_service_pb2 as pb
from darkroom.common.v1 import audit_pb2
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.times import instant, read_instant
from services.platform.identity import Identity

Details = dict[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """The name of an action, its object, and its details."""

    name: str
    target: str
    details: Callable[[audit_pb2.AuditEntry], Details]
    target_detail: str = ""
    """The particular that holds the id of the target."""


def _said(**names: str) -> Callable[[audit_pb2.AuditEntry], Details]:
    """Particulars of an entry under other names; those that it lacks are left out. `actor` is who did it."""

    def details(entry: audit_pb2.AuditEntry) -> Details:
        known = {**entry.details, "actor": entry.actor.user_id}
        return {name: known[said] for name, said in names.items() if known.get(said)}

    return details


def _of_files(listed: str) -> Callable[[audit_pb2.AuditEntry], Details]:
    def details(entry: audit_pb2.AuditEntry) -> Details:
        count, items = int(entry.details["count"]), json.loads(entry.details[listed])
        return {**_said(userId="actor")(entry), "count": count, listed: items}

    return details


def _changes(entry: audit_pb2.AuditEntry) -> Details:
    changes = {name: entry.details[name] for name in ("role", "team") if name in entry.details}
    return {**_said(adminId="actor", targetUserId="user_id")(entry), "changes": changes}


_OF_USER = _said(userId="user_id", username="user_name")
_OF_ROLE = _said(adminId="actor", roleId="role_id", roleName="role_name")
KINDS: Mapping[audit_pb2.AuditAction.ValueType, Kind] = {
    audit_pb2.AUDIT_ACTION_SESSION_CREATED: Kind("LOGIN_SUCCESS", "user", _OF_USER, "user_id"),
    audit_pb2.AUDIT_ACTION_SESSION_REFUSED: Kind("LOGIN_FAILED", "user", _said(username="user_name", reason="why")),
    audit_pb2.AUDIT_ACTION_SESSION_DELETED: Kind("LOGOUT", "user", _said(userId="user_id"), "user_id"),
    audit_pb2.AUDIT_ACTION_PASSWORD_CHANGED: Kind("PASSWORD_CHANGED", "user", _OF_USER, "user_id"),
    audit_pb2.AUDIT_ACTION_PASSWORD_RESET: Kind(
        "PASSWORD_RESET", "user", _said(adminId="actor", targetUserId="user_id", targetUsername="user_name"), "user_id"
    ),
    audit_pb2.AUDIT_ACTION_USER_CREATED: Kind(
        "USER_CREATED", "user", _said(adminId="actor", newUserId="user_id", newUsername="user_name", role="role"), "user_id"
    ),
    audit_pb2.AUDIT_ACTION_USER_UPDATED: Kind("USER_UPDATED", "user", _changes, "user_id"),
    audit_pb2.AUDIT_ACTION_USER_DELETED: Kind(
        "USER_DELETED", "user", _said(adminId="actor", deletedUserId="user_id", deletedUsername="user_name"), "user_id"
    ),
    audit_pb2.AUDIT_ACTION_LIBRARY_UPLOADED: Kind("FILE_UPLOADED", "file", _of_files("files")),
    audit_pb2.AUDIT_ACTION_LIBRARY_DELETED: Kind("FILE_DELETED", "file", _of_files("ids")),
    audit_pb2.AUDIT_ACTION_KEY_CREATED: Kind(
        "API_KEY_CREATED", "api_key", _said(userId="user_id", keyId="user_key_id", keyName="name"), "user_key_id"
    ),
    audit_pb2.AUDIT_ACTION_KEY_REVOKED: Kind("API_KEY_DELETED", "api_key", _said(userId="user_id", keyId="user_key_id"), "user_key_id"),
    audit_pb2.AUDIT_ACTION_ROLE_CREATED: Kind("ROLE_CREATED", "role", _OF_ROLE),
    audit_pb2.AUDIT_ACTION_ROLE_UPDATED: Kind("ROLE_UPDATED", "role", _said(adminId="actor", roleId="role_id")),
    audit_pb2.AUDIT_ACTION_ROLE_DELETED: Kind("ROLE_DELETED", "role", _OF_ROLE),
}
"""Every action that SnapOtter knows; others are not shown."""
ACTIONS = {kind.name: action for action, kind in KINDS.items()}


def _id(entry: audit_pb2.AuditEntry, kind: Kind) -> str:
    """A UUID (version 4), the same each time. Numbers of entries are unique within a service, and `files` holds those about files."""
    service = "files" if kind.target == "file" else "accounts"
    digest = hashlib.blake2b(f"{service} {entry.id}".encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def entry_fields(entry: audit_pb2.AuditEntry) -> dict[str, object]:
    """An entry in SnapOtter's form."""
    kind, actor = KINDS[entry.action], entry.actor
    details = kind.details(entry)
    person = actor.name if actor.kind == audit_pb2.AUDIT_ACTOR_KIND_USER else ""
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


_LIST = pb.DESCRIPTOR.services_by_name["AuditService"].methods_by_name["ListAuditEntries"]
_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,9})(?![0-9])")
_LIMIT, _MOST, _LAST_PAGE = 50, 100, 10**9
_YEARS = range(1, 9999)


class Audit:
    """Asks accounts on behalf of callers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_entries(self, request: Request, identity: Identity) -> Response:
        """One page of the log."""
        said = request.query_params
        page, limit = max(1, _number(said.get("page")) or 1), min(_MOST, max(1, _number(said.get("limit")) or _LIMIT))
        action = said.get("action")
        if action and action not in ACTIONS:
            return answer({"entries": [], "total": 0, "page": page, "limit": limit})
        asked = pb.ListAuditEntriesRequest(page_size=limit, skip=(page - 1) * limit, count=True)
        asked.actions.extend([ACTIONS[action]] if action else ACTIONS.values())
        if (since := _moment(said.get("from"))) is not None:
            asked.start_time.CopyFrom(since)
        if (until := _moment(said.get("to"))) is not None:
            # Entries are shown with milliseconds, and the last one is included.
            asked.end_time.FromDatetime(until.ToDatetime() + timedelta(milliseconds=1))
        called: Any = await self._backend.call("accounts", _LIST, asked, identity)
        reply: pb.ListAuditEntriesResponse = called.message
        entries = [entry_fields(entry) for entry in reply.entries]
        return answer({"entries": entries, "total": reply.total_size, "page": page, "limit": limit})


def _number(text: str | None) -> int | None:
    """The number that a text begins with; a very large one is cut. None if it does not begin with one."""
    found = _NUMBER.match(text or "")
    if found is not None:
        return int(found[1])
    digits = re.match(r"\s*([+-]?)[0-9]+", text or "")
    return None if digits is None else -1 if digits[1] == "-" else _LAST_PAGE


def _moment(text: str | None) -> Timestamp | None:
    """None for what is no date, and for one that is not of this calendar."""
    moment = read_instant(text) if text else None
    return moment if moment is not None and moment.ToDatetime().year in _YEARS else None
