"""Requests that are not messages of their method: refused by the interceptor like any other bad input.

gRPC itself would answer UNKNOWN, with the text of Python's exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from google.protobuf.message import DecodeError

from services.common.errors import DarkroomError, ErrorReason

Deserialize = Callable[[bytes], object]

_UNREADABLE = object()


def lenient(deserialize: Deserialize) -> Deserialize:
    """A deserializer that never fails. `require_readable` and `readable` refuse what it could not read."""

    def read(data: bytes) -> object:
        try:
            return deserialize(data)
        except DecodeError:
            return _UNREADABLE

    return read


def require_readable(request: object) -> None:
    """Raise MALFORMED_REQUEST for a request that could not be read."""
    if request is _UNREADABLE:
        # Text in the path or the query of a JSON call arrives here unchecked.
        message = "The request cannot be read: text must be UTF-8, and a gRPC message must be one of this method's requests."
        raise DarkroomError(ErrorReason.MALFORMED_REQUEST, message)


async def readable(requests: AsyncIterator[object]) -> AsyncIterator[object]:
    """The requests of a stream. Raises MALFORMED_REQUEST at the first that could not be read."""
    async for request in requests:
        require_readable(request)
        yield request
