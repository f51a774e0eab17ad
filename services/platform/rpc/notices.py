"""The header `X-Notices`: notices about a result, for the callers of APIs whose replies have no place for them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from darkroom.tasks.v1 import task_pb2
from services.platform.rpc.interceptor import Context

NOTICES = "x-notices"
_LONGEST = 4096
"""Bytes. Notices that do not fit are left out."""


def notices_header(notices: Iterable[task_pb2.Notice]) -> tuple[tuple[str, str], ...]:
    """The header with its value, a JSON list of objects in ASCII; nothing without notices."""
    told: list[dict[str, str]] = []
    value = ""
    for notice in notices:
        one = {"code": notice.code, "message": notice.message}
        longer = json.dumps([*told, one], separators=(",", ":"))
        if one not in told and len(longer) <= _LONGEST:
            told.append(one)
            value = longer
    return ((NOTICES, value),) if value else ()


async def send_notices(context: Context, notices: Iterable[task_pb2.Notice]) -> None:
    """Send the header ahead of a reply, which must have sent no metadata yet."""
    if header := notices_header(notices):
        await context.send_initial_metadata(header)
