"""A photograph turned so that lines of a direction are upright, and cut into blocks of rows in which a line keeps its column."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.standing_out import Mask, Plane

DIRECTIONS = 12
ROWS = 8
"""The size of a block."""
DRIFT = 2
"""Columns by which a line moves from block to block, at most."""


@dataclass(frozen=True, slots=True)
class TurnedPicture:
    """A turned picture, height x width, a whole number of blocks high."""

    tones: Plane
    valid: Mask
    """Where the picture is."""
    back: npt.NDArray[np.float64]
    """The affine map to the original picture, 2 x 3, of columns and rows."""


def turn(gray: Plane, number: int) -> TurnedPicture:
    """Turned by so many of the directions."""
    height, width = gray.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 180 * number / DIRECTIONS, 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    wide, high = math.ceil(height * sin + width * cos), math.ceil(height * cos + width * sin)
    high += -high % ROWS
    turn[:, 2] += (wide - width) / 2, (high - height) / 2
    tones = cv2.warpAffine(gray, turn, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(gray.shape, np.uint8), turn, (wide, high), flags=cv2.INTER_NEAREST) > 0
    back = np.asarray(cv2.invertAffineTransform(turn), np.float64)
    return TurnedPicture(np.asarray(tones, np.float32), np.asarray(inside, np.bool_), back)


def ridge_height(tones: Plane, beside: int, along: int) -> Plane:
    """By how much each point is brighter than the lighter of its sides, so many columns off, in the mean of some rows."""
    wide = tones.shape[1]
    core, sides = cv2.blur(tones, (1, along)), cv2.blur(tones, (3, along))
    found = np.full(tones.shape, -255, np.float32)
    inner = slice(beside, wide - beside)
    found[:, inner] = core[:, inner] - np.maximum(sides[:, 2 * beside :], sides[:, : -2 * beside])
    return found


def blocks(points: npt.NDArray[np.generic]) -> Plane:
    """The mean of each block's columns."""
    high, wide = points.shape
    return np.asarray(points.reshape(high // ROWS, ROWS, wide).mean(axis=1, dtype=np.float32), np.float32)


def bright_blocks(bright: Mask) -> Plane:
    """The share of bright points in each block; a line may be a pixel to the side."""
    return blocks(cv2.dilate(bright.astype(np.uint8), np.ones((1, 3), np.uint8)))
