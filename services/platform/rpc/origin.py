"""The address by which a client has reached the platform."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

ORIGIN_HEADER = "x-darkroom-origin"
"""Such as `https://media.example.com:8443`; the edge sets it, from DARKROOM_PUBLIC_URL or the request's host. Never a client's own."""


def origin_of(context: Context) -> str:
    """The scheme, host and port for URLs that lead this client back; empty for a call that did not come through the edge."""
    for name, value in context.invocation_metadata() or ():
        if name == ORIGIN_HEADER and isinstance(value, str):
            return value
    return ""
