"""Links with which people sign in once, in PostgreSQL. Each method is one statement; it raises UNAVAILABLE while PostgreSQL is
unreachable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.people import Person
from services.accounts.permissions import ADMIN
from services.accounts.store.familiar_networks import NOTE_NETWORK
from services.accounts.store.people import PERSON_COLUMNS, PERSON_JOINS, person_of
from services.accounts.store.stored_links import ADD_LINK, StoredLink, link_values
from services.platform.audit.actor import Actor
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database

_SWEEP_ROWS = 1000

_FIND = text(f"""
SELECT sign_in_link.person_id IS NULL AS for_first, {PERSON_COLUMNS}
FROM sign_in_link LEFT JOIN (person {PERSON_JOINS}) ON person.account_id = sign_in_link.account_id AND person.id = coalesce(
  sign_in_link.person_id,
  (SELECT min(first.id) FROM person AS first WHERE first.account_id = sign_in_link.account_id AND first.role = :admin)
)
WHERE sign_in_link.sha256 = :sha256 AND sign_in_link.expires_at > :now
""")  # noqa: S608 - put together from constants
_USE = text(f"""
WITH used AS (DELETE FROM sign_in_link WHERE sha256 = :link_sha256 AND expires_at > :now RETURNING 1),
owner AS (SELECT * FROM person WHERE id = :person_id AND EXISTS (SELECT FROM used) FOR SHARE),
added AS (
  INSERT INTO session (person_id, sha256, expires_at, by_link) SELECT id, :sha256, :expires_at, true FROM owner RETURNING id
),
{NOTE_NETWORK},
{
    audit_sql(
        "owner",
        audit_pb2.AUDIT_ACTION_SESSION_CREATED,
        details="jsonb_build_object('user_id', public_id, 'user_name', name, 'by', 'sign_in_link')",
    )
}
SELECT id FROM added
""")  # noqa: S608 - put together from constants
_SWEEP = text("""
DELETE FROM sign_in_link WHERE sha256 IN (
  SELECT sha256 FROM sign_in_link WHERE expires_at <= :now LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING 1
""")


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link that has neither been used nor expired."""

    person: Person | None
    """Whom it signs in; None if there is nobody, or the person is gone."""
    for_first: bool
    """Whether it is for the first administrator at the time of its use."""


class LinkStore:
    """The links of accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account_id: int, person: Person | None, link: StoredLink) -> None:
        """Add a link for a person, or for the first administrator (None)."""
        person_id, name = (person.id, person.name) if person is not None else (None, "")
        await self._database.fetch(ADD_LINK, link_values(account_id, person_id, name, link))

    async def find(self, sha256: bytes, now: datetime) -> SignInLink | None:
        """The link with that token, unless it has been used or has expired."""
        rows = await self._database.fetch(_FIND, {"sha256": sha256, "now": now, "admin": ADMIN})
        if not rows:
            return None
        return SignInLink(person_of(rows[0]) if rows[0]["id"] is not None else None, rows[0]["for_first"])

    async def use(
        self, link_sha256: bytes, now: datetime, person: Person, sha256: bytes, expires_at: datetime, network: str, actor: Actor
    ) -> bool:
        """Use up the link with that token for a session of a person; False if that has been done, it has expired, or the person is gone."""
        values = {
            "link_sha256": link_sha256,
            "now": now,
            "person_id": person.id,
            "sha256": sha256,
            "expires_at": expires_at,
            "network": network,
            **actor_values(actor),
        }
        return bool(await self._database.fetch(_USE, values))

    async def sweep(self, now: datetime) -> bool:
        """Delete one batch of expired links; True if there may be more."""
        return len(await self._database.fetch(_SWEEP, {"now": now, "limit": _SWEEP_ROWS})) == _SWEEP_ROWS
