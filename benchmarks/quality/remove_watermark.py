"""Removing watermarks from pictures: marks of known colour and opacity on photographs, and pictures that only seem to have one."""

from __future__ import annotations

import multiprocessing
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._mark_set.case import Case
from benchmarks.quality._sheet import sheet
from benchmarks.quality._theme_photographs import PUBLIC_DOMAIN
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes, searchable
from services.inference.watermark.report import Report

_ROOT = Path(__file__).resolve().parents[2]
_PRODUCERS = _ROOT / ".venv-bench" / "bin" / "python"
_SEED = 53206155
"""Of the held-out part; a new one after each change to the code."""
_PAINT, _THREADS = "mark_paint", 1
_WATCHING = Watching(lambda _: None, lambda: None)
_WORSE = -0.1  # dB
_WORST = 10
_SHOWN = {Path(name).stem for _, name in PUBLIC_DOMAIN} | {"chelsea", "gravel", "ihc", "moon", "hubble_deep_field", "grace_hopper"}
"""Photographs that are in the public domain or under CC0, parts of which may stand in the docs."""
_WORST_IMAGE = "worst-remove-watermark.webp"
_AROUND = 16  # pixels of a picture that are shown around a mark
_METHOD = (
    "100 marks held out, by `benchmarks/quality/_mark_set` with seed {seed}: on 28 photographs of web themes, 480 to 1600 pixels wide, "
    "by Pillow and Skia, opacity 0.1 to 1, then JPEG of quality 75 to 96 or none. Nothing was tuned on the photographs, fonts and words, "
    "nor were these pictures looked at. *Known* is told colour and opacity of every pixel, and un-blends or, from 0.9 on, fills by "
    "Telea's method. *Share* is the gain in PSNR inside the mark as a share of what *known* gains on the same picture, median over "
    "pictures; in brackets the mean gain in dB. *Found*: anything was changed. *In part*: it was changed, but a fifth of the mark, by "
    "energy, is in blocks of 16 pixels in which more than half of its contrast to the clean photograph is left. *Worse*: the PSNR inside "
    "the mark fell by more than 0.1 dB. *Outside the mask*: a pixel differs that is not in the reported mask nor next to it. *Outside "
    "the mark*: a pixel that is more than four pixels away from the true mark differs by more than two levels. A box is what a person "
    "may draw: up to 40 % wider than the mark on each side. Processor only, `mark_paint`, no inpainting network."
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Result:
    """What one way to remove marks did to one picture."""

    gain: float
    share: float
    """Of what is possible."""
    found: bool
    in_part: bool
    worse: bool
    outside_mask: bool
    outside_mark: bool

    @classmethod
    def of(cls, case: Case, result: Pixels, report: Report, bound: float) -> _Result:
        """What became of a marked picture; `bound` is the gain that is possible."""
        gain, changed = case.gain(result), (result != case.picture).any(axis=2)
        mask = np.zeros(changed.shape, np.uint8) if report.mask is None else report.mask.astype(np.uint8)
        outside = bool((changed & (cv2.dilate(mask, np.ones((3, 3), np.uint8)) == 0)).any())
        found, share = bool(changed.any()), gain / bound
        return cls(gain, share, found, case.in_part(result), gain < _WORSE, outside, case.changed_elsewhere(result))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A picture's results. Of one without a mark, only whether it was changed."""

    what: str
    changed: bool = False
    cells: Sequence[str] = ()
    results: Mapping[str, _Result] = field(default_factory=dict)
    shown: Sequence[Pixels] = ()
    """The mark, what is left of it, and the photograph, if that may be shown."""


def measure() -> Sequence[Section]:
    """A table of marks, the shares by kind, their worst ten, and one of pictures without a mark."""
    if not _PRODUCERS.exists():
        raise SystemExit("The producers are not installed: python3 deploy/setup.py bench")
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool() as pool:
        subprocess.run([_PRODUCERS, "-m", "benchmarks.quality._mark_set", folder, "--seed", str(_SEED)], cwd=_ROOT, check=True)
        judged = pool.map(_judge, sorted(Path(folder).glob("*.npz")), 1)
    return sections(judged)


def sections(judged: Sequence[_Judged]) -> Sequence[Section]:
    """The tables of some pictures."""
    marked = [each for each in judged if each.results]
    counts = ["pictures", "share of known (gain)", "found", "in part", "worse", "outside the mask", "outside the mark"]
    marks = Section("Removing watermarks from pictures", _METHOD.format(seed=_SEED), ["marks", *counts])
    by_kind = Section(
        "Removing watermarks from pictures: by kind",
        "The same held-out pictures: share of known (gain), and how many of them were removed in part.",
        ["mark", "pictures", *(f"{way}{what}" for way in _WAYS for what in ("", ", in part"))],
    )
    for way in _WAYS:
        results = [each.results[way] for each in marked]
        numbers = ((each.found, each.in_part, each.worse, each.outside_mask, each.outside_mark) for each in results)
        marks.rows.append([f"held out, {way}", str(len(results)), _share(results), *(str(sum(of)) for of in zip(*numbers, strict=True))])
    for what in sorted({each.what for each in marked}):
        of_kind = [each for each in marked if each.what == what]
        cells = []
        for way in _WAYS:
            results = [each.results[way] for each in of_kind]
            cells += [_share(results), str(sum(each.in_part for each in results))]
        by_kind.rows.append([what, str(len(of_kind)), *cells])
    return [marks, by_kind, _worst(marked), _unmarked([each for each in judged if not each.results])]


def _share(results: Sequence[_Result]) -> str:
    return f"{np.median([each.share for each in results]):.2f} ({np.mean([each.gain for each in results]):.1f})"


def _judge(path: Path) -> _Judged:
    """One picture of the set, with a mark or without."""
    cv2.setNumThreads(1)
    case = Case.load(path)
    if case.clean is None:
        return _Judged(case.what, bool((_unasked(case)[0] != case.picture).any()))
    assert case.opacity is not None
    made = {way: remove(case) for way, remove in _WAYS.items()}
    bound = case.bound
    results = {way: _Result.of(case, *result, bound) for way, result in made.items()}
    cells = [case.what, case.name, f"{case.opacity.max():.2f}", f"{results[_BOX].gain:.1f}", f"{bound:.1f}"]
    return _Judged(case.what, True, cells, results, _around(case, made[_BOX][0]) if case.name in _SHOWN else [])


def _worst(marked: Sequence[_Judged]) -> Section:
    section = Section(
        "Removing watermarks from pictures: the worst",
        "The held-out marks of which the smallest share is gone in a box.",
        ["mark", "photograph", "opacity", "gain with a box", "known"],
    )
    lowest = sorted(marked, key=lambda each: each.results[_BOX].share)
    section.rows.extend(each.cells for each in lowest[:_WORST])
    if shown := [each for each in lowest if each.shown][:_WORST]:
        says = "The worst of the photographs that may be shown, with the mark, as left, and without: "
        says += ", ".join(f"{each.cells[0]} on {each.cells[1]}" for each in shown)
        section.images[_WORST_IMAGE] = says, sheet([each.shown for each in shown])
    return section


def _around(case: Case, result: Pixels) -> list[Pixels]:
    """The part with the mark: as it is, as it was left, and without the mark."""
    assert case.box is not None
    assert case.clean is not None
    window = case.box.grown(_AROUND, case.picture.shape[1], case.picture.shape[0]).window
    return [picture[window].copy() for picture in (case.picture, result, case.clean)]


def _unmarked(judged: Sequence[_Judged]) -> Section:
    section = Section(
        "Pictures without a watermark",
        f"Held-out pictures without a mark, by seed {_SEED}: what Darkroom changes without being told where. Any change is a false one.",
        ["pictures", "held out", "changed"],
    )
    for what in dict.fromkeys(each.what for each in judged):
        changed = [each.changed for each in judged if each.what == what]
        section.rows.append([what, str(len(changed)), str(sum(changed))])
    section.rows.append(["all", str(len(judged)), str(sum(each.changed for each in judged))])
    return section


def _ask(shown: Pixels) -> Pixels:
    return onnx_models.run(_PAINT, shown, _THREADS)


def _unasked(case: Case) -> tuple[Pixels, Report]:
    pixels = searchable(case.picture)
    if pixels is None:
        return case.picture, Report()
    result, report = remove_found(Image(case.picture), pixels, _ask, None, _WATCHING)
    return np.asarray(result.pixels, np.uint8), report


def _in_box(case: Case) -> tuple[Pixels, Report]:
    assert case.box is not None
    result, report = remove_in_boxes(Image(case.picture), [case.box], _ask, None, _WATCHING)
    return np.asarray(result.pixels, np.uint8), report


_BOX = "box"
_WAYS = {_BOX: _in_box, "no box": _unasked}
