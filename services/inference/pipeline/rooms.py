"""Memory that work on inputs reserves before it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from darkroom.operations.v1 import options_pb2
from services.inference.contract.progress import Report
from services.inference.contract.step import Tools
from services.inference.media import SVG_DPI, Header, Hints, Limits
from services.inference.pipeline.memory_needs import ALWAYS, needed_memory
from services.inference.pipeline.naming import named
from services.inference.pipeline.product import RunContext, Source
from services.inference.pipeline.reading import Reading
from services.inference.pipeline.registry import Bound
from services.inference.pipeline.short import ShortWork
from services.platform.errors import DarkroomError, ErrorReason


class Rooms:
    """Reserves it, and reads the headers that say how much that is.

    All raise MEDIA_LIMIT_EXCEEDED for more than this worker has, FILE_TOO_LARGE, and what reading a header raises.
    """

    def __init__(self, tools: Tools, reading: Reading, short: ShortWork | None, max_picture_bytes: int) -> None:
        self._tools, self._reading, self._short, self._max_picture_bytes = tools, reading, short, max_picture_bytes

    async def header(self, source: Source, limits: Limits, svg_dpi: int = SVG_DPI) -> Header:
        """The header of a picture."""
        self._check_file(source)
        return await self._reading.header(source.path, limits, Hints(source.name, svg_dpi))

    def for_nothing(self, operation: Bound, report: Report) -> AbstractAsyncContextManager[None]:
        """For an operation without a file."""
        needed = operation.peak_memory(None)
        return self._reserved(ALWAYS + needed, report) if needed else nullcontext()

    def for_document(self, report: Report) -> AbstractAsyncContextManager[None]:
        """For what is no picture: what its process may use. A worker with less reserves all its memory for it."""
        return self._reserved(min(self._tools.documents.memory_bytes, self._tools.memory.total), report)

    @asynccontextmanager
    async def for_picture(
        self,
        source: Source,
        operations: Sequence[Bound],
        auxiliaries: Sequence[Header],
        limits: Limits,
        report: Report,
        svg_dpi: int = SVG_DPI,
    ) -> AsyncIterator[Header]:
        """For operations on a picture; the block gets its header."""
        found = self._foretold(source) or [await self.header(source, limits, svg_dpi)]
        async with self._reserved(max(needed_memory(each, operations, auxiliaries, self._tools.result_limits) for each in found), report):
            yield found[0]

    @asynccontextmanager
    async def for_all(self, sources: Sequence[Source], operation: Bound, context: RunContext, svg_dpi: int) -> AsyncIterator[None]:
        """For an operation on several files together."""
        headers = []
        if operation.spec.accepts == options_pb2.MEDIA_KIND_IMAGE:
            for source in sources:
                context.check()
                try:
                    headers.append(await self.header(source, self._tools.picture_limits, svg_dpi))
                except DarkroomError as error:
                    raise named(error, source.name) from error
        async with self._reserved(ALWAYS + operation.peak_memory(headers), context.report):
            yield

    def _foretold(self, source: Source) -> Sequence[Header]:
        """The headers that the picture may have, if it need not be looked at to know what follows."""
        if self._short is None or source.size is None:
            return ()
        self._check_file(source)
        return self._short.foretold(source.path, source.size, source.name)

    def _reserved(self, size: int, report: Report) -> AbstractAsyncContextManager[None]:
        return self._tools.memory.reserved(size, lambda: report(0, "Waiting for memory"))

    def _check_file(self, source: Source) -> None:
        size = source.path.stat().st_size
        if size > self._max_picture_bytes:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE,
                f"The picture file has {size} bytes; pictures of at most {self._max_picture_bytes} bytes are worked on.",
                allowed=(f"at most {self._max_picture_bytes} bytes",),
            )
