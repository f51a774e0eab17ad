"""The part of the child process that writes an animation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from services.inference.media import configure_libvips
from services.inference.media.animation import GifSaving
from services.inference.media.moving_notes import FRAMES_DROPPED, NO_TIMES, NO_TRANSPARENCY, SHOWN_FOREVER, name_of
from services.inference.moving.model import MovingSaving
from services.inference.moving.writing import gif_writing, page_writing, png_writing, stacked_writing
from services.inference.moving.writing.arriving import arriving
from services.inference.moving.writing.clock import Clock
from services.pictures.media_format import MediaFormat

_MICROSECOND, _MOST = 1, (1 << 63) - 1
"""Pages have no times, so there is no unit to round to."""
_COLOURS = 256
_DITHER = 0.5
"""Half hides bands as well as all, and files are a twentieth smaller."""
_EFFORT = 3
"""More takes five times as long for a fiftieth of the size."""


def write(target: Path, saving: MovingSaving, ask: Callable[[], bytes]) -> dict[str, Any]:
    """Write the frames that are asked for into a file; returns how many there are, and how long they take."""
    configure_libvips(1)
    frames = arriving(ask)
    name = name_of(saving.format)
    notes: list[str] = []
    with target.open("w+b") as file:
        match saving.format:
            case MediaFormat.GIF:
                clock = Clock(gif_writing.HUNDREDTH, gif_writing.LEAST, gif_writing.MOST)
                bits = min(max(2, saving.colours or _COLOURS), _COLOURS).bit_length() - 1
                gif_writing.write_gif(file, clock.timed(frames), GifSaving(bits, _DITHER, _EFFORT), saving.loop)
            case MediaFormat.PNG:
                clock = Clock(png_writing.MILLISECOND, png_writing.LEAST, png_writing.MOST)
                first = next(frames)
                alpha = saving.alpha or first.alpha is not None
                if png_writing.write_png(file, clock.timed(chain((first,), frames)), saving.background, saving.loop, alpha=alpha):
                    notes.append(NO_TRANSPARENCY.format(format=name))
            case MediaFormat.TIFF:
                clock = Clock(_MICROSECOND, 1, _MOST)
                page_writing.write_tiff(file, clock.timed(frames), saving)
                notes.append(NO_TIMES)
            case _:
                clock = Clock(stacked_writing.MILLISECOND, stacked_writing.LEAST, stacked_writing.MOST)
                write_ = stacked_writing.write_webp if saving.format is MediaFormat.WEBP else stacked_writing.write_avif
                write_(file, clock.timed(frames), saving)
                if saving.format is MediaFormat.AVIF and saving.loop:
                    notes.append(SHOWN_FOREVER.format(format=name))
    if clock.left_out:
        notes.append(FRAMES_DROPPED.format(format=name))
    return {"frames": clock.frames, "milliseconds": clock.milliseconds, "notes": notes}
