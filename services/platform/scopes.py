"""Whether a caller may make a call."""

from __future__ import annotations

from darkroom.common.v1 import scope_pb2
from darkroom.common.v1.scopes import scope_text
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity, UserIdentity


def require_scope(needed: scope_pb2.Scope.ValueType, caller: Identity) -> None:
    """Raise PERMISSION_DENIED unless the caller may make a call that needs the scope `needed`; PASSWORD_CHANGE_REQUIRED where the password
    has to be changed first."""
    given = caller.scopes
    if given is None or needed == scope_pb2.SCOPE_ANY:
        return
    require_changed_password(caller.user)
    if needed == scope_pb2.SCOPE_UNSPECIFIED:
        raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This call needs a key without scope limits.")
    wanted = scope_text(needed)
    if wanted not in given:
        raise DarkroomError(
            ErrorReason.PERMISSION_DENIED,
            f"This key lacks the scope {wanted}, which this call needs.",
            metadata={"scope": wanted},
        )


def require_changed_password(user: UserIdentity | None) -> None:
    """Raise PASSWORD_CHANGE_REQUIRED for the session of a person who has to change the password before anything else."""
    if user is not None and user.must_change:
        ways = "SessionsService.ChangePassword, or POST /v1/sessions/current/password"
        message = f"Password change required: change it with {ways}, then call again."
        raise DarkroomError(ErrorReason.PASSWORD_CHANGE_REQUIRED, message)
