"""The child process's part of cutting marks out of a document. The worker, which only names it, does without the libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

NEEDED = ("services.inference.pdf.preview", "services.inference.pdf.remove")
"""What a child, which can load nothing, needs to have loaded."""


def clean(source: Path, target: Path, likely: bool, on_page: Callable[[int, int], None]) -> dict[str, Any]:
    """`remove_watermarks`, of likely marks too or only sure ones; returns its report as `Report.to_dict`."""
    from services.inference.pdf.remove import Wanted, remove_watermarks

    return remove_watermarks(source, target, on_page, Wanted(likely=likely)).to_dict()


def examine(source: Path, scratch: Path, preview: Path, likely: bool, on_page: Callable[[int, int], None]) -> dict[str, Any]:
    """The report of what `clean` would do, and a picture of it in `preview`. The cleaned document in `scratch` is not needed afterwards."""
    from services.inference.pdf.preview import draw_preview
    from services.inference.pdf.remove import Wanted, remove_watermarks

    report = remove_watermarks(source, scratch, on_page, Wanted(likely=likely))
    return {**report.to_dict(), "preview_page": draw_preview(source, scratch, report, preview)}
