"""What was found in a picture, and what became of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from services.inference.watermark.box import Box


class Kind(enum.StrEnum):
    """What a mark looks like."""

    BOX = "box"
    """Whatever stands in a box that the caller gave."""
    TEXT = "text"
    """A line of text laid over the picture."""
    OVERLAY = "overlay"
    """Translucent paint of any shape, such as a logo or large letters."""
    LOGO = "logo"
    """Opaque paint of one colour in a corner."""
    TILED = "tiled"
    """One pattern, repeated over the picture."""


class Method(enum.StrEnum):
    """How a mark was taken away."""

    UNBLENDED = "unblended"
    """The colour that was laid over was subtracted: the picture below is what it was."""
    FLAT = "inpainted_flat"
    """Filled smoothly from around."""
    STRUCTURED = "inpainted_structured"
    """Filled by continuing the structure around."""
    CLEARED = "cleared"
    """Paper: what is not darker than the mark got the colour of the paper, so that the text under it stays."""
    NEURAL = "inpainted_neural"
    """Filled by a network."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark, found or given."""

    kind: Kind
    box: Box
    confidence: float
    """0 to 1; 1 for what the caller pointed at."""
    methods: tuple[Method, ...] = ()
    """How it was removed; empty if it was kept."""
    evidence: tuple[str, ...] = ()
    """What speaks for a watermark, in a few words each."""
    opacity: float | None = None
    """Of the mark, 0 to 1, where it could be measured."""
    whole_box: bool = False
    """Whether all of the box was filled, since the mark could not be told from the picture below."""

    def described(self) -> str:
        """What it is and where, for people."""
        what = {
            Kind.BOX: "what stands",
            Kind.TEXT: "a line of text",
            Kind.OVERLAY: "translucent paint",
            Kind.LOGO: "a logo",
            Kind.TILED: "a pattern that repeats",
        }
        return f"{what[self.kind]} in columns {self.box.left} to {self.box.right}, rows {self.box.top} to {self.box.bottom}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "kind": self.kind.value,
            "box": {"left": self.box.left, "top": self.box.top, "right": self.box.right, "bottom": self.box.bottom},
            "confidence": round(self.confidence, 2),
            "removed": bool(self.methods),
            "methods": [method.value for method in self.methods],
            "evidence": list(self.evidence),
            "opacity": None if self.opacity is None else round(self.opacity, 2),
            "whole_box": self.whole_box,
        }


@dataclass(slots=True)
class Report:
    """The outcome for one picture."""

    marks: list[Mark] = field(default_factory=list)

    @property
    def removed(self) -> list[Mark]:
        """Those that are gone."""
        return [mark for mark in self.marks if mark.methods]

    @property
    def kept(self) -> list[Mark]:
        """Those that may be marks and were left, since the evidence was not enough."""
        return [mark for mark in self.marks if not mark.methods]
