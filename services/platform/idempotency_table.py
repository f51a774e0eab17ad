"""The columns of idempotency keys, for migrations: services, which run statements, do without SQLModel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, Text
from sqlmodel import Field, SQLModel


class IdempotencyColumns(SQLModel):
    """The columns of a service's `idempotency` table, which its migration makes with `idempotency.CREATE_TABLE` and `CREATE_INDEX`."""

    account_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    method: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    resource_ids: list[int] = Field(sa_type=ARRAY(BigInteger))
    expire_time: datetime = Field(sa_type=DateTime(timezone=True), index=True)
