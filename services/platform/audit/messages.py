"""Entries of the audit log as protobuf messages."""

from __future__ import annotations

from datetime import UTC

from darkroom.common.v1 import audit_pb2
from services.platform.audit.actions import ACTIONS, action_text
from services.platform.audit.actor import Actor, ActorKind
from services.platform.audit.log import AuditEntry

_KINDS = {
    ActorKind.KEY: audit_pb2.AUDIT_ACTOR_KIND_KEY,
    ActorKind.OPERATOR: audit_pb2.AUDIT_ACTOR_KIND_OPERATOR,
    ActorKind.SERVICE: audit_pb2.AUDIT_ACTOR_KIND_SERVICE,
    ActorKind.USER: audit_pb2.AUDIT_ACTOR_KIND_USER,
}
_KINDS_BACK = {number: kind for kind, number in _KINDS.items()}


def message_of(entry: AuditEntry) -> audit_pb2.AuditEntry:
    actor = entry.actor
    message = audit_pb2.AuditEntry(
        id=entry.id,
        action=ACTIONS.get(entry.action, audit_pb2.AUDIT_ACTION_UNSPECIFIED),
        resource_id=entry.resource_id,
        actor=actor_message(actor),
        address=actor.address or "",
        user_agent=actor.user_agent or "",
        request_id=entry.request_id,
        details=entry.details,
    )
    message.time.FromDatetime(entry.time)
    return message


def actor_message(actor: Actor) -> audit_pb2.AuditActor:
    return audit_pb2.AuditActor(kind=_KINDS[actor.kind], key_id=actor.key_id or 0, name=actor.name, user_id=actor.user_id or "")


def actor_of(said: audit_pb2.AuditActor, address: str, user_agent: str) -> Actor:
    """The actor of a message."""
    kind = _KINDS_BACK.get(said.kind, ActorKind.SERVICE)
    return Actor(kind, said.name, said.key_id or None, address or None, user_agent or None, said.user_id or None)


def entry_of(message: audit_pb2.AuditEntry) -> AuditEntry:
    return AuditEntry(
        message.id,
        message.time.ToDatetime(tzinfo=UTC),
        action_text(message.action),
        message.resource_id,
        actor_of(message.actor, message.address, message.user_agent),
        message.request_id,
        dict(message.details),
    )
