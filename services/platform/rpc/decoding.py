"""Requests that cannot be read, or hold text that cannot be stored: the interceptor refuses them like any other bad input.

gRPC itself would answer UNKNOWN, with the text of Python's exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from darkroom.common.v1 import options_pb2
from services.platform.errors import DarkroomError, ErrorReason

Deserialize = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class _Unreadable:
    error: DarkroomError


def lenient(deserialize: Deserialize) -> Deserialize:
    """A deserializer that never fails. `require_readable` and `readable` raise what it found."""

    def read(data: bytes) -> object:
        try:
            request = deserialize(data)
        except DecodeError:
            # Text in the path or the query of a JSON call arrives here unchecked.
            message = "The request cannot be read: text must be UTF-8, and a gRPC message must be one of this method's requests."
            return _Unreadable(DarkroomError(ErrorReason.MALFORMED_REQUEST, message))
        # Most messages hold no zero byte at all. PostgreSQL takes none in a text, and one statement may serve many calls.
        if b"\0" in data and isinstance(request, Message) and (field := _refused_text(request)) is not None:
            return _Unreadable(DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: must not contain the character U+0000", field=field))
        return request

    return read


def require_readable(request: object) -> None:
    """Raise MALFORMED_REQUEST or FIELD_INVALID for a request that could not be read."""
    if isinstance(request, _Unreadable):
        raise request.error


async def readable(requests: AsyncIterator[object]) -> AsyncIterator[object]:
    """The requests of a stream. Raises MALFORMED_REQUEST or FIELD_INVALID at the first that could not be read."""
    async for request in requests:
        require_readable(request)
        yield request


def _refused_text(request: Message) -> str | None:
    """The path of the first text that holds U+0000, unless the request may."""
    return None if request.DESCRIPTOR.GetOptions().Extensions[options_pb2.takes_any_text] else _nul(request)


def _values(message: Message) -> Iterable[tuple[FieldDescriptor, Any]]:
    """The fields that are set, with their values; bytes are left out, as reading them copies them."""
    others = _beside_bytes(message.DESCRIPTOR)
    if others is None:
        return message.ListFields()
    return [(field, getattr(message, field.name)) for field in others if not field.has_presence or message.HasField(field.name)]


@cache
def _beside_bytes(message: Descriptor) -> Sequence[FieldDescriptor] | None:
    """The other fields of a message that has bytes."""
    others = [field for field in message.fields if field.type != FieldDescriptor.TYPE_BYTES]
    return others if len(others) < len(message.fields) else None


def _nul(message: Message, prefix: str = "") -> str | None:
    """The path of the first text that holds U+0000."""
    for field, value in _values(message):
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        path = f"{prefix}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            values = [(f"{path}[{key}]".replace("\0", "\ufffd"), one) for key, item in value.items() for one in (key, item)]
        else:
            values = [(f"{path}[{index}]", one) for index, one in enumerate(value)] if field.is_repeated else [(path, value)]
        for place, one in values:
            if isinstance(one, str) and "\0" in one:
                return place
            if isinstance(one, Message) and (found := _nul(one, f"{place}.")) is not None:
                return found
    return None
