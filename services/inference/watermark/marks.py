"""The data that the detectors pass to the repair."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.inference.watermark.box import Box
from services.inference.watermark.refinement import Overlay
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask

COVERED = 0.05
"""Cover from which a pixel belongs to a mark."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedMark:
    """A mark in one place. `strokes` covers the pixels of `box`; None means all of them."""

    kind: Kind
    box: Box
    strokes: Mask | None
    confidence: float
    evidence: tuple[str, ...] = ()
    sure: bool = True
    """Whether it may be removed without being requested."""
    overlay: Overlay | None = None
    """Cover and paint of a translucent mark; `strokes` is then where it covers."""

    def translate(self, columns: int, rows: int) -> DetectedMark:
        """The same mark, so many pixels to the right and down."""
        box = self.box.translate(columns, rows)
        return replace(self, box=box, overlay=None if self.overlay is None else replace(self.overlay, box=box))
