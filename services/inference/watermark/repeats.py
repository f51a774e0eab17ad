"""Shifts that map a picture onto itself: found by autocorrelation, refined to a fraction of a pixel by folding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np

from services.inference.media.colour import strips
from services.inference.watermark.folding import Floats, cell_shape, coordinates
from services.inference.watermark.strokes import Plane

_SHORTEST = 28  # pixels between two repeats
_LEAST_PROMINENCE = 5.5  # standard deviations of a repeat's autocorrelation above the rest
_CANDIDATES = 24
_CLIP = 24.0  # levels: a mark is faint, the picture's own edges are not
_SAMPLES = 300_000
_STRIP, _CONTEXT = 128, 32  # rows: of samples, and of the context that a pixel's detail depends on


def detail(gray: Plane, kernel: int = 31) -> Plane:
    """The pixels that stand out from their surroundings, equally strong everywhere, so that the picture's own detail does not outweigh a
    faint mark.
    """
    below = cv2.medianBlur(gray.clip(0, 255).astype(np.uint8), kernel).astype(np.float32)
    residual = (gray - below).clip(-_CLIP, _CLIP)
    strength = np.sqrt(cv2.blur(residual**2, (kernel, kernel)).clip(0))
    return np.asarray(residual / (strength + 2), np.float32)


def _autocorrelation(residual: Plane) -> Plane:
    """Correlation of the residual with itself for every shift, with shift zero in the middle; unbiased by the shrinking overlap."""
    height, width = residual.shape
    shape = cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width)
    spectrum = np.fft.rfft2(residual - residual.mean(), shape)
    raw = np.fft.irfft2(np.abs(spectrum) ** 2, shape)
    raw = np.roll(raw, (height // 2, width // 2), (0, 1))[: height // 2 * 2 + 1, : width // 2 * 2 + 1]
    rows = height - np.abs(np.arange(raw.shape[0]) - height // 2)
    columns = width - np.abs(np.arange(raw.shape[1]) - width // 2)
    unbiased = raw / (rows[:, np.newaxis] * columns)
    return np.asarray(unbiased / max(unbiased[height // 2, width // 2], 1e-9), np.float32)


def repeating_steps(residual: Plane) -> Iterator[Floats]:
    """Pairs of shifts that map the residual onto itself, best first; none if no shift does."""
    correlation = _autocorrelation(residual)
    middle_y, middle_x = residual.shape[0] // 2, residual.shape[1] // 2
    # Slow variation of the correlation comes from the picture's structure; repeats are sharp peaks.
    sharp = cv2.GaussianBlur(correlation, (0, 0), 0.8) - cv2.blur(correlation, (17, 17))
    y, x = np.mgrid[: sharp.shape[0], : sharp.shape[1]]
    y, x = y - middle_y, x - middle_x
    away = (x**2 + y**2 >= _SHORTEST**2) & ((y > 0) | ((y == 0) & (x > 0)))
    deviation = float(np.median(np.abs(sharp[away]))) * 1.4826 + 1e-6
    peaks = away & (sharp >= cv2.dilate(sharp, np.ones((9, 9), np.uint8))) & (sharp > _LEAST_PROMINENCE * deviation)
    found = np.argwhere(peaks)
    strength = sharp[peaks]
    # The mark's own symmetries cause weaker peaks between those of the repeats.
    strongest = np.argsort(-strength)[:_CANDIDATES]
    shifts = (found[strongest] - (middle_y, middle_x))[:, ::-1].astype(np.float64)
    pairs = []
    for first, second in combinations(shifts, 2):
        lengths = np.hypot(*first), np.hypot(*second)
        if abs(first[0] * second[1] - first[1] * second[0]) > 0.3 * lengths[0] * lengths[1]:
            steps = _shortest(np.stack([first, second], axis=1))
            # The sums of the two must be repeats as well.
            support = sum(_height(sharp, steps @ (m, n), middle_x, middle_y) for m, n in ((1, 0), (0, 1), (1, 1), (1, -1)))
            # Integer multiples of the steps are repeats as well; the shortest steps give the most repeats.
            pairs.append((support, steps))
    seen: list[float] = []
    for _, steps in sorted(pairs, key=lambda pair: -pair[0] / abs(float(np.linalg.det(pair[1]))) ** 0.3):
        area = abs(float(np.linalg.det(steps)))
        if min(np.hypot(steps[0], steps[1])) >= _SHORTEST and not any(abs(area - other) < 0.03 * other for other in seen):
            seen.append(area)
            yield steps


def _shortest(steps: Floats) -> Floats:
    """The two shortest shifts that span the same lattice (Gauss's reduction)."""
    first, second = steps[:, 0], steps[:, 1]
    while True:
        if first @ first > second @ second:
            first, second = second, first
        turns = round(float(first @ second) / max(1.0, float(first @ first)))
        if turns == 0:
            return np.stack([first, second], axis=1)
        second = second - turns * first


def _height(sharp: Plane, shift: Floats, middle_x: int, middle_y: int) -> float:
    """The correlation near a shift; 0 if the picture is too small."""
    x, y = round(float(shift[0])) + middle_x, round(float(shift[1])) + middle_y
    if not (2 <= x < sharp.shape[1] - 2 and 2 <= y < sharp.shape[0] - 2):
        return 0.0
    return float(sharp[y - 2 : y + 3, x - 2 : x + 3].max())


def refine_steps(gray: Plane, steps: Floats) -> Floats:
    """The steps of a picture's repeats to a fraction of a pixel: those at which its detail folds with the most contrast."""
    # Subsampled pixels, in cells twice a pixel's size: a fraction of the time and memory, for the same optimum.
    every = max(2, round((gray.size / _SAMPLES) ** 0.5))
    samples = sampled_detail(gray, every)
    best, steps = _contrast(samples, every, steps), steps.copy()
    for size in (0.5, 0.25, 0.12, 0.06, 0.03):
        improved = True
        while improved:
            improved = False
            for index in np.ndindex(2, 2):
                for sign in (size, -size):
                    tried = steps.copy()
                    tried[index] += sign
                    contrast = _contrast(samples, every, tried)
                    if contrast > best * 1.0005:
                        best, steps, improved = contrast, tried, True
    return steps


def sampled_detail(gray: Plane, every: int) -> Plane:
    """`detail` of every `every`-th row and column, without ever holding all of it."""
    parts = []
    for rows in strips(gray.shape[0], every * _STRIP):
        top = max(0, rows.start - _CONTEXT)
        parts.append(detail(gray[top : rows.stop + _CONTEXT])[rows.start - top : rows.stop - top : every, ::every])
    return np.concatenate(parts)


def _contrast(samples: Plane, every: int, steps: Floats) -> float:
    first, second = coordinates(steps, samples.shape[0] * every, samples.shape[1] * every, every=every)
    rows, columns = (max(8, size // 2) for size in cell_shape(steps))
    first *= columns
    second *= rows
    # A position rounded to 1 is the same as 0.
    cells = ((second.astype(np.intp) % rows) * columns + first.astype(np.intp) % columns).ravel()
    count = np.bincount(cells, minlength=rows * columns)
    total = np.bincount(cells, samples.ravel(), rows * columns)
    return float((total**2 / np.maximum(count, 1)).sum())
