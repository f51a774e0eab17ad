"""Tasks that were created together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlmodel import Field

from services.tasks.store.tables.base import TasksTable, array, moment


class BatchRow(TasksTable, table=True):
    """A batch. The statements that end tasks keep its counters, so they outlive the tasks, show when the batch ends, and need no counting
    query."""

    __tablename__ = "batch"
    __table_args__ = (
        CheckConstraint("open >= 0", name="batch_open_not_negative"),
        CheckConstraint("(end_time IS NULL) = (open > 0)", name="batch_ends_with_its_last_task"),
        Index("batch_account", "account_id", text("id DESC")),
        Index("batch_ended", "end_time", postgresql_where=text("end_time IS NOT NULL")),
    )

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    account_id: int = Field(sa_type=BigInteger)
    task_count: int
    open: int
    succeeded: int
    failed: int
    cancelled: int
    refused: list[bytes] = array(LargeBinary)
    create_time: datetime = moment(nullable=False)
    end_time: datetime | None = moment()
    webhook_url: str | None = Field(None, sa_type=Text)
