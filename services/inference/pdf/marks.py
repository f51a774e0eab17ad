"""The findings about marks of a walk through content, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pypdf.generic import PdfObject

from services.inference.pdf.edits import Edit
from services.inference.pdf.report import Method


@dataclass(frozen=True, slots=True)
class Mark:
    """A recognised mark: how it declares itself, and which one it is."""

    method: Method
    detail: str
    number: int = 0
    """Number of its candidate; 0 for a mark that declares itself."""


class Recogniser(Protocol):
    """Decides which parts of a content stream are marks."""

    def marked_content(self, operands: Sequence[PdfObject]) -> Mark | None:
        """The mark that a BDC with these operands begins."""

    def drawn_mark(self, operands: Sequence[PdfObject]) -> Mark | None:
        """The mark that a Do with these operands draws."""

    def painted_mark(self, start: int) -> Mark | None:
        """The mark that the painting operation at this byte belongs to."""


@dataclass(slots=True)
class Cut:
    """The result for one content stream."""

    edits: list[Edit]
    removed_marks: list[Mark]
    kept_marks: list[tuple[Mark, str]]
    """Marks left in place, and why."""
