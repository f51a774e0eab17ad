"""Reading pictures in child processes: small ones of common formats in warm children, the others each in one of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.step import Tools
from services.inference.media import NO_HINTS, SVG_DPI, Header, Hints, Image, Limits
from services.inference.media.isolated import (
    decode_into,
    describe,
    header_of,
    picture_of,
    read_page_headers,
    read_picture,
    read_picture_header,
)
from services.inference.media.tiff_pages import Page
from services.inference.pipeline.memory_needs import needed_memory
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Source
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.operations import Arity
from services.pictures.short_pictures import is_short
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.sandbox import SandboxFailed

_QUICK = frozenset((MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.TIFF, MediaFormat.BMP))
"""Formats that take a time that is known by the number of pixels."""
_QUICK_BYTES = 64 << 20
"""Largest samples that a warm child decodes."""
_MOST_CHANNELS = 4
_PERHAPS_WIDE = (MediaFormat.PNG, MediaFormat.TIFF)
_logger = get_logger()
_LITTLE = 8
"""A run needs little memory up to this part of what there is."""


class Reading:
    """Reads the pictures of a task: inputs, whose files have at most `largest` bytes, those between operations, and auxiliary ones."""

    def __init__(self, tools: Tools, account_id: int, largest: int, operations: Sequence[BoundOperation]) -> None:
        self._tools, self._account_id, self._largest = tools, account_id, largest
        self._operations, self._parameters = operations, [operation.parameters for operation in operations]
        self._reads_samples = operations[0].spec.arity is Arity.EACH and not operations[0].spec.reads_file
        self._urgent = all(operation.plain for operation in operations)
        self._may_be_short = self._urgent and tools.warm is not None and operations[0].spec.arity is Arity.EACH
        self._auxiliaries: dict[int, tuple[Source, Header]] = {}

    def is_short_work(self, header: Header) -> bool:
        """Whether the operations on an input with this header are short work."""
        return self._may_be_short and is_short(self._parameters, header.format, (header.width, header.height))

    @property
    def auxiliary_headers(self) -> Sequence[Header]:
        """The headers of all auxiliary pictures that were added."""
        return [header for _, header in self._auxiliaries.values()]

    async def add_auxiliary(self, file_id: int, source: Source) -> None:
        """Read the header of an auxiliary picture, whose file must stay in place. Raises as `input_header`, with the file's name."""
        with errors_naming(source.name):
            self._auxiliaries[file_id] = source, await self.input_header(source, self._tools.picture_limits, Hints(source.name))

    def auxiliary_source(self, file_id: int) -> Source:
        """The file of an auxiliary picture that was added."""
        return self._auxiliaries[file_id][0]

    async def auxiliary(self, file_id: int, folder: Path) -> Image:
        """Decode an auxiliary picture. Raises as `picture`, with the file's name."""
        source, header = self._auxiliaries[file_id]
        with errors_naming(source.name):
            return await self.picture(source.path, header, folder, self._tools.picture_limits, Hints(source.name))

    async def reference(self, source: Source, folder: Path) -> Image:
        """Decode an input of an operation that takes references. Raises as `input_header` and `picture`, with the file's name."""
        limits, hints = self._tools.picture_limits, Hints(source.name)
        with errors_naming(source.name):
            header = await self.input_header(source, limits, hints)
            async with self._tools.memory.reserve(needed_memory(header, (), (), self._tools.result_limits), lambda: None):
                return await self.picture(source.path, header, folder, limits, hints)

    async def input_headers(self, source: Source, limits: Limits, hints: Hints) -> Sequence[Header]:
        """The headers that an input may have: foretold if the work is short, or takes little memory, with any of them, else the one that
        is read.

        Raises as `input_header`.
        """
        self.check_size(source.path)
        if self._may_be_short and (foretold := foretold_headers(source, self.is_short_work)):
            return foretold
        if self._reads_samples and self._tools.warm is not None and (foretold := foretold_headers(source, self._takes_little)):
            return foretold
        return [await self.header(source.path, limits, hints)]

    async def input_header(self, source: Source, limits: Limits, hints: Hints) -> Header:
        """As `header`, of an input. Raises FILE_TOO_LARGE, too."""
        self.check_size(source.path)
        return await self.header(source.path, limits, hints)

    async def header(self, path: Path, limits: Limits, hints: Hints = NO_HINTS) -> Header:
        """The header of a picture. Raises as `media.read_header` and `Sandbox.run`."""
        tools = self._tools
        with path.open("rb") as file, unforeseen_damage():
            if tools.warm is not None and _format_of(file, hints.name) in _QUICK:
                return header_of(await tools.warm.run(self._account_id, describe, [file.fileno()], limits, hints, urgent=self._urgent))
            return await read_picture_header(tools.sandbox, path, limits, tools.picture_resources, hints)

    async def page_headers(self, source: Source, most: int) -> Sequence[Page]:
        """The pages of a TIFF, of which there may be `most`. Raises as `media.isolated.read_page_headers`, and FILE_TOO_LARGE."""
        self.check_size(source.path)
        tools = self._tools
        with unforeseen_damage():
            return await read_page_headers(tools.sandbox, source.path, tools.picture_limits, most, tools.picture_resources)

    async def picture(self, path: Path, header: Header, folder: Path, limits: Limits, hints: Hints = NO_HINTS) -> Image:
        """A picture whose header has been read. `folder` is for a temporary folder. Raises as `media.decode` and `Sandbox.run`."""
        tools = self._tools
        if tools.warm is None or header.format not in _QUICK or header.samples_bytes > _QUICK_BYTES:
            with unforeseen_damage():
                return await read_picture(tools.sandbox, path, folder, limits, tools.picture_resources, hints)
        target = os.memfd_create("samples")
        try:
            with path.open("rb") as source, unforeseen_damage():
                files = [source.fileno(), target]
                described = await tools.warm.run(self._account_id, decode_into, files, limits, hints, urgent=self._urgent)
            return picture_of(described, target, limits)
        finally:
            os.close(target)

    def _takes_little(self, header: Header) -> bool:
        """Whether the picture is decoded in a warm child, and its work needs so little memory that it does not matter how much less."""
        if header.format not in _QUICK or header.format in _PERHAPS_WIDE or header.samples_bytes > _QUICK_BYTES:
            return False
        try:
            needed = needed_memory(header, self._operations, self.auxiliary_headers, self._tools.result_limits)
        except DarkroomError:
            return False
        return needed <= self._tools.memory.total // _LITTLE

    def check_size(self, path: Path) -> None:
        """Raises FILE_TOO_LARGE for a file that is larger than those that are worked on."""
        size = path.stat().st_size
        if size > self._largest:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE,
                f"The picture file has {size} bytes; pictures of at most {self._largest} bytes are worked on.",
                allowed=(f"at most {self._largest} bytes",),
            )


