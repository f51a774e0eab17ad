"""Writing animations and videos frame by frame: a child process encodes, and asks for the next frame when it is ready."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from services.inference.media.errors import over_limit, unsupported_error
from services.inference.media.moving_notes import NO_SOUND, SOUND_UNREAD, name_of
from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Frame, MovingSaving, Written
from services.inference.moving.resources import joining_resources, writing_resources
from services.inference.moving.taking import taken
from services.inference.moving.writing import animation_writing, joining, video_writing
from services.inference.moving.writing.arriving import packed
from services.pictures.media_format import MediaFormat
from services.pictures.moving import VIDEOS, WRITTEN_BY_FRAME
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.sandbox import Sandbox, SandboxCrashed, SandboxLost, SandboxOutOfMemory, SandboxTimedOut

_logger = get_logger()
_SUBJECT = "The result"
_LONGEST_SIDE = {
    MediaFormat.GIF: 65_535,
    MediaFormat.WEBP: 16_383,
    MediaFormat.MP4: 16_384,
    MediaFormat.MOV: 16_384,
    MediaFormat.WEBM: 16_384,
    MediaFormat.AVIF: 16_384,
}


async def write_frames(
    sandbox: Sandbox,
    frames: AsyncIterator[Frame],
    saving: MovingSaving,
    folder: Path,
    sound: Callable[[], Path | None] = lambda: None,
    limits: MovingLimits = MovingLimits(),  # noqa: B008 - never changes
) -> Written:
    """Write frames, all of the size of the first, into a file in `folder`. `sound` is asked for `Moving.sound` after the last one.

    The sound gets into MP4, WebM and MOV: unchanged if the format takes it, else encoded again. Raises MEDIA_UNSUPPORTED for a format of
    still pictures, MEDIA_LIMIT_EXCEEDED if the result gets too large, ValueError if there are no frames or their sizes differ, what
    `frames` raises, and as `Sandbox.run`.
    """
    if saving.format not in WRITTEN_BY_FRAME:
        raise unsupported_error(f"Animations cannot be written as {saving.format}.", allowed=sorted(WRITTEN_BY_FRAME))
    own = Path(tempfile.mkdtemp(prefix="writing-", dir=folder))
    try:
        return await _Writing(sandbox, frames, saving, own, folder, limits).write(sound)
    finally:
        await asyncio.to_thread(shutil.rmtree, own, ignore_errors=True)


@contextmanager
def _encoding_errors() -> Iterator[None]:
    """Elsewhere the end of a child means that a file is to blame, and this one has read none."""
    try:
        yield
    except SandboxTimedOut:
        raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "Writing the result takes more time than is allowed.") from None
    except SandboxOutOfMemory:
        raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "Writing the result takes more memory than is allowed.") from None
    except SandboxLost:
        raise
    except SandboxCrashed as error:
        _logger.error("encoder_crashed", error=str(error))
        raise DarkroomError(ErrorReason.INTERNAL, "The result could not be written. Quote the task's id when you report it.") from error


class _Writing:
    def __init__(
        self, sandbox: Sandbox, frames: AsyncIterator[Frame], saving: MovingSaving, own: Path, folder: Path, limits: MovingLimits
    ) -> None:
        self._sandbox, self._frames, self._saving = sandbox, frames, saving
        self._own, self._folder, self._limits = own, folder, limits
        self._size = 0, 0
        self._count = self._microseconds = 0
        self._waiting: Frame | None = None

    async def write(self, sound: Callable[[], Path | None]) -> Written:
        first = await anext(self._frames, None)
        if first is None:
            raise ValueError("there are no frames")
        self._waiting, self._size = first, (first.image.width, first.image.height)
        format_, video = self._saving.format, self._saving.format in VIDEOS
        if max(self._size) > (longest := _LONGEST_SIDE.get(format_, 2**31)):
            width, height = self._size
            raise over_limit(
                f"A frame of the result has {width} x {height} pixels, too many for {format_}.", allowed=f"at most {longest} a side"
            )
        child: ModuleType = video_writing if video else animation_writing
        target = self._own / "result"
        with _encoding_errors():
            said = await self._sandbox.run(
                child.write,
                target,
                self._saving,
                folder=self._own,
                limits=writing_resources(*self._size, self._limits),
                answers=self._next,
            )
        notes = tuple(map(str, said["notes"]))
        track, has_sound = sound(), False
        if track is not None and not video:
            notes = (*notes, NO_SOUND.format(format=name_of(format_)))
        elif track is not None:
            target, has_sound = await self._with_sound(target, track)
            notes = notes if has_sound else (*notes, SOUND_UNREAD)
        # The child has read nothing but samples. Its numbers are of the file that it wrote.
        width, height = int(said.get("width", self._size[0])), int(said.get("height", self._size[1]))
        path = taken(target, self._folder, "result", f".{format_.extension}")
        return Written(path, format_, width, height, int(said["frames"]), int(said["milliseconds"]), has_sound, notes)

    async def _next(self, *asked: object) -> bytes:
        """The next frame for the child; empty after the last."""
        if asked:
            raise SandboxCrashed("the child's question is not valid")
        frame, self._waiting = self._waiting, None
        if frame is None:
            frame = await anext(self._frames, None)
        if frame is None:
            return b""
        if (frame.image.width, frame.image.height) != self._size:
            raise ValueError(f"a frame of {frame.image.width} x {frame.image.height} after others of {self._size}")
        self._count += 1
        self._microseconds += frame.microseconds
        self._limits.check(_SUBJECT, *self._size, self._count, video=self._saving.format in VIDEOS)
        return await asyncio.to_thread(packed, frame)

    async def _with_sound(self, silent: Path, track: Path) -> tuple[Path, bool]:
        """The file with sound, made by another child, as the packets are of unknown origin; the silent one if they cannot be read."""
        target = self._own / "joined"
        joined = await self._sandbox.run(
            joining.join,
            silent,
            track,
            target,
            str(self._saving.format),
            reads=[track],
            folder=self._own,
            limits=joining_resources(self._microseconds / 1e6),
        )
        return (target, True) if joined is True else (silent, False)
