"""Events as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from google.api import httpbody_pb2

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context
from services.platform.rpc.surfaces import HTTP_STATUS

NOTHING_MORE = ((HTTP_STATUS, "204"),)
"""Headers of an empty answer, which makes browsers stop reconnecting."""
HEADERS = (("cache-control", "no-store"), ("x-accel-buffering", "no"))
"""Headers of a stream: no intermediary may cache or buffer it."""

RECONNECT_SOON = b"retry: 1000\n\n"
"""The first message of a stream that can be resumed."""
COMMENT = b":\n\n"
"""A message without a meaning for clients. Some take `retry` for an event without data."""

_LONGEST_NUMBER = 15
Event = TypeVar("Event")


def last_event_id(context: Context) -> int:
    """The number of the last event that the client has, 0 for none. Raises FIELD_INVALID."""
    text = str(dict(context.invocation_metadata() or ()).get("last-event-id", "")).strip() or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, "Last-Event-ID: must be the id of an event of this stream, or left out.", field="Last-Event-ID"
        )
    return int(text)


def server_sent_event(number: int, data: str, kind: str = "") -> bytes:
    """One event, of a named kind if that is not the usual one; `data` holds no line break."""
    named = f"event: {kind}\n" if kind else ""
    return f"id: {number}\n{named}data: {data}\n\n".encode()


async def event_stream(
    events: AsyncGenerator[Event, None], render: Callable[[Event], bytes], heartbeat: float, begin: bytes = RECONNECT_SOON
) -> AsyncIterator[httpbody_pb2.HttpBody]:
    """The chunks of the body: the events, and a comment whenever there was none for `heartbeat` seconds."""
    yield httpbody_pb2.HttpBody(content_type="text/event-stream", data=begin)
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=heartbeat)
            if not upcoming.done():
                yield httpbody_pb2.HttpBody(data=COMMENT)
                continue
            event = upcoming.result()
            if event is None:
                return
            yield httpbody_pb2.HttpBody(data=render(event))
            upcoming = asyncio.ensure_future(anext(events, None))
    finally:
        upcoming.cancel()
        await asyncio.wait({upcoming})
        await events.aclose()
