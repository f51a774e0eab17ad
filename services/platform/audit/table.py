"""The columns and indexes of audit logs, for migrations: services, which run statements, do without SQLModel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class AuditColumns(SQLModel):
    """The columns of a service's `audit` table, which its migration makes with `log.CREATE_TABLE` and `CREATE_INDEXES`."""

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False, "server_default": text("next_id()")})
    time: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")})
    account_id: int = Field(sa_type=BigInteger)
    action: str = Field(sa_type=Text)
    resource_id: int = Field(sa_type=BigInteger)
    actor_kind: str = Field(sa_type=Text)
    actor_name: str = Field(sa_type=Text)
    key_id: int | None = Field(None, sa_type=BigInteger)
    address: str | None = Field(None, sa_type=Text)
    user_agent: str | None = Field(None, sa_type=Text)
    request_id: str = Field(sa_type=Text)
    details: dict[str, str] = Field(sa_type=JSONB)


def indexes(*, counted: bool = False) -> tuple[Index, ...]:
    """The indexes of the table, for the `__table_args__` of its class. `counted`: with that of `log.CREATE_COUNTING_INDEX`."""
    # An account's entries, newest first; and those that have expired.
    found = Index("audit_of_account", "account_id", "time", "id"), Index("audit_by_time", "time")
    if not counted:
        return found
    return *found, Index("audit_counted", "account_id", "time", "id", postgresql_include=["action", "resource_id", "key_id"])
