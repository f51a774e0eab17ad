"""Opaque marks of any colour in a box drawn by a person: plates, labels, logos, letters."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Mask, Pixels8, thicken, thin

_COARSE = 3  # bits dropped from colours in order to count them
_COLOURS = 4
_TRIED = 8
_SAME, _LIKE = 10, 40  # largest difference in a channel, in levels: paint after JPEG, and paint fading into the picture
_LEAST_PURITY = 0.8
_LEAST_COVERAGE, _LEAST_PIXELS = 0.004, 24
_FADING = 2  # pixels
_LEAST_SHARP, _LEAST_SAME, _LEAST_SAME_INSIDE = 0.9, 0.35, 0.9
_PLATE = 0.25  # of the box


def find_solids(pixels: Pixels8, region: Mask) -> Mask | None:
    """The paint in the region of an sRGB crop in colours that its surroundings do not have; None if nothing is.

    Paint has exactly one colour and an edge of at most two pixels; in a photograph, only things as flat as paint do. The contents of a
    plate, such as the letters of a label, belong to it.
    """
    total = np.zeros_like(region)
    for _, found in solids_of_one_colour(pixels, region):
        total |= found
    return total if total.sum() >= _LEAST_COVERAGE * region.sum() else None


def solids_of_one_colour(pixels: Pixels8, region: Mask) -> Iterator[tuple[npt.NDArray[np.int16], Mask]]:
    """The same for each colour (one value per channel), with the pixels painted in it that belong to no earlier colour."""
    surround = ~region
    if surround.sum() < 64:
        return
    left = region.copy()
    for colour in _excessive_colours(pixels, region, surround):
        found = _shapes_of(pixels, colour, left, surround, float(region.sum()))
        if found is not None:
            yield colour, found & left
            left &= ~found


def _excessive_colours(pixels: Pixels8, region: Mask, surround: Mask) -> list[npt.NDArray[np.int16]]:
    """The colours most over-represented in the region compared to its surroundings, most excessive first."""
    coarse = (pixels >> _COARSE).astype(np.int32)
    levels = 256 >> _COARSE
    index = (coarse[..., 0] * levels + coarse[..., 1]) * levels + coarse[..., 2]
    inside, outside = (np.bincount(index[where], minlength=levels**3) for where in (region, surround))
    excess = inside - outside * (region.sum() / surround.sum())
    colours: list[npt.NDArray[np.int16]] = []
    for number in np.argsort(excess)[::-1][:_TRIED]:
        if inside[number] < _LEAST_PIXELS or len(colours) == _COLOURS:
            break
        colour = np.median(pixels[region & (index == number)], axis=0).astype(np.int16)
        if all(np.abs(colour - other).max() > 2 * _SAME for other in colours):
            colours.append(colour)
    return colours


def _shapes_of(pixels: Pixels8, colour: npt.NDArray[np.int16], allowed: Mask, surround: Mask, size: float) -> Mask | None:
    difference = np.abs(pixels.astype(np.int16) - colour).max(axis=2)
    same, like = difference <= _SAME, (difference <= _LIKE) & allowed
    inside, expected = float((same & allowed).sum()), float((same & surround).sum()) * size / float(surround.sum())
    if inside < _LEAST_PIXELS or inside - expected < _LEAST_PURITY * inside:
        return None
    near = thicken(same & allowed, _FADING)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(like.astype(np.uint8), connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA]
    sharp = np.bincount(labels[near & like], minlength=count) >= _LEAST_SHARP * sizes
    flat = np.bincount(labels[same & like], minlength=count) >= _LEAST_SAME * sizes
    inner = thin(like, _FADING)
    even = np.bincount(labels[same & inner], minlength=count) >= _LEAST_SAME_INSIDE * np.bincount(labels[inner], minlength=count)
    kept = sharp & flat & even & (sizes >= _LEAST_PIXELS)
    kept[0] = False
    found = np.asarray(kept[labels], np.bool_)
    for label in np.flatnonzero(kept & (stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT] >= _PLATE * size)):
        outlines, _ = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        plate = np.zeros(found.shape, np.uint8)
        cv2.drawContours(plate, outlines, -1, 1, cv2.FILLED)
        # A frame encloses the picture, a plate its letters.
        if sizes[label] >= plate.sum() / 2:
            found |= (plate > 0) & allowed
    return found if found.any() else None
