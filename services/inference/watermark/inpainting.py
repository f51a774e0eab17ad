"""Filling a mask from the picture around it, depending on the texture there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from services.inference.watermark.blending import smooth_below
from services.inference.watermark.box import Box
from services.inference.watermark.report import Method
from services.inference.watermark.strokes import Mask, Pixels8, luminance, thicken

_RING = 10
_FLAT = 3.2  # levels: mean local deviation around the mask up to which there is no structure to continue
_MOST_STRUCTURED = 30_000  # pixels; FSR takes about 0.1 ms each
_CONTEXT = 24
_JOIN = 16
_APART, _ENOUGH = 6, 0.3  # pixels; share of a mask


def is_detailed(pixels: Pixels8, mask: Mask) -> bool:
    """Whether there is structure around the mask that a smooth fill would break off."""
    ring = thicken(mask, _RING) & ~mask
    if not ring.any():
        return False
    gray = luminance(pixels)
    detail = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 2))
    # Exclude the detail that the mark itself makes across its border.
    far = ring & ~thicken(mask, 3)
    return not far.any() or float(detail[far].mean()) >= _FLAT


def method_without_network(mask: Mask, *, detailed: bool) -> Method:
    """How to fill the mask: continuing structure takes too long for large masks."""
    return Method.STRUCTURED if detailed and mask.sum() <= _MOST_STRUCTURED else Method.FLAT


def fill(pixels: Pixels8, mask: Mask, method: Method, check: Callable[[], None]) -> Pixels8:
    """The crop with its mask filled; everything else is unchanged. `check` is called between parts of the mask."""
    if method is Method.FLAT:
        return with_grain(smooth_below(pixels, mask), pixels, mask)
    result = pixels.copy()
    for part, box in parts(mask):
        check()
        window = box.grown(_CONTEXT, pixels.shape[1], pixels.shape[0]).window
        # The masked pixels of another part must not be continued into this one.
        hidden = mask[window]
        filled = _structured(result[window], hidden)
        result[window][part[window]] = filled[part[window]]
    return result


def is_worse_filled(pixels: Pixels8, mask: Mask) -> bool:
    """Whether filling would change a crop more than the mark has: if it errs more than half of what it changes.

    Its error is measured next to the mask, where the picture is known, on the side where it is least: on others there may be another mark.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    down, across = rows[-1] - rows[0] + 1 + _APART, columns[-1] - columns[0] + 1 + _APART
    near = (_moved(mask, *shift) for shift in ((-down, 0), (down, 0), (0, -across), (0, across)))
    errors = [_filled_change(pixels, moved) for moved in near if moved.sum() > _ENOUGH * mask.sum()]
    return bool(errors) and _filled_change(pixels, mask) < 2 * min(errors)


def _moved(mask: Mask, down: int, across: int) -> Mask:
    """The mask so many pixels farther down and to the right, within the crop."""
    padded = np.pad(mask, ((max(0, down), max(0, -down)), (max(0, across), max(0, -across))))
    return padded[max(0, -down) :, max(0, -across) :][: mask.shape[0], : mask.shape[1]]


def _filled_change(pixels: Pixels8, mask: Mask) -> float:
    """The mean square of what a smooth fill changes."""
    return float(((smooth_below(pixels, mask)[mask].astype(np.float32) - pixels[mask]) ** 2).mean())


def parts(mask: Mask) -> list[tuple[Mask, Box]]:
    """Groups of the mask's pixels that lie close together, each with its box."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thicken(mask, _JOIN // 2).astype(np.uint8))
    groups = []
    for label in range(1, count):
        part = mask & (labels == label)
        left, top, width, height = (int(value) for value in stats[label][:4])
        groups.append((part, Box(left, top, left + width, top + height)))
    return groups


def _structured(pixels: Pixels8, mask: Mask) -> Pixels8:
    """Frequency-selective reconstruction (Genser et al., "Spectral Constrained Frequency Selective Extrapolation", ICIP 2018)."""
    source = np.ascontiguousarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    filled = np.zeros_like(source)
    cv2.xphoto.inpaint(source, np.where(mask, 0, 255).astype(np.uint8), filled, cv2.xphoto.INPAINT_FSR_FAST)
    return _in_range(filled.reshape(pixels.shape), pixels, mask)


def _in_range(filled: Pixels8, pixels: Pixels8, mask: Mask) -> Pixels8:
    """Without colours that are nowhere around: next to strong edges the reconstruction overshoots, in a gray picture to green."""
    if pixels.shape[2] != 3 or mask.all():
        return filled
    known, found = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb) for each in (pixels, filled))
    least, most = known[~mask].min(axis=0), known[~mask].max(axis=0)
    beyond = mask & ((found < least) | (found > most)).any(axis=2)
    result = filled.copy()
    result[beyond] = cv2.cvtColor(found.clip(least, most).astype(np.uint8), cv2.COLOR_YCrCb2RGB)[beyond]
    return result


def with_grain(filled: Pixels8, pixels: Pixels8, mask: Mask) -> Pixels8:
    """Gives a smooth fill the noise of its surroundings: a patch without noise is visible in a photograph."""
    ring = thicken(mask, _RING) & ~thicken(mask, 3)
    if ring.sum() < 50:
        return filled
    noise = pixels.astype(np.float32) - cv2.GaussianBlur(pixels, (0, 0), 1.5).astype(np.float32).reshape(pixels.shape)
    samples = noise[ring]
    # Edges are structure, not grain.
    samples = samples[np.abs(samples).max(axis=1) <= 3 * max(0.5, float(samples.std()))]
    if len(samples) < 50:
        return filled
    # A fixed seed, so that the same picture gives the same result.
    drawn = samples[np.random.default_rng(0).integers(0, len(samples), int(mask.sum()))]
    result = filled.copy()
    result[mask] = np.round(filled[mask] + drawn).clip(0, 255).astype(np.uint8)
    return result
