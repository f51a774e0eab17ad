"""The operations of a task, in memory, with a single decoding before and a single encoding after them, as the steps of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from itertools import pairwise

from darkroom.operations.v1 import options_pb2
from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.flow import (
    Data,
    Document,
    Examination,
    GeneratedPicture,
    InputFile,
    Medium,
    NewFile,
    References,
    Several,
    Stream,
)
from services.inference.contract.plain_step import Original
from services.inference.contract.progress import Report, portion
from services.inference.contract.step import Step, Tools
from services.inference.credentials.manifest import Deed
from services.inference.credentials.used_models import recorded_models
from services.inference.media import Header, Hints, Image, Limits, as_read_back
from services.inference.moving.model import Written
from services.inference.pipeline.by_frame import ByFrame, check_still
from services.inference.pipeline.by_page import ByPage
from services.inference.pipeline.changes import Changes, has_size_of, same_bytes
from services.inference.pipeline.credentials import Credentials
from services.inference.pipeline.encoding import (
    WRITTEN,
    given_back,
    name_of_words,
    product_of_child,
    product_of_frames,
    write_product,
)
from services.inference.pipeline.file_size import FileSizes
from services.inference.pipeline.file_work import apply_to_files, read_back
from services.inference.pipeline.memory_needs import memory_of_run
from services.inference.pipeline.reading import Reading, errors_naming, svg_dpi
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, ShortResult, Source
from services.inference.pipeline.short import ShortWork
from services.inference.pipeline.undecoded import Undecoded
from services.pictures.operations import Arity
from services.pictures.result_size import resolve_percentages
from services.platform.errors import DarkroomError, ErrorReason

_READ = 0.05
"""Share of the time for one run; the operations have the rest, up to `WRITTEN`."""


class Pipeline:
    """The operations of a task, in order. Raises MEDIA_UNSUPPORTED if one does not accept the output of the previous one.

    The steps of a run are `read_headers`, `reserve`, `decode`, `apply` and `encode`, in this order.
    """

    def __init__(self, tools: Tools, operations: Sequence[BoundOperation], max_picture_bytes: int, account_id: int = 0) -> None:
        for before, after in pairwise(operations):
            if before.spec.produces != after.spec.accepts:
                raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, f"{after.spec.name} does not take what {before.spec.name} gives.")
        self._tools, self._operations, self._first = tools, operations, operations[0]
        self._svg_dpi = svg_dpi(operations)
        self._short = None
        if tools.warm is not None and self.arity is Arity.EACH:
            self._short = ShortWork(
                tools.warm, account_id, operations, tools.picture_limits, tools.result_limits, tools.trusted_certificates
            )
        self._reading = Reading(tools, account_id, max_picture_bytes, operations)
        self._by_frame = ByFrame(tools, operations, self._reading, lambda run, original: self._step(run, run.report, original))
        self._by_page = ByPage(tools, [operation.parameters for operation in operations], self._reading, self._operate)
        self._undecoded = Undecoded(tools, account_id, operations)
        self._sizes = FileSizes(operations, self._undecoded)
        self._credentials, self._made_by = Credentials(tools, operations, self._reading), list[Deed]()

    @property
    def arity(self) -> Arity:
        """How many inputs a run has: NONE, one (EACH) or ALL. With REFERENCES, `make` takes them, and a run has a picture that it made."""
        return self._first.spec.arity

    @property
    def name_of_made(self) -> str:
        """Base name of the pictures that `make` returns: the first words of the prompt."""
        return name_of_words(self._first.spec.prompt(self._first.parameters))

    @property
    def archives_made(self) -> bool:
        """Whether several of the pictures made are to be delivered in an archive as well."""
        return self.arity is Arity.REFERENCES and self._first.spec.archives(self._first.parameters)

    @property
    def streams(self) -> bool:
        """Whether the operation takes all inputs together without looking into them: `stream` makes the result then, in no run."""
        return self.arity is Arity.ALL and not self._first.spec.reads_file

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
            await self._reading.add_auxiliary(file_id, await fetch(file_id))

    @asynccontextmanager
    async def stream(self, open_inputs: Callable[[], Awaitable[Sequence[InputFile]]], run: Run) -> AsyncIterator[Stream]:
        """The operation's output from all files together, which the block reads: the operation lasts until it ends.

        Raises what opening the files and the operation raise; so does the stream while it is read.
        """
        with run.stages.measure(self._first.spec.name):
            yield await self._first.run(await open_inputs(), self._first.parameters, self._step(run, run.overall))

    async def make(self, count: int, fetch: Callable[[int], Awaitable[Source]], run: Run) -> list[GeneratedPicture]:
        """The pictures that the first operation makes from `count` inputs, each fetched, by its number, when it is read.

        Raises what the operation raises.
        """

        async def read(number: int) -> Image:
            source = await fetch(number)
            try:
                return await run.with_notes(self._reading.reference(source, run.folder))
            finally:
                await asyncio.to_thread(source.path.unlink)

        references = References(count, read)
        run.overall(0, "Starting")
        with run.stages.measure(self._first.spec.name, operation=True), recorded_models() as used:
            made: list[GeneratedPicture] = await self._first.run(references, self._first.parameters, self._step(run, run.overall))
        self._made_by = [Deed.of(self._first.spec, used)]
        return made

    async def read_headers(self, run: Run) -> None:
        """Read the headers of pictures, animations and videos. Where the recorded size of pictures shows that the work is short or needs
        little memory, they are foretold.

        Raises what reading a header raises, FILE_TOO_LARGE, and FIELD_INVALID where a video is to be made of a picture.
        """
        operations = self._operations_of(run)
        if not operations or operations[0].spec.accepts != options_pb2.MEDIA_KIND_IMAGE:
            return
        if self.arity is Arity.EACH:
            await self._by_frame.read_facts(run)
            await self._by_page.read_headers(run)
        if run.moving is not None or run.pages:
            return
        check_still(operations)
        headers: list[Header] = []
        for source in run.sources:
            run.check()
            with errors_naming(source.name) if self.arity is Arity.ALL else nullcontext():
                headers += await self._by_page.headers_of_all(source) or await self._reading.input_headers(
                    source, self._limits_of(run), Hints(source.name, self._svg_dpi)
                )
        run.headers = headers
        run.short = bool(headers) and self._reading.is_short_work(headers[0])

    async def reserve(self, run: Run) -> None:
        """Reserve the memory that the run and the delivery of its product need; wait until it is free.

        Raises MEDIA_LIMIT_EXCEEDED if that is more than this worker has.
        """
        beside = self._reading.auxiliary_headers
        operations = self._operations_of(run)
        needed = self._by_frame.needed_memory(run) if run.moving is not None else memory_of_run(run, operations, beside, self._tools)
        if needed:
            await run.resources.enter_async_context(self._tools.memory.reserve(needed, lambda: run.report(0, "Waiting for memory")))

    async def decode(self, run: Run) -> None:
        """Read what the first operation gets, or make the result at once where nothing need be decoded. Raises as `Reading.picture`."""
        if run.generated_picture is None and self.arity is not Arity.ALL:
            run.report(0, "Reading the file" if run.sources else "Starting")
        if run.moving is not None:
            # Frames are read while they are worked on.
            run.medium = None if run.by_frame else await self._by_frame.one_frame(run)
        elif run.pages:
            run.medium = None if len(run.pages) > 1 else await self._by_page.decode(run)
        elif run.generated_picture is not None and not self._operations_of(run):
            made = run.generated_picture
            run.medium = NewFile(made.path, made.format.media_type, made.format.extension, width=made.width, height=made.height)
        elif run.short or (run.generated_picture is None and self._first.spec.reads_file and run.sources):
            run.medium = run.sources
        elif run.sources:
            run.medium = None if run.generated_picture is not None else await self._undecoded.result(run)
            if run.medium is None:
                with run.stages.measure("decode"):
                    run.medium = await self._decoded(run)

    async def apply(self, run: Run) -> None:
        """Run the operations. Raises what they raise, and for frames what reading and writing them raise."""
        if isinstance(run.medium, ShortResult):
            return
        if run.by_frame:
            await self._by_frame.apply(run)
            return
        if len(run.pages) > 1:
            await self._by_page.apply(run)
            return
        if self._short is not None and run.short:
            short = run.medium = await self._short.run(run)
            run.unchanged = short.unchanged
            return
        await self._operate(run)

    async def _operate(self, run: Run) -> None:
        run.operation_bytes.clear()
        operations = self._operations_of(run)
        original: Original | None = None
        changes = Changes(changed=self.arity is not Arity.EACH)
        for number, operation in enumerate(operations):
            run.check()
            share = (WRITTEN - _READ) / len(operations)
            report = portion(run.report, _READ + number * share, _READ + (number + 1) * share)
            if isinstance(run.medium, Examination):
                raise DarkroomError(ErrorReason.FIELD_INVALID, f"{operation.spec.name} cannot follow a dry run, which produces no file.")
            if operation.spec.reads_file:
                last = operation is self._operations[-1]
                await apply_to_files(self._tools, operation, run, report, changes, self._svg_dpi, last=last)
            else:
                if isinstance(run.medium, NewFile):
                    run.medium = await read_back(run.medium, operation, self._reading, self._tools.result_limits, run)
                if original is None and isinstance(run.medium, Image):
                    original = Original(run.medium.width, run.medium.height, transparent=run.medium.alpha is not None)
                converted = number > 0 and isinstance(operations[number - 1].parameters, Convert)
                await self._apply_to_medium(operation, run, report, original, changes, converted=converted)
            run.operation_bytes.append(run.medium.size_bytes if isinstance(run.medium, Image | Data | NewFile) else 0)
        run.unchanged = changes.unchanged

    async def encode(self, run: Run) -> None:
        """Make files of what the operations have made. Raises what writing raises."""
        run.check()
        assert not isinstance(run.medium, Sequence)
        if run.medium is None:
            return
        if isinstance(run.medium, ShortResult):
            run.product = product_of_child(run.medium, run)
        elif isinstance(run.medium, Written):
            run.product = product_of_frames(run.medium, run)
        else:
            with run.stages.measure("encode"):
                run.product = await write_product(run.medium, run)
        path = run.sources[0].path if self.arity is Arity.EACH else None
        if path is not None and run.product is not None and not run.unchanged and has_size_of(path, run.product.content):
            run.unchanged = await asyncio.to_thread(same_bytes, path, run.product.content)
        if run.unchanged and run.product is not None and not any(isinstance(each.parameters, Convert) for each in self._operations):
            run.product = given_back(run.product, run)
        if run.product is not None:
            run.product = await self._sizes.settle(run.product, run)
            run.product = await self._credentials.settle(run.product, run, [*self._made_by, *run.deeds])

    async def _apply_to_medium(
        self, operation: BoundOperation, run: Run, report: Report, original: Original | None, changes: Changes, *, converted: bool
    ) -> None:
        """`converted`: whether the operation before it converts, so that this one gets what would be read back from its file."""
        medium = run.medium
        assert not isinstance(medium, (Sequence, ShortResult, Written))
        step, parameters = self._step(run, report, original), operation.parameters
        if original is not None:
            parameters = resolve_percentages(parameters, (original.width, original.height))
        with run.stages.measure(operation.spec.name, operation=True), recorded_models() as used:
            if converted and isinstance(medium, Image):
                medium = await asyncio.to_thread(as_read_back, medium)
            made: Medium | Several
            if operation.plain:
                made = await asyncio.to_thread(operation.run, medium, parameters, step)
            else:
                made = await operation.run(medium, parameters, step)
        run.deeds.append(Deed.of(operation.spec, used))
        if isinstance(made, Several):
            run.attachments += made.others
            made = made.first
        if isinstance(medium, Image) and not isinstance(made, Image):
            run.tell_notes(medium.notes)
        if isinstance(made, Document):
            run.attachments += made.attachments
        if medium is None or changes.changed:
            changes.note(parameters, medium, made)  # without comparing anything
        else:
            await asyncio.to_thread(changes.note, parameters, medium, made)
        run.medium = made

    def _step(self, run: Run, report: Report, original: Original | None = None) -> Step:
        return Step(
            tools=self._tools,
            result_limits=self._tools.result_limits,
            color_profiles=self._tools.color_profiles,
            source_name=run.source_name,
            original=original,
            folder=run.folder,
            report=report,
            check=run.check,
            label=run.labels.append,
            notice=run.notice,
            keeping=run.keeping,
            last=run.last,
            auxiliary=lambda file_id: run.with_notes(self._reading.auxiliary(file_id, run.folder)),
        )

    def _operations_of(self, run: Run) -> Sequence[BoundOperation]:
        return self._operations if run.generated_picture is None else self._operations[1:]

    def _limits_of(self, run: Run) -> Limits:
        return self._tools.picture_limits if run.generated_picture is None else self._tools.result_limits

    async def _decoded(self, run: Run) -> Medium:
        source = run.sources[0]
        if not run.headers:
            return Document(source.path, source.pages)
        hints = Hints(source.name, self._svg_dpi)
        return await self._reading.picture(source.path, run.headers[0], run.folder, self._limits_of(run), hints)
