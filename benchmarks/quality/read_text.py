"""Text in pictures: characters read wrong, beside RapidOCR with the same networks."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks import onnx_models
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._text_scenes import ABOUT, PARTS, SEED, TEXTS, Scene, scenes
from benchmarks.quality._theme_photographs import PUBLIC_DOMAIN
from benchmarks.quality._upscale_inputs import ROOT, Pixels8
from benchmarks.quality.ocr import distance, missed
from benchmarks.table import Section
from services.inference.ocr.contrast import stretch_contrast
from services.inference.ocr.finding import Finding, found_lines
from services.inference.ocr.recognition import Recogniser
from services.inference.ocr.telling import text_reply

_THREADS = 2
_MAY_BE_SHOWN = frozenset({"", "astronaut.png", "chelsea.png", "coffee.png", *(name for _, name in PUBLIC_DOMAIN)})
"""Photographs in the public domain, or under CC0."""
_RIVAL = """
import json, sys, logging
from pathlib import Path
logging.disable(logging.CRITICAL)
from rapidocr import RapidOCR
engine = RapidOCR()
said = {}
for file in sorted(Path(sys.argv[1]).glob("*.png")):
    found = engine(str(file))
    said[file.stem] = " ".join(found.txts or ())
json.dump(said, open(sys.argv[2], "w"))
"""


def measure() -> Sequence[Section]:
    """One table: circumstances and languages, by part."""
    section = Section(
        "Text in pictures",
        f"Three lines of text in each of {len(TEXTS)} languages ({', '.join(TEXTS)}), drawn by Pillow, 20 to 44 pixels high, a little out "
        "of focus, with noise, as JPEG: in DejaVu Sans and Roboto (*seen*), or in Caladea, upright and bold italic, over other photographs "
        "(*once held out*: the results had been looked at), with Chinese and Japanese in Noto Sans. Those *held out* have other sentences, "
        "in Source Serif, Manrope, ZCOOL XiaoWei and Sawarabi Mincho, over photographs of web themes; sentences, places, sizes, angles, "
        f"noise and blur are drawn by the seed {SEED}, which was first used for this table. *Character error*: the fewest characters to "
        "insert, delete or change, of the text in the order of reading, without spaces in Chinese and Japanese, and with wide signs as "
        "narrow ones. `about-bg.jpg`, behind the German and the Chinese text *held out*, shows a camera, maps and books whose own words "
        "count as wrong. RapidOCR runs the same networks (PP-OCRv6, small) with its own detection of lines and its own order.",
        ("pictures", "about", "number", "fast", "balanced", "best", "RapidOCR"),
    )
    every = list(scenes())
    rival = _of_rival(every)
    own = {finding: asyncio.run(_read(every, finding)) for finding in Finding}
    columns = [*own.values(), rival]
    scores = [[_error(said, scene) for scene, said in zip(every, column, strict=True)] for column in columns]
    for part in PARTS:
        for about in ABOUT:
            section.rows.append(_row(part, about, [n for n, each in enumerate(every) if (each.part, each.about) == (part, about)], scores))
        for language in TEXTS:
            chosen = [n for n, each in enumerate(every) if (each.part, each.language) == (part, language)]
            section.rows.append(_row(part, language, chosen, scores))
        section.rows.append(_row(f"**{part}**", "all", [n for n, each in enumerate(every) if each.part == part], scores))
    worst = sorted(range(len(every)), key=lambda n: -scores[1][n])[:5]
    cases = "; ".join(f"{every[n].language}, {every[n].about} ({every[n].part}): {scores[1][n]:.0%}" for n in worst)
    section.remarks = f"The worst of `balanced`: {cases}."
    shown = [_case(each, columns[1][n], scores[1][n]) for n, each in enumerate(every) if each.photograph in _MAY_BE_SHOWN]
    show_worst(section, "read_text", "laid down if on end, with the errors of `balanced`", shown, columns=2)
    return [section]


def _case(scene: Scene, said: str, error: float) -> Case:
    pixels = scene.pixels[1200:1620, 500:1260] if scene.about == ABOUT[-1] else scene.pixels
    laid = np.rot90(pixels) if pixels.shape[0] > pixels.shape[1] else pixels
    words = missed(_plain(said, scene.language), _plain(scene.truth, scene.language))
    return Case(error, f"{scene.language}, {scene.about} ({scene.part}): {error:.0%}{words}", [np.ascontiguousarray(laid)])


async def _read(every: Sequence[Scene], finding: Finding) -> list[str]:
    recogniser = Recogniser(_Network("ppocr_det"), _Network("ppocr_rec"), lambda: None)
    said = []
    for scene in every:
        pixels = stretch_contrast(scene.pixels)
        found = await recogniser.legible(pixels, await found_lines(recogniser, pixels, finding))
        said.append(str(text_reply(found, "auto")["text"]))
    return said


class _Network:
    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, pictures: Pixels8) -> Pixels8:
        return await asyncio.to_thread(onnx_models.run, self._name, pictures, _THREADS)


def _of_rival(every: Sequence[Scene]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="darkroom-quality-") as name:
        folder = Path(name)
        for number, scene in enumerate(every):
            cv2.imwrite(str(folder / f"{number:04}.png"), scene.pixels[..., ::-1])
        python = ROOT / ".venv-bench" / "bin" / "python"
        subprocess.run([python, "-c", _RIVAL, folder, folder / "said.json"], check=True, capture_output=True, timeout=1800)
        said = json.loads((folder / "said.json").read_text())
    return [said[f"{number:04}"] for number in range(len(every))]


def _error(said: str, scene: Scene) -> float:
    one, other = (_plain(text, scene.language) for text in (said, scene.truth))
    return min(1.0, distance(one, other) / len(other))


def _plain(text: str, language: str) -> str:
    words = unicodedata.normalize("NFKC", text).split()
    return ("" if language in ("zh", "ja") else " ").join(words)


def _row(part: str, about: str, chosen: Sequence[int], scores: Sequence[Sequence[float]]) -> Sequence[str]:
    return part, about, str(len(chosen)), *(f"{statistics.fmean(column[n] for n in chosen):.1%}" for column in scores)
