"""The findings in a picture, and the changes to it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box


class Kind(enum.StrEnum):
    """The kind of a mark."""

    BOX = "box"
    """The area of a box given by the caller."""
    TEXT = "text"
    """A line of text laid over a page."""
    OVERLAY = "overlay"
    """Translucent paint of any shape, such as a logo or large letters."""
    LOGO = "logo"
    """Opaque paint."""
    TILED = "tiled"
    """One pattern, repeated over the picture."""


class Method(enum.StrEnum):
    """How a mark was removed."""

    UNBLENDED = "unblended"
    """The overlaid colour was subtracted, which restores the picture below."""
    FLAT = "inpainted_flat"
    """Filled smoothly from the surroundings."""
    STRUCTURED = "inpainted_structured"
    """Filled by continuing the surrounding structure."""
    CLEARED = "cleared"
    """Paper: pixels not darker than the mark got the colour of the paper, so that the text under it stays."""
    NEURAL = "inpainted_neural"
    """Filled with a network."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark, found or given."""

    kind: Kind
    box: Box
    confidence: float
    """0 to 1; 1 for a mark that the caller pointed out."""
    methods: tuple[Method, ...] = ()
    """How it was removed; empty if it was kept."""
    evidence: tuple[str, ...] = ()
    """Evidence for a watermark, in a few words each."""
    opacity: float | None = None
    """Opacity of the mark, 0 to 1, if it could be measured."""
    whole_box: bool = False
    """Whether the whole box was filled, since the mark could not be distinguished from the picture below."""

    in_part: bool = False
    """Whether part of it is still there although it was removed or, if it was kept, whether it was kept for that."""

    hides_print: bool = False
    """Whether print below it cannot be seen, and would be lost with it."""

    def describe(self) -> str:
        """Its kind and place, for people."""
        what = {
            Kind.BOX: "the area",
            Kind.TEXT: "a line of text",
            Kind.OVERLAY: "translucent paint",
            Kind.LOGO: "opaque paint",
            Kind.TILED: "a pattern that repeats",
        }
        return f"{what[self.kind]} in columns {self.box.left} to {self.box.right}, rows {self.box.top} to {self.box.bottom}"

    @property
    def fate(self) -> str:
        """Its outcome, for people."""
        if self.methods and self.in_part:
            return "was removed except for a part that cannot be distinguished from the picture. A smaller box around that part may help"
        if self.methods:
            return "was removed"
        if self.hides_print:
            return "was kept, because it hides print, which would be lost with it. Draw a box to remove it all the same"
        if self.in_part:
            return "was kept, because part of it would have remained. Draw boxes to remove as much as possible"
        if self.kind is Kind.BOX:
            return "was kept, because a mark there cannot be distinguished from the picture below it"
        return "may be a watermark and was kept, because that is uncertain. Draw a box to remove it"

    @property
    def why(self) -> str:
        """The name of `fate`, for programs."""
        if self.methods:
            return "removed_in_part" if self.in_part else "removed"
        if self.hides_print:
            return "hides_print"
        return "part_would_remain" if self.in_part else "indistinct" if self.kind is Kind.BOX else "uncertain"

    def to_dict(self) -> dict[str, Any]:
        """In a form that JSON can hold."""
        return {
            "kind": self.kind.value,
            "why": self.why,
            "box": {"left": self.box.left, "top": self.box.top, "right": self.box.right, "bottom": self.box.bottom},
            "confidence": round(self.confidence, 2),
            "removed": bool(self.methods),
            "methods": [method.value for method in self.methods],
            "evidence": list(self.evidence),
            "opacity": None if self.opacity is None else round(self.opacity, 2),
            "whole_box": self.whole_box,
            "in_part": self.in_part,
        }


@dataclass(slots=True)
class Report:
    """The outcome for one picture."""

    marks: list[Mark] = field(default_factory=list)
    mask: npt.NDArray[np.bool_] | None = None
    """Which pixels of the picture were changed, height x width; None if none were."""

    @property
    def removed_marks(self) -> list[Mark]:
        """Marks that were removed."""
        return [mark for mark in self.marks if mark.methods]

    @property
    def kept_marks(self) -> list[Mark]:
        """Possible marks that were kept, since the evidence was not enough."""
        return [mark for mark in self.marks if not mark.methods]
