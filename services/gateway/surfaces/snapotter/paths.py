"""Paths as clients send them."""

from __future__ import annotations

from starlette.requests import Request


def raw_path(request: Request) -> str:
    """The path as the client sent it, percent-encoded."""
    raw: bytes = request.scope.get("raw_path", request.url.path.encode())
    return raw.partition(b"?")[0].decode("latin-1")
