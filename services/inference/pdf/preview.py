"""A picture that shows people the effect of the removal: the original page, with its marks framed, next to the page without them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from services.inference.pdf.rendering import POINTS, open_document, render_unrotated, visible
from services.inference.pdf.report import Finding, Report

_DPI = 100.0
_LONGEST = 1600  # pixels a side of one page
_GAP = 12
_GROUND, _REMOVED, _KEPT = (96, 96, 96), (220, 30, 30), (235, 150, 0)
_MARGIN = 4


def draw_preview(source: Path, cleaned: Path, report: Report, target: Path) -> int:
    """Write a PNG of the first page with a removed mark, else with a kept one, else of page 1, to `target`; returns the page number.

    On the left is the page of `source`, with frames around marks whose place is known: red for removed ones, orange for kept ones; on the
    right is the page of `cleaned`. Not rotated, 100 dots per inch, a page at most 1,600 pixels a side.
    """
    number = next((finding.page for finding in (*report.removed_findings, *report.kept_findings)), 1)
    with open_document(source) as before, open_document(cleaned) as after:
        left, bottom, right, top = visible(before[number - 1])
        scale = min(_DPI / POINTS, _LONGEST / max(right - left, top - bottom))
        pages = [Image.fromarray(render_unrotated(each[number - 1], scale)) for each in (before, after)]
    draw = ImageDraw.Draw(pages[0])
    for findings, colour in ((report.removed_findings, _REMOVED), (report.kept_findings, _KEPT)):
        for box in _boxes(findings, number):
            x1, y1, x2, y2 = (box[0] - left) * scale, (top - box[3]) * scale, (box[2] - left) * scale, (top - box[1]) * scale
            draw.rectangle((x1 - _MARGIN, y1 - _MARGIN, x2 + _MARGIN, y2 + _MARGIN), outline=colour, width=3)
    both = Image.new("RGB", (sum(each.width for each in pages) + _GAP, max(each.height for each in pages)), _GROUND)
    both.paste(pages[0], (0, 0))
    both.paste(pages[1], (pages[0].width + _GAP, 0))
    both.save(target, "PNG")
    return number


def _boxes(findings: Sequence[Finding], page: int) -> list[tuple[float, float, float, float]]:
    return [finding.box for finding in findings if finding.page == page and finding.box is not None]
