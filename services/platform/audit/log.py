"""A service's part of the audit log in its database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.actions import action_text
from services.platform.audit.actor import Actor, ActorKind, current_actor
from services.platform.clock import Clock
from services.platform.database import Database
from services.platform.rpc.trace import current_trace_id

_USER_AGENT_LENGTH = 300
_BATCH = 1000
SWEEP_SECONDS = 600.0
"""Seconds between sweeps for expired entries."""

CREATE_TABLE = """
CREATE TABLE audit (
    id bigint NOT NULL DEFAULT next_id(),
    time timestamptz NOT NULL DEFAULT now(),
    account_id bigint NOT NULL,
    action text NOT NULL,
    resource_id bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_name text NOT NULL,
    key_id bigint,
    address text,
    user_agent text,
    request_id text NOT NULL,
    details jsonb NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id)
)
"""
CREATE_INDEXES = (
    "CREATE INDEX audit_of_account ON audit (account_id, time, id)",
    "CREATE INDEX audit_by_time ON audit (time)",
)

CREATE_COUNTING_INDEX = "CREATE INDEX audit_counted ON audit (account_id, time, id) INCLUDE (action, resource_id, key_id)"
_NOTHING = "CAST('{}' AS jsonb)"
_ACTOR_ID = "actor_user_id"
"""Among the details, the id of the person who acted."""

_WANTED = """
WHERE account_id = :account_id AND (time, id) < (:before_time, :before_id)
  AND (CAST(:since AS timestamptz) IS NULL OR time >= :since)
  AND (CAST(:actions AS text[]) IS NULL OR action = ANY(:actions))
  AND (CAST(:resource_id AS bigint) IS NULL OR resource_id = :resource_id)
  AND (CAST(:key_id AS bigint) IS NULL OR key_id = :key_id)
"""
# Entries that are skipped are counted in the index only.
_PAGE = text(f"""
WITH wanted AS (SELECT id AS wanted_id FROM audit {_WANTED} ORDER BY time DESC, id DESC LIMIT :limit OFFSET :skip)
SELECT audit.* FROM wanted JOIN audit ON audit.id = wanted_id ORDER BY time DESC, id DESC
""")  # noqa: S608 - put together from constants
_COUNT = text(f"SELECT count(*) AS total FROM audit {_WANTED}")  # noqa: S608 - put together from constants
_SWEEP = text("""
WITH expired AS (SELECT id FROM audit WHERE time <= :before ORDER BY time LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM audit USING expired WHERE audit.id = expired.id RETURNING 1
""")

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was done."""

    id: int
    time: datetime
    action: str
    """Such as `key.created`."""
    resource_id: int
    actor: Actor
    request_id: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries of an account are asked for; None and empty mean any."""

    account_id: int
    actions: Sequence[str] = ()
    resource_id: int | None = None
    key_id: int | None = None
    since: datetime | None = None
    before: tuple[datetime, int] = (END_OF_TIME, 0)
    """The time and id that entries must be below."""


def audit_sql(made: str, action: audit_pb2.AuditAction.ValueType, *, details: str = "", resource: str = "id", name: str = "audited") -> str:
    """The part of a changing statement that enters the change into the log: the only INSERT into `audit`.

    `made` names the part that makes the change: each of its rows becomes an entry, and has `account_id` and the column `resource`.
    `details` is SQL for a jsonb object of texts; a null in it is left out. The statement takes the values of `actor_values`. Details must
    not contain secrets, nor what users store but names of files.
    """
    particulars = f"{details or _NOTHING} || jsonb_build_object('{_ACTOR_ID}', CAST(:actor_user_id AS text))"
    return f"""
{name} AS (
  INSERT INTO audit (account_id, action, resource_id, details, actor_kind, actor_name, key_id, address, user_agent, request_id)
  SELECT account_id, '{action_text(action)}', {resource}, jsonb_strip_nulls({particulars}),
    :actor_kind, :actor_name, :actor_key_id, :actor_address, :actor_user_agent, :actor_request_id
  FROM {made}
)"""  # noqa: S608 - put together from constants


def actor_values(actor: Actor | None = None) -> dict[str, Any]:
    """The values for a statement with `audit_sql`: who makes the current call, unless it is known better."""
    actor = actor or current_actor()
    return {
        "actor_kind": actor.kind.value,
        "actor_name": actor.name,
        "actor_key_id": actor.key_id,
        "actor_address": actor.address,
        "actor_user_agent": actor.user_agent[:_USER_AGENT_LENGTH] if actor.user_agent is not None else None,
        "actor_request_id": current_trace_id(),
        "actor_user_id": actor.user_id,
    }


class AuditLog:
    """Reads and sweeps a service's part of the log. Entries are kept for `life`."""

    def __init__(self, database: Database, life: timedelta, clock: Clock) -> None:
        self._database, self._life, self._clock = database, life, clock

    async def page(self, query: AuditQuery, limit: int, skip: int = 0) -> list[AuditEntry]:
        """Up to `limit` entries, newest first, after `skip` others. Raises UNAVAILABLE."""
        return [_entry(row) for row in await self._database.fetch(_PAGE, {**_values(query), "limit": limit, "skip": skip})]

    async def count(self, query: AuditQuery) -> int:
        """How many entries there are. Raises UNAVAILABLE."""
        [row] = await self._database.fetch(_COUNT, _values(query))
        total: int = row["total"]
        return total

    async def sweep(self) -> bool:
        """Delete one batch of expired entries; True if there may be more."""
        values = {"before": self._clock() - self._life, "limit": _BATCH}
        return len(await self._database.fetch(_SWEEP, values)) == _BATCH


def _values(query: AuditQuery) -> dict[str, Any]:
    before_time, before_id = query.before
    return {
        "account_id": query.account_id,
        "before_time": before_time,
        "before_id": before_id,
        "since": query.since,
        "actions": list(query.actions) or None,
        "resource_id": query.resource_id,
        "key_id": query.key_id,
    }


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    details = dict(row["details"])
    user_id = details.pop(_ACTOR_ID, None)
    actor = Actor(ActorKind(row["actor_kind"]), row["actor_name"], row["key_id"], row["address"], row["user_agent"], user_id)
    return AuditEntry(row["id"], row["time"], row["action"], row["resource_id"], actor, row["request_id"], details)
