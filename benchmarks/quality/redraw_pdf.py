"""Marks on scanned pages, drawn by script: each as `redraw_pdf` cleans it, against the same scan without the mark."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks import onnx_models
from benchmarks.quality._scan_set.scans import PARTS, Scan, scans
from benchmarks.quality._scan_set.sheets import Pixels
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.ocr.detection import network_input, text_map
from services.inference.watermark.removal import Watching, remove_found, searchable
from services.inference.watermark.text import find_text

_NETWORK, _THREADS = "ppocr_det", 2
_WATCHING = Watching(lambda _: None, lambda: None)
_COVERED, _TOUCHED = 0.3, 0.02  # cover of a pixel that counts as the mark's, and that it may have at the most to count as not
_NEAR = 9  # pixels around the mark in which changes are allowed
_SOFT, _SOFTER = (5, 5), (15, 15)
_VISIBLE, _FRAGMENT = 10.0, 8.0  # levels between two softened pages that the eye tells apart
_CLEAN_RESIDUAL, _CLEAN_LEFT, _CLEAN_ELSEWHERE = 10.0, 0.02, 0.002
_METHOD = (
    "Pages of A4 with text, tables with shaded cells and photographs, drawn by ReportLab and PDFium, then on uneven paper, out of focus, "
    "up to a degree askew, with noise, as JPEG of quality 70 to 92, at 150 and 200 dpi. *Residual*: mean difference from the same scan "
    "without its mark where the mark is, in levels, both softened by 5 pixels. *Left*: share of the mark's pixels that differ by more "
    "than 8 levels when softened by 15 pixels, as fragments do and thinner print does not. *Elsewhere*: share of the page that differs by "
    "more than 10 levels before and after, farther than 4 pixels from the mark. *Clean*: residual at most 10, left at most 2 %, elsewhere "
    "at most 0.2 %: limits set by looking at the seen pages. Held out are other fonts, words, colours, texts and photographs, and a framed "
    "stamp. A line in the foot of a page is not a mark that can be told from the page's own, and counts as not clean."
)


@dataclass(frozen=True, slots=True)
class Score:
    """How a page looks afterwards."""

    before: float
    residual: float
    left: float
    elsewhere: float
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether the eye sees no mark, and nothing else that is gone."""
        return self.residual <= _CLEAN_RESIDUAL and self.left <= _CLEAN_LEFT and self.elsewhere <= _CLEAN_ELSEWHERE


def measure() -> Sequence[Section]:
    """Marked pages by kind of mark, and pages without."""
    marked = Section(
        "Marks on scanned pages", _METHOD, ("pages", "mark", "number", "clean", "residual before", "after", "left", "elsewhere")
    )
    unmarked = Section("Scanned pages without a mark", "Changes on them are false.", ("pages", "number", "changed"))
    seconds: list[float] = []
    for part in PARTS:
        scores: dict[str, list[Score]] = defaultdict(list)
        changed = []
        for scan in scans(part):
            started = time.perf_counter()
            result = cleaned(scan)
            seconds.append(time.perf_counter() - started)
            if scan.mark:
                scores[scan.mark].append(scored(scan, result, seconds[-1]))
            else:
                changed.append(bool((result != scan.seen).any()))
        for mark, of_mark in scores.items():
            marked.rows.append(_row(part.name, mark, of_mark))
        marked.rows.append(_row(f"**{part.name}**", "all", [score for of_mark in scores.values() for score in of_mark]))
        unmarked.rows.append((part.name, str(len(changed)), str(sum(changed))))
    marked.remarks = (
        f"{np.mean(seconds):.1f} s a page, on a machine that may have had other work to do. The "
        "held-out pages were looked at once before: shaded rows of a table went with a mark, and are now told by their length."
    )
    return [marked, unmarked]


def scored(scan: Scan, result: Pixels, seconds: float) -> Score:
    """A marked page against the same without."""
    inside = scan.cover > _COVERED
    seen, clean, after = (cv2.blur(page, _SOFT).astype(np.float32) for page in (scan.seen, scan.clean, result))
    before, residual = (np.abs(page - clean).mean(axis=2)[inside] for page in (seen, after))
    softer = np.abs(cv2.blur(result, _SOFTER).astype(np.float32) - cv2.blur(scan.clean, _SOFTER)).mean(axis=2)[inside]
    outside = cv2.dilate((scan.cover > _TOUCHED).astype(np.uint8), np.ones((_NEAR, _NEAR), np.uint8)) == 0
    elsewhere = float(((np.abs(after - seen).mean(axis=2) > _VISIBLE) & outside).mean())
    return Score(float(before.mean()), float(residual.mean()), float((softer > _FRAGMENT).mean()), elsewhere, seconds)


def cleaned(scan: Scan) -> Pixels:
    """The page as `redraw_pdf` puts it back."""
    pixels = searchable(scan.seen)
    if pixels is None:
        return scan.seen
    text = text_map(onnx_models.run(_NETWORK, network_input(pixels), _THREADS), *pixels.shape[:2])
    result, _ = remove_found(Image(scan.seen), pixels, lambda seen: find_text(seen, text), None, _WATCHING)
    return np.asarray(result.pixels, np.uint8)


def _row(part: str, mark: str, scores: Sequence[Score]) -> Sequence[str]:
    before, after, left, elsewhere = (
        float(np.mean([getattr(score, name) for score in scores])) for name in ("before", "residual", "left", "elsewhere")
    )
    clean = f"{sum(score.is_clean for score in scores)}"
    return part, mark, str(len(scores)), clean, f"{before:.1f}", f"{after:.1f}", f"{left:.1%}", f"{elsewhere:.2%}"
