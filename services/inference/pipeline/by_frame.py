"""The operations of a task on every frame of an animation or a video: read, worked on and written at the same time, so that memory holds
few frames, however many there are."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from google.protobuf.message import Message

from services.inference.contract.flow import NothingInFrames
from services.inference.contract.plain_step import Original
from services.inference.contract.progress import AttemptStop, portion
from services.inference.contract.step import Step, Tools
from services.inference.credentials.used_models import recorded_models
from services.inference.media import Hints, Image
from services.inference.media.colour import to_8bit
from services.inference.media.notes import CHOSEN_FRAME, CHOSEN_OF_UNCOUNTED, FIRST_FRAME, FIRST_OF_UNCOUNTED
from services.inference.moving.model import Facts, Frame, Written
from services.inference.moving.reading.reader import open_frames, read_facts
from services.inference.moving.writing.writer import write_frames
from services.inference.pipeline.by_page import place_of
from services.inference.pipeline.frame_operations import FrameOperations, Timed
from services.inference.pipeline.frame_telling import FrameProgress, Telling
from services.inference.pipeline.memory_needs import memory_of_frames
from services.inference.pipeline.moving_result import moving_saving, tell_not_applied
from services.inference.pipeline.reading import Reading, unforeseen_damage
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, Source
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.moving import READ_BY_FRAME, VIDEOS, asked_format, chosen_frame, is_made_still, works_by_frame
from services.platform.errors import DarkroomError, ErrorReason

_WRITTEN = 0.95
"""Share of the time for one input after which the result is delivered."""
_ON_GPU, _ON_CPU = 4, 2
"""Frames that are worked on at once by default: as many as most models take in one request, or one while another is written."""
MakeStep = Callable[[Run, Original], Step]


class ByFrame:
    """The steps of a run on an animation or a video. A picture is left to the other steps."""

    def __init__(self, tools: Tools, operations: Sequence[BoundOperation], reading: Reading, step: MakeStep) -> None:
        self._tools, self._operations, self._reading, self._step = tools, operations, reading, step
        self._parameters: Sequence[Message] = [operation.parameters for operation in operations]

    async def read_facts(self, run: Run) -> None:
        """Read the headers of an animation or a video, all frames of which are worked on, or one that the decoder of pictures does not
        give: a chosen one after the first, or the first of a video.

        Raises what reading them raises, FILE_TOO_LARGE, MEDIA_UNSUPPORTED for a video that the operations do not take, and FIELD_INVALID
        for a chosen frame that the file does not have.
        """
        source = run.sources[0]
        format_ = _format_of(source)
        if format_ is MediaFormat.TIFF:
            return
        by_frame, chosen = format_ is not None and works_by_frame(self._parameters, format_, source.frames), chosen_frame(self._parameters)
        if chosen > 1 and format_ not in READ_BY_FRAME:
            place_of(chosen, 1, source.name)
        if by_frame or format_ in VIDEOS or chosen > 1:
            assert format_ is not None
            if not by_frame and not is_made_still(self._parameters, format_):
                raise _not_for_videos(self._operations)
            self._reading.check_size(source.path)
            with unforeseen_damage():
                facts = await read_facts(self._tools.sandbox, source.path, self._tools.moving_limits, Hints(source.name))
            if chosen and facts.frames:
                place_of(chosen, facts.frames, source.name)
            if format_ in VIDEOS or chosen > 1 or works_by_frame(self._parameters, format_, facts.frames):
                run.moving, run.by_frame = facts, by_frame
                return

    def needed_memory(self, run: Run) -> int:
        """Bytes at the peak, also of the children that read and write: the more, the more frames are worked on at once.

        Chooses how many that are. Raises as `memory_needs.needed_memory`.
        """
        assert run.moving is not None
        beside, results = self._reading.auxiliary_headers, self._tools.result_limits
        most = self._tools.frames_at_once or (_ON_GPU if self._tools.rates.gpu else _ON_CPU)
        run.frames_at_once = most if run.by_frame else 1
        while True:
            needed = memory_of_frames(run.moving, self._operations, beside, results, run.frames_at_once)
            if needed <= self._tools.memory.total or run.frames_at_once == 1:
                return needed
            run.frames_at_once -= 1

    async def one_frame(self, run: Run) -> Image:
        """The chosen frame, or the first one of a video, as a picture. Raises what reading it raises, and FIELD_INVALID if there are not so
        many frames."""
        source, limits, number = run.sources[0], self._tools.moving_limits, max(1, chosen_frame(self._parameters))
        read, image = 0, None
        with unforeseen_damage():
            async with open_frames(self._tools.sandbox, source.path, run.folder, limits, Hints(source.name)) as moving:
                async for frame in moving:
                    run.check()
                    read, image = read + 1, frame.image
                    if read == number:
                        break
        place_of(number, read, source.name)
        assert image is not None
        count = moving.facts.frames
        if number > 1:
            return image.replace(
                note=CHOSEN_FRAME.format(number=number, frames=count) if count else CHOSEN_OF_UNCOUNTED.format(number=number)
            )
        return image.replace(note=FIRST_FRAME.format(frames=count) if count else FIRST_OF_UNCOUNTED)

    async def apply(self, run: Run) -> None:
        """Work on all frames, and write them; again without the operations that found nothing in any of them, which shall change none.

        Raises what reading, the operations and writing raise; nothing is left running then.
        """
        left: dict[int, Sequence[Telling]] = {}
        while True:
            try:
                written = await self._pass(run, left)
            except NothingInFrames:
                continue
            tell_not_applied(self._parameters, written.format, run.notice)
            run.medium = written
            return

    async def _pass(self, run: Run, left: dict[int, Sequence[Telling]]) -> Written:
        facts, source = run.moving, run.sources[0]
        assert facts is not None
        over, working = False, None

        def check() -> None:
            run.check()
            if over:
                raise AttemptStop

        run.operation_bytes.clear()
        progress = FrameProgress(portion(run.report, 0, _WRITTEN), facts, len(self._operations), run.frames_at_once)
        try:
            with recorded_models() as used:
                opened = open_frames(self._tools.sandbox, source.path, run.folder, self._tools.moving_limits, Hints(source.name))
                async with opened as moving:
                    frames = Timed(_read(moving))
                    first = await _first(frames)
                    original = Original(facts.width, facts.height, transparent=first.image.alpha is not None)
                    step = dataclasses.replace(self._step(run, original), check=check)
                    working = FrameOperations(self._operations, step, progress, run.frames_at_once, used, left)
                    written = await self._written(working, working.over(_again(first, frames)), facts, run, lambda: moving.sound)
                    run.stages.add("decode", frames.seconds)
                run.tell_notes((*moving.notes, *written.notes))
            working.finish(run)
        finally:
            over = True
            if working is not None:
                await working.close()
        return written

    async def _written(
        self, working: FrameOperations, worked: AsyncIterator[Frame], facts: Facts, run: Run, sound: Callable[[], Path | None]
    ) -> Written:
        failure: list[Exception] = []

        async def finished(first: Frame) -> AsyncIterator[Frame]:
            try:
                async for frame in _again(first, worked):
                    working.note_result(frame.image)
                    yield dataclasses.replace(frame, image=await asyncio.to_thread(_as_frame, frame.image))
            except Exception as error:
                failure.append(error)
                raise

        async with aclosing(cast(Any, worked)):
            first = await _first(worked)
            self._tools.result_limits.check(first.image.width, first.image.height, "The result")
            saving, note = moving_saving(first.image, self._parameters, facts)
            frames, limits = Timed(finished(first)), dataclasses.replace(self._tools.moving_limits, picture=self._tools.result_limits)
            began = time.perf_counter()
            try:
                written = await write_frames(self._tools.sandbox, frames, saving, run.folder, sound, limits)
            except Exception:
                # The child that writes asks for frames, and what is wrong with them is not wrong with the child.
                if failure:
                    raise failure[0] from None
                raise
            finally:
                run.stages.add("encode", max(0.0, time.perf_counter() - began - frames.seconds))
        return dataclasses.replace(written, notes=(note, *written.notes)) if note else written


def check_still(operations: Sequence[BoundOperation]) -> None:
    """Raises FIELD_INVALID where a video is to be made of a picture."""
    asked = asked_format([operation.parameters for operation in operations])
    if asked in VIDEOS:
        message = f"One picture cannot be written as {asked.upper()}, which is a format of videos and animations."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="format", allowed=("a format of pictures",))


def _as_frame(image: Image) -> Image:
    """In sRGB, with 8 bits and three channels."""
    if not image.is_gray and image.icc is None and image.bit_depth == 8:
        return image
    return dataclasses.replace(image, pixels=image.srgb(), alpha=None if image.alpha is None else to_8bit(image.alpha), icc=None)


def _not_for_videos(operations: Sequence[BoundOperation]) -> DarkroomError:
    others = [operation.spec.name for operation in operations if not operation.spec.by_frame]
    message = f"{' and '.join(others) or 'This task'} cannot work on a video."
    return DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message)


def _format_of(source: Source) -> MediaFormat | None:
    with source.path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES), source.name)


async def _read(moving: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
    with unforeseen_damage():
        async for frame in moving:
            yield frame


async def _first(frames: AsyncIterator[Frame]) -> Frame:
    async for frame in frames:
        return frame
    raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file has no frames.")


async def _again(first: Frame, others: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
    yield first
    async for frame in others:
        yield frame
