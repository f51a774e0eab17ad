"""What a child process does with a document that marks are to be cut out of; importing this imports the PDF library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.inference.pdf.preview import draw_preview
from services.inference.pdf.remove import Wanted, remove_watermarks


def clean(source: Path, target: Path, likely: bool, on_page: Callable[[int, int], None]) -> dict[str, Any]:
    """`remove_watermarks`, likely marks too or only sure ones, with its report as `Report.to_dict` gives it."""
    return remove_watermarks(source, target, on_page, Wanted(likely=likely)).to_dict()


def examine(source: Path, scratch: Path, preview: Path, likely: bool, on_page: Callable[[int, int], None]) -> dict[str, Any]:
    """What `clean` would do, by its report, and a picture of it as `preview`. The cleaned document in `scratch` is of no further use."""
    report = remove_watermarks(source, scratch, on_page, Wanted(likely=likely))
    return {**report.to_dict(), "preview_page": draw_preview(source, scratch, report, preview)}
