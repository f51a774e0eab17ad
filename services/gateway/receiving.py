"""Forms as they arrive: their files go to storage, whatever the surface."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

from starlette.requests import Request

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.internal.files.v1 import intake_service_pb2_grpc
from services.gateway.backend import FilesOfAccount
from services.gateway.forms import Form, FormLimits, Part
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import HEADER as IDEMPOTENCY_HEADER
from services.platform.log import get_logger
from services.platform.object_writing import ObjectWriter
from services.platform.rpc.channel import Caller
from services.platform.rpc.held_files import Held, passing

_Reply = TypeVar("_Reply")
_logger = get_logger()


class Parts(Protocol):
    """The parts that a form may have."""

    def is_field(self, name: str) -> bool:
        """Whether a part is a field although it has a file name."""

    def check_field(self, name: str) -> None:
        """Refuse a part that is no file by its name. Raises FIELD_INVALID."""

    def check_file(self, name: str, before: int) -> None:
        """Refuse a file by the name of its part and the number of those of that name before it. Raises FIELD_INVALID and TOO_MANY_FILES."""


@dataclass(slots=True)
class ReceivedForm:
    """The content of a form."""

    key: str | None
    """The caller's idempotency key."""
    texts: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Ids of files, by part."""
    held: Held | None = None
    """The one of them that is not stored, if it is the only one."""
    content: hashlib._Hash = field(default_factory=hashlib.sha256)
    """A digest of all files and their positions, if there is a key: it shows whether a call is repeated."""

    @property
    def file_ids(self) -> list[int]:
        """All files."""
        return list(chain.from_iterable(self.files.values()))


class Receiver:
    """Receives forms for accounts."""

    def __init__(
        self,
        intake: intake_service_pb2_grpc.IntakeServiceAsyncStub,
        caller: Caller,
        writer: ObjectWriter,
        limits: FormLimits,
        max_file_bytes: int,
        most_held_bytes: int = 0,
        *,
        tasks_here: bool,
    ) -> None:
        """`tasks_here`: the tasks service is in this process."""
        self._intake, self._caller, self._writer = intake, caller, writer
        self._limits, self._max_file_bytes, self._most_held_bytes = limits, max_file_bytes, most_held_bytes
        self._tasks_here = tasks_here

    def form(self, request: Request) -> Form:
        """The form that a request carries, unread. Raises MALFORMED_REQUEST for a request with another type."""
        return Form(request.headers.get("content-type", ""), request.stream(), self._limits)

    async def store(
        self, account_id: int, name: str, chunks: AsyncIterator[bytes], most_bytes: int = 0, surface: str = "", *, any_content: bool = False
    ) -> int:
        """The id of a file of the account that holds the chunks, at most `most_bytes` if that is given. `surface` names the API if people
        may limit the age of its files. With `any_content` it need not be a picture or document.

        Raises FILE_TOO_LARGE, MEDIA_UNSUPPORTED, and for a small file what its examination raises.
        """
        target = FilesOfAccount(self._intake, self._caller, account_id, name, surface, any_content=any_content)
        return await self._writer.write(target, chunks, min(most_bytes or self._max_file_bytes, self._max_file_bytes))

    async def store_or_hold(
        self, account_id: int, name: str, chunks: AsyncIterator[bytes], most_bytes: int = 0, surface: str = ""
    ) -> tuple[int, Held | None]:
        """As `store`, but a small picture may be held in place of being stored: it must then go with the call that uses it."""
        held = self._most_held_bytes
        target = FilesOfAccount(self._intake, self._caller, account_id, name, surface, most_held_bytes=held)
        file_id = await self._writer.write(target, chunks, min(most_bytes or self._max_file_bytes, self._max_file_bytes))
        return file_id, target.held

    async def pass_on(self, account_id: int, held: Held | None, call: Callable[[HeldFile | None], Awaitable[_Reply]]) -> _Reply:
        """The reply to a call with a file that is held, or without one. A tasks service of the version before knows of no such files, and
        finds none: then it is stored, and the call repeated."""
        if held is None:
            return await call(None)
        try:
            with passing(held, here=self._tasks_here) as message:
                return await call(message)
        except DarkroomError as error:
            if error.reason is not ErrorReason.FILE_NOT_FOUND:
                raise
        await FilesOfAccount(self._intake, self._caller, account_id).store(held)
        return await call(None)

    async def receive(self, request: Request, parts: Parts, account_id: int, *, holds: bool = False) -> ReceivedForm:
        """Read a form, and store its files; with `holds`, a small picture may be held if it is the only one. Stored files are deleted if
        anything fails."""
        form = self.form(request)
        received = ReceivedForm(request.headers.get(IDEMPOTENCY_HEADER))
        try:
            async for part in form.parts():
                if part.file_name is None or parts.is_field(part.name):
                    parts.check_field(part.name)
                    received.texts.append((part.name, await part.text()))
                else:
                    parts.check_file(part.name, len(received.files[part.name]))
                    await self._store(part, account_id, received, holds=holds)
        except BaseException:
            await self.discard(account_id, received.file_ids)
            raise
        return received

    async def _store(self, part: Part, account_id: int, received: ReceivedForm, *, holds: bool) -> None:
        if received.held is not None:
            await FilesOfAccount(self._intake, self._caller, account_id).store(received.held)
            received.held = None
        chunks = part.chunks()
        if received.key is not None:
            received.content.update(f"\0{part.name}\0".encode())
            chunks = _hashed(chunks, received.content)
        try:
            if holds and not received.file_ids:
                file_id, received.held = await self.store_or_hold(account_id, part.file_name or "", chunks)
            else:
                file_id = await self.store(account_id, part.file_name or "", chunks)
        except DarkroomError as error:
            if error.reason in (ErrorReason.MALFORMED_REQUEST, ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL):
                raise
            raise error.at(part.name) from error
        received.files[part.name].append(file_id)

    async def discard(self, account_id: int, file_ids: list[int]) -> None:
        """Delete files that no task needs. Those that cannot be deleted now expire."""
        if not file_ids:
            return
        try:
            await asyncio.shield(FilesOfAccount(self._intake, self._caller, account_id).discard(*file_ids))
        except DarkroomError as error:
            _logger.warning("files_not_discarded", files=len(file_ids), error=str(error))


async def _hashed(chunks: AsyncIterator[bytes], content: hashlib._Hash) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        content.update(chunk)
        yield chunk
