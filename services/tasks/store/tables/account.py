"""The limits of an account, its credits, and its place in the lanes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from services.platform.columns import EnumText
from services.tasks.model import LedgerKind
from services.tasks.store.tables.base import TasksTable, moment, with_default

_KINDS = ", ".join(f"'{kind}'" for kind in LedgerKind)


class AccountPolicyRow(TasksTable, table=True):
    """An account's running work, its limits, its rank among others, and its credits."""

    __tablename__ = "account_policy"
    __table_args__ = (
        CheckConstraint("open >= 0", name="account_policy_open_not_negative"),
        CheckConstraint("available_millicredits >= 0", name="account_policy_available_not_negative"),
        CheckConstraint("reserved_millicredits >= 0", name="account_policy_reserved_not_negative"),
        CheckConstraint("multiplier_permille >= 0", name="account_policy_multiplier_not_negative"),
        CheckConstraint("weight > 0", name="account_policy_weight_positive"),
    )

    account_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    open: int
    max_open: int | None = None
    pooled: int = with_default(Integer, "0")
    """Open tasks that are `pooled`."""
    # No constraint keeps it at 0 or more: PostgreSQL would check it on the row version that a statement saw first, before finding that
    # another statement has incremented it meanwhile.
    running: int = Field(0, sa_column_kwargs={"server_default": "0"})
    max_running: int | None = None
    max_webhooks: int | None = None
    weight: float = Field(1.0, sa_column_kwargs={"server_default": "1"})
    priority_class: int = Field(0, sa_column_kwargs={"server_default": "0"})
    available_millicredits: int = with_default(BigInteger, "0")
    reserved_millicredits: int = with_default(BigInteger, "0")
    unlimited: bool | None = None
    multiplier_permille: int | None = None


class LedgerEntryRow(TasksTable, table=True):
    """One change of a balance. It is never deleted: it outlives its task. It is never changed, but that a task's reservation grows by pages
    that are known only when its inputs have been fetched."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("task_id", "kind", name="ledger_entry_once_a_task"),
        CheckConstraint(f"kind IN ({_KINDS})", name="ledger_entry_kind_known"),
        CheckConstraint("(task_id IS NULL) = (kind = 'GRANT')", name="ledger_entry_about_a_task"),
        CheckConstraint("amount_millicredits > 0", name="ledger_entry_amount_positive"),
        Index("ledger_entry_account", "account_id", text("id DESC")),
        Index("ledger_entry_once_a_reference", "account_id", "reference", unique=True, postgresql_where=text("reference IS NOT NULL")),
    )

    id: int | None = Field(None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    account_id: int = Field(sa_type=BigInteger)
    task_id: int | None = Field(None, sa_type=BigInteger)
    kind: LedgerKind = Field(sa_type=EnumText(LedgerKind))
    amount_millicredits: int = Field(sa_type=BigInteger)
    unlimited: bool
    time: datetime = moment(nullable=False)
    note: str = Field("", sa_column=Column(Text, nullable=False, server_default=text("''")))
    reference: str | None = Field(None, sa_type=Text)


class LaneAccountRow(TasksTable, table=True):
    """An account's place in a lane."""

    __tablename__ = "lane_account"
    __table_args__ = (
        # `waiting`, not `queued > 0`: an update of `queued` that does not change `waiting` then touches no index.
        Index("lane_account_turn", "lane", text("priority_class DESC"), "virtual_time", "account_id", postgresql_where=text("waiting")),
    )

    lane: str = Field(sa_type=Text, primary_key=True)
    account_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    priority_class: int
    """That of the account's policy."""
    queued: int
    """Tasks QUEUED whose `run_at` is NULL; kept by the statements that move tasks into and out of that state. No constraint, for the same
    reason as `running`."""
    virtual_time: float
    """Position of its next turn; see `store/order.py`."""
    waiting: bool | None = Field(None, sa_column=Column(Boolean, Computed("queued > 0", persisted=True)))


class LaneClassRow(TasksTable, table=True):
    """A class of accounts in a lane."""

    __tablename__ = "lane_class"

    lane: str = Field(sa_type=Text, primary_key=True)
    priority_class: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    virtual_time: float
    """The largest start tag served."""
    dispatched: int = Field(sa_type=BigInteger)
    """Tasks offered so far."""