def svg_dpi(operations: Sequence[BoundOperation]) -> int:
    """The resolution at which a drawing is rasterized: that of the first operation that says one."""
    conversions = (each.parameters for each in operations if isinstance(each.parameters, Convert))
    return next((each.svg_dpi for each in conversions if each.svg_dpi), SVG_DPI)


def foretold_headers(source: Source, is_light: Callable[[Header], bool]) -> Sequence[Header]:
    """The headers that a picture may have whose size is recorded.

    Empty unless the work is light with any of them: then nobody needs to read the header first. The child does, and refuses what is over
    its limits.
    """
    if source.size is None:
        return ()
    with source.path.open("rb") as file:
        format_ = _format_of(file, source.name)
    if format_ is None:
        return ()
    sizes = dict.fromkeys((source.size, source.size[::-1]))
    headers = [Header(format_, *each, channels=_MOST_CHANNELS, wide=format_ in _PERHAPS_WIDE) for each in sizes]
    return headers if all(map(is_light, headers)) else ()


def _format_of(file: BinaryIO, name: str) -> MediaFormat | None:
    return sniff(os.pread(file.fileno(), SNIFF_BYTES, 0), name)


@contextmanager
def unforeseen_damage() -> Iterator[None]:
    """Blame the file for what reading it in a child raises, as nothing else can be the cause, and log that no reader has foreseen it."""
    try:
        yield
    except SandboxFailed as error:
        _logger.error("picture_not_read", exc_info=error)
        raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file cannot be read: it is damaged.") from error


@contextmanager
def errors_naming(name: str) -> Iterator[None]:
    """Make errors in the block name the file that they are about, unless they are not about the file."""
    try:
        yield
    except DarkroomError as error:
        if error.reason in (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL, ErrorReason.OPERATION_UNAVAILABLE):
            raise
        message = f"{name}: {error.message}"
        raise DarkroomError(error.reason, message, field=error.field, allowed=error.allowed, metadata=error.metadata) from error
