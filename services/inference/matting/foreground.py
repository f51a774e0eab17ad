"""Colour decontamination: the colour of a half-transparent edge pixel without the background mixed into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.blocks import Block, blocks, grown, within
from services.inference.media.colour import Pixels

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_WIDE, _NARROW = 90, 6  # pixels of the windows of the two passes in a picture of up to _SIDE pixels; larger in larger ones
_SIDE = 1024
_CELLS = 22  # about so many cells make a wide window
_BLOCK, _LONGEST = 64, 256  # pixels
_TINY = np.float32(1e-5)


def decontaminate(pixels: Pixels, opacity: npt.NDArray[np.uint16], visible: Pixels | None, check: Callable[[], None]) -> Pixels:
    """Estimates the foreground colour of pixels with partial opacity (height x width, 0 to 65535).

    `pixels` (height x width x 1 or 3, 8 or 16 bits) is a mixture of foreground and background by `opacity`. Returns new
    pixels: unchanged bit for bit where the opacity is full, zero where it is none. `visible` (height x width, 8 or 16
    bits) is the alpha that the picture had before: the less of a pixel was visible, the less its colour counts.

    Blur-fusion in two passes, after Forte and Pitie: "Approximate Fast Foreground Colour Estimation", ICIP 2021:
    blurred foreground and background colours, then the part of the pixel's own colour that they leave unexplained. The
    wide pass blurs the means of square cells, which its window makes equivalent; the narrow one works at full size, in the
    blocks that hold an edge. `check` is called between blocks and may raise to cancel.
    """
    out = np.zeros_like(pixels)
    cv2.copyTo(pixels, (opacity > 0).view(np.uint8), out)
    edge = (opacity > 0) & (opacity < 65535)
    if not edge.any():
        return out
    larger = max(1.0, max(opacity.shape) / _SIDE)
    wide = _WidePass(pixels, opacity, visible, edge, _WIDE * larger)
    window = round(_NARROW * larger)
    full = np.float32(np.iinfo(pixels.dtype).max)
    for block in blocks(edge, _BLOCK, _LONGEST):
        check()
        near = grown(block, window // 2 + 1, opacity.shape)
        mixture = _mixture(pixels[near], opacity[near], None if visible is None else visible[near])
        inner = within(block, near)
        estimate = _narrow_pass(mixture, *wide.of(near), window)
        samples = cv2.merge([np.rint(plane[inner] * full).astype(pixels.dtype) for plane in estimate])
        cv2.copyTo(samples, edge[block].view(np.uint8), out[block])
    return out


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Planes of one colour each, each pixel's share of foreground, and what both shares weigh: less where the pixel was less visible."""

    colour: list[Floats]
    share: Floats
    front: Floats
    back: Floats


def _mixture(pixels: Pixels, opacity: npt.NDArray[np.uint16], visible: Pixels | None) -> _Mixture:
    share = _unit(opacity)
    front, back = share, 1 - share
    if visible is not None:
        weight = _unit(visible)
        front, back = front * weight, back * weight
    return _Mixture([_unit(np.asarray(plane)) for plane in cv2.split(pixels)], share, front, back)


class _WidePass:
    """The colours of foreground and background around each pixel, from the means of square cells."""

    def __init__(self, pixels: Pixels, opacity: npt.NDArray[np.uint16], visible: Pixels | None, edge: Bools, window: float) -> None:
        self._side = side = max(1, int(window / _CELLS))
        cells = 2 * int((window / side - 1) / 2) + 1
        share, weight = _means(opacity, side), np.float32(1) if visible is None else _means(visible, side)
        colours = cv2.split(_means(pixels, side))
        # Products of means are means of products where all pixels of a cell have the same shares.
        sums = [share * weight, (1 - share) * weight]
        sums += [np.asarray(colour) * part for part in sums[:2] for colour in colours]
        mixed = edge if visible is None else edge | (visible < np.iinfo(visible.dtype).max)
        for block in blocks(mixed, side * max(1, _BLOCK // side), _LONGEST):
            mixture = _mixture(pixels[block], opacity[block], None if visible is None else visible[block])
            shares = [mixture.front, mixture.back]
            products = (colour * part for part in shares for colour in mixture.colour)
            rows, columns = (slice(span.start // side, -(-span.stop // side)) for span in block)
            for grid, plane in zip(sums, (*shares, *products), strict=True):
                grid[rows, columns] = _means(plane, side)
        front, back = (_mean(plane, cells) + _TINY for plane in sums[:2])
        means = [_mean(plane, cells) for plane in sums[2:]]
        self._foreground = [plane / front for plane in means[: len(colours)]]
        self._background = [plane / back for plane in means[len(colours) :]]

    def of(self, block: Block) -> tuple[list[Floats], list[Floats]]:
        """Foreground and background of a block: a plane for each colour."""
        rows, columns = (slice(span.start // self._side, -(-span.stop // self._side)) for span in block)
        # With a cell more on each side, every pixel lies between the centres of cells.
        cells = grown((rows, columns), 1, self._foreground[0].shape)
        outer = slice(cells[0].start * self._side, 0), slice(cells[1].start * self._side, 0)
        part = within(block, outer)
        size = (cells[1].stop - cells[1].start) * self._side, (cells[0].stop - cells[0].start) * self._side
        foreground, background = (
            [np.asarray(cv2.resize(plane[cells], size, interpolation=cv2.INTER_LINEAR), np.float32)[part] for plane in planes]
            for planes in (self._foreground, self._background)
        )
        return foreground, background


def _narrow_pass(mixture: _Mixture, foreground: list[Floats], background: list[Floats], window: int) -> list[Floats]:
    """The foreground's colour, from rough estimates of both."""
    front, back = (_mean(part, window) + _TINY for part in (mixture.front, mixture.back))
    estimate = []
    for colour, near, far in zip(mixture.colour, foreground, background, strict=True):
        first = _fused(colour, mixture.share, near, far)
        blurred = _mean(first * mixture.front, window) / front, _mean(far * mixture.back, window) / back
        estimate.append(_fused(colour, mixture.share, *blurred))
    return estimate


def _fused(colour: Floats, share: Floats, foreground: Floats, background: Floats) -> Floats:
    """The blurred foreground plus the part of the pixel's own colour that both blurred colours leave unexplained."""
    unexplained = colour - background - share * (foreground - background)
    unexplained *= share
    unexplained += foreground
    return np.clip(unexplained, 0, 1, out=unexplained)


def _means(samples: npt.NDArray[Any], side: int) -> Floats:
    """Means, 0 to 1, of square cells; those at the right and lower edges may have fewer pixels."""
    height, width = samples.shape[:2]
    means = np.empty((-(-height // side), -(-width // side), *samples.shape[2:]), np.float32)
    # In parts of whole cells, which OpenCV averages several times as fast as others.
    for rows in (slice(0, height // side), slice(height // side, means.shape[0])):
        for columns in (slice(0, width // side), slice(width // side, means.shape[1])):
            target = means[rows, columns]
            if target.size:
                part = samples[rows.start * side : rows.stop * side, columns.start * side : columns.stop * side]
                target[:] = cv2.resize(part, target.shape[1::-1], interpolation=cv2.INTER_AREA).reshape(target.shape)
    if samples.dtype != np.float32:
        means /= np.float32(np.iinfo(samples.dtype).max)
    return means


def _mean(values: Floats, window: int) -> Floats:
    return np.asarray(cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT), np.float32)


def _unit(samples: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.multiply(samples, np.float32(1 / np.iinfo(samples.dtype).max), dtype=np.float32))
