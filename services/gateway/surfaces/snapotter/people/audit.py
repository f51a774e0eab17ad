"""The audit log: what accounts says, in SnapOtter's JSON."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import audit_service_pb2 as pb
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.people.audit_entries import ACTIONS, shown
from services.gateway.surfaces.snapotter.times import read_instant
from services.platform.identity import Identity

_LIST = pb.DESCRIPTOR.services_by_name["AuditService"].methods_by_name["ListAuditEntries"]
_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,9})(?![0-9])")
_LIMIT, _MOST, _LAST_PAGE = 50, 100, 10**9
_YEARS = range(1, 9999)


class Audit:
    """Asks accounts on behalf of callers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_entries(self, request: Request, identity: Identity) -> Response:
        """One page of the log."""
        said = request.query_params
        page, limit = max(1, _number(said.get("page")) or 1), min(_MOST, max(1, _number(said.get("limit")) or _LIMIT))
        action = said.get("action")
        if action and action not in ACTIONS:
            return answer({"entries": [], "total": 0, "page": page, "limit": limit})
        asked = pb.ListAuditEntriesRequest(page_size=limit, skip=(page - 1) * limit, count=True)
        asked.actions.extend([ACTIONS[action]] if action else ACTIONS.values())
        if (since := _moment(said.get("from"))) is not None:
            asked.start_time.CopyFrom(since)
        if (until := _moment(said.get("to"))) is not None:
            # Entries are shown with milliseconds, and the last one is included.
            asked.end_time.FromDatetime(until.ToDatetime() + timedelta(milliseconds=1))
        called: Any = await self._backend.call("accounts", _LIST, asked, identity)
        reply: pb.ListAuditEntriesResponse = called.message
        entries = [shown(entry) for entry in reply.entries]
        return answer({"entries": entries, "total": reply.total_size, "page": page, "limit": limit})


def _number(text: str | None) -> int | None:
    """The number that a text begins with; a very large one is cut. None if it does not begin with one."""
    found = _NUMBER.match(text or "")
    if found is not None:
        return int(found[1])
    digits = re.match(r"\s*([+-]?)[0-9]+", text or "")
    return None if digits is None else -1 if digits[1] == "-" else _LAST_PAGE


def _moment(text: str | None) -> Timestamp | None:
    """None for what is no date, and for one that is not of this calendar."""
    moment = read_instant(text) if text else None
    return moment if moment is not None and moment.ToDatetime().year in _YEARS else None
