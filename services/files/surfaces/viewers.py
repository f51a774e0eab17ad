"""As whom a caller sees the library."""

from __future__ import annotations

from services.files.domain.shelf import EVERYBODYS
from services.files.records import Viewer
from services.platform.identity import current_identity


def current_viewer() -> Viewer:
    """The caller of the RPC being served."""
    identity = current_identity()
    return Viewer(identity.account_id, identity.user.id if identity.user is not None else "", identity.permits(EVERYBODYS))
