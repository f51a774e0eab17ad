"""Entries of the audit log about changes, with the values before and after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache

from sqlalchemy import TextClause, text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.actor import Actor
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Transaction

Values = Mapping[str, object]
"""Texts, numbers, truth values, bytes, Hidden, and None for what is not set."""

DETAILS = "CAST(:audit_details AS jsonb)"
"""The details of `audit_sql` in a statement that takes the result of `details` as `audit_details`."""
_LONGEST = 500
"""Characters of a value that is kept unchanged."""
_MOST = 100
"""Values of one entry."""


class Hidden:
    """A value that the log does not show. It differs from any other."""


def details(before: Values | None = None, after: Values | None = None, **others: str | None) -> str:
    """The details of an entry, as JSON: `others`, and `before` and `after` with what differs. None: it was not there, or is no more.

    Long texts and bytes appear by size and digest. No value may be a secret, unless it is Hidden.
    """
    known = {name: value for name, value in others.items() if value is not None}
    names = [name for name in {**(before or {}), **(after or {})} if (before or {}).get(name) != (after or {}).get(name)]
    if len(names) > _MOST:
        known["count"] = str(len(names))
    for side, values in (("before", before), ("after", after)):
        if values is not None and names:
            said = {name[:_LONGEST]: _short(values[name]) for name in names[:_MOST] if values.get(name) is not None}
            known[side] = json.dumps(said, ensure_ascii=False)
    return json.dumps(known, ensure_ascii=False)


async def enter(
    transaction: Transaction,
    action: audit_pb2.AuditAction.ValueType,
    account_id: int,
    resource_id: int = 0,
    *,
    told: str,
    actor: Actor | None = None,
) -> None:
    """Enter a change into the log, in its transaction. `told`: the result of `details`."""
    values = {"account_id": account_id, "resource_id": resource_id, "audit_details": told, **actor_values(actor)}
    await transaction.fetch(_entry(action), values)


@cache
def _entry(action: audit_pb2.AuditAction.ValueType) -> TextClause:
    return text(f"""
WITH changed AS (SELECT CAST(:account_id AS bigint) AS account_id, CAST(:resource_id AS bigint) AS id),
{audit_sql("changed", action, details=DETAILS)}
SELECT 1
""")


def _short(value: object) -> object:
    if isinstance(value, Hidden):
        return "(hidden)"
    if isinstance(value, str) and len(value) > _LONGEST:
        value = value.encode()
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    return value
