"""GIF files from frames that come one after the other: libvips writes a piece of an animation at a time, and the pieces are joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from services.inference.media import colour, gif
from services.inference.media.animation import Animation, GifSaving, Timing, encode_gif
from services.inference.moving.leaving import Samples
from services.inference.moving.writing.arriving import Arrived

HUNDREDTH = 10_000
"""Microseconds of the unit of time."""
LEAST, MOST = 2, 0xFFFF
"""Units that a frame is shown; browsers show what is faster more slowly."""
_PIECE_BYTES = 96 << 20
_LEAST_FRAMES = 4
_OPAQUE = 128
_MOST_COLOURS = 256
_SAMPLED = 97
"""One pixel in so many is looked at first, which mostly shows that there are more."""
_BESIDE = 2


def write_gif(target: BinaryIO, frames: Iterable[tuple[Arrived, int]], saving: GifSaving, loop: int) -> None:
    """Write all frames, each with its time in hundredths of a second."""
    for number, piece in enumerate(_pieces(frames)):
        samples = [each for each, _ in piece.frames]
        # Whether a frame is laid over the one before, and how much of it, depends on its neighbours.
        made = encode_gif(_animation(samples, [time for _, time in piece.frames], loop), saving)
        colours = _colours(samples)
        if colours is not None:
            made = gif.recoloured(made, partial(_exact, colours=colours))
        last = len(samples) - piece.after
        target.write(gif.piece(made, piece.before, last, first=number == 0))
    target.write(gif.END)


class _Piece:
    def __init__(self, frames: list[tuple[Samples, int]], before: int, after: int) -> None:
        self.frames, self.before, self.after = frames, before, after


def _pieces(frames: Iterable[tuple[Arrived, int]]) -> Iterator[_Piece]:
    """So many frames at once as memory is meant for, each time with one more before and after them."""
    held: list[tuple[Samples, int]] = []
    before = 0
    for frame, time in frames:
        held.append((_samples(frame), time))
        if len(held) >= before + _LEAST_FRAMES + 1 and sum(samples.nbytes for samples, _ in held) >= _PIECE_BYTES:
            yield _Piece(held, before, 1)
            held, before = held[-2:], 1
    if len(held) > before:
        yield _Piece(held, before, 0)


def _samples(frame: Arrived) -> Samples:
    if frame.alpha is None:
        return frame.rgba
    # A pixel is there or not, and the colours of those that are not would only take space.
    there = frame.alpha >= _OPAQUE
    samples = np.zeros((*there.shape, 4), np.uint8)
    samples[..., :3] = frame.pixels * there[..., np.newaxis]
    samples[..., 3] = there * np.uint8(255)
    return samples


def _colours(samples: Sequence[Samples]) -> Samples | None:
    """All colours of some frames, if a GIF can have as many."""
    known: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
    for step in (_SAMPLED, 1):
        for each in samples:
            seen = each.view(np.uint32).ravel()[::step]
            known = np.union1d(known, seen[seen >> 24 > 0])
            if known.size > _MOST_COLOURS:
                return None
    return known.view(np.uint8).reshape(-1, 4)[:, :3]


def _exact(palette: bytes, colours: Samples) -> bytes:
    """A palette whose colours are those of the frames. That of libvips is one or two steps away from them."""
    found = np.frombuffer(palette, np.uint8).reshape(-1, 3).astype(np.int16)
    if not colours.size:
        return palette
    distances = np.abs(found[:, np.newaxis] - colours.astype(np.int16)).max(axis=2)
    nearest = distances.argmin(axis=1)
    close = distances[np.arange(len(found)), nearest] <= _BESIDE
    return np.where(close[:, np.newaxis], colours[nearest], found).astype(np.uint8).tobytes()


def _animation(samples: Sequence[Samples], times: Sequence[int], loop: int) -> Animation:
    return Animation([colour.vips_from_array(each) for each in samples], Timing([10 * time for time in times], loop))
