"""Error codes of the JSON API, as `darkroom/rest/v1/surface.proto` lists them."""

from __future__ import annotations

from services.platform.errors import ErrorReason
from services.platform.rpc import catalogue


def error_code(reason: ErrorReason) -> int:
    """The integer `code` of a reason."""
    code = catalogue.surface("rest").code(reason)
    assert isinstance(code, int), reason
    return code
