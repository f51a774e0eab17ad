"""A file as every part of the service sees it.

A file's life (`FileState`); every arrow is one guarded UPDATE in `services.files.store`:

    PENDING ──accept──▶ READY ──┐
     ▲   └─reject─▶ CLEARING    ├──delete, expiry──▶ DELETING ──▶ no row
     └──────────────────┘   ────┘
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.files.watches import WatchId


class FileState(enum.StrEnum):
    """Where a file is in its life."""

    PENDING = "pending"
    """Its bytes are not known to have arrived, or have not been accepted yet."""
    CLEARING = "clearing"
    """Its bytes were refused and are being deleted; it is PENDING again afterwards."""
    READY = "ready"
    """Its bytes were accepted; `etag` says which."""
    DELETING = "deleting"
    """Gone for its account; the sweeper removes object and row once no task pins it."""


class FileOrigin(enum.StrEnum):
    """Where a file comes from."""

    UPLOAD = "upload"
    TASK = "task"


NEW_ID = "{id}"
"""Stands for the id in the object key of a file that has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of an account."""

    id: int
    """0: it gets one when it is stored, also in its object key, where `NEW_ID` stands for it."""
    account_id: int
    origin: FileOrigin
    state: FileState
    visible: bool
    """Whether the account can see it. An output becomes visible when its task succeeds with it."""
    object_key: str
    """Where its bytes are. An upload that is sent in one PUT gets another key when it is accepted (`services.files.domain.keys`)."""
    name: str
    media_type: str
    """Derived from the name while pending, from the content once ready."""
    size_bytes: int
    """The size that the client expects while pending (0 if it gave none), stored size once ready."""
    etag: str | None = None
    """ETag of the accepted object, with quotes."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    frames: int | None = None
    pages: int | None = None
    duration_milliseconds: int | None = None
    """How long a video takes."""
    upload_id: str | None = None
    """Id of the multipart upload, kept after it has ended."""
    part_bytes: int | None = None
    """Size of every part of an upload but the last; None: by the settings."""
    permanent: bool = False
    """Whether the upload does not expire once it is ready."""
    task_id: int | None = None
    """The task that created it."""
    attempt: int | None = None
    """The attempt that created it, from 1."""
    kept_as: str | None = None
    """Key of an intermediate result that is kept for later attempts and never visible."""
    pins: int = 0
    """Open tasks that need it."""
    created_at: datetime
    expires_at: datetime | None = None
    """None: never, or an unclaimed output."""
    sweep_at: datetime | None = None
    """When the sweeper next looks at it; also the end of the lease of the sweeper that has claimed it."""
    surface: str | None = None
    """Name of the API that it was made through, where people may limit the age of its files."""
    arriving_bytes: int = 0
    """How much may have been sent to its URLs, where that was more than expected. It counts in place of the size until it is ready."""

    @property
    def counted_bytes(self) -> int:
        """How much it counts towards what its account may store."""
        return self.size_bytes if self.state is FileState.READY else max(self.size_bytes, self.arriving_bytes)

    def with_id(self, file_id: int) -> File:
        """The file, with the id that it has got if it had none."""
        return self if self.id else replace(self, id=file_id, object_key=self.object_key.replace(NEW_ID, str(file_id)))


@dataclass(frozen=True, slots=True)
class AcceptedContent:
    """The record of an object when it is accepted."""

    object_key: str
    """Where the bytes are from now on."""
    etag: str
    size_bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None
    duration_milliseconds: int | None = None
    """How long a video takes."""


@dataclass(frozen=True, slots=True)
class NewPin:
    """A pin that is stored with its file."""

    task_id: int
    sweep_at: datetime
    """When the sweeper asks about the task."""


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """The storage's answer to the PUT of an output."""

    file_id: int
    etag: str
    """With quotes."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that has ended, or that was never created."""

    task_id: int
    output_file_ids: tuple[int, ...] = ()
    """The outputs that it succeeded with."""


@dataclass(frozen=True, slots=True)
class ReadyObject:
    """A READY file and where its object should be."""

    file_id: int
    key: str
    missing: bool
    """It was not there at the last look."""


@dataclass(frozen=True, slots=True)
class Storage:
    """An account's stored data, or the limits on them. Hidden outputs and files that are being deleted do not count."""

    size_bytes: int = 0
    """Bytes of its files. Until its bytes have been accepted, an upload counts with the size that the client expects, or with what it has
    begun to send if that is more."""
    files: int = 0
    """Uploads and outputs; uploads that are not finished, too."""
    uploads: int = 0
    """Uploads that have begun and have not been used or completed."""
    parted_uploads: int = 0
    """Those of them that are sent in parts, for each of which the object storage keeps something in memory."""


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """How much an account may store, where the operator has set it; None means according to the settings."""

    size_bytes: int | None = None
    files: int | None = None
    uploads: int | None = None
    parted_uploads: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """How long an account's files are kept; None means according to the settings."""

    temporary: timedelta | None = None
    output: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of a bundle."""

    file_id: int
    name: str
    """As its sender knows it."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller that asks for files of the library."""

    account_id: int
    owner: str
    """Id of the person; empty for the account itself."""
    sees_all: bool
    """Whether those of everybody in the account can be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryFile:
    """A version of a file in the library."""

    id: UUID
    account_id: int
    owner: str
    """As `Viewer.owner`."""
    chain: UUID
    """The first version of its chain."""
    chain_owner: str
    """The owner of that."""
    parent: UUID | None
    """The version that it was made of, which may be gone."""
    version: int
    """From 1."""
    tools: tuple[str, ...]
    """The tools that made its parents and it."""
    name: str
    created_at: datetime
    file_id: int
    thumbnail_id: int | None = None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version with its bytes."""

    entry: LibraryFile
    file: File


@dataclass(frozen=True, slots=True)
class PictureKey:
    """A key that signs URLs of pictures."""

    id: int
    account_id: int
    name: str
    origins: tuple[str, ...]
    """Beginnings of URLs, which its own URLs may name as sources."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LinkedPicture:
    """A picture that was made for a URL."""

    file: File
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object that the listing of a watched folder shows."""

    path: str
    """Within the storage."""
    etag: str
    """Without quotes."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class WatchedObject:
    """An object of a watched folder that a replica has claimed."""

    watch: WatchId
    etag: str
    path: str
    size_bytes: int
    ended_tasks: int
    """How many of its tasks have failed."""
    failures: int
    """How often in a row something went wrong."""
    task_id: int | None
    """Its open task; None if there is none that is known of."""
