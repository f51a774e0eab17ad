"""Places where a picture may have marks: the pieces of paint that the network sees, put together to marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.paint_map import PaintMap
from services.inference.watermark.strokes import thicken

_POSSIBLE = 0.3
_GAP = 0.03  # of a picture's longest side: between letters, and between lines
_LEAST_SIDE, _LEAST_AREA = 0.01, 24  # of the longest side; pixels
_MOST_PIECES, _MOST = 32, 8
_ALIKE = 0.15  # distance of two paints, as colour times opacity, from 0 to 1
_WIDER = 0.2  # of a mark's sides
_LEAST_GROWN = 3  # pixels


@dataclass(frozen=True, slots=True)
class Proposal:
    """A box around what may be one mark."""

    box: Box
    copies: int
    """Pieces of the same paint in it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    box: Box
    weight: float
    paint: npt.NDArray[np.float32]
    """Mean colour times opacity, and opacity."""


def propose(seen: PaintMap, whole: Box) -> list[Proposal]:
    """Find possible marks in a whole picture: first each paint with all of its pieces, if it has several, then each piece; the most
    certain first."""
    pieces = _pieces(seen)
    proposals: list[Proposal] = []
    left = pieces
    while left:
        alike = [piece for piece in left if np.linalg.norm(piece.paint - left[0].paint) < _ALIKE]
        if len(alike) > 1:
            proposals.append(Proposal(reduce(Box.union, (piece.box for piece in alike)), len(alike)))
        left = [piece for piece in left if piece not in alike]
    proposals += [Proposal(piece.box, 1) for piece in pieces]
    scale = whole.width / seen.certainty.shape[1]
    return [replace(each, box=_as_drawn(each.box, scale, whole)) for each in proposals[:_MOST]]


def _pieces(seen: PaintMap) -> list[_Piece]:
    mark = seen.certainty > _POSSIBLE
    longest = max(mark.shape)
    count, labels = cv2.connectedComponents(thicken(mark, max(1, round(_GAP * longest / 2))).astype(np.uint8))
    pieces = []
    for number in range(1, count):
        rows, columns = np.nonzero(mark & (labels == number))
        box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        if len(rows) < _LEAST_AREA or max(box.width, box.height) < _LEAST_SIDE * longest:
            continue
        paint = np.concatenate([seen.paint[rows, columns], seen.opacity[rows, columns, np.newaxis]], axis=1).mean(axis=0)
        pieces.append(_Piece(box, float(seen.certainty[rows, columns].sum()), paint))
    return sorted(pieces, key=lambda piece: piece.weight, reverse=True)[:_MOST_PIECES]


def _as_drawn(box: Box, scale: float, whole: Box) -> Box:
    """In the size of the picture, and as much wider than the mark as the boxes are that people draw."""
    margin = max(_LEAST_GROWN, _WIDER * min(box.width, box.height))
    sides = (box.left - margin, box.top - margin, box.right + margin, box.bottom + margin)
    left, top, right, bottom = (round(side * scale) for side in sides)
    return Box(left, top, right, bottom).common(whole)
