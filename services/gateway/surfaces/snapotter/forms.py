"""Forms of tools: a picture in any part with a file name, and fields, of which the last of a name counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, TypeVar
from weakref import WeakValueDictionary

from starlette.requests import Request

from darkroom.common.v1.held_pb2 import HeldFile
from services.gateway.forms import Part
from services.gateway.receiving import Receiver
from services.gateway.surfaces.snapotter.errors import Refusal, image_problem
from services.gateway.surfaces.snapotter.names import Name, clean_name, is_converted, png_name
from services.gateway.surfaces.snapotter.runs import SURFACE
from services.pictures.media_format import MediaFormat, sniff
from services.pictures.moving import VIDEOS
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_writing import HEAD_BYTES
from services.platform.rpc.held_files import Held

NONE_SENT = "No valid files uploaded"
NOT_A_FORM = "Failed to parse multipart request"
ONE_AT_A_TIME = "This tool takes one image at a time. Send several to its batch route: /api/v1/tools/<toolId>/batch"
BY_NAME = frozenset(("tga", "dng", "cr2", "nef", "arw", "orf", "rw2"))
"""Extensions of the formats that are known by them alone."""
_TOO_MUCH = (ErrorReason.FILE_TOO_LARGE, ErrorReason.BODY_TOO_LARGE, ErrorReason.TOO_MANY_FILES)
_FORM = "multipart/form-data"
_Reply = TypeVar("_Reply")
_HEIF = ("heic", "heif")


class Accepts(Enum):
    """The required types of a form's files."""

    PICTURES = auto()
    PDFS = auto()
    ANYTHING = auto()


Taken = Literal["only", "last", "all"]
"""Which files of a form count: the only one, others being refused; the last; or each."""


@dataclass(frozen=True, slots=True)
class FormRules:
    """The limits of a form."""

    most_files: int = 0
    """0: any number."""
    most_bytes: int = 0
    """The limit of a file; 0: the gateway's own limit."""
    most_svg_bytes: int = 0
    """The limit of an SVG; 0: as for any file."""
    at_once: int = 48
    """Forms that are received at the same time; others wait, unread."""
    at_once_each: int = 12
    """The same for one account."""


@dataclass(slots=True)
class SentFile:
    """A file of a form."""

    name: str
    """The rest of the sent name."""
    sent_name: str
    part: str = ""
    """The name of its part of the form."""
    size: int = 0
    """Bytes."""
    file_id: int = 0
    """The file; 0 if it is unusable."""
    held: Held | None = None
    """Itself, if it is not stored yet."""
    format: str = ""
    """As the content says it: `png`, `heif`; for a few formats, as the name does."""
    problem: str = ""
    """Why it is unusable."""
    problem_reason: ErrorReason | None = None
    """The same, if its content was examined."""

    @property
    def working_name(self) -> str:
        """The name of the file for a tool that gets pixels: a PNG if the format is not supported."""
        # Files of cameras often begin as a TIFF does.
        raw = self.format == MediaFormat.TIFF and Name.of(self.name).extension[1:].lower() in BY_NAME
        return png_name(self.name) if raw or is_converted(self.format) else self.name


@dataclass(slots=True)
class FormContent:
    """The content of a form."""

    files: list[SentFile] = field(default_factory=list)
    """Those with content that count."""
    count: int = 0
    """All files with content."""
    too_many: bool = False
    """There are several where only one is allowed; all are discarded."""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def file_ids(self) -> list[int]:
        """The stored files."""
        return [each.file_id for each in self.files if each.file_id]


