"""Colour decontamination: the colour of a half-transparent edge pixel without the background mixed into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import Pixels
from services.inference.media.resampling import bilinear, resize

Floats = npt.NDArray[np.float32]

_WORKING_SIDE = 1024  # longest side, in pixels, of the copy that the wide pass works on
_WIDE, _NARROW = 90, 6  # blur windows of the two passes, in pixels of the working copy
_BLOCK = 256  # pixels: smaller blocks hold fewer pixels away from edges, but need more margin around them
_TINY = np.float32(1e-5)


def decontaminate(pixels: Pixels, opacity: npt.NDArray[np.uint16], visible: Pixels | None, check: Callable[[], None]) -> Pixels:
    """Estimates the foreground colour of pixels with partial opacity (height x width, 0 to 65535).

    `pixels` (height x width x 1 or 3, 8 or 16 bits) is a mixture of foreground and background by `opacity`. Returns new
    pixels: unchanged bit for bit where the opacity is full, zero where it is none. `visible` (height x width, 8 or 16
    bits) is the alpha that the picture had before: the less of a pixel was visible, the less its colour counts.

    Blur-fusion in two passes, after Forte and Pitie: "Approximate Fast Foreground Colour Estimation", ICIP 2021:
    blurred foreground and background colours, then the part of the pixel's own colour that they leave unexplained. The
    wide pass runs on a reduced copy, which its blur makes equivalent; the narrow one at full size, in the blocks that
    hold an edge. `check` is called between blocks and may raise to cancel.
    """
    out = np.where(opacity[..., None] > 0, pixels, pixels.dtype.type(0))
    edge = (opacity > 0) & (opacity < 65535)
    if not edge.any():
        return out
    height, width = opacity.shape
    foreground, background = _wide_pass(pixels, opacity, visible)
    window = max(_NARROW, round(_NARROW * max(height, width) / _WORKING_SIDE))
    for rows, columns in _blocks(edge):
        check()
        near_rows, near_columns = _grown(rows, window, height), _grown(columns, window, width)
        near = near_rows, near_columns
        mixture = _Mixture(
            _unit(pixels[near]),
            _unit(opacity[near])[..., np.newaxis],
            None if visible is None else _unit(visible[near])[..., np.newaxis],
        )
        estimate = _narrow_pass(
            mixture,
            bilinear(foreground, width, height, near_rows, near_columns),
            bilinear(background, width, height, near_rows, near_columns),
            window,
        )
        inner = estimate[_within(rows, near_rows), _within(columns, near_columns)]
        scaled = np.round(inner * np.float32(np.iinfo(pixels.dtype).max)).astype(pixels.dtype)
        np.copyto(out[rows, columns], scaled, where=edge[rows, columns, np.newaxis])
    return out


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Colours (height x width x channels) with each pixel's share of foreground and visibility (height x width x 1)."""

    colour: Floats
    opacity: Floats
    visible: Floats | None

    def blur(self, foreground: Floats, background: Floats, window: int) -> tuple[Floats, Floats]:
        """Means of both colours over square windows, weighted by each one's share of the visible pixel."""
        front, back = self.opacity, 1 - self.opacity
        if self.visible is not None:
            front, back = front * self.visible, back * self.visible
        return (
            _mean(foreground * front, window) / (_mean(front, window) + _TINY),
            _mean(background * back, window) / (_mean(back, window) + _TINY),
        )

    def fuse(self, foreground: Floats, background: Floats) -> Floats:
        """The blurred foreground plus the part of the pixel's own colour that both blurred colours leave unexplained."""
        unexplained = self.colour - self.opacity * foreground - (1 - self.opacity) * background
        return np.asarray(np.clip(foreground + self.opacity * unexplained, 0, 1), np.float32)


def _wide_pass(pixels: Pixels, opacity: npt.NDArray[np.uint16], visible: Pixels | None) -> tuple[Floats, Floats]:
    """Blurred foreground and background colours at working size."""
    scale = min(1.0, _WORKING_SIDE / max(opacity.shape))
    height, width = (max(1, round(side * scale)) for side in opacity.shape)
    mixture = _Mixture(
        _unit(resize(pixels, width, height)).reshape(height, width, -1),
        _unit(resize(opacity, width, height))[..., np.newaxis],
        None if visible is None else _unit(resize(visible, width, height))[..., np.newaxis],
    )
    return mixture.blur(mixture.colour, mixture.colour, _WIDE)


def _narrow_pass(mixture: _Mixture, foreground: Floats, background: Floats, window: int) -> Floats:
    return mixture.fuse(*mixture.blur(mixture.fuse(foreground, background), background, window))


def _mean(values: Floats, window: int) -> Floats:
    blurred = cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32).reshape(values.shape)


def _unit(samples: Pixels) -> Floats:
    return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)


def _blocks(edge: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """The cells of a grid over the picture that hold an edge pixel."""
    height, width = edge.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            cell = slice(top, min(top + _BLOCK, height)), slice(left, min(left + _BLOCK, width))
            if edge[cell].any():
                yield cell


def _grown(span: slice, margin: int, size: int) -> slice:
    return slice(max(span.start - margin, 0), min(span.stop + margin, size))


def _within(span: slice, outer: slice) -> slice:
    return slice(span.start - outer.start, span.stop - outer.start)
