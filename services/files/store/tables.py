"""Tables of the files database. `services.files.records` documents the columns; comments here add to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.files.records import FileOrigin, FileState
from services.platform.audit.table import AuditColumns, indexes
from services.platform.columns import EnumText
from services.platform.idempotency_table import IdempotencyColumns


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
        # The files that the library should know.
        Index("file_in_library", "id", postgresql_where=text("in_library AND state <> 'deleting'")),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    origin: FileOrigin = Field(sa_column=Column(EnumText(FileOrigin), nullable=False))
    state: FileState = Field(sa_column=Column(EnumText(FileState), nullable=False))
    visible: bool
    object_key: str = Field(sa_column=Column(Text(collation="C"), nullable=False, unique=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    etag: str | None = Field(default=None, sa_column=Column(Text))
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None
    duration_milliseconds: int | None = None
    upload_id: str | None = Field(default=None, sa_column=Column(Text))
    part_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    permanent: bool = False
    task_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    attempt: int | None = None
    kept_as: str | None = Field(default=None, sa_column=Column(Text))
    pins: int = 0
    """The number of its rows in `pin`."""
    created_at: datetime = Field(sa_column=_time(nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    sweep_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    missing_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When its object was found missing. The file is hidden from its account until the object is back."""
    in_library: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    """Only the library names the file (`library_file`), as one of its versions or as a thumbnail."""
    surface: str | None = Field(default=None, sa_column=Column(Text))
    arriving_bytes: int = Field(0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


class PinRow(FilesTable, table=True):
    """An open task's claim on a file, which keeps the file from being removed."""

    __tablename__ = "pin"
    __table_args__ = (
        Index("pin_of_file", "file_id"),
        Index("pin_to_sweep", "sweep_at"),
    )

    task_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    file_id: int = Field(sa_column=Column(BigInteger, ForeignKey("file.id"), primary_key=True))
    sweep_at: datetime = Field(sa_column=_time(nullable=False))
    """When files asks the tasks service about the task."""


class AccountRetentionRow(FilesTable, table=True):
    """How long files of an account are kept."""

    __tablename__ = "account_retention"

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    temporary_life: timedelta | None = Field(default=None, sa_column=Column(Interval, nullable=True))
    output_life: timedelta | None = Field(default=None, sa_column=Column(Interval, nullable=True))


class SurfaceAgeRow(FilesTable, table=True):
    """How old files may get that an account has made through an API."""

    __tablename__ = "surface_age"

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    surface: str = Field(sa_column=Column(Text, primary_key=True))
    max_age: timedelta | None = Field(default=None, sa_column=Column(Interval, nullable=True))
    """None: nobody says so any more."""
    redated_to: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """The account's files have new ends up to this id; None: all of them."""


class AccountStorageRow(FilesTable, table=True):
    """An account's stored data, counted by triggers on `file`, and its own limits, if the operator has set any."""

    __tablename__ = "account_storage"

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    size_bytes: int = Field(0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    files: int = Field(0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    uploads: int = Field(0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    parted_uploads: int = Field(0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    max_size_bytes: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    max_files: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    max_uploads: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    max_parted_uploads: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class BundleRow(FilesTable, table=True):
    """Uploads that were sent together."""

    __tablename__ = "bundle"
    __table_args__ = (Index("bundle_expiring", "expires_at"),)

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    file_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    names: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    expires_at: datetime = Field(sa_column=_time(nullable=False))


class LibraryFileRow(FilesTable, table=True):
    """A version of a file in the library."""

    __tablename__ = "library_file"
    __table_args__ = (
        CheckConstraint("version >= 1", name="library_file_version"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 300", name="library_file_name_length"),
        Index("library_file_of_chain", "chain_id", "number"),
        Index("library_file_of_owner", "account_id", "owner_id", "number"),
    )

    number: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    id: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    owner_id: str = Field(sa_column=Column(Text, nullable=False))
    chain_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    """The first version."""
    chain_owner_id: str = Field(sa_column=Column(Text, nullable=False))
    """The owner of the first version."""
    parent_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    tools: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    file_id: int = Field(sa_column=Column(BigInteger, ForeignKey("file.id", ondelete="CASCADE"), nullable=False, unique=True))
    thumbnail_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("file.id", ondelete="SET NULL"), nullable=True, unique=True)
    )
    created_at: datetime = Field(sa_column=_time(nullable=False))


class PictureKeyRow(FilesTable, table=True):
    """A key that signs URLs of pictures."""

    __tablename__ = "picture_key"
    __table_args__ = (Index("picture_key_of_account", "account_id", "id"),)

    id: int = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=text("next_id()")))
    account_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    origins: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=_time(nullable=False))


class LinkedPictureRow(FilesTable, table=True):
    """A picture that was made for a URL: an output of a task, until it expires, is deleted, or makes room for others."""

    __tablename__ = "linked_picture"
    __table_args__ = (Index("linked_picture_by_use", "account_id", "used_at"),)

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """SHA-256 of the operations, the format and the source."""
    file_id: int = Field(sa_column=Column(BigInteger, ForeignKey("file.id", ondelete="CASCADE"), nullable=False, unique=True))
    source_file_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """The file that it was made of, without which it is not shown; None if that was fetched."""
    made_at: datetime = Field(sa_column=_time(nullable=False))
    used_at: datetime = Field(sa_column=_time(nullable=False))
    """When it was last asked for, accurate to an hour."""


class WatchRow(FilesTable, table=True):
    """A watch of a storage that has been listed."""

    __tablename__ = "watch"

    storage: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    list_at: datetime = Field(sa_column=_time(nullable=False))
    """When a replica may list it again."""
    listed_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    error: str | None = Field(default=None, sa_column=Column(Text))
    """Why the last listing failed."""


class WatchedObjectRow(FilesTable, table=True):
    """A content in a watched folder, under the name that it was seen with first: the marker that it is done, which stays."""

    __tablename__ = "watched_object"
    __table_args__ = (
        CheckConstraint("state IN ('seen', 'due', 'running', 'done', 'failed')", name="watched_object_state_known"),
        Index("watched_object_due", "storage", "watch", "state", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    storage: str = Field(sa_column=Column(Text, primary_key=True))
    watch: str = Field(sa_column=Column(Text, primary_key=True))
    etag: str = Field(sa_column=Column(Text, primary_key=True))
    path: str = Field(sa_column=Column(Text, nullable=False))
    """Within the storage."""
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    """`seen` in one listing; `due` for a task; `running`, claimed for one or with one; `done`; `failed` for good."""
    seen_at: datetime = Field(sa_column=_time(nullable=False))
    """When a listing showed it last, before it became due."""
    due_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When a replica may claim it; None for those that are seen, done or failed."""
    ended_tasks: int = Field(0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """Its tasks that have failed. The number is part of the next one's name."""
    failures: int = Field(0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """All that went wrong in a row, which decides on the pause."""
    task_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    error: str | None = Field(default=None, sa_column=Column(Text))
    """Why it failed, at last or for now."""


class LastBackupRow(FilesTable, table=True):
    """The newest backup: one row, or none."""

    __tablename__ = "last_backup"
    __table_args__ = (CheckConstraint("one", name="last_backup_one"),)

    one: bool = Field(default=True, sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    moment: datetime = Field(sa_column=_time(nullable=False))


class AuditRow(AuditColumns, FilesTable, table=True):
    """The actors that deleted files, and set how long they are kept."""

    __tablename__ = "audit"
    __table_args__ = indexes(counted=True)


class IdempotencyRow(IdempotencyColumns, FilesTable, table=True):
    """Which files were created by a call with an idempotency key; `resource_ids` holds their ids, in order."""

    __tablename__ = "idempotency"
