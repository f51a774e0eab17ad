"""How links for signing in once are added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import actor_values, audit_sql

ADD_LINK = text(f"""
WITH added AS (
  INSERT INTO sign_in_link (sha256, account_id, person_id, expires_at)
  VALUES (:sha256, :account_id, CAST(:person_id AS bigint), :expires_at) RETURNING account_id, coalesce(person_id, 0) AS person_id
),
{
    audit_sql(
        "added",
        audit_pb2.AUDIT_ACTION_SESSION_LINK_CREATED,
        resource="person_id",
        details="jsonb_build_object('user_name', CAST(:name AS text), 'expires_at', CAST(CAST(:expires_at AS timestamptz) AS text))",
    )
}
SELECT 1
""")  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link as it is stored."""

    sha256: bytes
    """The digest of its token."""
    expires_at: datetime


def link_values(account_id: int, person_id: int | None, name: str, link: StoredLink) -> dict[str, Any]:
    """The values for ADD_LINK: whom the link signs in, None for the first administrator."""
    values = {"account_id": account_id, "person_id": person_id, "name": name}
    return {**values, "sha256": link.sha256, "expires_at": link.expires_at, **actor_values()}
