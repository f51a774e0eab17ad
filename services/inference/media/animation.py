"""Animations: every frame of a GIF or WebP, and their timing. Any other picture is one frame; `moving.reading.whole` reads more kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips

from services.inference.media import colour, gif
from services.inference.media.decode import TURNED_BY_A_QUARTER, decode, orientation_of
from services.inference.media.errors import damaged_error, over_limit
from services.inference.media.header import Hints
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.pictures.media_format import MediaFormat, sniff

USUAL_DELAY = 100
"""Milliseconds of a frame, where a file does not say."""
_LOADERS: dict[MediaFormat, Callable[..., pyvips.Image]] = {
    MediaFormat.GIF: gif.load,
    MediaFormat.WEBP: pyvips.Image.webpload_buffer,
}
_MOST_FRAMES = 10_000
_LONGEST_SIDE = 65_535


@dataclass(frozen=True, slots=True)
class Timing:
    """How an animation is shown."""

    delays: Sequence[int]
    """Milliseconds of each frame."""
    loop: int
    """How many times; 0: forever."""


@dataclass(frozen=True, slots=True)
class Animation:
    """Frames of one size, with alpha or without."""

    frames: Sequence[pyvips.Image]
    """sRGB, 8 bits, upright."""
    timing: Timing
    notes: tuple[str, ...] = ()
    """About what could not be read."""

    @property
    def width(self) -> int:
        """Pixels of a frame."""
        return int(self.frames[0].width)

    @property
    def height(self) -> int:
        """Pixels of a frame."""
        return int(self.frames[0].height)


@dataclass(frozen=True, slots=True)
class GifSaving:
    """How a GIF is written."""

    bits: int = 8
    """Its palettes have 2 to this power colours."""
    dither: float = 0.0
    effort: int = 7
    same_palette: bool = False
    """Keeps the palette of the file that was read."""
    tolerance: float = 0.0
    """How much a sample may differ from the frame before and count as unchanged."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The size of a frame in pixels, once upright, and the timing."""

    width: int
    height: int
    timing: Timing
    notes: tuple[str, ...] = ()
    """About what could not be read."""


def facts(data: bytes, limits: Limits, hints: Hints) -> Facts:
    """The facts about an animation. Raises as `media.decode`."""
    opened = _opened(data, limits)
    if opened is None:
        image = decode(data, limits, hints)
        return Facts(image.width, image.height, Timing([USUAL_DELAY], 0), image.notes)
    width, height = opened.width, _page_height(opened)
    if orientation_of(opened) in TURNED_BY_A_QUARTER:
        width, height = height, width
    return Facts(width, height, _timing(opened))


def read(data: bytes, limits: Limits, hints: Hints, folder: Path) -> Animation:
    """The frames, decoded into a file in `folder`. Raises as `media.decode`; all pixels of all frames count for `limits`."""
    opened = _opened(data, limits)
    if opened is None:
        image = decode(data, limits, hints)
        return Animation([_still(image)], Timing([USUAL_DELAY], 0), image.notes)
    timing, height = _timing(opened), _page_height(opened)
    target = folder / "frames.v"
    try:
        opened.colourspace("srgb").write_to_file(str(target))
    except pyvips.Error as error:
        raise damaged_error(sniff(data) or MediaFormat.GIF) from error
    stack = pyvips.Image.new_from_file(str(target))
    # Each crop is one page with the orientation of all.
    return Animation([stack.crop(0, number * height, stack.width, height).autorot() for number in range(len(timing.delays))], timing)


def frame_of(animation: Animation, number: int) -> Image:
    """One frame as a picture."""
    samples = np.ascontiguousarray(animation.frames[number].numpy())
    return from_samples(samples, None, Metadata(), MediaFormat.GIF)


def change_frames(animation: Animation, change: Callable[[pyvips.Image], pyvips.Image], limits: Limits) -> Animation:
    """Every frame changed in the same way. Raises MEDIA_LIMIT_EXCEEDED if all together get too large."""
    frames = [change(frame) for frame in animation.frames]
    width, height = frames[0].width, frames[0].height
    limits.check(width, height * len(frames), "The animation")
    return dataclasses.replace(animation, frames=frames)


def encode_gif(animation: Animation, saving: GifSaving) -> bytes:
    """A GIF: frames show what differs from the one before, as far as they can. Raises MEDIA_LIMIT_EXCEEDED for too long a side."""
    if max(animation.width, animation.height) > _LONGEST_SIDE:
        raise over_limit(
            f"A frame has {animation.width} x {animation.height} pixels, too many for a GIF.", allowed=f"at most {_LONGEST_SIDE} a side"
        )
    stack = pyvips.Image.arrayjoin(list(animation.frames), across=1).copy()
    stack.set_type(pyvips.GValue.gint_type, "page-height", animation.height)
    stack.set_type(pyvips.GValue.array_int_type, "delay", list(animation.timing.delays))
    stack.set_type(pyvips.GValue.gint_type, "loop", animation.timing.loop)
    return bytes(
        stack.gifsave_buffer(
            bitdepth=saving.bits,
            dither=saving.dither,
            effort=saving.effort,
            reuse=saving.same_palette,
            interframe_maxerror=saving.tolerance,
            keep_duplicate_frames=True,
            keep="none",
        )
    )


def _opened(data: bytes, limits: Limits) -> pyvips.Image | None:
    """All frames, one below the other; None for what is no animation."""
    format_ = sniff(data)
    if format_ not in _LOADERS:
        return None
    assert isinstance(format_, MediaFormat)
    if format_ is MediaFormat.GIF:
        gif.check(data)
    try:
        first = _LOADERS[format_](data, access="sequential", fail_on="error")
        count = int(first.get("n-pages")) if first.get_typeof("n-pages") else 1
        if count > _MOST_FRAMES:
            raise over_limit(f"The animation has {count} frames.", allowed=f"at most {_MOST_FRAMES} frames")
        limits.check(first.width, first.height * count, "The animation, all frames together,")
        return _LOADERS[format_](data, n=-1, access="sequential", fail_on="error")
    except pyvips.Error as error:
        raise damaged_error(format_) from error


def _page_height(stack: pyvips.Image) -> int:
    return int(stack.get("page-height")) if stack.get_typeof("page-height") else int(stack.height)


def _timing(stack: pyvips.Image) -> Timing:
    count = stack.height // _page_height(stack)
    delays = list(stack.get("delay")) if stack.get_typeof("delay") else []
    delays = [*delays, *[USUAL_DELAY] * count][:count]
    return Timing(delays, int(stack.get("loop")) if stack.get_typeof("loop") else 0)


def _still(image: Image) -> pyvips.Image:
    picture = colour.vips_from_array(image.srgb())
    if image.alpha is not None:
        picture = picture.bandjoin(colour.vips_from_array(colour.to_8bit(image.alpha)[..., np.newaxis]))
    return picture.colourspace("srgb").copy(interpretation="srgb")
