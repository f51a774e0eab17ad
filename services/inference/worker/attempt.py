"""One attempt at a task: from admission to the report, or to a silent end if it was cancelled or taken over."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1.remove_watermark_pb2 import PercentBox
from darkroom.tasks.v1 import task_pb2
from services.inference import metrics
from services.inference.contract.flow import GeneratedPicture, Stream
from services.inference.contract.plain_step import PlaceInPercent
from services.inference.contract.progress import AttemptStop, Progress, Report, portion
from services.inference.contract.step import Tools
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.reading import errors_naming
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Product, Run, Source
from services.inference.pipeline.stages import Stages
from services.inference.worker.cancellations import Cancellations
from services.inference.worker.client import Admission, AttemptClient, failure_of
from services.inference.worker.files import AttemptFiles
from services.inference.worker.lease import Lease, Outcome
from services.pictures.operations import Arity
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.zip_archive import Entry, ZipArchive, entry_names

# Shares of the time for one run.
_FETCHED, _DELIVERED = 0.1, 0.9
# Share of the time taken by a first operation that makes pictures.
_MADE = 0.9
_MOST_NOTICES = 100
_MOST_BOXES = 100
_MOST_OUTPUTS = 500
_HAND_BACK_SECONDS = 3.0

_logger = get_logger()
# Looking up a metric's labels takes longer than counting.
_attempts = cache(metrics.ATTEMPTS.labels)


@dataclass(slots=True)
class Attempt:
    """The inputs of an attempt, and its results so far."""

    admission: Admission
    progress: Progress
    files: AttemptFiles
    file_ids: list[int] = field(default_factory=list)
    attached_ids: list[int] = field(default_factory=list)
    """Files that come after all results, and that the task is not charged for."""
    copies: int = 0
    """How many of the last files are archives of the others or reports about them."""
    unchanged: int = 0
    """How many of the other files are their inputs as they were."""
    output_files: list[file_pb2.File] = field(default_factory=list)
    """The facts about the files, or some of them."""
    products: list[Product] = field(default_factory=list)
    """Those that an archive is made of."""
    names: set[str] = field(default_factory=set)
    notices: list[task_pb2.Notice] = field(default_factory=list)
    stages: Stages = field(default_factory=Stages)
    operation_bytes: list[int] = field(default_factory=list)
    """For the last run: bytes of the samples of each operation's result."""
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    """The resources that the attempt holds until its end."""
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Seconds since it began, to a tenth of a millisecond."""
        return round(time.perf_counter() - self.began, 4)

    @property
    def reported_bytes(self) -> Sequence[int]:
        """`operation_bytes` for one input and several operations, else nothing."""
        operations, inputs = len(self.admission.operations), len(self.admission.input_file_ids) + self.admission.later_inputs
        return self.operation_bytes if operations > 1 and inputs == 1 else ()

    def notice(
        self, code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, boxes: Sequence[PlaceInPercent] = (), /
    ) -> None:
        """Add a notice; one shared by several inputs is added once."""
        notice = notice_of(code, subject, message, details, boxes)
        if notice not in self.notices and len(self.notices) < _MOST_NOTICES:
            self.notices.append(notice)


def notice_of(code: str, subject: str, message: str, details: Mapping[str, Any] | None, boxes: Sequence[PlaceInPercent]) -> task_pb2.Notice:
    """A notice as a message."""
    said = "" if not details else json.dumps(details, ensure_ascii=False)
    places = [PercentBox(x1=x1, y1=y1, x2=min(x2, 100), y2=min(y2, 100)) for x1, y1, x2, y2 in boxes[:_MOST_BOXES]]
    return task_pb2.Notice(code=code, subject=subject, message=message, details_json=said, boxes=places)


class AttemptRunner:
    """Runs attempts that this worker was admitted to."""

    def __init__(
        self,
        *,
        client: AttemptClient,
        files: Callable[[Admission], AttemptFiles],
        registry: Registry,
        tools: Tools,
        cancellations: Cancellations,
        folder: Path,
        max_picture_bytes: int,
    ) -> None:
        self._client, self._files, self._cancellations = client, files, cancellations
        self._registry, self._tools = registry, tools
        self._folder, self._max_picture_bytes = folder, max_picture_bytes

    async def run(self, admission: Admission, admitted_at: float, closing: asyncio.Event) -> None:
        """Work and report. An attempt that lost its lease ends without a report; one interrupted by `closing` is handed back."""
        lease = Lease(self._client, admission, admitted_at)
        attempt = Attempt(admission, lease.progress, self._files(admission), notices=list(admission.notices))
        with self._cancellations.watching(admission.task_id, lease.verify):
            outcome = await lease.protect(self._work(attempt), closing)
        if outcome is Outcome.LEASE_LOST:
            _attempts("dropped", "").inc()
            _logger.info("attempt_dropped", done=round(attempt.progress.state[0], 2))
        elif outcome is Outcome.INTERRUPTED:
            _attempts("handed_back", "").inc()
            await self._hand_back(attempt)

    async def _work(self, attempt: Attempt) -> None:
        """All steps of an attempt, in order."""
        try:
            await self._fetch_later_inputs(attempt)
            async with attempt.resources:
                pipeline = await self._prepare(attempt)
                if pipeline.streams:
                    await self._stream(attempt, pipeline)
                for run in self._runs(attempt, pipeline, await self._make(attempt, pipeline)):
                    async with run.resources:
                        await self._fetch(attempt, run)
                        with errors_naming(run.source_name) if pipeline.arity is Arity.EACH else nullcontext():
                            await pipeline.read_headers(run)
                            await pipeline.reserve(run)
                            await pipeline.decode(run)
                            await pipeline.apply(run)
                            await pipeline.encode(run)
                        await self._deliver(attempt, run)
                await self._archive(attempt, pipeline)
            await self._finalize(attempt)
            await self._deliver_to_destination(attempt)
            await self._complete(attempt)
        except AttemptStop:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: any exception becomes the task's failure
            await self._fail(attempt, error)

    async def _fetch_later_inputs(self, attempt: Attempt) -> None:
        """Have the inputs fetched that the task names by URLs. Cancelling ends that too."""
        if not attempt.admission.later_inputs:
            return
        attempt.progress.report(0, "Fetching the inputs")
        with attempt.stages.measure("fetch"):
            inputs = await self._client.fetch_inputs(attempt.admission)
        if inputs is None:
            raise AttemptStop
        attempt.admission = replace(attempt.admission, input_file_ids=inputs)

    async def _prepare(self, attempt: Attempt) -> Pipeline:
        """The operations, with the auxiliary files that they name."""
        admission = attempt.admission
        await self._registry.load(admission.operations)
        pipeline = Pipeline(self._tools, self._registry.bind(admission.operations), self._max_picture_bytes, admission.account_id)
        if pipeline.auxiliary_ids:
            folder = self._working_folder(admission, attempt.resources)
            with attempt.stages.measure("fetch"):
                await pipeline.prepare(lambda file_id: attempt.files.fetch(file_id, folder, called=f"auxiliary-{file_id}"))
        return pipeline

    async def _stream(self, attempt: Attempt, pipeline: Pipeline) -> None:
        """Make one output from all inputs, and store it as it is made."""
        run = self._run(attempt, attempt.progress.report)
        async with pipeline.stream(lambda: attempt.files.open(attempt.admission.input_file_ids), run) as stream:
            attempt.file_ids.append(await attempt.files.deliver_stream(stream))

    async def _make(self, attempt: Attempt, pipeline: Pipeline) -> Sequence[GeneratedPicture]:
        """The pictures that the first operation makes from all inputs together, if that is what it does."""
        if pipeline.arity is not Arity.REFERENCES:
            return []
        folder = self._working_folder(attempt.admission, attempt.resources)
        making = self._run(attempt, portion(attempt.progress.report, 0, _MADE))
        making.folder = folder
        ids = attempt.admission.input_file_ids
        return await pipeline.make(len(ids), lambda number: attempt.files.fetch(ids[number], folder), making)

    def _runs(self, attempt: Attempt, pipeline: Pipeline, made: Sequence[GeneratedPicture]) -> Iterator[Run]:
        """One for each input, for all together, for nothing, or for each picture made. Nothing of a run stays when the next one begins."""
        report, ids = attempt.progress.report, attempt.admission.input_file_ids
        match pipeline.arity:
            case Arity.NONE:
                yield self._run(attempt, report)
            case Arity.EACH:
                for number, file_id in enumerate(ids):
                    prefix = f"File {number + 1} of {len(ids)}: " if len(ids) > 1 else ""
                    yield self._run(attempt, portion(report, number / len(ids), (number + 1) / len(ids), prefix), [file_id])
            case Arity.REFERENCES:
                share = (1 - _MADE) / max(1, len(made))
                for number, picture in enumerate(made):
                    run = self._run(attempt, portion(report, _MADE + number * share, _MADE + (number + 1) * share))
                    run.generated_picture, run.folder = picture, picture.path.parent
                    run.sources = [Source(pipeline.name_of_made, picture.path, 0)]
                    yield run
            case Arity.ALL if not pipeline.streams:
                yield self._run(attempt, report, ids)

    def _run(self, attempt: Attempt, overall: Report, input_ids: Sequence[int] = ()) -> Run:
        return Run(
            folder=self._folder,  # one without an input does not need its own
            report=portion(overall, _FETCHED, _DELIVERED),
            check=attempt.progress.check,
            notice=attempt.notice,
            stages=attempt.stages,
            keeping=attempt.files,
            last=attempt.admission.last,
            taken_names=attempt.names,
            operation_bytes=attempt.operation_bytes,
            overall=overall,
            input_ids=input_ids,
        )

    async def _fetch(self, attempt: Attempt, run: Run) -> None:
        """Download the inputs of a run into a folder of its own."""
        if not run.input_ids:
            return
        run.folder = self._working_folder(attempt.admission, run.resources)
        inputs = run.folder / "inputs"
        inputs.mkdir()
        fetched = portion(run.overall, 0, _FETCHED)
        message = "Fetching the file" if len(run.input_ids) == 1 else "Fetching the files"
        with attempt.stages.measure("fetch"):
            run.sources = await attempt.files.fetch_all(run.input_ids, inputs, lambda done: fetched(done, message))

    async def _deliver(self, attempt: Attempt, run: Run) -> None:
        """Store what a run has made; the files are finalized at the end."""
        if run.product is None:
            return
        stored = portion(run.overall, _DELIVERED, 1)
        attempt.names.add(run.product.name)
        attempt.unchanged += run.unchanged
        with attempt.stages.measure("store"):
            delivered = await attempt.files.deliver(run.product, lambda done: stored(done, "Storing the result"))
        attempt.file_ids.append(delivered.id)
        attempt.output_files.append(delivered)
        if run.generated_picture is not None:
            attempt.products.append(run.product)
        for attached in run.product.attachments:
            if len(attempt.admission.input_file_ids) + len(attempt.attached_ids) >= _MOST_OUTPUTS:
                message = f"{attached.name} was left out: a task delivers at most {_MOST_OUTPUTS} files."
                attempt.notice("attachment_left_out", "", message, {"name": attached.name, "most": _MOST_OUTPUTS})
                continue
            attempt.names.add(attached.name)
            with attempt.stages.measure("store"):
                attempt.attached_ids.append((await attempt.files.deliver(attached)).id)

    async def _archive(self, attempt: Attempt, pipeline: Pipeline) -> None:
        """Put several pictures that were made into an archive as well, if that is wanted."""
        if len(attempt.products) > 1 and pipeline.archives_made:
            with attempt.stages.measure("archive"):
                names = entry_names(product.name for product in attempt.products)
                archive = ZipArchive([Entry.of(name, product.content) for name, product in zip(names, attempt.products, strict=True)])
                stream = Stream(f"{pipeline.name_of_made}.zip", "application/zip", archive.size, archive.pieces())
                attempt.file_ids.append(await attempt.files.deliver_stream(stream))
            attempt.copies = 1

    async def _finalize(self, attempt: Attempt) -> None:
        attempt.file_ids += attempt.attached_ids
        attempt.copies += len(attempt.attached_ids)
        if attempt.file_ids:
            with attempt.stages.measure("finalize"):
                await attempt.files.finalize(attempt.file_ids)

    async def _deliver_to_destination(self, attempt: Attempt) -> None:
        """Have the results copied to where the request wants them as well. Cancelling ends that too."""
        if not attempt.admission.has_destination:
            return
        attempt.progress.report(_DELIVERED, "Copying the result to its destination")
        with attempt.stages.measure("copy"):
            current = await self._client.deliver(attempt.admission, attempt.file_ids)
        if not current:
            raise AttemptStop

    async def _complete(self, attempt: Attempt) -> None:
        accepted = await self._client.complete(
            attempt.admission,
            attempt.file_ids,
            attempt.copies,
            attempt.notices,
            attempt.output_files,
            attempt.reported_bytes,
            unchanged=attempt.unchanged,
        )
        _note(accepted)
        _attempts("completed", "").inc()
        _logger.info("attempt_completed", outputs=len(attempt.file_ids), seconds=attempt.seconds, stages=attempt.stages.seconds)

    async def _fail(self, attempt: Attempt, error: Exception) -> None:
        failure = failure_of(error)
        _attempts("failed", failure.reason.value).inc()
        _logger.info("attempt_failed", reason=failure.reason.value, message=failure.message, seconds=attempt.seconds)
        _note(await self._client.fail(attempt.admission, failure, operation_bytes=attempt.reported_bytes))

    async def _hand_back(self, attempt: Attempt) -> None:
        """Have the task queued again at once. If that fails, it is queued when the lease expires."""
        error = DarkroomError(ErrorReason.UNAVAILABLE, "The worker was shut down; the task runs again on another.")
        try:
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                await self._client.fail(attempt.admission, error, handed_back=True)
            _logger.info("attempt_handed_back")
        except (DarkroomError, TimeoutError) as failed:
            _logger.warning("attempt_not_handed_back", error=repr(failed))

    def _working_folder(self, admission: Admission, resources: AsyncExitStack) -> Path:
        """A new folder, which is removed with the other resources."""
        # Not in a thread: the way there and back takes longer.
        folder = Path(tempfile.mkdtemp(prefix=f"{admission.task_id}-{admission.attempt}-", dir=self._folder))
        resources.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
        return folder


def _note(accepted: bool) -> None:
    """Note the answer to a report."""
    if not accepted:
        _logger.warning("report_came_late")
