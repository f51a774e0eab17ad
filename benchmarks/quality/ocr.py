"""Text recognition on scans: characters and words read from pages drawn by script, compared with their actual text."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality._ocr_scans import Scan, groups
from benchmarks.table import Section
from deploy.local.scratch.triton import running
from services.inference.model_server.triton import Patience, connect
from services.inference.ocr.recognition import Recogniser

_MODELS = Path(__file__).resolve().parents[2] / ".cache" / "models"
_FINDS, _READS = "ppocr_det", "ppocr_rec"


def measure() -> Sequence[Section]:
    """One table: the topics of the scans, by part."""
    section = Section(
        "Text of scans",
        "Pages of known text in English, German and French, drawn by ReportLab and PDFium in Helvetica, Times and Courier (*seen*), "
        "or other text by Pillow in Bitstream Vera, upright, bold and slanted (*once held out*); at 10 points and 200 dots an inch where "
        "not said otherwise, on gray paper, a little askew and out of focus, with noise, as JPEG. *Character error*: the fewest "
        "characters to insert, delete or change, of the text in the order of reading. *Words*: those of the page that were read "
        "exactly, punctuation included. The networks of `redraw-pdf`, PP-OCRv6 (small).",
        ("scans", "about", "pages", "character error", "words"),
    )
    with tempfile.TemporaryDirectory(prefix="darkroom-quality-") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        for model in (_FINDS, _READS):
            (folder / "models" / model).symlink_to(_MODELS / model)
        with running(folder / "models", folder / "log") as server:
            read = asyncio.run(_read(server.address))
    for part in ("seen", "once held out"):
        of_part = [scores for (its_part, _), scores in read.items() if its_part == part]
        for (its_part, about), scores in read.items():
            if its_part == part:
                section.rows.append(_row(part, about, scores))
        section.rows.append(_row(f"**{part}**", "all", [score for scores in of_part for score in scores]))
    section.remarks = (
        "No other program that reads text is installed here, so none stands beside it. No threshold was chosen on either part; "
        "that lines of pages askew are put in order by their common tilt was added after both had shown that it was wanting. "
        "What is left is the German opening quotation mark („), which the network did not read once."
    )
    return [section]


async def _read(address: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Character error rate and share of correct words of each scan."""
    async with connect(address, Patience(60, 300, 600), 64 << 20) as triton:
        recogniser = Recogniser(triton.model(_FINDS), triton.model(_READS), lambda: None)
        return {key: [await _scored(scan, recogniser) for scan in scans] for key, scans in groups().items()}


async def _scored(scan: Scan, recogniser: Recogniser) -> tuple[float, float]:
    pixels, truth = scan.make()
    text = " ".join(" ".join(found.reading.text for found in await recogniser.text(pixels)).split())
    words = Counter(truth.split())
    return distance(text, truth) / len(truth), (words & Counter(text.split())).total() / words.total()


def distance(one: str, other: str) -> int:
    """Levenshtein distance, computed by rows of the Wagner–Fischer table (https://doi.org/10.1145/321796.321811)."""
    letters = np.array([ord(letter) for letter in other])
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for number, letter in enumerate(one, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        # An insertion adds one to the cell on the left: a running minimum, after subtracting each cell's column.
        row = np.minimum.accumulate(np.concatenate(([number], best)) - steps) + steps
    return int(row[-1])


def _row(part: str, about: str, scores: Sequence[tuple[float, float]]) -> Sequence[str]:
    errors, words = zip(*scores, strict=True)
    return part, about, str(len(scores)), f"{statistics.fmean(errors):.2%}", f"{statistics.fmean(words):.1%}"
