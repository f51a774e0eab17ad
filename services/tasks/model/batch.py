"""Tasks that were created together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlmodel import Field

from services.tasks.model.base import TasksTable, array, moment


class Batch(TasksTable, table=True):
    """A batch. Its counters are kept by the statements that end tasks, so that they outlive the tasks, tell its end, and cost no count."""

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
    """Tasks that it was created with."""
    open: int
    """Those that have not ended."""
    succeeded: int
    failed: int
    cancelled: int
    refused: list[bytes] = array(LargeBinary)
    """`darkroom.internal.tasks.v1.StoredRefusal` messages."""
    create_time: datetime = moment(nullable=False)
    end_time: datetime | None = moment()
    """When the last of its tasks ended."""
    webhook_url: str | None = Field(None, sa_type=Text)
    """Is sent its end, besides the account's webhooks."""
