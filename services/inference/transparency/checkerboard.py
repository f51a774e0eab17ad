"""Finding the checkerboard that picture editors show in place of transparency, where it has been painted into a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.transparency.ground import Ground

Pixels8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_CROP = 768
"""Side of the parts in which a grid is looked for, in pixels."""
_SMALLEST, _LARGEST = 3.0, 96.0
"""Sides of a square, in pixels."""
_NEUTRAL = 18
"""Difference between channels up to which a colour is a gray."""
_LEAST_APART, _MOST_APART = 6, 150
"""Levels between the two grays: what is painted as transparent is not as harsh as a chessboard."""
_COMMON = 0.04
"""Share of a part that a gray of the checkerboard has."""
_NEAR = 0.4
"""A share of the difference between both grays: the tolerance for a pixel of one."""
_AGREEING = 0.88
"""Share of the pixels of both grays that are where the grid says."""
_LEAST_CELLS = 10.0
"""Squares of which a part must show the pixels."""
_SQUARE = 1.3
"""Longest ratio of the sides of a square."""
_MOST_PAIRS = 6
_WHOLE_BONUS = 0.01
_ABOUT_WHOLE = 0.04
"""How far from whole pixels the side of a square may seem, as a share of it, while it may be whole."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the squares of a grid end along an axis."""

    side: float
    """The side of a square, in pixels."""
    first: float
    """A boundary between two squares, in coordinates of pixels' centres."""

    def wave(self, start: int, stop: int, softness: float) -> Floats:
        """1 and -1 in turn, square by square; between them a ramp of `softness` pixels."""
        place = (np.arange(start, stop, dtype=np.float64) - self.first) / self.side
        number = np.floor(place)
        distance = np.minimum(place - number, number + 1 - place) * self.side
        sign = np.where(number % 2 == 0, 1.0, -1.0)
        return np.asarray(sign * np.minimum(1, 2 * distance / softness), np.float32)


@dataclass(frozen=True, slots=True)
class Checkerboard(Ground):
    """A checkerboard that covers a whole picture, whatever lies on it."""

    across: Axis
    down: Axis
    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    """Colours of the squares, 0 to 255."""
    softness: float = 1.0
    """Width of the ramp between two squares, in pixels: 1 where they are sharp."""

    def colours(self, rows: slice, columns: slice) -> Floats:
        """Its colours in some rows and columns."""
        wave = self.waves(rows, columns)[..., None]
        light, dark = np.array(self.light, np.float32), np.array(self.dark, np.float32)
        return np.asarray((light + dark) / 2 + (light - dark) / 2 * wave, np.float32)

    def waves(self, rows: slice, columns: slice) -> Floats:
        """1 in light squares, -1 in dark ones."""
        down, across = self.down.wave(rows.start, rows.stop, self.softness), self.across.wave(columns.start, columns.stop, self.softness)
        return down[:, None] * across[None, :]


def find(picture: Pixels8, check: Callable[[], None]) -> Checkerboard | None:
    """The checkerboard in an sRGB picture (height x width x 3); None if there is none.

    A checkerboard is the product of two square waves, so the map of its two grays (1, -1, and 0 for everything else) has equal peaks at
    (f, g) and (f, -g) in its spectrum, whose place gives the sides of the squares and whose phases give where they begin, however much
    of it is hidden. The peaks are looked for in the picture's corners and its middle, then followed over the whole picture.
    """
    height, width = picture.shape[:2]
    best: tuple[float, Checkerboard] | None = None
    for top, left in _places(height, width):
        check()
        rows, columns = slice(top, min(top + _CROP, height)), slice(left, min(left + _CROP, width))
        for score, found in _in_part(picture[rows, columns]):
            moved = replace(
                found,
                across=replace(found.across, first=found.across.first + left),
                down=replace(found.down, first=found.down.first + top),
            )
            if best is None or score > best[0]:
                best = score, moved
        if best is not None and best[0] > 0.6:
            break
    return None if best is None else _followed(picture, best[1], check)


