"""Changing animations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyvips

from darkroom.operations.v1.edit_animation_pb2 import EditAnimation
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, animation
from services.inference.media.animation import Animation, GifSaving, Timing
from services.inference.media.gif import has_local_palettes, retime
from services.inference.moving.reading import whole
from services.pictures.media_format import MediaFormat, sniff
from services.platform.errors import DarkroomError, ErrorReason

_COPIES, _SAMPLES = 12, 4
_ROOM = 64 << 20
_LEAST_DELAY = 20
"""Milliseconds; browsers show what is said to be faster more slowly."""
_EFFORT = 7
_COLOURS = 256
_TOLERANCE = 8.0
_TURNS = {90: "rot90", 180: "rot180", 270: "rot270"}


def memory_for(picture: Header) -> int:
    """Bytes for working on an animation frame by frame, all of them being in a file."""
    return picture.width * picture.height * _SAMPLES * _COPIES + _ROOM


def open_frames(file: WholeFile, folder: Path) -> tuple[int, Callable[[int], Image]]:
    """How many frames or pages a file has, and what gives one by its number, from 0. Pages keep their size, depth and profile.

    Raises as `whole.read` and `WholeFile.pages`.
    """
    pages = file.pages()
    if len(pages) > 1:
        return len(pages), lambda number: pages[number].image()[0]
    frames = _read(file, folder)
    return len(frames.frames), partial(animation.frame_of, frames)


def checked_frame(count: int, number: int, field: str) -> int:
    """The number of a frame. Raises FIELD_INVALID if there is none."""
    if number >= count:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: The file has {count} frames or pages, numbered from 0.", field=field)
    return number


def edit_gif(file: WholeFile, parameters: EditAnimation, step: PlainStep) -> bytes:
    """The GIF. Raises as `whole.read` and `encode_gif`."""
    data = file.content
    is_gif = sniff(data) is MediaFormat.GIF
    frames = _read(file, step.folder)
    timing = _timed(frames.timing, parameters)
    retimed_ = retime(data, lambda delay: round(_delay(delay * 10, parameters) / 10), timing.loop) if is_gif else b""
    moves = _resizes(frames, parameters) or parameters.flip_horizontal or parameters.flip_vertical or parameters.angle
    if is_gif and not moves and not parameters.reverse and not parameters.optimize:
        return retimed_
    step.check()
    order = frames.frames[::-1] if parameters.reverse else frames.frames
    best = b""
    for kernel, saving in _attempts(data, is_gif, parameters, frames):
        move = partial(_moved, parameters=parameters, kernel=kernel)
        changed = animation.change_frames(Animation(order, timing), move, step.result_limits)
        made = animation.encode_gif(changed, saving)
        best = made if not best or len(made) < len(best) else best
        step.check()
        grows = changed.width * changed.height > frames.width * frames.height
        if not is_gif or grows or len(best) <= len(retimed_):
            break
    unchanged = is_gif and parameters.optimize and not moves and not parameters.reverse and not parameters.max_colors
    return retimed_ if unchanged and len(retimed_) < len(best) else best


def _read(file: WholeFile, folder: Path) -> Animation:
    frames = whole.read(file.content, file.limits, file.hints, folder)
    for note in frames.notes:
        file.note(note)
    return frames


def _attempts(data: bytes, is_gif: bool, parameters: EditAnimation, frames: Animation) -> Iterator[tuple[str, GifSaving]]:
    """Ways to write it, the best first, each but the first for what would get larger than it was."""
    bits = (parameters.max_colors or _COLOURS).bit_length() - 1
    saving = GifSaving(bits, parameters.dither, parameters.effort or _EFFORT)
    if parameters.optimize:
        yield "lanczos3", saving
        return
    same = dataclasses.replace(saving, same_palette=is_gif and bits == 8 and not has_local_palettes(data))
    if not _resizes(frames, parameters):
        yield "nearest", same
        yield "nearest", dataclasses.replace(saving, tolerance=_TOLERANCE)
        return
    yield "lanczos3", saving
    yield "lanczos3", dataclasses.replace(same, tolerance=_TOLERANCE)
    yield "nearest", same


def _timed(timing: Timing, parameters: EditAnimation) -> Timing:
    delays = [_delay(delay, parameters) for delay in timing.delays]
    loop = parameters.loop if parameters.HasField("loop") else timing.loop
    return Timing(delays[::-1] if parameters.reverse else delays, loop)


def _delay(delay: int, parameters: EditAnimation) -> int:
    return max(_LEAST_DELAY, round(delay / parameters.speed)) if parameters.speed else delay


def _size(frames: Animation, parameters: EditAnimation) -> tuple[int, int]:
    width, height = frames.width, frames.height
    if parameters.percent:
        scale = parameters.percent / 100
    else:
        scale = min([asked / own for asked, own in ((parameters.width, width), (parameters.height, height)) if asked], default=1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resizes(frames: Animation, parameters: EditAnimation) -> bool:
    return _size(frames, parameters) != (frames.width, frames.height)


def _moved(frame: pyvips.Image, parameters: EditAnimation, kernel: str) -> pyvips.Image:
    one = Animation([frame], Timing([0], 0))
    if _resizes(one, parameters):
        frame = _resized(frame, _size(one, parameters), kernel)
    if parameters.flip_horizontal:
        frame = frame.fliphor()
    if parameters.flip_vertical:
        frame = frame.flipver()
    return getattr(frame, _TURNS[parameters.angle])() if parameters.angle else frame


def _resized(frame: pyvips.Image, size: tuple[int, int], kernel: str) -> pyvips.Image:
    scale = {"vscale": size[1] / frame.height, "kernel": kernel}
    across = size[0] / frame.width
    if not frame.hasalpha() or kernel == "nearest":
        resized = frame.resize(across, **scale)
    else:
        resized = frame.premultiply().resize(across, **scale).unpremultiply().rint().cast("uchar")
    return resized if (resized.width, resized.height) == size else resized.gravity("north-west", *size, extend="copy")
