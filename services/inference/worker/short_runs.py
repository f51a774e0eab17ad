"""Short work without an attempt: from the bytes of a picture to those of its result, in one trip to a warm child."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.inference import metrics
from services.inference.contract.flow import Keeping
from services.inference.contract.plain_step import PlaceInPercent
from services.inference.contract.step import Tools
from services.inference.media import Header
from services.inference.pipeline.memory_needs import needed_memory
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Run, ShortResult, Source
from services.inference.pipeline.short import ShortWork
from services.inference.pipeline.stages import Stages
from services.inference.worker.attempt import notice_of
from services.inference.worker.files import describe_product
from services.pictures.media_format import MediaFormat
from services.pictures.short_pictures import LARGEST_AT_ONCE
from services.platform.log import get_logger
from services.platform.sandbox.memory_file import in_memory, opened

_LARGEST_RESULT = 2 << 20
"""Bytes that fit in a message."""
_MOST_KNOWN = 100
"""Lists of operations whose memory is known: an estimate takes a tenth of a millisecond."""
_NOWHERE = Path("/nonexistent")
_LARGEST = Header(MediaFormat.JPEG, *LARGEST_AT_ONCE, channels=4, wide=False)
_logger = get_logger()


class ShortRunner:
    """Does short runs. One that cannot be done here is left to an attempt, which says why.

    With `opens_files` it opens pictures of the tasks service, which is on this machine; it opens no path for one that is elsewhere.
    """

    def __init__(self, registry: Registry, tools: Tools, max_picture_bytes: int, *, opens_files: bool) -> None:
        self._registry, self._tools, self._max_picture_bytes = registry, tools, max_picture_bytes
        self._opens_files = opens_files
        self._needed_memory = lru_cache(maxsize=_MOST_KNOWN)(self._estimated_memory)

    async def run(self, asked: pb.ShortRun) -> pb.ShortRunEnd:
        """The result, or that there is none."""
        result, not_opened = None, False
        with ExitStack() as stack:
            try:
                picture = stack.enter_context(self._picture(asked))
            except OSError as error:
                not_opened = True
                _logger.warning("short_run_not_opened", error=repr(error))
            else:
                try:
                    result = await self._result(asked, picture)
                except Exception as error:  # noqa: BLE001 - the boundary: whatever was raised, an attempt comes next
                    _logger.info("short_run_failed", error=repr(error))
        metrics.ATTEMPTS.labels("left" if result is None else "completed", "").inc()
        return pb.ShortRunEnd(run_id=asked.run_id, result=result, not_opened=not_opened)

    def _picture(self, asked: pb.ShortRun) -> AbstractContextManager[int]:
        if not asked.path:
            return in_memory(asked.content)
        if not self._opens_files:
            raise PermissionError("a path from another machine")
        return opened(Path(asked.path), asked.inode)

    async def _result(self, asked: pb.ShortRun, picture: int) -> pb.ShortRunResult | None:
        tools = self._tools
        if tools.warm is None:
            return None
        await self._registry.load(asked.operations)
        operations = self._registry.bind(asked.operations)
        pipeline = Pipeline(tools, operations, self._max_picture_bytes, asked.account_id)
        work = ShortWork(tools.warm, asked.account_id, operations, tools.picture_limits, tools.result_limits, tools.trusted_certificates)
        notices: list[task_pb2.Notice] = []

        def notice(
            code: str,
            subject: str,
            message: str,
            details: Mapping[str, Any] | None = None,
            boxes: Sequence[PlaceInPercent] = (),
            /,
        ) -> None:
            notices.append(notice_of(code, subject, message, details, boxes))

        needed = self._needed_memory(*work.operations)
        # Only attempts keep files, and report progress.
        run = Run(_NOWHERE, _say_nothing, _go_on, notice, Stages(), cast(Keeping, None))
        run.sources, run.short = [Source(asked.name, Path(f"/proc/self/fd/{picture}"), 0)], True
        async with tools.memory.reserve(needed, _go_on):
            found, run.medium = await work.run_unexamined(run)
        if not isinstance(run.medium, ShortResult):
            return None
        run.unchanged = run.medium.unchanged
        await pipeline.encode(run)
        assert run.product is not None
        made = run.product.content if isinstance(run.product.content, bytes) else os.pread(picture, _LARGEST_RESULT + 1, 0)
        if len(made) > _LARGEST_RESULT:
            return None
        output = file_pb2.File(name=run.product.name, media_type=run.product.media_type, size_bytes=len(made))
        describe_product(output, run.product)
        _logger.info("short_run_completed", stages=run.stages.seconds)
        return pb.ShortRunResult(
            media_type=found.media_type,
            image=file_pb2.ImageInfo(width=found.width or 0, height=found.height or 0, frames=found.frames or 0),
            output=output,
            content=made,
            notices=notices,
            operation_bytes=run.operation_bytes,
            unchanged=run.unchanged,
        )

    def _estimated_memory(self, *operations: bytes) -> int:
        """Bytes that the operations, serialized, may need with the largest picture for which they are short."""
        bound = self._registry.bind([operation_pb2.Operation.FromString(each) for each in operations])
        return needed_memory(_LARGEST, bound, (), self._tools.result_limits)


def _say_nothing(_done: float, _message: str) -> None:
    """Nobody asks how far it is."""


def _go_on() -> None:
    """Nobody cancels it."""
