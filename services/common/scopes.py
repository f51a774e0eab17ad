"""Whether a key may make a call."""

from __future__ import annotations

from darkroom.common.v1 import scope_pb2
from darkroom.common.v1.scopes import scope_text
from services.common.errors import DarkroomError, ErrorReason


def require_scope(needed: scope_pb2.Scope.ValueType, given: frozenset[str] | None) -> None:
    """Raise PERMISSION_DENIED unless a key with the scopes `given` (None: all of them) may make a call that needs `needed`."""
    if given is None or needed == scope_pb2.SCOPE_ANY:
        return
    if needed == scope_pb2.SCOPE_UNSPECIFIED:
        raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This call needs a key without scope limits.")
    wanted = scope_text(needed)
    if wanted not in given:
        raise DarkroomError(
            ErrorReason.PERMISSION_DENIED,
            f"This key lacks the scope {wanted}, which this call needs.",
            metadata={"scope": wanted},
        )
