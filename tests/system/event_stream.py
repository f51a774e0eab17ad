"""Server-Sent Events, read as the specification says, as far as this server uses it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Event:
    """One event."""

    id: str
    data: dict[str, Any]
    kind: str = "message"


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of a stream, without what keeps it open."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield Event(fields["id"], json.loads(fields["data"]), fields.get("event", "message"))
            fields = {}
