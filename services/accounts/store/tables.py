"""Tables of the accounts database. `services.accounts.records` documents the columns; comments here add to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.accounts.store.table_base import AccountsTable
from services.accounts.store.worker_tables import WorkerRow, WorkerTokenRow
from services.platform.audit.table import AuditColumns, indexes
from services.platform.idempotency_table import IdempotencyColumns

__all__ = ["AccountsTable", "WorkerRow", "WorkerTokenRow"]

_NEW_UUID = "CAST(gen_random_uuid() AS text)"


class AccountRow(AccountsTable, table=True):
    """A tenant: it owns files and tasks."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="account_name_length"),)

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    name: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    request_rate: float | None = Field(default=None, sa_column=Column(Double))
    key_request_rate: float | None = Field(default=None, sa_column=Column(Double))
    max_keys: int | None = Field(default=None, sa_column=Column(Integer))
    max_streams: int | None = Field(default=None, sa_column=Column(Integer))


class ApiKeyRow(AccountsTable, table=True):
    """A key of an account. A revoked one is kept as a record."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="api_key_name_length"),
        CheckConstraint("octet_length(sha256) = 32", name="api_key_digest_length"),
        # Every request at the edge that is not answered from a cache looks up the digest.
        Index("api_key_by_digest", "sha256", unique=True),
        # An account's keys, newest first.
        Index("api_key_of_account", "account_id", "id"),
        # Revocations that are still being announced.
        Index("api_key_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
        # The same for keys that have expired.
        Index("api_key_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        CheckConstraint("cardinality(scopes) > 0", name="api_key_scopes_some"),
        CheckConstraint("cardinality(allowed_networks) > 0", name="api_key_networks_some"),
        # A key is replaced by one other at most.
        Index("api_key_replaced_once", "replaces_id", unique=True, postgresql_where=text("replaces_id IS NOT NULL")),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    prefix: str = Field(sa_column=Column(Text, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    scopes: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    creator_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("api_key.id")))
    replaces_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("api_key.id")))
    allowed_networks: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))


class TeamRow(AccountsTable, table=True):
    """A team of an account's people."""

    __tablename__ = "team"
    __table_args__ = (
        PrimaryKeyConstraint("account_id", "id", name="team_pkey"),
        Index("team_by_name", "account_id", text("lower(name)"), unique=True),
    )

    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    id: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class RoleRow(AccountsTable, table=True):
    """A role of an account's own. Those that every account has are in `services.accounts.permissions`."""

    __tablename__ = "role"
    __table_args__ = (PrimaryKeyConstraint("account_id", "name", name="role_pkey"), Index("role_by_id", "id", unique=True))

    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    id: str = Field(sa_column=Column(Text, nullable=False, server_default=text(_NEW_UUID)))
    description: str = Field(sa_column=Column(Text, nullable=False))
    permissions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    updated_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class PersonRow(AccountsTable, table=True):
    """A person of an account."""

    __tablename__ = "person"
    __table_args__ = (
        Index("person_by_name", "account_id", "name", unique=True),
        Index("person_by_public_id", "public_id", unique=True),
        ForeignKeyConstraint(["account_id", "team_id"], ["team.account_id", "team.id"], name="person_team_fkey"),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    public_id: str = Field(sa_column=Column(Text, nullable=False, server_default=text(_NEW_UUID)))
    name: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    """argon2id, with its parameters and salt; empty while no password has been set."""
    role: str = Field(sa_column=Column(Text, nullable=False))
    """Name of a role."""
    team_id: str = Field(sa_column=Column(Text, nullable=False))
    must_change: bool = Field(sa_column=Column(Boolean, nullable=False))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    analytics_enabled: bool | None = Field(default=None, sa_column=Column(Boolean))
    analytics_asked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    analytics_remind_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class SessionRow(AccountsTable, table=True):
    """A session of a person. One that has ended stays until every replica has heard of that."""

    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", name="session_digest_length"),
        Index("session_by_digest", "sha256", unique=True),
        Index("session_of_person", "person_id"),
        # Rows that are still to be announced, and rows that can be deleted.
        Index("session_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("session_expiring", "expires_at"),
        Index("session_refreshed", "refreshed_at", postgresql_where=text("refreshed_at IS NOT NULL")),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    person_id: int | None = Field(sa_column=Column(BigInteger, ForeignKey("person.id", ondelete="SET NULL")))
    """None once the person is removed."""
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The hash of the token."""
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    refreshed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """When what it may do has changed last."""
    by_link: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))


class SignInLinkRow(AccountsTable, table=True):
    """A link with which a person signs in once. Its use deletes it."""

    __tablename__ = "sign_in_link"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", name="sign_in_link_digest_length"),
        Index("sign_in_link_expiring", "expires_at"),
    )

    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """The hash of the token."""
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    person_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    """None for the first administrator. No foreign key: who removes a person would wait for who uses a link, and the other way round."""
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class FamiliarNetworkRow(AccountsTable, table=True):
    """A network from which a person has signed in during the last 90 days."""

    __tablename__ = "familiar_network"
    __table_args__ = (Index("familiar_network_last", "last_at"),)

    person_id: int = Field(sa_column=Column(BigInteger, ForeignKey("person.id", ondelete="CASCADE"), primary_key=True, autoincrement=False))
    network: str = Field(sa_column=Column(Text, primary_key=True))
    """An IPv4 address, or the /64 of an IPv6 address."""
    last_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class DepartureRow(AccountsTable, table=True):
    """Somebody who is gone, until what that person had in other services is gone as well."""

    __tablename__ = "departure"
    __table_args__ = (Index("departure_due", "next_at"),)

    public_id: str = Field(sa_column=Column(Text, primary_key=True))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When to clear up next."""
    until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """After this, no call that had begun before the end can leave anything."""


class PersonKeyRow(AccountsTable, table=True):
    """An API key of a person. One that has ended stays until every replica has heard of that."""

    __tablename__ = "person_key"
    __table_args__ = (
        CheckConstraint("octet_length(sha256) = 32", name="person_key_digest_length"),
        CheckConstraint("cardinality(permissions) > 0", name="person_key_permissions_some"),
        Index("person_key_by_digest", "sha256", unique=True),
        Index("person_key_by_public_id", "public_id", unique=True),
        Index("person_key_of_person", "person_id"),
        Index("person_key_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("person_key_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index("person_key_refreshed", "refreshed_at", postgresql_where=text("refreshed_at IS NOT NULL")),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    public_id: str = Field(sa_column=Column(Text, nullable=False, server_default=text(_NEW_UUID)))
    person_id: int | None = Field(sa_column=Column(BigInteger, ForeignKey("person.id", ondelete="SET NULL")))
    name: str = Field(sa_column=Column(Text, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    permissions: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    created_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    refreshed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class SettingRow(AccountsTable, table=True):
    """The settings of an account's people."""

    __tablename__ = "setting"
    __table_args__ = (CheckConstraint("octet_length(sha256) = 32", name="setting_digest_length"),)

    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), primary_key=True, autoincrement=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """The hash of the name, which may be longer than an index can hold."""
    name: str = Field(sa_column=Column(Text, nullable=False))
    value: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class LogoRow(AccountsTable, table=True):
    """The logo of an account."""

    __tablename__ = "logo"

    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), primary_key=True, autoincrement=False))
    png: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    updated_at: datetime = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class AuditRow(AuditColumns, AccountsTable, table=True):
    """The actors that created accounts, and created, rotated and revoked keys."""

    __tablename__ = "audit"
    __table_args__ = indexes(counted=True)


class IdempotencyRow(IdempotencyColumns, AccountsTable, table=True):
    """Which key was created by a call with an idempotency key; `resource_ids` holds its id."""

    __tablename__ = "idempotency"

    nonce: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The nonce from which the key was derived."""


class RateBucketRow(AccountsTable, table=True):
    """A token bucket that has been used lately. One without a row is full."""

    __tablename__ = "rate_bucket"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    name: str = Field(sa_column=Column(Text, primary_key=True))
    """Whose it is, such as `key:7`."""
    tokens: float = Field(sa_column=Column(Double, nullable=False))
    """Tokens at `filled_at`."""
    filled_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    rate: float = Field(sa_column=Column(Double, nullable=False))
    """Tokens that flow into it in a second."""
    burst: float = Field(sa_column=Column(Double, nullable=False))
    """Tokens that it holds when it is full."""
    granted: int = Field(sa_column=Column(Integer, nullable=False))
    """Tokens that the last statement took."""
