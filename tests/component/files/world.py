"""What the tests of the files service act on."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.programs.object_storage import PLACEHOLDER
from services.files.assembly import Files, assemble
from services.files.config import FilesSettings
from services.files.domain.intake import DELETION
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.objects import ObjectStore
from services.files.prober import Prober
from services.files.records import File
from services.files.tasks_client import TasksClient
from services.platform.bus import Bus
from services.platform.database import Database
from services.platform.egress.destinations import Resolve
from services.platform.identity import IDENTITY_HEADER, Signer
from services.platform.object_writing import ObjectWriter
from services.platform.rpc.channel import Caller
from tests.component.files.tasks_service import MadeUpTasks

_accounts = itertools.count(1001)
_tasks = itertools.count(5001)


class MovableClock:
    """The real time, moved forward by what a test asks for."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **span: float) -> None:
        """Move it forward."""
        self.ahead += timedelta(**span)


@dataclass
class World:
    """One files service without its listeners, and what is around it."""

    files: Files
    settings: FilesSettings
    engine: AsyncEngine
    objects: ObjectStore
    clock: MovableClock
    tasks: MadeUpTasks
    prober: Prober
    tasks_client: TasksClient
    http: httpx.AsyncClient
    writer: ObjectWriter
    resolve: Resolve | None = None
    """Finds the hosts of URLs that files are fetched from; None: the system does."""

    def again(self, **changed: Any) -> Files:
        """Another replica on the same database and storage."""
        settings = self.settings.model_copy(update=changed)
        return assemble(
            settings, Database(self.engine), self.objects, self.prober, self.tasks_client, self.writer, self.clock, self.resolve
        )

    def account(self) -> int:
        """An account that no other test uses."""
        return next(_accounts)

    def task(self) -> int:
        """A task that no other test uses."""
        return next(_tasks)

    async def create(self, account: int, name: str, size: int = 0, mode: UploadMode = UploadMode.SIMPLE) -> CreatedUpload:
        """A record for one upload."""
        return (await self.files.uploads.create(account, [NewUpload(name, size)], mode))[0]

    async def put(self, url: str | None, content: bytes, **headers: str) -> str:
        """PUT to a presigned URL; returns the ETag."""
        assert url is not None
        reply = await self.http.put(url, content=content, headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.headers["etag"]

    async def uploaded(self, account: int, name: str, content: bytes, *, declare: bool = True) -> File:
        """A record whose bytes have been PUT; nothing has looked at them yet."""
        created = await self.create(account, name, len(content) if declare else 0)
        await self.put(created.url, content)
        return created.file

    async def rows(self) -> list[Any]:
        """Every row of the file table."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text("SELECT * FROM file ORDER BY id"))).mappings())

    async def row(self, file_id: int) -> Any:
        """One row, or None."""
        return next((row for row in await self.rows() if row["id"] == file_id), None)

    async def keys(self) -> list[str]:
        """Every object of the bucket but its placeholder, once nothing is being deleted."""
        # Tests share a loop: a deletion of an earlier one, whose connections are closed, may be among them and fail.
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == DELETION), return_exceptions=True)
        return [stored.key async for page in self.objects.pages("") for stored in page if stored.key != PLACEHOLDER]

    async def sweep(self) -> None:
        """Sweep files until nothing is due."""
        while await self.files.sweeper.sweep_files():
            pass


@dataclass
class Service:
    """The whole service on its listeners, and the tokens to call it with."""

    public: grpc.aio.Channel
    internal: grpc.aio.Channel
    bus: Bus
    accounts: Signer
    tasks: Caller
    worker: Caller

    def identity(self, account: int) -> tuple[tuple[str, str], ...]:
        """Metadata of a public call, as the edge makes it."""
        return ((IDENTITY_HEADER, self.accounts.identity_token(account, 1)),)

    def acting_for(self, account: int) -> tuple[tuple[str, str], ...]:
        """Metadata of an internal call by the tasks service."""
        return self.tasks.on_behalf_of(account)
