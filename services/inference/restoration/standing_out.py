"""Finds parts of a photograph that stand out of their surroundings, and specks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.care import Care

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]

WIDTHS = (7, 13, 25)
"""Pixels: diameters of the discs that candidates are narrower than."""
AROUND = 61
"""Pixels: side of the square that gives the usual values around a place."""


def standing_out(tones: Plane, across: int) -> Plane:
    """By how much what is narrower than a disc is brighter than what is around it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
    smooth = cv2.GaussianBlur(tones, (0, 0), 0.8)
    return np.asarray(smooth - cv2.morphologyEx(smooth, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REFLECT_101), np.float32)


def hysteresis(strong: Mask, weak: Mask) -> Mask:
    """The parts of `weak` in which there is something `strong`."""
    _, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    kept = np.unique(labels[strong & weak])
    return np.asarray(np.isin(labels, kept[kept > 0]), np.bool_)


def specks(tones: Plane, care: Care) -> Mask:
    """Small bright spots that are as white as nothing around them."""
    raised = standing_out(tones, WIDTHS[-1])
    around = cv2.blur(raised, (AROUND, AROUND))
    strong = (raised > np.maximum(45 * care.contrast, 5 * around)) & (tones > max(float(np.percentile(tones, 99)), 200.0))
    spots = hysteresis(strong, np.asarray(raised > np.maximum(20, 2.5 * around), np.bool_))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(spots.astype(np.uint8), connectivity=8)
    most = (0.02 * min(tones.shape)) ** 2
    small = [
        label for label in range(1, count) if 3 <= stats[label][4] <= max(60, most) and max(stats[label][2:4]) <= 0.06 * min(tones.shape)
    ]
    return np.asarray(np.isin(labels, small), np.bool_)
