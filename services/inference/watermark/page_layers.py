"""A scanned page as layers: paper, whose brightness changes slowly, and what stands on it as the share of light that comes back."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Mask, Pixels8, Plane

_SMALL_SIDE = 160  # of the copy on which the paper is measured
_NEAR, _CLOSE = 0.08, 0.025  # shares by which paper may differ from its usual tone, and from its fitted brightness
_ROUNDS = 6
_DEGREE = 3
_EXPONENTS = tuple(np.array([(down, across) for down in range(_DEGREE + 1) for across in range(_DEGREE + 1 - down)]).T)
_DARKEST, _LEAST_SHARE, _MOST_COLOUR = 170, 0.4, 45.0  # levels; share of the page; levels between channels
_LEAST_AROUND, _INSETS = 0.8, (0.0, 0.02, 0.04)  # share of a ring; of the shorter side
_LEAST_DARK = 0.035  # share of light held back: less is paper
_NOISE = 4.0  # standard deviations
_STEPS = 200  # of eight bits, for as much light as the paper gives back
_THIN = 13.0  # pixels at 150 dots an inch: the thickness of lines that count as print
_INK = 0.08  # share of the light

USUAL_SIDE = 1754
"""Pixels of the longer side of A4 at 150 dots an inch, at which sizes in pixels are given."""

Levels = npt.NDArray[np.float32]


def scanned_tone(pixels: Pixels8) -> Levels | None:
    """The usual colour of the paper that a picture shows, however uneven the light; None if it shows something else."""
    scale = min(1.0, 4 * _SMALL_SIDE / max(pixels.shape[:2]))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    gray = small.mean(axis=2)
    counts = np.bincount(np.round(gray).astype(np.int64).ravel(), minlength=256)
    usual = int(np.convolve(counts, np.ones(9), "same").argmax())
    near = np.abs(gray - usual) < _NEAR * 255
    tone = np.median(small[near], axis=0).astype(np.float32)
    is_paper = usual >= _DARKEST and near.mean() >= _LEAST_SHARE and float(np.ptp(tone)) <= _MOST_COLOUR
    return tone if is_paper and _share_around(near) >= _LEAST_AROUND else None


def _share_around(near: Mask) -> float:
    """The share of paper all around, at the borders or a little inside of those that a scanner adds. Behind a person or a thing in a
    photograph there may be a plain wall, but not on all sides."""
    rings = (near[inset : near.shape[0] - inset, inset : near.shape[1] - inset] for inset in (round(s * min(near.shape)) for s in _INSETS))
    return max(float(np.concatenate([ring[0], ring[-1], ring[:, 0], ring[:, -1]]).mean()) for ring in rings)


@dataclass(frozen=True, slots=True, eq=False)
class Paper:
    """The brightness of the empty page, one polynomial of the third degree in each channel."""

    weights: npt.NDArray[np.float64]
    """The coefficients of each term (`_EXPONENTS`), for each channel."""
    size: tuple[int, int]
    """Height and width of the page."""

    def within(self, rows: slice, columns: slice) -> Levels:
        """Levels in a part of the page, height x width x channels."""
        height, width = self.size
        down, across = (_powers(part, side) for part, side in ((rows, height), (columns, width)))
        result = np.empty((down.shape[0], across.shape[0], self.weights.shape[1]), np.float32)
        for channel in range(result.shape[2]):
            table = np.zeros((_DEGREE + 1, _DEGREE + 1))
            table[_EXPONENTS] = self.weights[:, channel]
            result[..., channel] = (down @ table).astype(np.float32) @ across.T.astype(np.float32)
        return np.maximum(result, 1)


def measure_paper(pixels: Pixels8, tone: npt.NDArray[np.float32]) -> Paper:
    """The paper of a page (height x width x channels) whose usual tone is known."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SMALL_SIDE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    # The lighter part of each block, so that text on it does not count.
    light = cv2.dilate(cv2.blur(pixels, (5, 5)), np.ones((5, 5), np.uint8))
    whole = cv2.resize(cv2.blur(pixels, (3, 3)), size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1).astype(np.float64)
    lighter = cv2.resize(light, size, interpolation=cv2.INTER_AREA).reshape(whole.shape).astype(np.float64)
    down, across = (_powers(slice(0, side), side) for side in size[::-1])
    table = np.einsum("yk,xk->yxk", down[:, _EXPONENTS[0]], across[:, _EXPONENTS[1]]).reshape(-1, len(_EXPONENTS[0]))
    values, usual = whole.reshape(-1, whole.shape[2]), float(tone.mean())
    flat = (lighter - whole).reshape(values.shape).mean(axis=1) < _CLOSE * 255
    used = flat & (np.abs(values.mean(axis=1) / usual - 1) < _NEAR)
    weights = np.zeros((table.shape[1], values.shape[1]))
    weights[0] = tone
    for _ in range(_ROUNDS):
        if used.sum() < 8 * table.shape[1]:
            break
        weights = np.linalg.lstsq(table[used], values[used], rcond=None)[0]
        used = flat & (np.abs(values / np.maximum(table @ weights, 1) - 1).max(axis=1) < _CLOSE)
    return Paper(weights, (height, width))


def _powers(part: slice, side: int) -> npt.NDArray[np.float64]:
    """Powers of the positions in part of a side that goes from -1 to 1."""
    places = (np.arange(part.start, part.stop) + 0.5) / side * 2 - 1
    return np.vander(places, _DEGREE + 1, increasing=True)


def mean(levels: Levels) -> Plane:
    """Over the channels."""
    channels = levels.shape[2]
    return np.asarray(cv2.transform(levels, np.full((1, channels), 1 / channels, np.float32)), np.float32).reshape(levels.shape[:2])


def least_and_most(levels: Levels) -> tuple[Plane, Plane]:
    """The least and the greatest value of the channels."""
    planes = [np.asarray(plane, np.float32) for plane in cv2.split(levels)]
    return functools.reduce(np.minimum, planes), functools.reduce(np.maximum, planes)


def distance(levels: Levels, tone: Levels) -> Plane:
    """From a tone, in the channel in which it is largest."""
    return functools.reduce(np.maximum, (np.abs(plane - level) for plane, level in zip(cv2.split(levels), tone, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """A page, or part of it, relative to its paper: the share of the light that comes back, height x width x channels."""

    light: Levels
    """With noise smoothed."""
    broad: Levels
    """Without print and other thin lines: paper, shading, pictures and broad marks."""
    ink: Mask
    """Where thin lines are darker than what they stand on."""
    least: float
    """Share of the light held back from which there is something on the paper."""


def split(pixels: Pixels8, paper: Levels, unit: float) -> Layers:
    """The layers of a crop, given its paper (`Paper.within`); `unit` is the number of pixels for one at 150 dots an inch."""
    light = np.asarray(cv2.blur(pixels.astype(np.float32) / paper, (3, 3)), np.float32).reshape(pixels.shape)
    # Eight bits: morphology is much faster with them.
    levels = np.round(light * _STEPS).clip(0, 255).astype(np.uint8)
    side = 2 * round(_THIN * unit / 2) + 1
    closed = cv2.morphologyEx(levels, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).reshape(pixels.shape)
    broad = closed.astype(np.float32) / np.float32(_STEPS)
    gray = mean(light)
    empty = gray[np.abs(gray - 1) < _CLOSE]
    noise = float(np.median(np.abs(empty - 1))) * 1.4826 if empty.size else 0.0
    return Layers(light, broad, mean(broad - light) > _INK, max(_LEAST_DARK, _NOISE * noise))
