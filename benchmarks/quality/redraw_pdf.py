"""Marks on scanned pages, drawn by script: each as `redraw_pdf` cleans it, against the same scan without the mark."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from benchmarks import onnx_models
from benchmarks.quality._scan_set.scans import HELD_OUT, ONCE_HELD_OUT, PARTS, Scan, scans
from benchmarks.quality._scan_set.sheets import Pixels
from benchmarks.quality._sheet import sheet
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.ocr.recognition import Recogniser
from services.inference.redraw.stamped import stamped_lines
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_found, searchable

_FINDS, _READS, _PAINT, _THREADS = "ppocr_det", "ppocr_rec", "mark_paint", 2
_WATCHING = Watching(lambda _: None, lambda: None)
_COVERED, _TOUCHED = 0.3, 0.02  # cover of a pixel that counts as the mark's, and that it may have at the most to count as not
_NEAR = 9  # pixels around the mark in which changes are allowed
_SOFT, _SOFTER = (5, 5), (15, 15)
_VISIBLE, _FRAGMENT = 10.0, 8.0  # levels between two softened pages that the eye tells apart
_NAMED = 0.8  # of a mark, in the boxes of the notices
_WORST, _WORST_IMAGE = 10, "worst-redraw-pdf.webp"
_PART = (360, 200)  # pixels, across and down, of a page in the docs
_CLEAN_RESIDUAL, _CLEAN_LEFT, _CLEAN_ELSEWHERE = 10.0, 0.02, 0.002
_METHOD = (
    "Pages of A4 with text, tables with shaded cells and photographs, drawn by ReportLab and PDFium, then on uneven paper, out of focus, "
    "up to a degree askew, with noise, as JPEG of quality 70 to 92, at 150 and 200 dpi. *Residual*: mean difference from the same scan "
    "without its mark where the mark is, in levels, both softened by 5 pixels. *Left*: share of the mark's pixels that differ by more "
    "than 8 levels when softened by 15 pixels, as fragments do and thinner print does not. *Elsewhere*: share of the page that differs by "
    "more than 10 levels before and after, farther than 4 pixels from the mark. *Clean*: residual at most 10, left at most 2 %, elsewhere "
    "at most 0.2 %: limits set by looking at the seen pages. *Words read*: of those that PP-OCRv6 reads on the scan without its mark. "
    "*Refused*: the page is as it was, and a notice says where the mark is, and why it stays, as with a line in the foot."
)
_SETS = (
    "The second set, of other fonts, words, colours, texts and photographs, was held out until most of what fails there was mended. The "
    "third has others again, and charts; it was held out until marks no longer grew into pictures. Then words that go on in a picture were "
    "kept, and lines of the margins were found. The last two have words, fonts, colours and places that seeds draw: "
    f"{ONCE_HELD_OUT} (*once held out*) and {HELD_OUT} (*held out*)."
)


@dataclass(frozen=True, slots=True)
class Score:
    """How a page looks afterwards."""

    before: float
    residual: float
    remaining: float
    elsewhere: float
    seconds: float
    words_before: float
    """Share of the words that are read on the page without the mark, which are read with it."""
    words: float
    """The same after the mark was removed."""
    is_refused: bool
    """Whether it stays as it was, and a notice says where it is and why."""

    @property
    def is_clean(self) -> bool:
        """Whether the eye sees no mark, and nothing else that is gone."""
        return self.residual <= _CLEAN_RESIDUAL and self.remaining <= _CLEAN_LEFT and self.elsewhere <= _CLEAN_ELSEWHERE


def measure() -> Sequence[Section]:
    """Marked pages by kind of mark, and pages without."""
    marked = Section(
        "Marks on scanned pages",
        _METHOD,
        ("pages", "mark", "number", "clean", "refused", "residual before", "after", "left", "elsewhere", "words read before", "after"),
    )
    unmarked = Section("Scanned pages without a mark", "Changes on them are false.", ("pages", "number", "changed"))
    seconds: list[float] = []
    worst: list[tuple[float, str, list[Pixels]]] = []
    for part in PARTS:
        scores: dict[str, list[Score]] = defaultdict(list)
        changed = []
        for scan in scans(part):
            started = time.perf_counter()
            result, told = clean_page(scan)
            seconds.append(time.perf_counter() - started)
            if scan.mark:
                score = score_page(scan, result, told, seconds[-1])
                scores[scan.mark].append(score)
                if part is PARTS[-1]:
                    worst.append((score.remaining, scan.mark, _worst_part(scan, result)))
            else:
                changed.append(bool((result != scan.picture).any()))
        for mark, of_mark in scores.items():
            marked.rows.append(_row(part.name, mark, of_mark))
        marked.rows.append(_row(f"**{part.name}**", "all", [score for of_mark in scores.values() for score in of_mark]))
        unmarked.rows.append((part.name, str(len(changed)), str(sum(changed))))
    marked.remarks = f"{np.mean(seconds):.1f} s a page, on a machine that may have had other work to do. {_SETS}"
    worst = sorted(worst, key=lambda each: -each[0])[:_WORST]
    says = "The worst held-out pages, where most is left, with the mark, as left, and without: " + ", ".join(mark for _, mark, _ in worst)
    marked.images[_WORST_IMAGE] = says, sheet([pictures for _, _, pictures in worst])
    return [marked, unmarked]


def _worst_part(scan: Scan, result: Pixels) -> list[Pixels]:
    """The part of a page where most of the mark is left: with the mark, as left, and without."""
    away = np.abs(cv2.blur(result, _SOFTER).astype(np.float32) - cv2.blur(scan.clean, _SOFTER)).mean(axis=2)
    left = ((away > _FRAGMENT) & (scan.cover > _COVERED)).astype(np.float32)
    row, column = np.unravel_index(cv2.blur(left, _PART).argmax(), left.shape)
    across, down = _PART
    top = min(max(0, int(row) - down // 2), left.shape[0] - down)
    start = min(max(0, int(column) - across // 2), left.shape[1] - across)
    return [page[top : top + down, start : start + across].copy() for page in (scan.picture, result, scan.clean)]


def score_page(scan: Scan, result: Pixels, told: Sequence[Box], seconds: float) -> Score:
    """A marked page against the same without."""
    inside = scan.cover > _COVERED
    seen, clean, after = (cv2.blur(page, _SOFT).astype(np.float32) for page in (scan.picture, scan.clean, result))
    before, residual = (np.abs(page - clean).mean(axis=2)[inside] for page in (seen, after))
    softer = np.abs(cv2.blur(result, _SOFTER).astype(np.float32) - cv2.blur(scan.clean, _SOFTER)).mean(axis=2)[inside]
    outside = cv2.dilate((scan.cover > _TOUCHED).astype(np.uint8), np.ones((_NEAR, _NEAR), np.uint8)) == 0
    elsewhere = float(((np.abs(after - seen).mean(axis=2) > _VISIBLE) & outside).mean())
    words, *read = (_words(page) for page in (scan.clean, scan.picture, result))
    shares = [(words & others).total() / max(1, words.total()) for others in read]
    named = np.zeros(inside.shape, np.bool_)
    for box in told:
        named[box.window] = True
    refused = bool(named[inside].mean() > _NAMED and not (result != scan.picture).any(axis=2)[inside].any())
    return Score(
        float(before.mean()), float(residual.mean()), float((softer > _FRAGMENT).mean()), elsewhere, seconds, shares[0], shares[1], refused
    )


def _reader() -> Recogniser:
    return Recogniser(onnx_models.picture_model(_FINDS, _THREADS), onnx_models.picture_model(_READS, _THREADS), lambda: None)


def _words(page: Pixels) -> Counter[str]:
    """What is read on a page."""
    return Counter(word for found in asyncio.run(_reader().text(page)) for word in found.reading.text.split())


def clean_page(scan: Scan) -> tuple[Pixels, list[Box]]:
    """The page as `redraw_pdf` puts it back, and where a notice says that there is a mark that it kept."""
    pixels = searchable(scan.picture)
    if pixels is None:
        return scan.picture, []
    ask = partial(onnx_models.run, _PAINT, threads=_THREADS)
    result, report = remove_found(Image(scan.picture), pixels, ask, None, _WATCHING)
    stamped = asyncio.run(stamped_lines(_reader(), scan.picture))
    return np.asarray(result.pixels, np.uint8), [mark.box for mark in (*report.kept_marks, *stamped)]


def _row(part: str, mark: str, scores: Sequence[Score]) -> Sequence[str]:
    names = "before", "residual", "remaining", "elsewhere", "words_before", "words"
    before, after, left, elsewhere, words_before, words = (float(np.mean([getattr(score, name) for score in scores])) for name in names)
    clean, refused = (str(sum(getattr(score, name) for score in scores)) for name in ("is_clean", "is_refused"))
    shares = f"{left:.1%}", f"{elsewhere:.2%}", f"{words_before:.1%}", f"{words:.1%}"
    return part, mark, str(len(scores)), clean, refused, f"{before:.1f}", f"{after:.1f}", *shares
