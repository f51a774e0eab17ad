"""One attempt at a task: from admission to the report, or to a silent end if it was cancelled or taken over."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from darkroom.files.v1 import file_pb2
from darkroom.tasks.v1 import task_pb2
from services.inference import metrics
from services.inference.contract.progress import Progress, Report, Stopped, portion
from services.inference.contract.step import Tools
from services.inference.pipeline.naming import named
from services.inference.pipeline.packing import packed
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.product import Product, RunContext, Source
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.stages import Stages
from services.inference.worker.cancellations import Cancellations
from services.inference.worker.client import Admission, AttemptClient
from services.inference.worker.failures import failure_of
from services.inference.worker.files import AttemptFiles, AttemptReferences, KeptResults
from services.inference.worker.lease import Lease
from services.pictures.operations import Arity
from services.platform.backoff import Backoff, retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

# Shares of the time for one input.
_FETCHED, _DELIVERED = 0.1, 0.9
# Share of the time taken by a first operation that makes pictures.
_MADE = 0.9
_MOST_NOTICES = 100
_MOST_OUTPUTS = 500
_HAND_BACK_SECONDS = 3.0
_REPORTING = Backoff(0.4, 5.0)

_logger = get_logger()


@dataclass(slots=True)
class _Results:
    """What an attempt has made so far."""

    file_ids: list[int] = field(default_factory=list)
    attached_ids: list[int] = field(default_factory=list)
    """Files that come after all results, and that the task is not charged for."""
    copies: int = 0
    """How many of the last files are archives of the others or reports about them."""
    described: list[file_pb2.File] = field(default_factory=list)
    """What is known of the files, or of some."""
    names: set[str] = field(default_factory=set)
    notices: list[task_pb2.Notice] = field(default_factory=list)
    stages: Stages = field(default_factory=Stages)
    done: list[int] = field(default_factory=list)
    """Of the last input: bytes of the samples of what each operation gave."""

    def operation_bytes(self, run: Admission) -> Sequence[int]:
        """What is reported of that: for one input and several operations."""
        return self.done if len(run.operations) > 1 and len(run.input_file_ids) + run.later_inputs == 1 else ()

    def notice(self, code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, /) -> None:
        """Add a notice; one shared by several inputs is added once."""
        said = "" if details is None else json.dumps(details, ensure_ascii=False)
        notice = task_pb2.Notice(code=code, subject=subject, message=message, details_json=said)
        if notice not in self.notices and len(self.notices) < _MOST_NOTICES:
            self.notices.append(notice)


class AttemptRunner:
    """Runs attempts that this worker was admitted to."""

    def __init__(
        self,
        *,
        client: AttemptClient,
        files: AttemptFiles,
        registry: Registry,
        tools: Tools,
        cancellations: Cancellations,
        folder: Path,
        max_picture_bytes: int,
    ) -> None:
        self._client = client
        self._files = files
        self._registry = registry
        self._tools = tools
        self._cancellations = cancellations
        self._folder = folder
        self._max_picture_bytes = max_picture_bytes

    async def run(self, run: Admission, admitted_at: float, closing: asyncio.Event) -> None:
        """Work and report. An attempt that lost its lease ends without a report; one interrupted by `closing` is handed back."""
        lease = Lease(self._client, run, admitted_at)
        working = asyncio.create_task(self._work_and_report(run, lease.progress))
        keeping = asyncio.create_task(lease.keep())
        closed = asyncio.create_task(closing.wait())
        try:
            with self._cancellations.watching(run.task_id, lease.verify):
                await asyncio.wait((working, keeping, closed), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            elif keeping.done():
                keeping.result()
                metrics.ATTEMPTS.labels("dropped", "").inc()
                _logger.info("attempt_dropped", done=round(lease.progress.told[0], 2))
            else:
                lease.progress.stop()
                await _ended(working)
                metrics.ATTEMPTS.labels("handed_back", "").inc()
                await self._hand_back(run)
        finally:
            lease.progress.stop()
            await _ended(working, keeping, closed)

    async def _work_and_report(self, run: Admission, progress: Progress) -> None:
        results = _Results(notices=list(run.notices))
        try:
            await self._work(run, progress, results)
            done = results.operation_bytes(run)
            await _delivered(lambda: self._client.complete(run, results.file_ids, results.copies, results.notices, results.described, done))
            metrics.ATTEMPTS.labels("completed", "").inc()
            _logger.info("attempt_completed", outputs=len(results.file_ids), stages=results.stages.seconds)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: any exception becomes the task's failure
            failure = failure_of(error)
            metrics.ATTEMPTS.labels("failed", failure.reason.value).inc()
            _logger.info("attempt_failed", reason=failure.reason.value, message=failure.message)
            done = results.operation_bytes(run)
            await _delivered(lambda: self._client.fail(run, failure, operation_bytes=done))

    async def _work(self, run: Admission, progress: Progress, results: _Results) -> None:
        if run.later_inputs:
            with results.stages.timed("fetch"):
                run = await self._with_all_inputs(run, progress)
        pipeline = Pipeline(self._tools, self._registry.bind(run.operations), self._max_picture_bytes, run.account_id)
        async with AsyncExitStack() as stack:
            if pipeline.auxiliary_ids:
                folder = await stack.enter_async_context(self._working_folder(run))
                with results.stages.timed("fetch"):
                    await pipeline.prepare(
                        lambda file_id: self._files.fetch(run, file_id, folder, lambda _done: None, called=f"auxiliary-{file_id}")
                    )
            match pipeline.arity:
                case Arity.NONE:
                    await self._one(run, pipeline, None, results, progress, progress.report)
                case Arity.EACH:
                    await self._each(run, pipeline, results, progress)
                case Arity.REFERENCES:
                    await self._make(run, pipeline, results, progress)
                case Arity.ALL if pipeline.joins_fetched:
                    await self._join(run, pipeline, results, progress)
                case Arity.ALL:
                    await self._stream(run, pipeline, results, progress)
        results.file_ids += results.attached_ids
        results.copies += len(results.attached_ids)
        with results.stages.timed("finalize"):
            await self._files.finalize(run, results.file_ids)

    async def _with_all_inputs(self, run: Admission, progress: Progress) -> Admission:
        """The admission once the inputs that the task names by URLs have been fetched. Cancelling ends the fetching too."""
        progress.report(0, "Fetching the inputs")
        inputs = await self._client.fetch_inputs(run)
        if inputs is None:
            raise Stopped
        return replace(run, input_file_ids=inputs)

    async def _each(self, run: Admission, pipeline: Pipeline, results: _Results, progress: Progress) -> None:
        count = len(run.input_file_ids)
        for number, file_id in enumerate(run.input_file_ids):
            prefix = f"File {number + 1} of {count}: " if count > 1 else ""
            report = portion(progress.report, number / count, (number + 1) / count, prefix)
            await self._one(run, pipeline, file_id, results, progress, report)

    async def _one(
        self, run: Admission, pipeline: Pipeline, file_id: int | None, results: _Results, progress: Progress, report: Report
    ) -> None:
        """Fetch, process and deliver one input. Nothing of it stays in memory or on disk."""
        # A task without a file needs no folder.
        async with self._working_folder(run) if file_id is not None else nullcontext(self._folder) as folder:
            source = None
            if file_id is not None:
                fetched = portion(report, 0, _FETCHED)
                with results.stages.timed("fetch"):
                    source = await self._files.fetch(run, file_id, folder, lambda done: fetched(done, "Fetching the file"))
            context = self._context(run, folder, portion(report, _FETCHED, _DELIVERED), results, progress)
            async with AsyncExitStack() as room:
                with _named_after(source):
                    header = await room.enter_async_context(pipeline.room(source, context))
                    product = await pipeline.run(source, context, header)
                await self._deliver(run, product, results, portion(report, _DELIVERED, 1))

    async def _make(self, run: Admission, pipeline: Pipeline, results: _Results, progress: Progress) -> None:
        """Make pictures from all inputs together, and deliver them one after the other."""
        async with self._working_folder(run) as folder:
            references = AttemptReferences(self._files, run, pipeline, folder)
            context = self._context(run, folder, portion(progress.report, 0, _MADE), results, progress)
            made = await pipeline.make(references, context)
            products: list[Product] = []
            for number, picture in enumerate(made):
                share = (1 - _MADE) / len(made)
                report = portion(progress.report, _MADE + number * share, _MADE + (number + 1) * share)
                context = self._context(run, folder, portion(report, 0, _DELIVERED), results, progress)
                product = await pipeline.finish(picture, pipeline.name_of_made, context)
                await self._deliver(run, product, results, portion(report, _DELIVERED, 1))
                if pipeline.archives_made and product is not None:
                    products.append(product)
            if len(products) > 1:
                with results.stages.timed("archive"):
                    results.file_ids.append(await self._files.deliver_stream(run, packed(pipeline.name_of_made, products)))
                results.copies = 1

    def _context(self, run: Admission, folder: Path, report: Report, results: _Results, progress: Progress) -> RunContext:
        return RunContext(
            folder=folder,
            report=report,
            check=progress.check,
            notice=results.notice,
            stages=results.stages,
            keeping=KeptResults(self._files, run),
            last=run.last,
            taken_names=results.names,
            done=results.done,
        )

    async def _deliver(self, run: Admission, product: Product | None, results: _Results, report: Report) -> None:
        if product is None:
            return
        results.names.add(product.name)
        with results.stages.timed("store"):
            delivered = await self._files.deliver(run, product, lambda done: report(done, "Storing the result"))
        results.file_ids.append(delivered.id)
        results.described.append(delivered)
        for attached in product.attachments:
            if len(run.input_file_ids) + len(results.attached_ids) >= _MOST_OUTPUTS:
                results.notice("attachment_left_out", "", f"{attached.name} was left out: a task delivers at most {_MOST_OUTPUTS} files.")
                continue
            results.names.add(attached.name)
            with results.stages.timed("store"):
                results.attached_ids.append((await self._files.deliver(run, attached, lambda _done: None)).id)

    @asynccontextmanager
    async def _working_folder(self, run: Admission) -> AsyncIterator[Path]:
        # Not in a thread: the way there and back takes longer.
        folder = Path(tempfile.mkdtemp(prefix=f"{run.task_id}-{run.attempt}-", dir=self._folder))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _join(self, run: Admission, pipeline: Pipeline, results: _Results, progress: Progress) -> None:
        """Make one result from all inputs, which are fetched first."""
        async with self._working_folder(run) as folder:
            inputs = folder / "inputs"
            inputs.mkdir()
            fetched = portion(progress.report, 0, _FETCHED)
            with results.stages.timed("fetch"):
                sources = await self._files.fetch_all(run, inputs, lambda done: fetched(done, "Fetching the files"))
            context = self._context(run, folder, portion(progress.report, _FETCHED, _DELIVERED), results, progress)
            async with pipeline.room_for_all(sources, context):
                product = await pipeline.join(sources, context)
            await self._deliver(run, product, results, portion(progress.report, _DELIVERED, 1))

    async def _stream(self, run: Admission, pipeline: Pipeline, results: _Results, progress: Progress) -> None:
        """Make one output from all inputs, and store it as it is made."""
        context = self._context(run, self._folder, progress.report, results, progress)
        with results.stages.timed(pipeline.first_name):
            stream = await pipeline.stream(await self._files.open(run), context)
            results.file_ids.append(await self._files.deliver_stream(run, stream))

    async def _hand_back(self, run: Admission) -> None:
        """Have the task queued again at once. If that fails, it is queued when the lease expires."""
        error = DarkroomError(ErrorReason.UNAVAILABLE, "The worker was shut down; the task runs again on another.")
        try:
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                await self._client.fail(run, error, handed_back=True)
            _logger.info("attempt_handed_back")
        except (DarkroomError, TimeoutError) as failed:
            _logger.warning("attempt_not_handed_back", error=repr(failed))


@contextmanager
def _named_after(source: Source | None) -> Iterator[None]:
    """Make errors name the input that they are about."""
    try:
        yield
    except DarkroomError as error:
        raise error if source is None else named(error, source.name) from error


async def _delivered(report: Callable[[], Awaitable[bool]]) -> None:
    """Repeat a report while the tasks service cannot be reached. The end of the lease cancels it."""
    if not await retry_unavailable(report, math.inf, _REPORTING):
        _logger.warning("report_came_late")


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
