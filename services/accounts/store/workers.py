"""Workers and the tokens with which they join, in PostgreSQL. Each method is one statement; it raises UNAVAILABLE while PostgreSQL is
unreachable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.workers import Invitation, Worker
from services.platform.audit.actor import Actor
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database

_SWEEP_ROWS = 1000
_WORKER = "id, name, public_key, certificate, certificate_expires_at, version, joined_at, renewed_at, revoked_at"

_INVITE = text(f"""
WITH invited AS (
  INSERT INTO worker_token (account_id, name, expires_at) VALUES (:account_id, CAST(:name AS text), :expires_at) RETURNING *
),
{
    audit_sql(
        "invited",
        audit_pb2.AUDIT_ACTION_WORKER_INVITED,
        details="jsonb_build_object('worker_name', name, 'expires_at', CAST(expires_at AS text))",
    )
}
SELECT id FROM invited
""")  # noqa: S608 - put together from constants
_INVITATION = text("SELECT id, account_id, name, expires_at, request_sha256, worker_id FROM worker_token WHERE id = :id")
_NEXT_ID = text("SELECT next_id() AS id")
# A second machine with the same token waits for the first, and then finds it used. One whose name is taken leaves the token unused.
_JOIN = text(f"""
WITH token AS (
  SELECT id, account_id FROM worker_token WHERE id = :token_id AND request_sha256 IS NULL AND expires_at > :now FOR UPDATE
),
joined AS (
  INSERT INTO worker (id, account_id, name, public_key, certificate, certificate_expires_at, version)
  SELECT :id, account_id, :name, :public_key, :certificate, :certificate_expires_at, :version FROM token
  ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
  RETURNING *
),
used AS (
  UPDATE worker_token SET request_sha256 = :request_sha256, worker_id = joined.id FROM joined WHERE worker_token.id = :token_id
),
{audit_sql("joined", audit_pb2.AUDIT_ACTION_WORKER_JOINED, details="jsonb_build_object('worker_name', name, 'version', version)")}
SELECT {_WORKER} FROM joined
""")  # noqa: S608 - put together from constants
_BY_ID = text(f"SELECT {_WORKER} FROM worker WHERE id = :id")  # noqa: S608 - constants
_ALL = text(f"SELECT {_WORKER} FROM worker ORDER BY id")  # noqa: S608 - constants
_RENEW = text(f"""
UPDATE worker SET renewed_at = now(), version = :version, certificate = :certificate, certificate_expires_at = :certificate_expires_at
WHERE id = :id AND revoked_at IS NULL
RETURNING {_WORKER}
""")  # noqa: S608 - constants
_REVOKE = text(f"""
WITH revoked AS (UPDATE worker SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL RETURNING *),
{audit_sql("revoked", audit_pb2.AUDIT_ACTION_WORKER_REVOKED, details="jsonb_build_object('worker_name', name)")}
SELECT {_WORKER} FROM revoked
""")  # noqa: S608 - put together from constants
_SWEEP = text("""
DELETE FROM worker_token WHERE id IN (
  SELECT id FROM worker_token WHERE expires_at <= :before LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING 1
""")


class WorkerStore:
    """The workers of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invite(self, account_id: int, name: str | None, expires_at: datetime) -> int:
        """Add a token; returns its id."""
        values = {"account_id": account_id, "name": name, "expires_at": expires_at, **actor_values()}
        [row] = await self._database.fetch(_INVITE, values)
        return int(row["id"])

    async def invitation(self, token_id: int) -> Invitation | None:
        """The token with that id, used or expired ones included, until it is swept."""
        rows = await self._database.fetch(_INVITATION, {"id": token_id})
        return Invitation(**rows[0]) if rows else None

    async def next_id(self) -> int:
        """An id for a worker, which its certificate will hold."""
        [row] = await self._database.fetch(_NEXT_ID)
        return int(row["id"])

    async def join(self, invitation: Invitation, now: datetime, request_sha256: bytes, worker: Worker, actor: Actor) -> Worker | None:
        """Add a worker and use up its token; None if that has been done, it has expired, or the name is taken."""
        values = {
            "token_id": invitation.id,
            "now": now,
            "request_sha256": request_sha256,
            "id": worker.id,
            "name": worker.name,
            "public_key": worker.public_key,
            "certificate": worker.certificate,
            "certificate_expires_at": worker.certificate_expires_at,
            "version": worker.version,
            **actor_values(actor),
        }
        return _first(await self._database.fetch(_JOIN, values))

    async def worker(self, worker_id: int) -> Worker | None:
        """A worker, also a revoked one."""
        return _first(await self._database.fetch(_BY_ID, {"id": worker_id}))

    async def workers(self) -> Sequence[Worker]:
        """All workers, the oldest first, revoked ones included."""
        return [Worker(**row) for row in await self._database.fetch(_ALL)]

    async def renew(self, worker_id: int, version: str, certificate: str, certificate_expires_at: datetime) -> Worker | None:
        """Note that a worker was here; None for one that has been revoked."""
        values = {"id": worker_id, "version": version, "certificate": certificate, "certificate_expires_at": certificate_expires_at}
        return _first(await self._database.fetch(_RENEW, values))

    async def revoke(self, name: str) -> Worker | None:
        """Revoke the worker of that name; None if there is none."""
        return _first(await self._database.fetch(_REVOKE, {"name": name, **actor_values()}))

    async def sweep(self, before: datetime) -> bool:
        """Delete one batch of tokens that expired before a moment; True if there may be more."""
        return len(await self._database.fetch(_SWEEP, {"before": before, "limit": _SWEEP_ROWS})) == _SWEEP_ROWS


def _first(rows: Sequence[Mapping[str, Any]]) -> Worker | None:
    return Worker(**rows[0]) if rows else None
