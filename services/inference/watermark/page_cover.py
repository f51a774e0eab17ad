"""The area that a broad mark on a scanned page covers, which is more than its group: print, shading and closing have taken parts of that
away.
"""

from __future__ import annotations

import cv2
import numpy as np

from services.inference.watermark.page_groups import Group, usual_tones
from services.inference.watermark.page_layers import USUAL_SIDE, Layers, Levels, distance, least_and_most, mean
from services.inference.watermark.page_shapes import GroupLine
from services.inference.watermark.strokes import Mask

_EXTENT, _DARKER = 25, 0.03  # pixels at 150 dots an inch; share of the light
_HALF = 0.5  # of a mark's darkness or colour: where its border is
_SAME_TONE, _SAME_SHARE = 0.035, 0.2  # of the light; of what a mark takes of it
_BESIDE, _ACROSS = 9, 45  # pixels at 150 dots an inch: from a mark to what it does not touch; rows of shading
_LEAST_SHADED, _APART = 0.01, 0.05  # of a mark's box; share of the light
_MOST_OPACITY, _OPACITY_STEP = 0.7, 0.1
_LEAST_HELD = 0.03  # share of the light
_HAIR_REACH, _HAIR_AREA = 40, 25  # pixels at 150 dots an inch: from broad strokes; together
_CORNER, _CORNER_REACH = 3, 12  # pixels at 150 dots an inch: radius of what is thicker than print; from the mark
_ON_LINE = 0.52, 0.55  # of a line's length, and of its height, from its middle


def cover_mask(group: Group, line: GroupLine, layers: Layers, shown: Mask) -> Mask:
    """The area of its group's box that a broad mark covers: with darker pixels in its reach, which is the mark over rests of print, and
    with its parts over shading, its corners and its thin strokes. `shown` is where the page has pictures, of which none is shading."""
    unit = max(layers.ink.shape) / USUAL_SIDE
    side = 2 * round(_EXTENT * unit) + 1
    near = cv2.morphologyEx(group.mask.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
    darker = least_and_most(group.tone + _DARKER - layers.broad[group.box.window])[0] > 0
    cover = group.mask | (near & darker)
    light = layers.light[group.box.window]
    cover |= _over_shading(cover, group, line, layers, unit) & ~shown[group.box.window]
    return cover | _corners(cover, group, light, unit) | _hairlines(cover, group, line, light, unit)


def _over_shading(cover: Mask, group: Group, line: GroupLine, layers: Layers, unit: float) -> Mask:
    """Where a mark goes on over shading: the tone of that, with the mark over it."""
    broad, box = layers.broad[group.box.window], group.box
    beside = ~grow_mask(cover, _BESIDE * unit)
    shading = broad[beside & (1 - least_and_most(broad)[0] > layers.least)]
    near = grow_mask(cover, _ACROSS * unit)
    near &= line.band(box, *_ON_LINE) & ~cover
    found = np.zeros_like(cover)
    for tone in usual_tones(shading, _LEAST_SHADED * cover.size):
        if np.abs(tone - group.tone).max() < _APART or not near.any():
            continue
        # Ink takes its share of the light that shading leaves; paint lets less of the shading through, how much is not known.
        through = [group.tone, *(1 - opacity for opacity in np.arange(float(1 - group.tone.min()), _MOST_OPACITY, _OPACITY_STEP))]
        alike = np.zeros_like(near)
        for share in through:
            alike |= distance(broad, np.asarray(group.tone + (tone - 1) * share, np.float32)) < _SAME_TONE
        found |= near & alike & (distance(broad, tone) > _APART)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_CORNER * unit) + 1,) * 2)
    return np.asarray(cv2.morphologyEx((found | cover).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0, np.bool_)


def _hairlines(cover: Mask, group: Group, line: GroupLine, light: Levels, unit: float) -> Mask:
    """The thin strokes of a mark's letters: as dark as the mark, on its line, and thicker than the soft borders of print."""
    alike = distance(light, group.tone) < max(_SAME_TONE, _SAME_SHARE * float(1 - group.tone.min()))
    near = grow_mask(cover, _HAIR_REACH * unit)
    strokes = ((alike & near & line.band(group.box, *_ON_LINE)) | cover).astype(np.uint8)
    return pieces(cv2.morphologyEx(strokes, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0, _HAIR_AREA * unit**2)


def _corners(cover: Mask, group: Group, light: Levels, unit: float) -> Mask:
    """The pixels that have rounded off a mark's corners: as dark as the mark, or of its colour, thicker than print, joined to the mark."""
    held = np.asarray(1 - light, np.float32)
    painted = least_and_most(np.asarray(held / np.maximum(1 - group.tone, _LEAST_HELD), np.float32))[0] > _HALF
    if group.is_coloured:
        low, high = least_and_most(light)
        painted &= high - low > _HALF * float(group.tone.max() - group.tone.min())
    else:
        # Not what is darker, which may be print: its soft borders are as dark as the mark, but thin.
        painted &= mean(held) < float(1 - group.tone.mean()) + _DARKER
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_CORNER * unit) + 1,) * 2)
    thick = cv2.morphologyEx((painted | cover).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    thick &= grow_mask(cover, _CORNER_REACH * unit)
    count, labels = cv2.connectedComponents(thick.astype(np.uint8), connectivity=4)
    joined = np.zeros(count, np.bool_)
    joined[np.unique(labels[cover & thick])] = True
    joined[0] = False
    return np.asarray(joined[labels], np.bool_)


def grow_mask(mask: Mask, reach: float) -> Mask:
    """With what is within so many pixels of it, across or down: a square takes less time than a disc (`thickened`) of this size."""
    side = 2 * round(reach) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))) > 0, np.bool_)


def pieces(mask: Mask, least: float) -> Mask:
    """Those that have at least so many pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels], np.bool_)
