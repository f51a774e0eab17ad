"""Tables of the files database.

`sweep_at` is when the sweeper next looks at a row; it is also the end of the lease of the sweeper that has claimed the row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Interval, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.common.idempotency import IdempotencyColumns
from services.files.records import FileOrigin, FileState


class FilesTable(SQLModel, registry=registry()):
    """Base of the tables; `FilesTable.metadata` holds this service's tables only."""


def _time(*, nullable: bool) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


class FileRow(FilesTable, table=True):
    """A file of an account."""

    __tablename__ = "file"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'clearing', 'ready', 'deleting')", name="file_state_known"),
        CheckConstraint("origin IN ('upload', 'task')", name="file_origin_known"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 300", name="file_name_length"),
        CheckConstraint("size_bytes >= 0 AND pins >= 0", name="file_counts"),
        CheckConstraint("state <> 'ready' OR etag IS NOT NULL", name="file_ready_has_etag"),
        CheckConstraint("(origin = 'task') = (task_id IS NOT NULL AND attempt IS NOT NULL)", name="file_task_outputs"),
        CheckConstraint("visible OR origin = 'task'", name="file_uploads_visible"),
        CheckConstraint("kept_as IS NULL OR (origin = 'task' AND NOT visible)", name="file_kept_hidden"),
        # Listing an account's files, newest first.
        Index("file_of_account", "account_id", "id", postgresql_where=text("visible AND state <> 'deleting'")),
        # The outputs of a task, until they are claimed or removed.
        Index("file_of_task", "task_id", postgresql_where=text("NOT visible")),
        # The sweeper's queue.
        Index("file_to_sweep", "sweep_at", postgresql_where=text("sweep_at IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    origin: FileOrigin = Field(sa_column=Column(Text, nullable=False))
    state: FileState = Field(sa_column=Column(Text, nullable=False))
    visible: bool = Field(description="Whether the account can see it. An output becomes visible when its task succeeds with it.")
    object_key: str = Field(sa_column=Column(Text(collation="C"), nullable=False, unique=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    media_type: str = Field(
        sa_column=Column(Text, nullable=False), description="Derived from the name while pending, from the content once ready."
    )
    size_bytes: int = Field(
        sa_column=Column(BigInteger, nullable=False), description="Declared size while pending (0 if none), stored size once ready."
    )
    etag: str | None = Field(default=None, sa_column=Column(Text), description="ETag of the accepted object, with quotes.")
    width: int | None = Field(default=None, description="Pixels.")
    height: int | None = Field(default=None, description="Pixels.")
    frames: int | None = None
    pages: int | None = None
    upload_id: str | None = Field(default=None, sa_column=Column(Text), description="Id of the multipart upload, kept after it has ended.")
    part_bytes: int | None = Field(
        default=None, sa_column=Column(BigInteger), description="Size of every part of an upload except the last. NULL: as in the settings."
    )
    permanent: bool = Field(default=False, description="Whether the upload does not expire once it is ready.")
    task_id: int | None = Field(default=None, sa_column=Column(BigInteger), description="The task that created it.")
    attempt: int | None = Field(default=None, description="The attempt that created it, from 1.")
    kept_as: str | None = Field(
        default=None, sa_column=Column(Text), description="Key of an intermediate result that is kept for later attempts and never visible."
    )
    pins: int = Field(default=0, description="Number of open tasks that need it: its rows in `pin`.")
    created_at: datetime = Field(sa_column=_time(nullable=False))
    expires_at: datetime | None = Field(
        default=None, sa_column=_time(nullable=True), description="NULL: it does not expire, or it is an unclaimed output."
    )
    sweep_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    missing_since: datetime | None = Field(
        default=None,
        sa_column=_time(nullable=True),
        description="When its object was found missing. The file is hidden from its account until the object is back.",
    )


class PinRow(FilesTable, table=True):
    """An open task's claim on a file, which keeps the file from being removed."""

    __tablename__ = "pin"
    __table_args__ = (
        Index("pin_of_file", "file_id"),
        Index("pin_to_sweep", "sweep_at"),
    )

    task_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    file_id: int = Field(sa_column=Column(BigInteger, ForeignKey("file.id"), primary_key=True))
    sweep_at: datetime = Field(sa_column=_time(nullable=False), description="When files asks the tasks service about the task.")


class AccountRetentionRow(FilesTable, table=True):
    """How long files of an account are kept; NULL means according to the settings."""

    __tablename__ = "account_retention"

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    temporary_life: timedelta | None = Field(default=None, sa_column=Column(Interval, nullable=True))
    output_life: timedelta | None = Field(default=None, sa_column=Column(Interval, nullable=True))


class IdempotencyRow(IdempotencyColumns, FilesTable, table=True):
    """Which files were created by a call with an idempotency key; `resource_ids` holds their ids, in order."""

    __tablename__ = "idempotency"
