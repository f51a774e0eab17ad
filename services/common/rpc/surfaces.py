"""How each compatibility surface words an error.

A servicer raises `DarkroomError`; a surface turns it into the HTTP status and JSON body that its clients know. They travel to the edge as
trailers, and the edge's Lua puts them into the response.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from services.common.errors import DarkroomError

ERROR_BODY = "x-error-body"
HTTP_STATUS = "x-http-status"
RETRY_AFTER = "retry-after"

Renderer = Callable[[DarkroomError], tuple[int, dict[str, object]]]


def rest(error: DarkroomError) -> tuple[int, dict[str, object]]:
    """Pilio's envelope: an integer `code`, a message, and `data` with the reason in lower case and, if known, the field.

    `data` is an object in every refusal, whoever makes it: so says Pilio's OpenAPI document, although its prose shows null for one.
    """
    data: dict[str, object] = {"error_code": error.reason.value.lower()}
    if error.field is not None:
        data["field"] = error.field
    if error.allowed:
        data["allowed"] = list(error.allowed)
    return error.http_status, {"code": error.reason.mapping.pilio, "message": error.message, "data": data}


def neutral(error: DarkroomError) -> tuple[int, dict[str, object]]:
    """JSON outside of any compatibility surface. Only the edge and the authorisation of requests answer there."""
    return error.http_status, {"error": {"reason": error.reason.value, "message": error.message}}


RENDERERS: dict[str, Renderer] = {"rest": rest}


def error_trailers(surface: str, error: DarkroomError) -> tuple[tuple[str, str], ...]:
    """Trailers that carry the error in the surface's own shape; none for native services."""
    renderer = RENDERERS.get(surface)
    if renderer is None:
        return ()
    status, body = renderer(error)
    trailers = ((HTTP_STATUS, str(status)), (ERROR_BODY, json.dumps(body, ensure_ascii=True, separators=(",", ":"))))
    return trailers if error.advised_wait is None else (*trailers, (RETRY_AFTER, str(error.advised_wait)))