class Forms:
    """Reads forms, and stores their files for an account."""

    def __init__(self, receiver: Receiver, rules: FormRules) -> None:
        self._receiver, self._rules = receiver, rules
        self._turns = asyncio.Semaphore(rules.at_once)
        self._turns_of: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def read(
        self,
        request: Request,
        account_id: int,
        taken: Taken,
        *,
        accepts: Accepts = Accepts.PICTURES,
        in_tool: bool = True,
        holds: bool = False,
    ) -> FormContent:
        """The content of a form. Raises `Refusal` for a body that is not a form, and for too many or too large files; nothing is kept then.
        Outside of tools, what is too much is refused in other words. With `holds`, the one file may be held, and must go with the call that
        uses it.
        """
        sent = FormContent()
        turns = self._turns_of.setdefault(account_id, asyncio.Semaphore(self._rules.at_once_each))
        try:
            async with turns, self._turns:
                async for part in self._receiver.form(request).parts():
                    if part.file_name is None:
                        sent.fields[part.name] = await part.text()
                    else:
                        await self._file(part, account_id, taken, accepts, sent, holds=holds)
        except BaseException as raised:
            await self.discard(account_id, sent)
            if isinstance(raised, DarkroomError):
                refusal = _unreadable(raised, in_tool=in_tool)
                if refusal is not None:
                    raise refusal from raised
            raise
        return sent

    async def pass_on(self, account_id: int, held: Held | None, call: Callable[[HeldFile | None], Awaitable[_Reply]]) -> _Reply:
        """As `Receiver.pass_on`."""
        return await self._receiver.pass_on(account_id, held, call)

    async def discard(self, account_id: int, sent: FormContent) -> None:
        """Delete what was stored of a form that nothing came of."""
        await self.discard_files(account_id, sent.file_ids)

    async def discard_files(self, account_id: int, file_ids: Iterable[int]) -> None:
        """Delete some files that were stored of a form."""
        await self._receiver.discard(account_id, list(file_ids))

    async def _file(self, part: Part, account_id: int, taken: Taken, accepts: Accepts, sent: FormContent, *, holds: bool) -> None:
        sent_name = part.file_name or ""
        file = SentFile(clean_name(sent_name), sent_name, part.name)
        chunks = _counted(part.chunks(), file)
        head = await _beginning(chunks)
        if not head:
            return
        sent.count += 1
        if self._rules.most_files and sent.count > self._rules.most_files:
            raise DarkroomError(ErrorReason.TOO_MANY_FILES, f"Too many files. At most {self._rules.most_files} are allowed")
        if taken == "only" and sent.count > 1:
            # A refused file need not be stored; the rest of the form is read nevertheless.
            sent.too_many = True
            await self._forget(account_id, sent)
            return
        if taken == "last":
            await self._forget(account_id, sent)
        sent.files.append(file)
        await self._store(file, head, chunks, account_id, accepts, holds=holds)

    async def _forget(self, account_id: int, sent: FormContent) -> None:
        await self.discard(account_id, sent)
        sent.files.clear()

    async def _store(
        self, file: SentFile, head: bytes, chunks: AsyncIterator[bytes], account_id: int, accepts: Accepts, *, holds: bool
    ) -> None:
        format_, extension = sniff(head[:HEAD_BYTES]), Name.of(file.name).extension[1:].lower()
        file.problem = _problem(head, format_, extension, accepts)
        file.format = "heif" if format_ in _HEIF else str(format_ or extension)
        if file.problem:
            async for _ in chunks:
                # Its size counts.
                pass
            return
        # The content decides the type of a file, not its name, except for the formats that have no other sign.
        name = file.name if extension in BY_NAME or accepts is Accepts.ANYTHING else (Name.of(file.name).stem or "upload")
        most, most_svg = self._rules.most_bytes, self._rules.most_svg_bytes if format_ is MediaFormat.SVG else 0
        own_limit = 0 < most_svg < (most or most_svg + 1)
        content, limit = _joined(head, chunks), most_svg if own_limit else most
        try:
            if holds and accepts is Accepts.PICTURES:
                file.file_id, file.held = await self._receiver.store_or_hold(account_id, name, content, limit, SURFACE)
            else:
                any_content = accepts is Accepts.ANYTHING
                file.file_id = await self._receiver.store(account_id, name, content, limit, SURFACE, any_content=any_content)
        except DarkroomError as error:
            problem = image_problem(error)
            if own_limit and error.reason is ErrorReason.FILE_TOO_LARGE:
                problem = f"SVG exceeds maximum size (limit: {most_svg / (1 << 20):.3g}MB)"
            if problem is None:
                raise
            file.problem, file.problem_reason = error.message if accepts is Accepts.PDFS else problem, error.reason


def _problem(head: bytes, format_: MediaFormat | str | None, extension: str, accepts: Accepts) -> str:
    """The reason against a file in its first bytes."""
    if accepts is Accepts.ANYTHING:
        return ""
    if accepts is Accepts.PDFS:
        return "" if format_ is MediaFormat.PDF else "The file is not a PDF"
    if not any(head):
        return "File contains no image data"
    if (format_ is None and extension not in BY_NAME) or format_ in VIDEOS:
        return "Unrecognized image format"
    return "Unsupported format: pdf" if format_ is MediaFormat.PDF else ""


def require_form(request: Request) -> None:
    """Refuse what is no form, before its body is read. Raises `Refusal`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refusal(406, "the request is not multipart")


def check_files(sent: FormContent) -> None:
    """Refuse a form without files, and one with a file that is unusable. Raises `Refusal`."""
    if not sent.files:
        raise Refusal(400, NONE_SENT)
    for file in sent.files:
        if file.problem:
            raise Refusal(400, f'Invalid file "{file.name}": {file.problem}')


def _unreadable(error: DarkroomError, *, in_tool: bool) -> Refusal | None:
    if error.reason is not ErrorReason.MALFORMED_REQUEST and error.reason not in _TOO_MUCH:
        return None
    if error.reason in _TOO_MUCH and not in_tool:
        return Refusal(413, error.message)
    return Refusal(400, NOT_A_FORM, details=error.message)


async def _counted(chunks: AsyncIterator[bytes], file: SentFile) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        file.size += len(chunk)
        yield chunk


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Enough of a file to tell its format, and whatever else came with it; all of a shorter one."""
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)


async def _joined(head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
