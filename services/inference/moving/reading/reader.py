"""Reading animations and videos frame by frame: a child process decodes, and waits while the worker has enough.

The child is confined to the file and a folder of its own. Nothing that it says is believed but the values of samples.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from services.inference.media import NO_HINTS, Hints, Image
from services.inference.media.errors import unsupported_error
from services.inference.media.isolated import samples_in
from services.inference.moving.leaving import frame_file
from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Facts, Frame
from services.inference.moving.reading import animation_child, video_child
from services.inference.moving.resources import facts_resources, reading_resources
from services.inference.moving.taking import taken
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.pictures.moving import READ_BY_FRAME, VIDEOS
from services.platform.sandbox import Sandbox, SandboxCrashed

_AHEAD = 2
"""Frames that wait for the worker. One more is being handed over."""
_LONGEST_MICROSECONDS = 24 * 60 * 60 * 1_000_000
_MOST_NOTES, _LONGEST_NOTE = 8, 300


class Moving:
    """The frames of an animation or video that is being read, each once, in order."""

    def __init__(self, facts: Facts, own: Path, folder: Path, limits: MovingLimits) -> None:
        self.facts = facts
        self.sound: Path | None = None
        """After the last frame: the compressed sound, for `write_frames`. The file stays in the folder."""
        self.notes: tuple[str, ...] = facts.notes
        """After the last frame: all sentences for the user about what could not be read."""
        self._own, self._folder, self._limits = own, folder, limits
        self._ready: asyncio.Queue[Frame | BaseException] = asyncio.Queue(_AHEAD)
        self._count = 0
        self._microseconds = 0
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        """Raises FILE_CORRUPT and MEDIA_LIMIT_EXCEEDED, and as `Sandbox.run`."""
        if self._over:
            raise StopAsyncIteration
        next_ = await self._ready.get()
        if isinstance(next_, Frame):
            return next_
        self._over = True
        raise next_

    async def read(self, sandbox: Sandbox, path: Path) -> None:
        """Have all frames read, as fast as they are taken."""
        child = _child(self.facts.format)
        try:
            said = await sandbox.run(
                child.read,
                path,
                self._own,
                str(self.facts.format),
                self._limits,
                reads=[path],
                folder=self._own,
                limits=reading_resources(self.facts, self._limits, await asyncio.to_thread(_size, path)),
                answers=self._take,
            )
            self.notes = tuple(dict.fromkeys((*self.facts.notes, *_notes(said))))
            if said.get("sound") is True:
                self.sound = await asyncio.to_thread(taken, self._own / video_child.SOUND, self._folder, "sound")
            end: BaseException = StopAsyncIteration() if self._count else SandboxCrashed("the child left no frames")
        except Exception as error:  # noqa: BLE001 - whoever takes the frames gets it
            end = error
        await self._ready.put(end)

    async def _take(self, *said: object) -> bytes:
        """One more frame of the child's."""
        match said:
            case (int(width), int(height), bool(alpha), int(microseconds)):
                pass
            case _:
                raise SandboxCrashed("the child's description of a frame is not valid")
        if (width, height) != (self.facts.width, self.facts.height) or not 0 < microseconds <= _LONGEST_MICROSECONDS:
            raise SandboxCrashed("the child's description of a frame is not valid")
        video = self.facts.format in VIDEOS
        self._limits.check("The video" if video else "The animation", width, height, self._count + 1, self._microseconds / 1e6, video=video)
        image = await asyncio.to_thread(_image, frame_file(self._own, self._count), width, height, alpha, self.facts.format)
        self._count += 1
        self._microseconds += microseconds
        await self._ready.put(Frame(image, microseconds))
        return b""


@asynccontextmanager
async def open_frames(sandbox: Sandbox, path: Path, folder: Path, limits: MovingLimits, hints: Hints = NO_HINTS) -> AsyncIterator[Moving]:
    """The frames of a file. Temporary files are in a folder of their own in `folder`, and the sound stays in `folder`.

    Leaving the block ends the child. Raises as `read_facts`; taking frames raises FILE_CORRUPT, MEDIA_LIMIT_EXCEEDED, and as `Sandbox.run`.
    """
    facts = await read_facts(sandbox, path, limits, hints)
    own = Path(tempfile.mkdtemp(prefix="frames-", dir=folder))
    moving = Moving(facts, own, folder, limits)
    reading = asyncio.create_task(moving.read(sandbox, path))
    try:
        yield moving
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, own, ignore_errors=True)


async def read_facts(sandbox: Sandbox, path: Path, limits: MovingLimits, hints: Hints = NO_HINTS) -> Facts:
    """The facts about an animation or a video.

    Raises MEDIA_UNSUPPORTED, FILE_CORRUPT and MEDIA_LIMIT_EXCEEDED, and as `Sandbox.run`.
    """
    format_ = await asyncio.to_thread(_format, path, hints)
    resources = facts_resources(limits, await asyncio.to_thread(_size, path))
    said = await sandbox.run(_child(format_).facts, path, str(format_), limits, reads=[path], limits=resources)
    facts = _facts(said, format_)
    video = format_ in VIDEOS
    limits.check("The video" if video else "The animation", facts.width, facts.height, facts.frames, facts.milliseconds / 1000, video=video)
    return facts


def _child(format_: MediaFormat) -> Any:
    return video_child if format_ in VIDEOS else animation_child


def _size(path: Path) -> int:
    return path.stat().st_size


def _format(path: Path, hints: Hints) -> MediaFormat:
    with path.open("rb") as file:
        format_ = sniff(file.read(SNIFF_BYTES), hints.name)
    if format_ not in READ_BY_FRAME:
        allowed = sorted(READ_BY_FRAME)
        raise unsupported_error("The content of the file is not an animation or video of a known format.", allowed=allowed)
    assert format_ is not None
    return format_


def _facts(said: dict[str, Any], format_: MediaFormat) -> Facts:
    try:
        numbers = {name: int(said[name]) for name in ("width", "height", "frames", "milliseconds")}
        loop = int(said.get("loop", 0))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SandboxCrashed("the child's description of the file is not valid") from error
    if min(*numbers.values(), loop) < 0 or not numbers["width"] or not numbers["height"]:
        raise SandboxCrashed("the child's description of the file is not valid")
    return Facts(format_, **numbers, loop=loop, alpha=said.get("alpha") is True, sound=said.get("sound") is True, notes=_notes(said))


def _notes(said: dict[str, Any]) -> tuple[str, ...]:
    notes = said.get("notes", ())
    return tuple(str(note)[:_LONGEST_NOTE] for note in notes[:_MOST_NOTES]) if isinstance(notes, list | tuple) else ()


def _image(file: Path, width: int, height: int, alpha: bool, format_: MediaFormat) -> Image:
    """The picture in a file, which is removed."""
    area = width * height
    samples = samples_in(file, np.uint8, area * (4 if alpha else 3))
    file.unlink()
    return Image(
        pixels=samples[: 3 * area].reshape(height, width, 3),
        alpha=samples[3 * area :].reshape(height, width) if alpha else None,
        source_format=format_,
    )
