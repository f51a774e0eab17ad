"""Text recognition on scans: characters and words read from pages drawn by script, compared with their actual text."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality._ocr_scans import PARTS, SEED, Scan, groups
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.table import Section
from deploy.local.scratch.triton import running
from services.inference.model_server.triton import Patience, connect
from services.inference.ocr.recognition import Recogniser

_MODELS = Path(__file__).resolve().parents[2] / ".cache" / "models"
_FINDS, _READS = "ppocr_det", "ppocr_rec"
_NAMED = 3
"""Words that are named at most."""

_Scored = tuple[float, float, Case]
"""Character error rate, share of correct words, and the page for the sheet."""


def measure() -> Sequence[Section]:
    """One table: the topics of the scans, by part."""
    section = Section(
        "Text of scans",
        "Pages of known text in English, German and French, drawn by ReportLab and PDFium in Helvetica, Times and Courier (*seen*), "
        "or other text by Pillow in Bitstream Vera, upright, bold and slanted (*once held out*); at 10 points and 200 dots an inch where "
        "not said otherwise, on gray paper, a little askew and out of focus, with noise, as JPEG. Those *held out* are drawn by Pillow in "
        "Hanken Grotesk, slanted Source Serif and bold Caladea, each page with its own sentences, and with an angle, noise and quality up "
        f"to a quarter more or less, all drawn by the seed {SEED}, which was first used for this table. *Character error*: the fewest "
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
    for part in PARTS:
        of_part = [scores for (its_part, _), scores in read.items() if its_part == part]
        for (its_part, about), scores in read.items():
            if its_part == part:
                section.rows.append(_row(part, about, scores))
        section.rows.append(_row(f"**{part}**", "all", [score for scores in of_part for score in scores]))
    section.remarks = (
        "No other program that reads text is installed here, so none stands beside it. No threshold was chosen on any part; that lines of "
        "pages askew are put in order by their common tilt was added after the first two had shown that it was wanting. In both, only the "
        "German opening quotation mark („) was left, which the network did not read once."
    )
    show_worst(section, "ocr", "as scanned", [case for scores in read.values() for *_, case in scores], columns=2)
    return [section]


async def _read(address: str) -> dict[tuple[str, str], list[_Scored]]:
    """The scans of each part and topic."""
    async with connect(address, Patience(60, 300, 600), 64 << 20) as triton:
        recogniser = Recogniser(triton.model(_FINDS), triton.model(_READS), lambda: None)
        return {key: [await _scored(key, scan, recogniser) for scan in scans] for key, scans in groups().items()}


async def _scored(key: tuple[str, str], scan: Scan, recogniser: Recogniser) -> _Scored:
    pixels, truth = scan.make()
    text = " ".join(" ".join(found.reading.text for found in await recogniser.text(pixels)).split())
    words, error = Counter(truth.split()), distance(text, truth) / len(truth)
    case = Case(error, f"{key[1]} ({key[0]}): {error:.2%}{missed(text, truth)}", [pixels])
    return error, (words & Counter(text.split())).total() / words.total(), case


def missed(said: str, truth: str) -> str:
    """Some of the words that were not read, to stand behind a character error."""
    words = list(Counter(truth.split()) - Counter(said.split()))
    return f", not read: {' '.join(words[:_NAMED])}{' …' if len(words) > _NAMED else ''}" if words else ""


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


def _row(part: str, about: str, scores: Sequence[_Scored]) -> Sequence[str]:
    errors, words, _ = zip(*scores, strict=True)
    return part, about, str(len(scores)), f"{statistics.fmean(errors):.2%}", f"{statistics.fmean(words):.1%}"
