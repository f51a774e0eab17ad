"""Filters that a picture itself teaches, which bring a network's enlargement of it close to its original."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from services.inference.plain.compression import compression_of
from services.inference.upscaling.enhancement import noise_level
from services.inference.upscaling.windows import enlarged_windows

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

_RADIUS = 3
"""Pixels of the result that a filter reaches to each side."""
_SIDE = 512
"""Pixels a side of the windows of a large picture that teach, two along each axis."""
_LEAST = 24
"""Pixels of the shorter side of a picture that can teach."""
_SMOOTH = 0.25
"""Quantile of the variation that noise is judged by: unlike texture, it is everywhere."""
_STRIP, _REACH = 48, 8
"""Rows of the original that are filtered at once, and those on each side that interpolation and the filters use."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Parts of a picture, and copies of them that were made smaller by a whole factor and damaged as the picture is."""

    pictures: Sequence[Pixels8]
    small: Sequence[Pixels8]
    trust: float
    """0 to 1: how far the copies can be relied on to tell about the picture."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The result is the interpolated picture, plus `plain` of that, plus `added` of what a network adds to it."""

    plain: Floats
    added: Floats

    def apply(self, enlarged: Pixels8, source: Pixels8, check: Callable[[], None]) -> None:
        """Filters a network's enlargement by a whole factor, in place. Both are height x width x channels. `check` is called between
        strips and may raise to cancel."""
        for rows, window, inner, below in enlarged_windows(enlarged, source, _STRIP, _REACH):
            check()
            plain = _interpolated(below, window.shape[1], window.shape[0]).reshape(window.shape)
            change = _filtered(window.astype(np.float32) - plain, self.added) + _filtered(plain, self.plain)
            enlarged[rows] = np.asarray(cv2.add(plain, change, dtype=cv2.CV_8U)).reshape(window.shape)[inner]


def lessons(source: Pixels8, factor: int) -> Lessons:
    """The lessons of an RGB picture.

    How the picture itself was once made smaller decides how sharp a network's result has to be. It is seen in the finest detail: a copy
    made in the same way has as much of it, and one made by means of squares an octave more than one made by a bicubic filter. Where the
    picture has still more, some of it is false (aliasing), and what the copies say is trusted less. It is for a larger factor, too, since a
    photograph gets softer the closer one looks.
    """
    compression = compression_of(source)
    quality = None if compression is None else compression.quality
    places = product(_spans(source.shape[0], factor), _spans(source.shape[1], factor)) if min(source.shape[:2]) >= _LEAST else ()
    pictures = [source[rows, columns] for rows, columns in places]
    halves = [_damaged(_reduced(picture, 2, 0), picture, quality) for picture in pictures]
    finest, coarser = _detail(pictures) - _detail(halves)
    sharp = float(np.clip((1 + finest - coarser) / 2, 0, 1))
    small = [_damaged(_reduced(picture, factor, sharp), picture, quality) for picture in pictures]
    return Lessons(pictures, small, float(np.sqrt(2 / factor) / max(1, min(finest, finest - coarser))))


def learn(given: Lessons, enlarged: Sequence[Pixels8]) -> Filters:
    """The filters that bring enlargements of the small copies closest to the pictures, by least squares of the luma.

    The same picture at another scale has much the same edges and texture, and the network errs in the same way (internal learning: Zontak
    and Irani, CVPR 2011).
    """
    masks = list(_masks())
    count = 2 * len(masks) - 1
    products, wanted = np.zeros((count, count)), np.zeros(count)
    pixels = 0
    for picture, small, result in zip(given.pictures, given.small, enlarged, strict=True):
        truth = _luma(picture)
        plain = _luma(_interpolated(small, truth.shape[1], truth.shape[0]))
        difference = _luma(result) - plain
        parts = [*(_filtered(difference, mask) for mask in masks), *(_filtered(plain, mask) - plain for mask in masks[1:])]
        columns = np.stack([_inner(part) for part in parts])
        products += columns @ columns.T
        wanted += columns @ _inner(truth - plain)
        pixels += small.shape[0] * small.shape[1]
    # The fewer samples there are, the closer to interpolation.
    shrinkage = count / max(pixels, 1)
    weights = given.trust * np.linalg.solve(products + np.diag(shrinkage * products.diagonal() + 1), wanted)
    added = sum(weight * mask for weight, mask in zip(weights, masks, strict=False))
    plain_filter = sum(weight * (mask - masks[0]) for weight, mask in zip(weights[len(masks) :], masks[1:], strict=True))
    return Filters(np.asarray(plain_filter, np.float32), np.asarray(added, np.float32))


