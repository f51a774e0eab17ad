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
_SAME_TONE = 0.035  # of the light
_BESIDE, _ACROSS = 9, 45  # pixels at 150 dots an inch: from a mark to what it does not touch; rows of shading
_LEAST_SHADED, _APART = 0.01, 0.05  # of a mark's box; share of the light
_MOST_OPACITY, _OPACITY_STEP = 0.7, 0.1
_LEAST_HELD = 0.03  # share of the light
_CORNER, _CORNER_REACH = 3, 12  # pixels at 150 dots an inch: radius of what is thicker than print; from the mark
_PRINT_DARKER, _LIGHT_PRINT = 0.08, 0.65  # share of the light: than the mark; that thin print gives back
_PRINT_EDGE, _CUT, _LEAST_PIECE, _VOTE_REACH, _VOTE = 1, 20, 20, 40, 3  # pixels at 150 dots an inch
_RULE, _RULED = 60, 7  # pixels at 150 dots an inch: length and least thickness of what is no line of a table
_LEAST_VOTE, _ELECTED = 0.02, 0.4  # of the pixels around; of those without print
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
    cover |= _corners(cover, group, light, unit)
    return cover | _under_print(cover, group, line, layers, unit)


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


def _under_print(cover: Mask, group: Group, line: GroupLine, layers: Layers, unit: float) -> Mask:
    """A mark with its thin strokes, and its area under print, where pixels do not show whether they are painted: those around say so."""
    light, tone = layers.light[group.box.window], float(group.tone.mean())
    gray = mean(light)
    bare = gray > 1 - _HALF * (1 - tone)
    dark = gray < max(tone - _PRINT_DARKER, _LIGHT_PRINT)
    printed = grow_mask(layers.ink[group.box.window] & dark, _PRINT_EDGE * unit) & ~bare
    near = grow_mask(cover, _VOTE_REACH * unit) & line.band(group.box, *_ON_LINE)
    printed |= _rules(~bare, unit)
    known = near & ~printed
    # The soft borders of print are as dark, but thin.
    painted = cv2.morphologyEx((known & ~bare & _painted(light, group)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    known &= painted | bare
    weight, votes = (cv2.GaussianBlur(plane.astype(np.float32), (0, 0), _VOTE * unit) for plane in (known, painted))
    elected = printed & near & (weight > _LEAST_VOTE) & (votes > _ELECTED * weight)
    whole = cv2.morphologyEx((painted | elected | cover).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    large = pieces(np.asarray(whole, np.bool_), _LEAST_PIECE * unit**2)
    # Print may cut a mark into pieces.
    return large & joined_pieces(grow_mask(large, _CUT / 2 * unit), cover)


def _rules(mask: Mask, unit: float) -> Mask:
    """Long runs across or down that are thin, such as a table's lines."""
    long_, thick = round(_RULE * unit), round(_RULED * unit) | 1
    found = np.zeros_like(mask)
    for run, over in (((1, long_), (thick, 1)), ((long_, 1), (1, thick))):
        runs = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones(run, np.uint8))
        found |= (runs > 0) & (cv2.morphologyEx(runs, cv2.MORPH_OPEN, np.ones(over, np.uint8)) == 0)
    return grow_mask(found, 1)


def _corners(cover: Mask, group: Group, light: Levels, unit: float) -> Mask:
    """The pixels that have rounded off a mark's corners: as dark as the mark, or of its colour, thicker than print, joined to the mark."""
    painted = _painted(light, group)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(_CORNER * unit) + 1,) * 2)
    thick = np.asarray(cv2.morphologyEx((painted | cover).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0, np.bool_)
    thick &= grow_mask(cover, _CORNER_REACH * unit)
    return joined_pieces(thick, cover)


def _painted(light: Levels, group: Group) -> Mask:
    """Pixels as dark as a mark and no darker, or of its colour. The soft borders of print are as dark as a grey mark, but thin."""
    held = np.asarray(1 - light, np.float32)
    painted = least_and_most(np.asarray(held / np.maximum(1 - group.tone, _LEAST_HELD), np.float32))[0] > _HALF
    if group.is_coloured:
        low, high = least_and_most(light)
        return np.asarray(painted & (high - low > _HALF * float(group.tone.max() - group.tone.min())), np.bool_)
    return np.asarray(painted & (mean(held) < float(1 - group.tone.mean()) + _DARKER), np.bool_)


def joined_pieces(mask: Mask, cover: Mask) -> Mask:
    """The pieces that a cover reaches into."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    joined = np.zeros(count, np.bool_)
    joined[np.unique(labels[cover & mask])] = True
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
