"""Webhooks, their secrets, and the outbox that becomes the log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Text,
    text,
)
from sqlmodel import Field

from services.platform.columns import EnumText
from services.tasks.model.state import DeliveryState
from services.tasks.store.tables.base import TasksTable, moment


class WebhookRow(TasksTable, table=True):
    """An address that is notified when tasks and batches of its account end."""

    __tablename__ = "webhook"
    __table_args__ = (Index("webhook_account", "account_id", "id"),)

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    account_id: int = Field(sa_type=BigInteger)
    url: str = Field(sa_type=Text)
    create_time: datetime = moment(nullable=False)
    disable_time: datetime | None = moment()
    event_types: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    format: str | None = Field(None, sa_type=Text)
    """The form of its deliveries, by name; NULL: the native one."""


class WebhookSecretRow(TasksTable, table=True):
    """Signs the deliveries to a webhook. It is encrypted (see `secret_cipher`), since an HMAC cannot be computed from a hash."""

    __tablename__ = "webhook_secret"

    account_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    webhook_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    """0: the account's default secret, for the URLs that tasks name themselves."""
    secret: str = Field(sa_type=Text)
    previous_secret: str | None = Field(None, sa_type=Text)
    previous_until: datetime | None = moment()


class WebhookDeliveryRow(TasksTable, table=True):
    """One event for one receiver: a row of the outbox, then of the log. It has no foreign key to the webhook, so that a task can end
    whatever happens to the webhook at the same moment."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_outbox", "lane", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("webhook_delivery_account", "account_id", text("id DESC")),
        Index("webhook_delivery_ended", "end_time", postgresql_where=text("end_time IS NOT NULL")),
        Index("webhook_delivery_task", "task_id", postgresql_where=text("task_id IS NOT NULL")),
        Index("webhook_delivery_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    )

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    account_id: int = Field(sa_type=BigInteger)
    webhook_id: int = Field(sa_type=BigInteger)
    task_id: int | None = Field(None, sa_column=Column(BigInteger, ForeignKey("task.id", ondelete="CASCADE")))
    batch_id: int | None = Field(None, sa_column=Column(BigInteger, ForeignKey("batch.id", ondelete="CASCADE")))
    url: str = Field(sa_type=Text)
    lane: int = Field(sa_type=BigInteger)
    event_type: str = Field(sa_type=Text)
    state: DeliveryState = Field(sa_type=EnumText(DeliveryState))
    attempts: int
    tries: int
    next_at: datetime | None = moment()
    attempt_time: datetime | None = moment()
    response_status: int | None = None
    response_body: str | None = Field(None, sa_type=Text)
    error: str | None = Field(None, sa_type=Text)
    create_time: datetime = moment(nullable=False)
    end_time: datetime | None = moment()
