"""Which groups on a scanned page are marks, by their shape: slanted or large words, repeated words, stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.inference.watermark.box import Box
from services.inference.watermark.page_cover import cover_mask, grow_mask
from services.inference.watermark.page_groups import Group, pictures
from services.inference.watermark.page_layers import USUAL_SIDE, Layers, Levels
from services.inference.watermark.page_shapes import GroupLine, is_frame, is_line, is_ring, line_of
from services.inference.watermark.page_tiles import find_tiles
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask

_SURE, _LIKELY = 0.9, 0.5  # confidence
_LONG = 0.2  # of the page's width
_TALL, _WIDE = 0.025, 0.35  # of the page's height, and of its width: a level word that is no headline
_LEVEL = 12.0  # degrees
_SAME_HUE, _INSIDE = 0.9, 0.9  # cosine; of a group's width and height
_TOUCHING, _TOUCHED = 4, 60  # pixels at 150 dots an inch: between a mark and a picture; of a picture at a mark
_CROSSED = 0.12  # of a mark's border
_ROUND, _FRAME = (0.05, 0.3), (0.05, 0.5)  # of the page's width
_SQUARE = 1.25
_LETTERHEAD = 0.15  # of the page: where a ring may be a logo
_FRAME_TILT = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class PageMark:
    """One mark of a page: all that belongs to it."""

    kind: Kind
    box: Box
    cover: Mask
    """A mask in the box: where the mark is, print over or under it included."""
    tone: Levels
    """Share of the light that comes through, of each channel."""
    thin: bool
    is_coloured: bool
    confidence: float
    evidence: tuple[str, ...]
    in_picture: bool = False
    """Whether it goes on in a picture, where it cannot be distinguished from that."""

    @property
    def sure(self) -> bool:
        """Whether it may be removed without being requested."""
        return self.confidence >= _SURE


def judge_groups(groups: Sequence[Group], layers: Layers) -> list[PageMark]:
    """The marks among a page's groups."""
    size = layers.ink.shape
    shown = pictures(layers, max(size) / USUAL_SIDE)
    # One thing has one colour at its middle and others at its border: what takes most of the light is first.
    groups = sorted(groups, key=lambda group: -float(group.mask.sum() * (1 - group.tone.mean())))
    lines = [line_of(group) for group in groups]
    found: list[PageMark] = []
    tiles = find_tiles(groups, lines, layers)
    if tiles is not None:
        word = tiles.word
        said = f"the same word {tiles.number} times", "tilted"
        found.append(PageMark(Kind.TILED, Box(0, 0, size[1], size[0]), tiles.cover, word.tone, word.thin, word.is_coloured, _SURE, said))
    for group, line in zip(groups, lines, strict=True):
        for mark in _single(group, line, groups, layers, shown):
            if not any(_same(mark, other) for other in found):
                found.append(mark)
    return found


def _same(one: PageMark, other: PageMark) -> bool:
    across = min(one.box.right, other.box.right) - max(one.box.left, other.box.left)
    down = min(one.box.bottom, other.box.bottom) - max(one.box.top, other.box.top)
    return max(0, across) * max(0, down) > 0.5 * min(one.box.area, other.box.area)


def _single(group: Group, line: GroupLine, groups: Sequence[Group], layers: Layers, shown: Mask) -> Iterator[PageMark]:
    size = layers.ink.shape
    evidence = _word(group, line, layers, size) or (_stamp(group, line, layers, size) if group.is_coloured else None)
    if evidence is None:
        return
    confidence, *said = evidence
    group = _whole(group, groups)
    cover, unit = group.mask if group.thin else cover_mask(group, line, layers, shown), max(size) / USUAL_SIDE
    inside = shown[group.box.window]
    touching = not group.thin and bool((inside & grow_mask(cover, _TOUCHING * unit)).sum() > _TOUCHED * unit**2)
    if touching:
        # The part in the picture would stay, and a mark is never left by half unless that is asked for.
        confidence = _LIKELY
    yield PageMark(Kind.TEXT, group.box, cover, group.tone, group.thin, group.is_coloured, confidence, tuple(said), touching)


def _whole(group: Group, groups: Sequence[Group]) -> Group:
    """A stamp of which a group is only the middle of the letters: its lines, of the same hue, lie around that."""
    if group.thin or not group.is_coloured:
        return group
    hue = group.tone - group.tone.mean()
    for other in groups:
        others = other.tone - other.tone.mean()
        alike = other.thin and other.is_coloured and float(hue @ others) > _SAME_HUE * float(np.linalg.norm(hue) * np.linalg.norm(others))
        across = min(group.box.right, other.box.right) - max(group.box.left, other.box.left)
        down = min(group.box.bottom, other.box.bottom) - max(group.box.top, other.box.top)
        if alike and min(across / group.box.width, down / group.box.height) > _INSIDE and other.mask.sum() > group.mask.sum():
            return other
    return group


def _word(group: Group, line: GroupLine, layers: Layers, size: Sequence[int]) -> tuple[float, *tuple[str, ...]] | None:
    height, width = size
    large = (
        line.length > _LONG * width if line.is_slanted else line.length > _WIDE * width and line.height > _TALL * height and not group.thin
    )
    if not large or not is_line(group, line):
        return None
    if line.is_slanted:
        return _SURE, "tilted", "paint of one colour and opacity"
    if abs(line.tilt) < _LEVEL and not group.thick and _crossed(group, layers) > _CROSSED:
        return _SURE, "large across the middle", "print runs through it", "paint of one colour and opacity"
    return None


def _crossed(group: Group, layers: Layers) -> float:
    """Share of a group's border with print across it."""
    border = cv2.morphologyEx(group.mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(layers.ink[group.box.window][border].mean())


def _stamp(group: Group, line: GroupLine, layers: Layers, size: Sequence[int]) -> tuple[float, *tuple[str, ...]] | None:
    """Confidence and evidence if a coloured group is a ring, or a frame around something."""
    round_, framed = (least * size[1] <= line.length <= most * size[1] for least, most in (_ROUND, _FRAME))
    if not (round_ or framed):
        return None
    rows, columns = np.nonzero(group.mask)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    over_print = _over_print(group, layers)
    if round_ and line.length < _SQUARE * line.height and is_ring(points) and group.box.top > _LETTERHEAD * size[0]:
        return (_SURE, "a ring of coloured ink", "over print") if over_print else (_LIKELY, "a ring of coloured ink")
    if framed and abs((line.tilt + 45) % 90 - 45) > _FRAME_TILT and is_frame(points, line, group):
        return _SURE, "a tilted frame of coloured ink"
    return None


def _over_print(group: Group, layers: Layers) -> bool:
    """Whether print that is not of the group's colour goes through it."""
    hull = cv2.convexHull(np.argwhere(group.mask)[:, ::-1].astype(np.int32))
    inside = np.zeros(group.mask.shape, np.uint8)
    cv2.fillConvexPoly(inside, hull, 1)
    near = cv2.dilate(group.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ink = layers.ink[group.box.window] & (inside > 0)
    return bool((ink & ~near).sum() > 0.05 * group.mask.sum())