def _places(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Corners of the parts that are looked at: all of a small picture, else its corners and its middle."""
    down, across = max(0, height - _CROP), max(0, width - _CROP)
    seen = set()
    for place in ((0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)):
        if place not in seen:
            seen.add(place)
            yield place


def _in_part(part: Pixels8) -> Iterator[tuple[float, Checkerboard]]:
    """Every checkerboard that a part might show, with the share of it that agrees."""
    red, green, blue = cv2.split(part)
    neutral = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)) <= _NEUTRAL
    gray = _gray(part)
    for light, dark in _pairs(gray, neutral):
        near = min(14.0, _NEAR * (light - dark))
        signs = np.zeros(gray.shape, np.float32)
        signs[neutral & (np.abs(gray - light) <= near)] = 1
        signs[neutral & (np.abs(gray - dark) <= near)] = -1
        grid = _grid(signs)
        if grid is None:
            continue
        boards = [Checkerboard(across, down, (light,) * 3, (dark,) * 3) for across, down in _snapped(*grid, signs)]
        found = [(*_agreement(signs, board), board) for board in boards]
        # Whole pixels come first, and are likelier.
        agreeing, share, board = max(found, key=lambda each: each[0] + (_WHOLE_BONUS if each is found[0] else 0))
        cells = share * signs.size / (board.across.side * board.down.side)
        if agreeing >= _AGREEING and cells >= _LEAST_CELLS:
            yield share * agreeing, _coloured(part, board, signs)


def _gray(picture: Pixels8) -> Floats:
    """The mean of the channels."""
    return np.asarray(cv2.transform(picture.astype(np.float32), np.full((1, 3), 1 / 3, np.float32)), np.float32).reshape(picture.shape[:2])


def _pairs(gray: Floats, neutral: npt.NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
    """Pairs of grays that are frequent, the most frequent first."""
    counts = np.bincount(gray[neutral].round().astype(np.intp), minlength=256).astype(np.float32)
    smooth = cv2.GaussianBlur(np.pad(counts, 8)[None, :], (0, 0), 1.5, borderType=cv2.BORDER_CONSTANT)[0, 8:-8]
    peaks: list[int] = []
    left = smooth.copy()
    for _ in range(6):
        peak = int(left.argmax())
        if counts[max(0, peak - 6) : peak + 7].sum() < _COMMON * gray.size:
            break
        peaks.append(peak)
        left[max(0, peak - 5) : peak + 6] = 0
    pairs = [(max(pair), min(pair)) for pair in combinations(peaks, 2)]
    # The peaks are in order: of two pairs, the one whose rarer gray is more frequent comes first.
    pairs.sort(key=lambda pair: max(peaks.index(pair[0]), peaks.index(pair[1])))
    for light, dark in [pair for pair in pairs if _LEAST_APART <= pair[0] - pair[1] <= _MOST_APART][:_MOST_PAIRS]:
        yield float(light), float(dark)


def _grid(signs: Floats) -> tuple[Axis, Axis] | None:
    """The grid of a map of signs, by its spectrum; None if that has no such peak."""
    height, width = signs.shape
    if min(height, width) < 4 * _SMALLEST:
        return None
    rows, columns = (cv2.getOptimalDFTSize(side) for side in (height, width))
    spectrum = np.fft.rfft2(signs, (rows, columns))
    half = rows // 2
    upper = np.abs(spectrum[1:half])
    lower = np.abs(spectrum[-1:-half:-1])
    both = upper * lower
    down, across = np.arange(1, half) / rows, np.arange(both.shape[1]) / columns
    allowed = (down[:, None] <= across * _SQUARE) & (across <= down[:, None] * _SQUARE)
    for each in (down[:, None], across[None, :]):
        allowed &= (each >= 1 / (2 * _LARGEST)) & (each <= 1 / (2 * _SMALLEST))
    both[~allowed] = 0
    row, column = np.unravel_index(int(both.argmax()), both.shape)
    if both[row, column] <= 0:
        return None
    f, g = _sharpened(signs, float(across[column]), float(down[row]), 1 / columns, 1 / rows)
    if min(f, g) < 1 / (2 * _LARGEST):
        return None
    plus, minus = (_component(signs, f, sign * g) for sign in (1, -1))
    across_phase = (np.angle(plus) - math.pi + np.angle(minus)) / 2
    down_phase = (np.angle(plus) - math.pi - np.angle(minus)) / 2
    return (
        Axis(1 / (2 * f), -float(across_phase) / (2 * math.pi * f)),
        Axis(1 / (2 * g), -float(down_phase) / (2 * math.pi * g)),
    )


def _component(signs: Floats, across: float, down: float) -> complex:
    height, width = signs.shape
    columns = np.exp(-2j * np.pi * across * np.arange(width))
    rows = np.exp(-2j * np.pi * down * np.arange(height))
    return complex(rows @ (signs @ columns))


def _sharpened(signs: Floats, across: float, down: float, across_step: float, down_step: float) -> tuple[float, float]:
    """Frequencies near these at which the spectrum is largest, to a hundredth of the steps."""
    height, width = signs.shape
    tries = np.linspace(-1, 1, 9)
    for scale in (1.0, 0.25, 0.06, 0.015):
        f, g = across + tries * across_step * scale, down + tries * down_step * scale
        columns = np.exp(-2j * np.pi * np.arange(width)[:, None] * f[None, :])
        rows = np.exp(-2j * np.pi * g[:, None] * np.arange(height)[None, :])
        lines = signs @ columns
        found = np.abs(rows @ lines) * np.abs(rows.conj() @ lines)
        row, column = np.unravel_index(int(found.argmax()), found.shape)
        across, down = float(f[column]), float(g[row])
    return across, down


def _snapped(across: Axis, down: Axis, signs: Floats) -> Iterator[tuple[Axis, Axis]]:
    """The grid with whole pixels, if it is close to that; and the exact one."""
    sides = [round(axis.side) for axis in (across, down)]
    if all(abs(axis.side - side) <= _ABOUT_WHOLE * side for axis, side in zip((across, down), sides, strict=True)):
        yield _whole(signs, sides[0], sides[1])
    yield across, down


def _whole(signs: Floats, width: int, height: int) -> tuple[Axis, Axis]:
    """The grid of squares of so many whole pixels that fits best: all of its periods laid over one another, compared at every shift."""
    rows, columns = (-(-length // (2 * side)) * 2 * side for length, side in zip(signs.shape, (height, width), strict=True))
    padded = np.zeros((rows, columns), np.float32)
    padded[: signs.shape[0], : signs.shape[1]] = signs
    period = padded.reshape(rows // (2 * height), 2 * height, columns // (2 * width), 2 * width).sum(axis=(0, 2))
    down, across = (np.repeat([1.0, -1.0], side) for side in (height, width))
    fits = np.fft.ifft2(np.fft.fft2(period) * np.conj(np.fft.fft2(down[:, None] * across[None, :]))).real
    row, column = np.unravel_index(int(fits.argmax()), fits.shape)
    return Axis(float(width), float(column) - 0.5), Axis(float(height), float(row) - 0.5)


def _agreement(signs: Floats, board: Checkerboard) -> tuple[float, float]:
    """The share of the pixels of both grays, away from the ends of squares, that are where the board says; and their share of all that are
    so, counting the rarer gray twice."""
    height, width = signs.shape
    wave = replace(board, softness=2.5).waves(slice(0, height), slice(0, width))
    inner = np.abs(wave) >= 1
    said = signs[inner] * wave[inner]
    agreeing, contrary = int((said > 0).sum()), int((said < 0).sum())
    if not agreeing:
        return 0.0, 0.0
    light = int(((signs[inner] > 0) & (said > 0)).sum())
    return agreeing / (agreeing + contrary), 2 * min(light, agreeing - light) / int(inner.sum())


def _coloured(part: Pixels8, board: Checkerboard, signs: Floats) -> Checkerboard:
    """The board with the colours and the softness that it has in the part."""
    height, width = signs.shape
    whole = slice(0, height), slice(0, width)
    wave = replace(board, softness=3.0).waves(*whole)
    light, dark = _median(part[(wave >= 1) & (signs > 0)]), _median(part[(wave <= -1) & (signs < 0)])
    board = replace(board, light=light, dark=dark)
    near = cv2.erode((np.abs(signs) > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    around = cv2.dilate(near, np.ones((5, 5), np.uint8)) > 0
    gray = _gray(part)
    middle, swing = (sum(light) + sum(dark)) / 6, (sum(light) - sum(dark)) / 6

    def misfit(softness: float) -> float:
        shown = middle + swing * replace(board, softness=softness).waves(*whole)
        return float(np.minimum(np.abs(shown - gray), 40)[around].mean())

    return replace(board, softness=min((1.0, 1.7, 2.5, 3.5), key=misfit))


def _median(colours: Pixels8) -> tuple[float, float, float]:
    red, green, blue = (float(np.median(colours[:, channel])) for channel in range(3))
    return red, green, blue


def _followed(picture: Pixels8, board: Checkerboard, check: Callable[[], None]) -> Checkerboard:
    """The board with its grid fitted to the whole picture, in steps: what is a little wrong in a part is far off at the other end."""
    height, width = picture.shape[:2]
    for axis_name, length, other in (("across", width, height), ("down", height, width)):
        axis: Axis = getattr(board, axis_name)
        if length <= _CROP or (axis.side == round(axis.side)):
            continue
        check()
        step = max(1, other // 400)
        lines = picture[::step] if axis_name == "across" else picture[:, ::step].transpose(1, 0, 2)
        gray = _gray(lines)
        light, dark = sum(board.light) / 3, sum(board.dark) / 3
        signs = np.clip((gray - (light + dark) / 2) / (light - dark) * 2, -1.5, 1.5)
        signs[np.abs(np.abs(signs) - 1) > _NEAR] = 0
        cross = board.down if axis_name == "across" else board.across
        across_lines = cross.wave(0, other, 1.0)[::step]
        profile = (signs * across_lines[:, None]).sum(axis=0)
        fitted = _fitted(profile, axis)
        board = replace(board, across=fitted) if axis_name == "across" else replace(board, down=fitted)
    return board


def _fitted(profile: npt.NDArray[np.floating], axis: Axis) -> Axis:
    """The axis near this one whose wave fits a profile best; along longer and longer parts of it."""
    length, reach = len(profile), _CROP
    while True:
        tries = [
            Axis(axis.side + more * axis.side / reach * 0.6, axis.first + shift * axis.side * 0.5)
            for more in np.linspace(-1, 1, 21)
            for shift in np.linspace(-1, 1, 21)
        ]
        axis = max(tries, key=lambda each: float((profile[:reach] * each.wave(0, min(reach, length), 1.0)).sum()))
        if reach >= length:
            return axis
        reach = min(2 * reach, length)
