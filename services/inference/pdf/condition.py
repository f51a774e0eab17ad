"""The condition of a document and the sizes of its pages, as qpdf finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf

from services.inference.pdf.document import QPDF_ERRORS

_DAMAGE = "reconstruct"
"""In the warning that the table of objects is not where it should be, so that the file was searched for them. There are harmless ones."""
_LARGEST_UNIT = 1e6


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a document."""

    is_damaged: bool = False
    """Whether the file is cut off or broken, so that content may be missing."""
    units: Sequence[float] = ()
    """The size of a unit of each page, in points; shorter for a document that qpdf cannot read to its end."""

    def unit(self, page: int) -> float:
        """The size of a unit of a page, numbered from 1, in points."""
        return self.units[page - 1] if page <= len(self.units) else 1.0


def condition_of(source: Path) -> Condition:
    """The condition of the document in a file. It does not raise: whoever reads the document says why it cannot be read."""
    units: list[float] = []
    try:
        with pikepdf.open(source, suppress_warnings=True, access_mode=pikepdf.AccessMode.stream) as document:
            units += [_unit(page.obj.get("/UserUnit")) for page in document.pages]
            return Condition(any(_DAMAGE in str(warning) for warning in document.get_warnings()), units)
    except pikepdf.PasswordError:
        return Condition()
    except QPDF_ERRORS:
        return Condition(is_damaged=True, units=units)


def _unit(value: object) -> float:
    try:
        unit = float(value)  # type: ignore[arg-type]  # anything may stand there
    except (TypeError, ValueError, OverflowError):
        return 1.0
    return unit if 0 < unit <= _LARGEST_UNIT else 1.0
