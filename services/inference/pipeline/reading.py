"""Reading pictures in child processes: small ones of common formats in warm children, the others each in one of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.inference.contract.step import Tools
from services.inference.media import NO_HINTS, Header, Hints, Image, Limits
from services.inference.media.isolated import decode_into, describe, header_of, picture_of, read_picture, read_picture_header
from services.pictures.media_format import MediaFormat, sniff
from services.platform.errors import DarkroomError, ErrorReason

HEAD = 4096
"""Bytes by which a format is recognized."""
_QUICK = frozenset((MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.TIFF, MediaFormat.BMP))
"""Formats that take a time that is known by the number of pixels."""
_QUICK_BYTES = 64 << 20
"""Largest samples that a warm child decodes."""


class Reading:
    """Reads the pictures of one account. An input's file has at most `largest` bytes."""

    def __init__(self, tools: Tools, account_id: int, largest: int, *, urgent: bool) -> None:
        self._tools, self._account_id, self._largest, self._urgent = tools, account_id, largest, urgent

    async def input_header(self, path: Path, limits: Limits, hints: Hints) -> Header:
        """As `header`, of an input. Raises FILE_TOO_LARGE, too."""
        self.check_size(path)
        return await self.header(path, limits, hints)

    def check_size(self, path: Path) -> None:
        """Raises FILE_TOO_LARGE for the file of an input."""
        size = path.stat().st_size
        if size > self._largest:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE,
                f"The picture file has {size} bytes; pictures of at most {self._largest} bytes are worked on.",
                allowed=(f"at most {self._largest} bytes",),
            )

    async def header(self, path: Path, limits: Limits, hints: Hints = NO_HINTS) -> Header:
        """The header of a picture. Raises as `media.read_header` and `Sandbox.run`."""
        tools = self._tools
        with open_file(path) as file:
            if tools.warm is None or sniff(os.pread(file, HEAD, 0), hints.name) not in _QUICK:
                return await read_picture_header(tools.sandbox, path, limits, tools.picture_resources, hints)
            return header_of(await tools.warm.run(self._account_id, describe, [file], limits, hints, urgent=self._urgent))

    async def picture(self, path: Path, header: Header, folder: Path, limits: Limits, hints: Hints = NO_HINTS) -> Image:
        """A picture whose header has been read. `folder` is for a temporary folder. Raises as `media.decode` and `Sandbox.run`."""
        tools = self._tools
        if tools.warm is None or header.format not in _QUICK or header.samples_bytes > _QUICK_BYTES:
            return await read_picture(tools.sandbox, path, folder, limits, tools.picture_resources, hints)
        target = os.memfd_create("samples")
        try:
            with open_file(path) as source:
                described = await tools.warm.run(self._account_id, decode_into, [source, target], limits, hints, urgent=self._urgent)
            return picture_of(described, target, limits)
        finally:
            os.close(target)


@contextmanager
def open_file(path: Path) -> Iterator[int]:
    """A file, open for reading."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


def with_file_name(error: DarkroomError, name: str) -> DarkroomError:
    """The same error, naming the file that it is about, unless it is not about the file."""
    if error.reason in (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL, ErrorReason.OPERATION_UNAVAILABLE):
        return error
    return DarkroomError(error.reason, f"{name}: {error.message}", field=error.field, allowed=error.allowed, metadata=error.metadata)
