"""Tables of workers that join from other machines. `services.accounts.workers` documents the columns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlmodel import Field

from services.accounts.store.table_base import AccountsTable


class WorkerRow(AccountsTable, table=True):
    """A worker that has joined from another machine. A revoked one is kept as a record."""

    __tablename__ = "worker"
    __table_args__ = (Index("worker_by_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),)

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    """The account of the people, in whose audit log it is."""
    name: str = Field(sa_column=Column(Text, nullable=False))
    public_key: str = Field(sa_column=Column(Text, nullable=False))
    certificate: str = Field(sa_column=Column(Text, nullable=False))
    certificate_expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    version: str = Field(sa_column=Column(Text, nullable=False))
    joined_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    renewed_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class WorkerTokenRow(AccountsTable, table=True):
    """A token with which a machine joins as a worker. Its secret is not stored: it is derived from the id."""

    __tablename__ = "worker_token"
    __table_args__ = (
        CheckConstraint("octet_length(request_sha256) = 32", name="worker_token_digest_length"),
        Index("worker_token_expiring", "expires_at"),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    name: str | None = Field(default=None, sa_column=Column(Text))
    """The only name that the worker may have; None: any."""
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    request_sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """The hash of the request that has used it, which may be repeated."""
    worker_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("worker.id")))
    """The machine that has used it."""
