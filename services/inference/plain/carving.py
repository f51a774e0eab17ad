"""Content-aware resizing: seams of least energy are taken out or put in (Avidan and Shamir, SIGGRAPH 2007), with forward energy
(Rubinstein, Shamir and Avidan, SIGGRAPH 2008).

Seams are sought in a copy of at most `SEEN_SIDE` pixels a side. They are kept as a map, from every column of the result to the
column that it is taken from, row by row. The map is then enlarged for the picture itself, so that a large picture takes no more seams than
a small one, and keeps all its detail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image, Pixels
from services.inference.media.colour import strips
from services.pictures.geometry import Size

SEEN_SIDE = 640
"""Longest side of the copy in which seams are sought."""
MOST_INSERTED = 2.0
"""How many times as long a side becomes by seams. Beyond, the picture is stretched."""
_SHARE = 0.4
"""A share of the columns: seams inserted at once. Seams that are found together do not all repeat the same column."""
_PROTECTED = 1e4
"""Energy of a pixel of a face."""
_ROWS = 128

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.float32]
"""For each row, the columns of the source that the columns of the result are taken from."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, as shares of its sides."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Energy:
    """Marks pixels worth keeping: an edge of the picture, blurred by so many pixels, that is steeper than a threshold (0 to 255)."""

    blur: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as seams are sought in it."""

    gray: Floats
    """Height x width, 0 to 255."""
    worth: Floats
    """How much is lost with each pixel, besides the edges that its removal makes."""
    own: Size
    """The size of the picture itself."""
    scale: float
    """The size of this copy as a share of that."""


@dataclass(frozen=True, slots=True)
class Carving:
    """The change of one side of a picture."""

    axis: int
    """1: the width, 0: the height."""
    columns: Columns
    """For the height, of the transposed picture."""
    seen: int
    """How many columns the map counts in."""
    wanted: int
    """Columns of the result, in its own pixels."""
    exact: bool
    """The map is of the picture's own pixels."""


def look(image: Image, energy: Energy, protected: Sequence[Box]) -> Seen:
    """Makes the copy that seams are sought in."""
    scale = min(1.0, SEEN_SIDE / max(image.width, image.height))
    gray = _gray(image, scale)
    worth = _worth(gray, Energy(energy.blur * scale, energy.threshold))
    worth[_mask(protected, *gray.shape)] += _PROTECTED
    return Seen(gray, worth, (image.width, image.height), scale)


def together(seen: Sequence[Seen]) -> Seen:
    """Frames of one size as one picture: seams stay away from what is worth keeping in any of them, and from what moves (Rubinstein, Shamir
    and Avidan, section 4: the most of all frames, in space and in time)."""
    grays = np.stack([each.gray for each in seen])
    worth = np.maximum.reduce([each.worth for each in seen]) + np.ptp(grays, axis=0)
    return Seen(grays.mean(axis=0, dtype=np.float32), worth, seen[0].own, seen[0].scale)


def plan_seams(seen: Seen, wanted: Size, check: Callable[[], None], report: Callable[[float], None]) -> Sequence[Carving]:
    """How the picture gets the wanted size. The width is changed first."""
    gray, worth, made = seen.gray, seen.worth, list[Carving]()
    for axis, before, after in ((1, seen.own[0], wanted[0]), (0, seen.own[1], wanted[1])):
        if before == after:
            continue
        if axis == 0:
            gray, worth = np.ascontiguousarray(gray.T), np.ascontiguousarray(worth.T)
        half = partial(_half, report, 0.0 if axis else 0.5)
        columns = _carving(gray, worth, max(1, round(after * seen.scale)), check, half)
        made.append(Carving(axis, columns, gray.shape[1], after, seen.scale == 1))
        gray, worth = _between(gray, columns), _between(worth, columns)
    return made


def carve(image: Image, carvings: Sequence[Carving], check: Callable[[], None]) -> Image:
    """The picture with its sides changed; the very same if none is."""
    for carving in carvings:
        image = _applied(image, carving, check)
    return image


def _half(report: Callable[[float], None], begun: float, done: float) -> None:
    report(begun + done / 2)


