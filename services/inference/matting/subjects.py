"""The model's findings in a picture, and whether they are worth cutting out."""

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
_DOUBTFUL = 4, 229  # of 255: opacity between these is neither subject nor background
_WIDTH, _APART = 11, 61  # pixels: what is narrower is an outline; what is closer is one region
_LEAST_DOUBTFUL = 0.006  # of what is kept
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
    """The share of the picture, in per cent."""


@dataclass(frozen=True, slots=True)
class DoubtfulPart(Subject):
    """A wide region that was neither kept nor taken away in full."""

    opacity: float
    """Its mean, in per cent."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Summary of the model's alpha."""

    subjects: tuple[Subject, ...]
    """The largest first."""
    confidence: float
    """0 to 1: how decided the model is about what it takes for the subject."""
    nothing: bool
    """Whether the model is sure of nothing."""
    doubtful: tuple[DoubtfulPart, ...] = ()
    """The largest first."""

    @property
    def unsure(self) -> bool:
        """Whether a person should check the result."""
        return not self.nothing and self.confidence < _UNSURE

    def to_dict(self) -> dict[str, Any]:
        """For a notice."""
        described: dict[str, Any] = {
            "confidence": round(self.confidence, 2),
            "subjects": [_described(each) for each in self.subjects],
        }
        if self.doubtful:
            described["unsure_parts"] = [{**_described(each), "opacity": round(each.opacity, 1)} for each in self.doubtful]
        return described


def segmentation_of(coarse: Pixels8) -> Segmentation:
    """Describes the model's alpha, height x width."""
    counts = cv2.calcHist([coarse], [0], None, [256], [0, 256]).ravel()
    opacity = np.linspace(0, 1, 256)
    total = float(counts @ opacity)
    confidence = float(counts @ (opacity * np.abs(2 * opacity - 1))) / total if total else 0.0
    nothing = float(counts[_SURE:].sum()) < _LEAST_SURE * coarse.size
    return Segmentation(() if nothing else _parts(coarse), confidence, nothing)


def doubtful_parts(alpha: Pixels8) -> tuple[DoubtfulPart, ...]:
    """The regions of an alpha, height x width, of which it is not clear whether they belong to the subject; hair may be among them.

    They are wide, and not small compared with the kept ones.
    """
    height, width = alpha.shape
    low, high = _DOUBTFUL
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDTH, _WIDTH))
    wide = cv2.morphologyEx(((alpha > low) & (alpha < high)).view(np.uint8), cv2.MORPH_OPEN, disc)
    if not wide.any():
        return ()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((_APART, _APART), np.uint8)))
    pixels = np.flatnonzero(wide)
    inside = labels.ravel().take(pixels)
    areas = np.bincount(inside, minlength=len(stats))
    opacities = np.bincount(inside, weights=alpha.ravel().take(pixels), minlength=len(stats)) / np.maximum(areas, 1) / 2.55
    least = _LEAST_DOUBTFUL * float(alpha.sum(dtype=np.int64)) / 255
    across, down, whole = 100 / width, 100 / height, 100 / (width * height)
    found = [
        DoubtfulPart(x * across, y * down, (x + w) * across, (y + h) * down, int(areas[label]) * whole, float(opacities[label]))
        for label, (x, y, w, h, _) in enumerate(stats.tolist())
        if label and areas[label] >= least
    ]
    return tuple(sorted(found, key=lambda part: -part.share))


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


def _described(part: Subject) -> dict[str, Any]:
    return {"box": {side: round(getattr(part, side), 1) for side in ("x1", "y1", "x2", "y2")}, "share": round(part.share, 2)}
