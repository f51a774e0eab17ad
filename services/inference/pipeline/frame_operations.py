"""The operations of a task, each a change of a stream of frames."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.flow import Attachment, NewFile, NothingInFrames, Several
from services.inference.contract.step import Step
from services.inference.credentials.manifest import Deed
from services.inference.credentials.used_models import recorded_models
from services.inference.media import Image, Saving, as_read_back
from services.inference.media.notes import notice_of
from services.inference.moving.in_order import in_order
from services.inference.moving.model import Frame
from services.inference.pipeline.changes import Changes
from services.inference.pipeline.frame_telling import FrameLabels, FrameNotices, FrameProgress, Telling
from services.inference.pipeline.moving_result import cuts_out, with_alpha
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run
from services.inference.plain.canvas import rgb_of
from services.pictures.media_format import MediaFormat
from services.pictures.moving import asked_format
from services.pictures.result_size import resolve_percentages


class Timed:
    """The same frames, and the seconds for which they were waited for."""

    def __init__(self, frames: AsyncIterator[Frame]) -> None:
        self._frames, self.seconds = frames, 0.0

    def __aiter__(self) -> Timed:
        return self

    async def __anext__(self) -> Frame:
        began = time.perf_counter()
        try:
            return await anext(self._frames)
        finally:
            self.seconds += time.perf_counter() - began

    async def aclose(self) -> None:
        """As the frames'."""
        await cast(Any, self._frames).aclose()


