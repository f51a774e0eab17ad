"""The findings in a document, and the changes to it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


class Method(enum.StrEnum):
    """How a mark was recognised."""

    ARTIFACT = "artifact"
    """It declares itself: marked content of type Artifact and subtype Watermark."""
    ANNOTATION = "annotation"
    """It declares itself: an annotation of subtype Watermark."""
    OPTIONAL_CONTENT = "optional_content"
    """It declares itself: content of an optional-content group (a layer) that is named a watermark."""
    COMPOUND_FORM = "compound_form"
    """It declares itself: a form XObject whose private data call it a watermark, as written by Acrobat."""
    TEXT = "text"
    """By evidence: text."""
    OUTLINE = "outlines"
    """By evidence: letters that are drawn as paths."""
    IMAGE = "image"
    """By evidence: an image."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mark on one page."""

    page: int
    """From 1. A declared mark inside a form that several pages draw is reported once, on the first of them."""
    method: Method
    detail: str
    """Which one, for people: the layer's name, the form's name, what the mark says."""
    reason: str = ""
    """Why it was kept; empty if it was removed."""
    confidence: float = 1.0
    """Confidence that it is a mark, 0 to 1; 1 for one that declares itself."""
    evidence: tuple[str, ...] = ()
    """Evidence for a mark, in a few words each; empty for one that declares itself."""
    box: tuple[float, float, float, float] | None = None
    """Left, bottom, right and top in points of the page; None for one that declares itself."""
    mark: int = 0
    """Findings with the same number are one mark on several pages; 0 for one that declares itself."""

    def to_dict(self) -> dict[str, Any]:
        """In a form that JSON can hold; empty fields are omitted."""
        described: dict[str, Any] = {"page": self.page, "method": self.method.value, "detail": self.detail}
        if self.reason:
            described["reason"] = self.reason
        if self.mark:
            described |= {"mark": self.mark, "confidence": self.confidence, "evidence": list(self.evidence)}
        if self.box is not None:
            described["box"] = [round(value, 1) for value in self.box]
        return described


@dataclass(slots=True)
class Report:
    """The outcome for one document."""

    pages: int
    removed_findings: list[Finding] = field(default_factory=list)
    kept_findings: list[Finding] = field(default_factory=list)
    """Marks that were found and left: likely ones, and those that could not be removed without changing something else."""
    layers: list[str] = field(default_factory=list)
    """Names of the optional-content groups that were removed from the document."""
    warnings: list[str] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether the output differs from the input."""
        return bool(self.removed_findings or self.layers)

    def to_dict(self) -> dict[str, Any]:
        """The report in a form that JSON can hold."""
        return {
            "pages": self.pages,
            "changed": self.is_changed,
            "removed": [finding.to_dict() for finding in self.removed_findings],
            "kept": [finding.to_dict() for finding in self.kept_findings],
            "layers": list(self.layers),
            "warnings": list(self.warnings),
        }
