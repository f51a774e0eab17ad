"""Short work that is done before its task is stored, while its caller waits.

Nothing is accepted until the result is there: then the files are stored in one transaction of theirs, and the task, SUCCEEDED, in one of
ours. Only the picture's bytes are stored while the worker works on it. A run that fails before that leaves no trace, and the task takes
the usual way through the queue. So does one that would have to wait: only a free slot that nobody waits for does such work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.operations import INTERACTIVE_LANE
from services.pictures.short_pictures import READ_QUICKLY
from services.platform.clock import Clock
from services.platform.log import get_logger
from services.platform.rpc.held_files import Held
from services.platform.rpc.trace import Origin
from services.platform.sandbox.memory_file import in_memory, shared
from services.tasks.domain.acceptance.requests import Item, Request
from services.tasks.domain.lifecycle.exchange import Exchange
from services.tasks.domain.lifecycle.worker_stream import WorkerStream
from services.tasks.domain.plan import lanes_of
from services.tasks.files_client import FilesClient, StoredContent, input_file
from services.tasks.model.media import InputFile
from services.tasks.model.records import FinishedRun
from services.tasks.store.tasks import TaskStore

_SECONDS = 30.0
_HEAD_START_SECONDS = 0.001
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class ShortRun:
    """A run that is done, and not stored."""

    task_id: int
    """The id that its task gets."""
    input: InputFile
    output: InputFile
    content: StoredContent
    """The input's content, which is stored without a record."""
    result: pb.ShortRunResult
    finished: FinishedRun


class ShortRuns:
    """Has short work done at once."""

    def __init__(self, store: TaskStore, files: FilesClient, exchange: Exchange, max_running: int, clock: Clock) -> None:
        self._store, self._files, self._exchange, self._max_running, self._clock = store, files, exchange, max_running, clock
        self._under_way: dict[int, int] = {}
        """By account."""
        self._storing: set[asyncio.Task[StoredContent]] = set()

    async def run(self, request: Request, item: Item, held: Held) -> ShortRun | None:
        """The result of the item's operations on a picture that is not stored yet; None if its task must take the usual way."""
        content = held.content
        format_ = sniff(content[:SNIFF_BYTES], held.name)
        if format_ not in READ_QUICKLY or not _may_be_short(item, held) or not self._exchange.has_short_run_slot(INTERACTIVE_LANE):
            return None
        with self._counting(request.account_id) as under_way:
            task_id = await self._store.room(request.account_id, INTERACTIVE_LANE, under_way=under_way, max_running=self._max_running)
            slot = self._exchange.short_run_slot(INTERACTIVE_LANE) if task_id is not None else None
            if task_id is None or slot is None:
                return None
            started, (stream, run_id) = self._clock(), slot
            with _given(stream, content) as picture:
                work = pb.ExchangeResponse()
                work.short_runs.add(
                    run_id=run_id.bytes,
                    account_id=request.account_id,
                    operations=item.operations,
                    name=held.name,
                    trace_id=Origin.parse(request.trace_id).request_id,
                    **picture,
                )
                made = await self._work(stream, work, request.account_id, held.file_id, MediaFormat(format_).media_type, content)
        if made is None:
            return None
        result, stored = made
        image = result.image
        taken = InputFile(held.file_id, held.name, result.media_type, (image.width, image.height), None, len(content), image.frames or None)
        result.output.id = held.output_file_id
        finished = FinishedRun(
            run_id=run_id,
            worker=stream.worker,
            start_time=started,
            output_file_id=held.output_file_id,
            notices=[notice.SerializeToString() for notice in result.notices],
            operation_bytes=list(result.operation_bytes) if len(item.operations) > 1 else (),
            unchanged=result.unchanged,
        )
        return ShortRun(task_id, taken, input_file(result.output), stored, result, finished)

    async def _work(
        self, stream: WorkerStream, work: pb.ExchangeResponse, account_id: int, file_id: int, media_type: str, content: bytes
    ) -> tuple[pb.ShortRunResult, StoredContent] | None:
        """The worker's result, and the picture's content, which is stored meanwhile."""

        async def store() -> StoredContent:
            # The worker gets the picture first: this takes the processor that its child waits for, and has time.
            await asyncio.sleep(_HEAD_START_SECONDS)
            return await self._files.store_held_content(account_id, file_id, media_type, content)

        storing = asyncio.create_task(store())
        self._storing.add(storing)
        storing.add_done_callback(self._stored)
        result = None
        try:
            async with asyncio.timeout(_SECONDS):
                result = await stream.run(work)
        except TimeoutError:
            _logger.warning("short_run_timed_out", account_id=account_id)
        if result is None:
            # The orphan sweep deletes what is stored.
            return None
        if not storing.done():
            await asyncio.wait([storing])
        # The usual way says what is wrong.
        return (result, storing.result()) if storing.exception() is None else None

    def _stored(self, storing: asyncio.Task[StoredContent]) -> None:
        self._storing.discard(storing)
        if not storing.cancelled() and (error := storing.exception()) is not None:
            _logger.warning("held_file_not_stored", error=repr(error))

    @contextmanager
    def _counting(self, account_id: int) -> Iterator[int]:
        """Count a run of the account; the number of those that are under way before it."""
        under_way = self._under_way.get(account_id, 0)
        self._under_way[account_id] = under_way + 1
        try:
            yield under_way
        finally:
            self._under_way[account_id] -= 1
            if not self._under_way[account_id]:
                del self._under_way[account_id]


@contextmanager
def _given(stream: WorkerStream, content: bytes) -> Iterator[dict[str, Any]]:
    """The fields by which the stream's worker gets a picture, inside the block: a message with all of it is copied several times."""
    if not stream.opens_files:
        yield {"content": content}
        return
    with in_memory(content) as file:
        path, inode = shared(file)
        yield {"path": str(path), "inode": inode}


def _may_be_short(item: Item, held: Held) -> bool:
    """Whether the work may be short as far as the request shows it; the worker looks at the picture."""
    return [file_id for file_id, _ in item.files] == [held.file_id] and item.inputs == 1 and INTERACTIVE_LANE in lanes_of(item.operations)
