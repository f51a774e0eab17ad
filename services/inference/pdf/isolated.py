"""The child process's part of cutting marks out of a document. The worker, which only names it, does without the libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

NEEDED = (
    "services.inference.pdf.preview",
    "services.inference.pdf.protection",
    "services.inference.pdf.remove",
    "services.inference.pdf.scans",
)
"""Modules that a child, which can load nothing, needs to have loaded."""


def clean(
    source: Path, target: Path, likely: bool, allow_signed: bool, owner_password: str, on_page: Callable[[int, int], None]
) -> dict[str, Any]:
    """`remove_watermarks`, of likely marks too or only sure ones; returns its report as `Report.to_dict`.

    Raises FILE_SIGNED, FILE_LOCKED, or FIELD_INVALID for a wrong owner password, as well.
    """
    from services.inference.pdf.protection import Consent, refusal_of
    from services.inference.pdf.remove import RemovalRequest, remove_watermarks

    refusal = refusal_of(source, Consent(allow_signed, owner_password))
    if refusal is not None:
        raise refusal
    return remove_watermarks(source, target, on_page, RemovalRequest(likely=likely)).to_dict()


def examine(
    source: Path,
    scratch: Path,
    preview: Path,
    likely: bool,
    allow_signed: bool,
    owner_password: str,
    on_page: Callable[[int, int], None],
) -> dict[str, Any]:
    """The report of what `clean` would do, and a picture of it in `preview`. The cleaned document in `scratch` is not needed afterwards.

    That `clean` would refuse the document is a warning in the report.
    """
    from services.inference.pdf.preview import draw_preview
    from services.inference.pdf.protection import Consent, refusal_of
    from services.inference.pdf.remove import RemovalRequest, remove_watermarks

    report = remove_watermarks(source, scratch, on_page, RemovalRequest(likely=likely))
    refusal = refusal_of(source, Consent(allow_signed, owner_password))
    if refusal is not None:
        report.warnings.append(refusal.message)
    return {**report.to_dict(), "preview_page": draw_preview(source, scratch, report, preview)}


def scans(source: Path) -> list[int]:
    """`scanned_pages`: on its own, since a document made to harm ends this process, and its marks can be looked for all the same."""
    from services.inference.pdf.scans import scanned_pages

    return scanned_pages(source)