def _gray(image: Image, scale: float) -> Floats:
    """The mean of the channels, 0 to 255, and the less the more transparent."""
    seen = image.srgb()
    if image.alpha is not None:
        seen = np.dstack((seen, (image.alpha >> (image.bit_depth - 8)).astype(np.uint8)))
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # of the same type
    gray = seen[..., :3].mean(axis=2, dtype=np.float32)
    return gray if image.alpha is None else np.asarray(gray * (seen[..., 3] / np.float32(255)), np.float32)


def _mask(boxes: Sequence[Box], height: int, width: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    for box in boxes:
        rows = slice(max(0, int(box.top * height)), max(0, int(np.ceil(box.bottom * height))))
        mask[rows, max(0, int(box.left * width)) : max(0, int(np.ceil(box.right * width)))] = True
    return mask


def _carving(gray: Floats, worth: Floats, wanted: int, check: Callable[[], None], report: Callable[[float], None]) -> Columns:
    """The map that gives the picture so many columns."""
    height, width = gray.shape
    columns = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    if wanted < width:
        kept, _ = _without(gray, worth, width - wanted, check, report)
        return np.asarray(kept, np.float32)
    most = min(wanted, round(width * MOST_INSERTED))
    while columns.shape[1] < most:
        now = columns.shape[1]
        count = min(most - now, max(1, int(now * _SHARE)), max(1, now - 1))
        _, taken = _without(_between(gray, columns), _between(worth, columns), count, check)
        columns = _with_repeated(columns, taken, count)
        report((columns.shape[1] - width) / (most - width))
    if most < wanted:
        at = np.clip((np.arange(wanted) + 0.5) * most / wanted - 0.5, 0, most - 1)
        columns = _between(columns, np.broadcast_to(at, (height, wanted)))
    return columns


def _with_repeated(columns: Columns, taken: npt.NDArray[np.bool_], count: int) -> Columns:
    """After each column of a seam, one halfway to the next."""
    height, width = columns.shape
    following = np.concatenate((columns[:, 1:], columns[:, -1:]), axis=1)
    pairs = np.stack((columns, (columns + following) / 2), axis=2).reshape(height, 2 * width)
    used = np.stack((np.ones_like(taken), taken), axis=2).reshape(height, 2 * width)
    return np.asarray(pairs[used].reshape(height, width + count), np.float32)


def _without(
    gray: Floats, worth: Floats, count: int, check: Callable[[], None], report: Callable[[float], None] = lambda done: None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The columns that are left of each row after so many seams are taken out, and which are taken."""
    height, width = gray.shape
    kept = np.tile(np.arange(width), (height, 1))
    for number in range(count):
        if number % 16 == 0:
            check()
            report(number / count)
        seam = _seam(gray, worth)
        left = np.ones(gray.shape, np.bool_)
        left[np.arange(height), seam] = False
        shape = height, gray.shape[1] - 1
        gray, worth, kept = gray[left].reshape(shape), worth[left].reshape(shape), kept[left].reshape(shape)
    taken = np.ones((height, width), np.bool_)
    np.put_along_axis(taken, kept, False, axis=1)
    return kept, taken


def _worth(gray: Floats, energy: Energy) -> Floats:
    blurred = cv2.GaussianBlur(gray, (0, 0), energy.blur / 2) if energy.blur > 0.2 else gray
    steep = np.hypot(cv2.Sobel(blurred, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(blurred, cv2.CV_32F, 0, 1, scale=0.25))
    return np.asarray(np.where(steep < energy.threshold, 0, steep), np.float32)


def _seam(gray: Floats, worth: Floats) -> npt.NDArray[np.int64]:
    """The column of each row whose removal leaves the weakest new edges."""
    height, width = gray.shape
    beside = np.pad(gray, ((0, 0), (1, 1)), mode="edge")
    left, right = beside[:, :-2], beside[:, 2:]
    straight = np.abs(right - left) + worth
    above = gray[:-1]
    from_left = straight[1:] + np.abs(above - left[1:])
    from_right = straight[1:] + np.abs(above - right[1:])
    cost = np.full((height, width + 2), np.inf, np.float32)
    cost[0, 1:-1] = straight[0]
    best = np.empty(width, np.float32)
    other = np.empty(width, np.float32)
    for row in range(1, height):
        before = cost[row - 1]
        np.add(before[:-2], from_left[row - 1], out=best)
        np.add(before[1:-1], straight[row], out=other)
        np.minimum(best, other, out=best)
        np.add(before[2:], from_right[row - 1], out=other)
        np.minimum(best, other, out=cost[row, 1:-1])
    seam = np.empty(height, np.int64)
    seam[-1] = column = int(np.argmin(cost[-1, 1:-1]))
    for row in range(height - 1, 0, -1):
        before = cost[row - 1]
        ways = (
            before[column + 1] + straight[row, column],
            before[column] + from_left[row - 1, column],
            before[column + 2] + from_right[row - 1, column],
        )
        column += (0, -1, 1)[ways.index(min(ways))]
        seam[row - 1] = column
    return seam


def _applied(image: Image, carving: Carving, check: Callable[[], None]) -> Image:
    """The picture with its rows (axis 1) or its columns (axis 0) as the map says."""
    axis, columns, wanted, exact = carving.axis, carving.columns, carving.wanted, carving.exact
    pixels = image.pixels if image.alpha is None else np.dstack((image.pixels, image.alpha))
    source: Pixels = pixels if axis else pixels.swapaxes(0, 1)  # type: ignore[assignment]  # of the same type
    height, width = source.shape[:2]
    result = np.empty((height, wanted, source.shape[2]), pixels.dtype)
    if not exact:
        columns = _smooth(columns)
    premultiplied = image.alpha is not None
    for rows in strips(height, _ROWS):
        check()
        at = columns[rows] if exact else _enlarged(columns, rows, (height, width), carving.seen, wanted)
        result[rows] = _mixed(source[rows], at, premultiplied)
    made: Pixels = np.ascontiguousarray(result if axis else result.swapaxes(0, 1))
    if image.alpha is None:
        return image.replace(pixels=made)
    return image.replace(pixels=made[..., :-1].copy(), alpha=made[..., -1].copy())


def _smooth(columns: Columns) -> Columns:
    """The map without steps, so that an enlarged seam is squeezed and not cut."""
    steady = np.linspace(columns[:, 0], columns[:, -1], columns.shape[1], axis=1, dtype=np.float32)
    moved = cv2.GaussianBlur(columns - steady, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.maximum.accumulate(moved + steady, axis=1), np.float32)


def _enlarged(columns: Columns, rows: slice, size: tuple[int, int], seen: int, wanted: int) -> Columns:
    """The map for some rows of the picture itself, in its pixels."""
    height, width = size
    across = np.clip((np.arange(wanted) + 0.5) * columns.shape[1] / wanted - 0.5, 0, columns.shape[1] - 1)
    down = np.clip((np.arange(rows.start, rows.stop) + 0.5) * columns.shape[0] / height - 0.5, 0, columns.shape[0] - 1)
    upper = down.astype(np.int64)
    share = (down - upper)[:, None].astype(np.float32)
    coarse = columns[upper] * (1 - share) + columns[np.minimum(upper + 1, columns.shape[0] - 1)] * share
    found = _between(coarse, np.broadcast_to(across, (len(down), wanted)))
    return np.clip((found + 0.5) * width / seen - 0.5, 0, width - 1).astype(np.float32)


def _between(values: Columns, at: npt.NDArray[np.floating]) -> Columns:
    first = at.astype(np.int64)
    share = (at - first).astype(np.float32)
    second = np.minimum(first + 1, values.shape[1] - 1)
    return np.take_along_axis(values, first, axis=1) * (1 - share) + np.take_along_axis(values, second, axis=1) * share


def _sampled(seen: Floats, columns: Columns) -> Floats:
    first = columns.astype(np.int64)
    share = (columns - first)[..., None]
    second = np.minimum(first + 1, seen.shape[1] - 1)
    rows = np.arange(len(seen))[:, None]
    return np.asarray(seen[rows, first] * (1 - share) + seen[rows, second] * share, np.float32)


def _mixed(source: Pixels, at: Columns, premultiplied: bool) -> Pixels:
    """Rows of the result. Samples of transparent pixels do not count where they are mixed with others."""
    samples = source.astype(np.float32)
    most = np.float32(np.iinfo(source.dtype).max)
    if premultiplied:
        samples[..., :-1] *= samples[..., -1:] / most
    mixed = _sampled(samples, at)
    if premultiplied:
        mixed[..., :-1] /= np.maximum(mixed[..., -1:] / most, 1 / most)
    made: Pixels = np.clip(np.rint(mixed), 0, most).astype(source.dtype)  # type: ignore[assignment]  # of the same type
    return made
