"""Requests that cannot be read, or hold text that cannot be stored: the interceptor refuses them like any other bad input.

gRPC itself would answer UNKNOWN, with the text of Python's exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from darkroom.common.v1 import options_pb2
from services.platform.errors import DarkroomError, ErrorReason

Deserialize = Callable[[bytes], object]
_MANY = 12
"""Fields: of more, a message is asked at once which of them it has."""


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


@dataclass(frozen=True, slots=True)
class _Place:
    """A field in which text may be."""

    name: str
    is_map: bool
    is_repeated: bool
    has_presence: bool


@cache
def _places(message: Descriptor) -> Sequence[_Place]:
    """Those of a kind of message. Bytes are none, as reading them copies them."""
    return [
        _Place(
            field.name, (inner := field.message_type) is not None and inner.GetOptions().map_entry, field.is_repeated, field.has_presence
        )
        for field in message.fields
        if field.type == FieldDescriptor.TYPE_STRING or ((inner := field.message_type) is not None and _has_places(inner))
    ]


def _has_places(message: Descriptor) -> bool:
    return any(field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE) for field in message.fields)


def _nul(message: Message) -> str | None:
    """The path of the first text that holds U+0000."""
    places = _places(message.DESCRIPTOR)
    if len(places) > _MANY:
        present = {field.name for field, _ in message.ListFields()}
        places = [place for place in places if place.name in present]
    for place in places:
        if place.has_presence and not message.HasField(place.name):
            continue
        value = getattr(message, place.name)
        if place.is_map:
            values = [(f"[{key}]".replace("\0", "\ufffd"), one) for key, item in value.items() for one in (key, item)]
        else:
            values = [(f"[{index}]", one) for index, one in enumerate(value)] if place.is_repeated else [("", value)]
        for key, one in values:
            if isinstance(one, str):
                if "\0" in one:
                    return f"{place.name}{key}"
            elif isinstance(one, Message) and (found := _nul(one)) is not None:
                return f"{place.name}{key}.{found}"
    return None
