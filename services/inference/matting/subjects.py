"""What the model has found in a picture, and whether that is worth cutting out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]

_SURE = 230  # of 255
_LEAST_SURE = 5e-4  # of the picture: in textures, skies and empty walls the model is sure of less
_HALF = 128
_LEAST_SUBJECT = 0.02  # of the largest subject: less is a speck, or a part of it that is otherwise hidden
_UNSURE = 0.6  # confidence under which the result deserves a look
_CUT_OUT = 0.03  # transparent share of the picture from which it may be a cut-out already
_MOST_LEFT = 0.25  # of what is visible that the model would take away from a cut-out


@dataclass(frozen=True, slots=True)
class Subject:
    """A connected part of what was found. Sides in per cent of the picture's width and height."""

    x1: float
    y1: float
    x2: float
    y2: float
    share: float
    """Of the picture, in per cent."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Summary of the model's alpha."""

    subjects: tuple[Subject, ...]
    """The largest first."""
    confidence: float
    """0 to 1: how decided the model is about what it takes for the subject."""
    nothing: bool
    """Whether the model is sure of nothing."""

    @property
    def unsure(self) -> bool:
        """Whether a person should check the result."""
        return not self.nothing and self.confidence < _UNSURE

    def to_dict(self) -> dict[str, Any]:
        """For a notice."""
        return {
            "confidence": round(self.confidence, 2),
            "subjects": [
                {"box": {side: round(getattr(each, side), 1) for side in ("x1", "y1", "x2", "y2")}, "share": round(each.share, 2)}
                for each in self.subjects
            ],
        }


def segmentation_of(coarse: Pixels8) -> Segmentation:
    """Describes the model's alpha, height x width."""
    opacity = coarse.astype(np.float32) / 255
    total = float(opacity.sum())
    confidence = float((opacity * np.abs(2 * opacity - 1)).sum()) / total if total else 0.0
    nothing = float((coarse >= _SURE).mean()) < _LEAST_SURE
    return Segmentation(() if nothing else _parts(coarse), confidence, nothing)


def is_cut_out(coarse: Pixels8, own: Pixels8) -> bool:
    """Whether a picture with the alpha `own` is a cut-out already, judged by the model's alpha of it; both height x width."""
    if (own < _HALF).mean() < _CUT_OUT:
        return False
    left = np.maximum(own.astype(np.int32) - coarse, 0).sum(dtype=np.int64)
    return bool(left < _MOST_LEFT * max(int(own.sum(dtype=np.int64)), 1))


def _parts(coarse: Pixels8) -> tuple[Subject, ...]:
    height, width = coarse.shape
    # Parts connected by hair or a strap are one subject.
    joined = cv2.morphologyEx((coarse >= _HALF).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    areas = stats[1:, cv2.CC_STAT_AREA]
    parts = [row for row in stats[1:].tolist() if row[cv2.CC_STAT_AREA] >= _LEAST_SUBJECT * areas.max()]
    across, down, whole = 100 / width, 100 / height, 100 / (width * height)
    found = [Subject(x * across, y * down, (x + w) * across, (y + h) * down, area * whole) for x, y, w, h, area in parts]
    return tuple(sorted(found, key=lambda subject: -subject.share))
