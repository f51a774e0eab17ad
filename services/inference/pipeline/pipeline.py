"""Several operations on one input, in memory, with a single decoding before and a single encoding after them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path

from google.protobuf.message import Message

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import options_pb2
from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.flow import (
    Attachment,
    Document,
    Examination,
    InputFile,
    Made,
    Medium,
    NewFile,
    References,
    Several,
    Stream,
)
from services.inference.contract.plain_step import Original
from services.inference.contract.progress import Report, portion
from services.inference.contract.step import Step, Tools
from services.inference.media import SVG_DPI, Header, Hints, Image, as_read_back
from services.inference.pipeline.auxiliaries import Auxiliaries
from services.inference.pipeline.between import as_file, read_back
from services.inference.pipeline.file_work import on_files
from services.inference.pipeline.isolated import samples_size
from services.inference.pipeline.naming import name_of_words, result_name
from services.inference.pipeline.product import WRITTEN, Product, RunContext, Source, finished_product, written
from services.inference.pipeline.reading import Reading
from services.inference.pipeline.registry import Bound
from services.inference.pipeline.rooms import Rooms
from services.inference.pipeline.short import ShortWork, operations_done
from services.pictures.operations import Arity
from services.pictures.result_size import resolved
from services.platform.errors import DarkroomError, ErrorReason

_READ = 0.05
"""Share of the time for one input; the operations have the rest, up to `WRITTEN`."""


class Pipeline:
    """The operations of a task, in order. Raises MEDIA_UNSUPPORTED if one does not accept the output of the previous one."""

    def __init__(self, tools: Tools, operations: Sequence[Bound], max_picture_bytes: int, account_id: int = 0) -> None:
        for before, after in pairwise(operations):
            if before.spec.produces != after.spec.accepts:
                raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, f"{after.spec.name} does not take what {before.spec.name} gives.")
        self._tools = tools
        self._operations = operations
        self._svg_dpi = _svg_dpi(operations)
        self._reading = Reading(tools, account_id, urgent=all(operation.plain for operation in operations))
        self._short = None
        if tools.warm is not None:
            self._short = ShortWork(tools.warm, account_id, operations, tools.picture_limits, tools.result_limits)
        self._rooms = Rooms(tools, self._reading, self._short, max_picture_bytes)
        self._auxiliaries = Auxiliaries(tools.picture_limits, self._reading, self._rooms)

    @property
    def auxiliary_ids(self) -> list[int]:
        """The auxiliary files that the operations name, without duplicates."""
        ids = (getattr(operation.parameters, name) for operation in self._operations for name in operation.spec.auxiliary)
        return list(dict.fromkeys(file_id for file_id in ids if file_id))

    async def prepare(self, fetch: Callable[[int], Awaitable[Source]]) -> None:
        """Fetch the auxiliary files once for all inputs and read their headers, before anything runs. The files must stay in place.

        Raises what `fetch` and reading a header raise, and FILE_TOO_LARGE.
        """
        for file_id in self.auxiliary_ids:
            await self._auxiliaries.add(file_id, await fetch(file_id))

    @property
    def arity(self) -> Arity:
        """How many inputs its first operation takes at a time: NONE and EACH call for `run`, REFERENCES for `make` and then `finish` for
        each picture made, and ALL for `join`."""
        return self._operations[0].spec.arity

    @property
    def first_name(self) -> str:
        """The name of its first operation."""
        return self._operations[0].spec.name

    @property
    def name_of_made(self) -> str:
        """Base name of the pictures that `make` returns: the first words of the prompt."""
        first = self._operations[0]
        return name_of_words(first.spec.prompt(first.parameters))

    @property
    def archives_made(self) -> bool:
        """Whether several results are to be delivered in an archive as well."""
        first = self._operations[0]
        return first.spec.archives(first.parameters)

    @property
    def joins_fetched(self) -> bool:
        """Whether the operation that takes all inputs together looks into them, so that `join` does it; else `stream` does."""
        return self._operations[0].spec.reads_file

    async def stream(self, files: Sequence[InputFile], context: RunContext) -> Stream:
        """The operation's output from all files together. Raises what the operation raises; so does the stream while it is read."""
        first = self._operations[0]
        stream: Stream = await first.run(files, first.parameters, self._step(context, context.report, "", []))
        return stream

    def room_for_all(self, sources: Sequence[Source], context: RunContext) -> AbstractAsyncContextManager[None]:
        """As `room`, for `join`."""
        return self._rooms.for_all(sources, self._operations[0], context, self._svg_dpi)

    async def join(self, sources: Sequence[Source], context: RunContext) -> Product | None:
        """The result of all inputs together, which are alone in one folder. Raises as `run`."""
        return await self._through(self._operations, tuple(sources), sources[0], context)

    async def make(self, references: References, context: RunContext) -> list[Made]:
        """The pictures that the first operation makes. Raises what the operation raises."""
        context.report(0, "Starting")
        first = self._operations[0]
        with context.stages.timed(first.spec.name, operation=True):
            made: list[Made] = await first.run(references, first.parameters, self._step(context, context.report, "", []))
        return made

    async def finish(self, made: Made, name: str, context: RunContext) -> Product | None:
        """One of the pictures made, after the remaining operations; unchanged, byte for byte, if there are none. `name` is its source."""
        context.check()
        if len(self._operations) == 1:
            info = file_pb2.ImageInfo(width=made.width, height=made.height, frames=1)
            return Product(result_name(name, (), made.format.extension, context.taken_names), made.format.media_type, made.path, info)
        source = Source(name, made.path, 0)
        tools, operations = self._tools, self._operations[1:]
        beside = self._auxiliaries.headers
        async with self._rooms.for_picture(source, operations, beside, tools.result_limits, context.report, self._svg_dpi) as header:
            with context.stages.timed("decode"):
                medium: Medium = await self._reading.picture(made.path, header, context.folder, tools.result_limits)
            return await self._through(operations, medium, source, context)

    @asynccontextmanager
    async def room(self, source: Source | None, context: RunContext) -> AsyncIterator[Header | None]:
        """Reserve the memory that `run` of an input and the delivery of its result need; wait until it is free. Returns the header of a
        picture; of one on which the operations are short work, perhaps only as far as it is recorded.

        Raises MEDIA_LIMIT_EXCEEDED if that is more than this worker has, FILE_TOO_LARGE, and what reading a header raises.
        """
        first, rooms = self._operations[0], self._rooms
        if source is None:
            async with rooms.for_nothing(first, context.report):
                yield None
        elif first.spec.accepts != options_pb2.MEDIA_KIND_IMAGE:
            async with rooms.for_document(context.report):
                yield None
        else:
            limits, beside = self._tools.picture_limits, self._auxiliaries.headers
            async with rooms.for_picture(source, self._operations, beside, limits, context.report, self._svg_dpi) as header:
                yield header

    async def run(self, source: Source | None, context: RunContext, header: Header | None = None) -> Product | None:
        """The result for one input; None if the operations make nothing. Raises what reading, the operations and writing raise.

        `header` is what `room` has found.
        """
        context.report(0, "Reading the file" if source is not None else "Starting")
        if self._short is not None and source is not None and header is not None and self._short.suits(header):
            try:
                finished = await self._short.run(source.path, source.name, context.report)
            except DarkroomError as error:
                context.done[:] = operations_done(error, len(self._operations))
                raise
            return finished_product(finished, source, context)
        if source is not None and self._operations[0].spec.reads_file:
            return await self._through(self._operations, (source,), source, context)
        with context.stages.timed("decode"):
            medium = await self._read(source, header, context.folder)
        return await self._through(self._operations, medium, source, context)

    async def _through(
        self, operations: Sequence[Bound], medium: Medium | Sequence[Source], source: Source | None, context: RunContext
    ) -> Product | None:
        labels: list[str] = []
        attachments: list[Attachment | NewFile] = []
        share = (WRITTEN - _READ) / len(operations)
        source_name = source.name if source is not None else ""
        original: Original | None = None
        context.done.clear()
        for number, operation in enumerate(operations):
            context.check()
            report = portion(context.report, _READ + number * share, _READ + (number + 1) * share)
            if isinstance(medium, Examination):
                raise DarkroomError(
                    ErrorReason.FIELD_INVALID, f"{operation.spec.name} cannot follow a dry run, which gives no file to go on with."
                )
            if operation.spec.reads_file:
                files = medium if isinstance(medium, Sequence) else [await as_file(medium, source_name, context)]
                with context.stages.timed(operation.spec.name, operation=True):
                    worked = await on_files(self._tools, operation, files, context.folder, report, self._svg_dpi)
                for notice in worked.notices:
                    context.notice(*notice)
                labels += worked.labels
                attachments += worked.others
                medium = worked.first
                context.done.append(samples_size(medium))
                continue
            assert not isinstance(medium, Sequence)
            if isinstance(medium, NewFile):
                medium = await read_back(medium, operation, self._reading, self._tools.result_limits, context)
            if original is None and isinstance(medium, Image):
                original = Original(medium.width, medium.height, transparent=medium.alpha is not None)
            parameters = operation.parameters if original is None else resolved(operation.parameters, (original.width, original.height))
            with context.stages.timed(operation.spec.name, operation=True):
                if number and isinstance(medium, Image) and isinstance(operations[number - 1].parameters, Convert):
                    medium = await asyncio.to_thread(as_read_back, medium)
                made, others = await _applied(operation, medium, parameters, self._step(context, report, source_name, labels, original))
            medium = made
            attachments += others
            context.done.append(samples_size(medium))
            if isinstance(medium, Document):
                attachments += medium.attachments
        assert not isinstance(medium, Sequence)
        context.check()
        with context.stages.timed("encode"):
            return await written(medium, source, labels, context, attachments)

    def _step(self, context: RunContext, report: Report, source_name: str, labels: list[str], original: Original | None = None) -> Step:
        return Step(
            tools=self._tools,
            result_limits=self._tools.result_limits,
            color_profiles=self._tools.color_profiles,
            source_name=source_name,
            original=original,
            folder=context.folder,
            report=report,
            check=context.check,
            label=labels.append,
            notice=context.notice,
            keeping=context.keeping,
            last=context.last,
            auxiliary=lambda file_id: self._auxiliaries.read(file_id, context.folder),
        )

    async def read_reference(self, source: Source, folder: Path) -> Image:
        """Decode an input of an operation that takes references. Raises as `picture_job.read_picture`, and FILE_TOO_LARGE."""
        limits = self._tools.picture_limits
        async with self._rooms.for_picture(source, (), (), limits, lambda _done, _message: None) as header:
            return await self._reading.picture(source.path, header, folder, limits, Hints(source.name))

    async def _read(self, source: Source | None, header: Header | None, folder: Path) -> Medium:
        if source is None:
            return None
        if self._operations[0].spec.accepts == options_pb2.MEDIA_KIND_PDF:
            return Document(source.path, source.pages)
        limits = self._tools.picture_limits
        header = header or await self._rooms.header(source, limits, self._svg_dpi)
        return await self._reading.picture(source.path, header, folder, limits, Hints(source.name, self._svg_dpi))


def _svg_dpi(operations: Sequence[Bound]) -> int:
    """The resolution at which a drawing is rasterized: what the first operation says that says one."""
    conversions = (each.parameters for each in operations if isinstance(each.parameters, Convert))
    return next((each.svg_dpi for each in conversions if each.svg_dpi), SVG_DPI)


async def _applied(operation: Bound, medium: Medium, parameters: Message, step: Step) -> tuple[Medium, Sequence[NewFile]]:
    """What the operation makes, and further files."""
    made: Medium | Several
    if operation.plain:
        made = await asyncio.to_thread(operation.run, medium, parameters, step)
    else:
        made = await operation.run(medium, parameters, step)
    return (made.first, made.others) if isinstance(made, Several) else (made, ())
