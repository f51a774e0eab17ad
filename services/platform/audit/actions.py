"""Actions as text: `key.created` for AUDIT_ACTION_KEY_CREATED."""

from __future__ import annotations

from collections.abc import Mapping

from darkroom.common.v1 import audit_pb2

_PREFIX = "AUDIT_ACTION_"


def _text(name: str) -> str:
    return name.removeprefix(_PREFIX).lower().replace("_", ".", 1)


ACTIONS: Mapping[str, audit_pb2.AuditAction.ValueType] = {
    _text(name): value for name, value in audit_pb2.AuditAction.items() if value != audit_pb2.AUDIT_ACTION_UNSPECIFIED
}
"""Every action, by its text."""
_TEXTS = {action: text for text, action in ACTIONS.items()}


def action_text(action: audit_pb2.AuditAction.ValueType) -> str:
    """The text of an action; `unknown` for one that this version does not know."""
    return _TEXTS.get(action, "unknown")