def _spans(size: int, factor: int) -> Iterator[slice]:
    count = min(2, -(-size // _SIDE))
    length = min(_SIDE, size // count) // factor * factor
    for number in range(count):
        start = (2 * number + 1) * size // (2 * count) - length // 2
        yield slice(start, start + length)


def _reduced(picture: Pixels8, factor: int, sharp: float) -> Pixels8:
    """Made smaller by an antialiased bicubic filter, or, by the share `sharp`, to means of squares, as cameras and fast programs do."""
    size = max(1, picture.shape[1] // factor), max(1, picture.shape[0] // factor)
    soft = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), np.float32)
    square = cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.round(soft + np.float32(sharp) * (square - soft)), np.uint8)


def _damaged(small: Pixels8, picture: Pixels8, quality: int | None) -> Pixels8:
    """With the noise that a picture has lost by becoming so small, and saved as a JPEG of that quality."""
    lost = noise_level(picture, _SMOOTH) ** 2 - noise_level(small, _SMOOTH) ** 2
    if lost > 0:
        noise = np.random.default_rng(0).normal(0, lost**0.5, small.shape)
        small = np.asarray(np.clip(np.round(small + noise), 0, 255), np.uint8)
    if quality is not None:
        encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        small = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return small


def _detail(pictures: Sequence[Pixels8]) -> npt.NDArray[np.float64]:
    """The power, in octaves, of the finest detail and of detail twice as coarse."""
    powers = [(0.0, 0.0)]
    for picture in pictures:
        plane = _luma(picture)
        window = np.outer(*(np.hanning(side + 2)[1:-1] for side in plane.shape))
        power = np.abs(np.fft.fft2((plane - plane.mean()) * window)) ** 2 / (window**2).sum()
        frequencies = np.maximum(*np.meshgrid(*(np.abs(np.fft.fftfreq(side)) for side in plane.shape), indexing="ij"))
        coarser = (frequencies > 0.25) & (frequencies <= 0.35)
        powers.append((float(power[frequencies > 0.45].mean()), float(power[coarser].mean())))
    return np.asarray(np.log2(np.sum(powers, axis=0) + 1e-9))


def _filtered(samples: Floats, mask: Floats) -> Floats:
    return np.asarray(cv2.filter2D(samples, -1, mask), np.float32).reshape(samples.shape)


def _interpolated(pixels: Pixels8, width: int, height: int) -> Floats:
    return np.asarray(cv2.resize(pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_LANCZOS4), np.float32)


def _masks() -> Iterator[Floats]:
    """Means of pixels that mirroring and transposing exchange: what a filter without a direction consists of."""
    for near in range(_RADIUS + 1):
        for far in range(near, _RADIUS + 1):
            mask = np.zeros((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.float32)
            for row, column in product((_RADIUS - near, _RADIUS + near), (_RADIUS - far, _RADIUS + far)):
                mask[row, column] = mask[column, row] = 1
            yield mask / mask.sum()


def _luma(pixels: npt.NDArray[np.generic]) -> Floats:
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)


def _inner(plane: Floats) -> Floats:
    """The samples that do not depend on what is beyond the part."""
    border = _RADIUS + 1
    return plane[border:-border, border:-border].ravel()
