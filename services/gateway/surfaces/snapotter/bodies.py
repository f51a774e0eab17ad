"""JSON bodies of requests."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from services.gateway.surfaces.snapotter.errors import Refusal

_MOST_BYTES = 1 << 20
_JSON = ("application/json", "")


async def json_body(request: Request, most_bytes: int = _MOST_BYTES) -> Any:
    """The body of a request; `{}` for an empty one. Raises `Refusal` for another type, for what is no JSON, and for too much.

    A body of another type is refused at its first byte: a form may take hours to arrive, and nobody has to sign in for some calls.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for chunk in request.stream():
        if chunk and kind not in _JSON:
            raise Refusal(415, f"Unsupported Media Type: {kind}")
        body += chunk
        if len(body) > most_bytes:
            raise Refusal(413, "Request body is too large", details=f"At most {most_bytes} bytes are allowed.")
    if not body.strip():
        return {}
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refusal(400, "Body is not valid JSON", details="The body must be JSON text in UTF-8.") from None


def text_of(body: object, name: str) -> str | None:
    """A field of a body; None if it is absent, null or no text."""
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None


def storable(text: str) -> str:
    """A text that a message and a database can hold: NUL becomes another character that no name has, and half a surrogate pair, too."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
