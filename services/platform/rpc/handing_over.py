"""Contents that a service hands to another one of its process along with a call: within messages they would be copied again and again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from services.platform.rpc.json_messages import invalid
from services.platform.rpc.local_channel import LocalChannel

_NUMBER_BITS = 62
_contents: dict[int, bytes] = {}


def stays_here(channel: grpc.aio.Channel) -> bool:
    """Whether calls over a channel stay in this process."""
    return isinstance(channel, LocalChannel)


@contextmanager
def handing_over(content: bytes) -> Iterator[int]:
    """The number by which other services of this process find the content, inside the block."""
    number = 1 + secrets.randbits(_NUMBER_BITS)
    _contents[number] = content
    try:
        yield number
    finally:
        del _contents[number]


def handed_over(number: int) -> bytes:
    """The content with a number. Raises FIELD_INVALID for a number that no call that is still waited for has."""
    content = _contents.get(number)
    if content is None:
        raise invalid("handed_over", "is not the number of a content in this process")
    return content