class FrameOperations:
    """The operations on the frames of one run. Those that work on each frame by itself do so one after the other, on several at once."""

    def __init__(
        self,
        operations: Sequence[BoundOperation],
        step: Step,
        progress: FrameProgress,
        at_once: int,
        used: Mapping[str, None],
        left: dict[int, Sequence[Telling]],
    ) -> None:
        """`used`: the models that operations on all frames together ask. `left`: the operations, by number, that found nothing in any
        frame in an earlier pass, and their notices. They leave all frames as they are; one that finds nothing in this pass joins them."""
        assert step.original is not None
        # A decision by what is measured must not change from frame to frame.
        self._tools = dataclasses.replace(step.tools, rates=step.tools.rates.steady())
        original = step.original.width, step.original.height
        self._operations, self._progress, self._at_once, self._used, self._left = operations, progress, at_once, used, left
        self._parameters = [resolve_percentages(operation.parameters, original) for operation in operations]
        self._notices, self._labels, self._changes = FrameNotices(), FrameLabels(len(operations)), Changes()
        self._slots = asyncio.Semaphore(at_once)
        self._seconds = [0.0] * len(operations)
        self._bytes = [0] * len(operations)
        self._models: list[Mapping[str, None]] = [{} for _ in operations]
        self._auxiliaries: dict[int, asyncio.Task[Image]] = {}
        self._attachments: list[Attachment | NewFile] = []
        self._before: dict[int, deque[int]] = {}
        self._count = 0
        self._steps = [self._step_of(step, number) for number in range(len(operations))]
        for number, told in left.items():
            for notice in told:
                self._notices.of_all(number)(*notice)

    def over(self, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        """The frames after all operations. Closing it closes `frames`."""
        alone: list[int] = []
        for number, operation in enumerate(self._operations):
            before = self._each_alone(frames, alone)
            made = None
            if operation.over_frames is not None and number not in self._left:
                given = Timed(self._given(number, before))
                made = operation.over_frames(given, self._parameters[number], self._steps[number], self._at_once)
            if made is None:
                alone.append(number)
            else:
                frames, alone, self._models[number] = self._gotten(number, given, made), [], self._used
        return self._each_alone(frames, alone)

    def note_result(self, image: Image) -> None:
        """Take in a frame as it is written."""
        self._count += 1
        notice = self._notices.of_frame(len(self._operations))
        for note in image.notes:
            notice(*notice_of(note))

    def finish(self, run: Run) -> None:
        """Give the run what was found out about all frames."""
        self._notices.tell(run.notice, self._count)
        run.labels += self._labels.all
        run.attachments += self._attachments
        run.unchanged = self._changes.unchanged
        run.operation_bytes += self._bytes
        for operation, seconds, models in zip(self._operations, self._seconds, self._models, strict=True):
            run.deeds.append(Deed.of(operation.spec, models))
            run.stages.add(operation.spec.name, seconds, operation=True)

    async def close(self) -> None:
        """End what is still being read."""
        for task in self._auxiliaries.values():
            task.cancel()
        await asyncio.gather(*self._auxiliaries.values(), return_exceptions=True)

    def _step_of(self, step: Step, number: int) -> Step:
        read = step.auxiliary

        async def auxiliary(file_id: int) -> Image:
            """Each is read once, and not for every frame."""
            if file_id not in self._auxiliaries:
                self._auxiliaries[file_id] = asyncio.ensure_future(read(file_id))
            return await asyncio.shield(self._auxiliaries[file_id])

        return dataclasses.replace(
            step,
            tools=self._tools,
            report=_say_nothing,
            label=lambda label: self._labels.add(number, label),
            notice=self._notices.of_all(number),
            auxiliary=auxiliary,
            attach=self._attachments.append,
        )

    def _each_alone(self, frames: AsyncIterator[Frame], numbers: Sequence[int]) -> AsyncIterator[Frame]:
        if not numbers:
            return frames
        own = tuple(numbers)
        return in_order(_numbered(frames), lambda frame: self._worked(*frame, own), self._at_once, self._slots)

    async def _worked(self, frame_number: int, frame: Frame, numbers: Sequence[int]) -> Frame:
        """A frame after some of the operations, in a folder of its own: files of several frames have the same names."""
        folder, image = Path(tempfile.mkdtemp(prefix="frame-", dir=self._steps[0].folder)), frame.image
        try:
            for number in numbers:
                self._progress.reach(number, frame)
                image = await self._one(number, image, folder, first=frame_number == 0)
                self._progress.leave(number)
            return Frame(image, frame.microseconds)
        finally:
            # Samples that are mapped from it stay.
            if not self._attachments or frame_number:
                shutil.rmtree(folder, ignore_errors=True)

    async def _one(self, number: int, image: Image, folder: Path, *, first: bool) -> Image:
        operation, parameters = self._operations[number], self._parameters[number]
        step = dataclasses.replace(self._steps[number], folder=folder, notice=self._notices.of_frame(number))
        step.check()
        began = time.perf_counter()
        with recorded_models() as used:
            image = await self._prepared(number, image)
            made: Any
            if number in self._left:
                made = image
            elif isinstance(parameters, Convert):
                made = self._converted(number, image)
            elif operation.plain:
                made = await asyncio.to_thread(operation.run, image, parameters, step)
            else:
                made = await operation.run(image, parameters, step)
        self._models[number] = {**self._models[number], **used}
        self._seconds[number] += time.perf_counter() - began
        if isinstance(made, Several):
            # Other files are about one picture.
            self._attachments += made.others if first else ()
            made = made.first
        assert isinstance(made, Image)
        if not self._changes.changed:
            await asyncio.to_thread(self._changes.note, parameters, image, made)
        return self._finished(number, made)

    async def _prepared(self, number: int, image: Image) -> Image:
        """The picture as it would be read from the file of a conversion that comes before."""
        if number and isinstance(self._parameters[number - 1], Convert):
            return await asyncio.to_thread(as_read_back, image)
        return image

    def _converted(self, number: int, image: Image) -> Image:
        """The frame, to be written in the format that is asked for so far. The end of the task sees to the rest."""
        format_ = asked_format(self._parameters[: number + 1])
        if format_ is None:
            return image
        conversion = self._parameters[number]
        assert isinstance(conversion, Convert)
        if format_ is MediaFormat.JPEG and conversion.keep_alpha:
            format_ = MediaFormat.PNG
        lossless = conversion.lossless if conversion.HasField("lossless") else not conversion.quality
        saving = Saving(format_, lossless=lossless, background=rgb_of(conversion.background))
        return dataclasses.replace(image, saving=saving, kept_format=format_)

    def _finished(self, number: int, image: Image) -> Image:
        self._bytes[number] += image.size_bytes
        return with_alpha(image) if cuts_out(self._parameters[number]) and number not in self._left else image

    async def _given(self, number: int, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        """The frames for an operation on all of them."""
        async with aclosing(cast(Any, frames)):
            async for frame in frames:
                self._steps[number].check()
                self._progress.reach(number, frame)
                image = await self._prepared(number, frame.image)
                if not self._changes.changed:
                    self._before.setdefault(number, deque()).append(_digest(image))
                yield Frame(image, frame.microseconds)

    async def _gotten(self, number: int, given: Timed, made: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        """The frames from it."""
        timed = Timed(made)
        async with aclosing(given), aclosing(timed):
            try:
                async for frame in timed:
                    if not self._changes.changed:
                        self._changes.note_same(_digest(frame.image) == self._before[number].popleft())
                    self._progress.leave(number)
                    self._seconds[number] = max(0.0, timed.seconds - given.seconds)
                    yield Frame(self._finished(number, frame.image), frame.microseconds)
            except NothingInFrames:
                self._left[number] = self._notices.of_operation(number)
                raise


async def _numbered(frames: AsyncIterator[Frame]) -> AsyncIterator[tuple[int, Frame]]:
    number = 0
    async with aclosing(cast(Any, frames)):
        async for frame in frames:
            yield number, frame
            number += 1


def _digest(image: Image) -> int:
    """A number that differs for different pictures, except by chance, which does harm only if it happens with all frames of a file."""
    found = zlib.crc32(image.pixels.data, zlib.crc32(f"{image.pixels.shape}".encode()))
    return found if image.alpha is None else zlib.crc32(image.alpha.data, found)


def _say_nothing(_done: float, _message: str) -> None:
    """Progress is that of frames."""
