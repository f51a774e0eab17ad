"""Removing watermarks from pictures: photographs marked by three libraries, and pictures that only look as if they had a mark."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._upscale_scores import psnr_in_colour
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.ocr.detection import network_input, text_map
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes, searchable
from services.inference.watermark.text import find_text

_ROOT = Path(__file__).resolve().parents[2]
_PRODUCERS, _NETWORK = _ROOT / ".venv-bench" / "bin" / "python", _ROOT / ".venv-triton" / "bin" / "python"
_MODEL = _ROOT / ".cache" / "models" / "ppocr_det" / "1" / "model.onnx"
_WATCHING = Watching(lambda _: None, lambda: None)
_RIM = 9  # pixels: closer to a mark than this, changes are allowed
_GAIN = 1.0  # dB of gain from which a mark counts as removed
_METHOD = (
    "Photographs of scikit-image and scikit-learn, at most 640 pixels wide, marked by Pillow, libvips and Skia with known opacity "
    "(0.3 to 1) and colour, then JPEG of quality 75 to 92. PSNR against the clean photograph where the mark covers it, in dB; *removed* "
    "counts marks after which it is at least 1 dB higher; *changed elsewhere* is the mean share of pixels farther than 4 from the mark. "
    "Held out: six photographs, Skia, and the fonts Caladea and Fredoka One; their results were looked at while thresholds were chosen, so "
    "they are not blind. The oracles are told which pixels a mark covers; boxes "
    "fit the mark with 1.5 % of margin, and are no sensible way to give a tiled one. Processor only, PP-OCRv6 small, no inpainting network."
)

Pixels = npt.NDArray[np.uint8]
Tool = Callable[["_Case"], Pixels]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    what: str
    held_out: bool
    picture: Pixels
    text: npt.NDArray[np.uint8] | None
    clean: Pixels
    cover: npt.NDArray[np.float32]

    @property
    def is_marked(self) -> bool:
        return bool(self.cover.any())


@dataclass(slots=True)
class _Score:
    gains: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    elsewhere: list[float] = field(default_factory=list)

    @property
    def cells(self) -> str:
        """Mean PSNR, number removed of all, share changed elsewhere."""
        if not self.noise:
            return "–"
        removed = sum(gain >= _GAIN for gain in self.gains)
        return f"{np.mean(self.noise):.1f} · {removed}/{len(self.gains)} · {np.mean(self.elsewhere):.2%}"


def measure() -> Sequence[Section]:
    """A table of marks, and one of false fills."""
    if not _PRODUCERS.exists():
        raise SystemExit("The producers are not installed: python3 deploy/setup.py bench")
    with tempfile.TemporaryDirectory() as folder:
        cases = _cases(Path(folder))
    tools: dict[str, Tool] = {
        "doing nothing": lambda case: case.picture,
        "**Darkroom**, no box": _unasked,
        "**Darkroom**, box": _in_box,
        "whole box filled (Telea)": _whole_box,
        "oracle mask, Telea": lambda case: _oracle(case, cv2.INPAINT_TELEA),
        "oracle mask, Navier-Stokes": lambda case: _oracle(case, cv2.INPAINT_NS),
    }
    marks = Section("Removing watermarks from pictures", _METHOD, ["mark", *tools])
    scores: dict[tuple[str, bool], dict[str, _Score]] = defaultdict(lambda: defaultdict(_Score))
    seconds = 0.0
    for case in (case for case in cases if case.is_marked):
        for name, tool in tools.items():
            if "box" in name and "no box" not in name and case.what.startswith("tiled"):
                continue
            started = time.perf_counter()
            result = tool(case)
            seconds += (time.perf_counter() - started) * (name == "**Darkroom**, no box")
            _add(scores[case.what, case.held_out][name], case, result)
    for (what, held_out), of_tools in sorted(scores.items(), key=lambda item: item[0][::-1]):
        marks.rows.append([f"{what}, held out" if held_out else what, *(of_tools[name].cells for name in tools)])
    count = sum(case.is_marked for case in cases)
    marks.remarks = (
        f"Cells: PSNR · removed · changed elsewhere. Without boxes, {seconds / count:.1f} s a picture without the network that finds text, "
        "on a machine that may have had other work to do."
    )
    return [marks, _false_fills([case for case in cases if not case.is_marked])]


def _false_fills(cases: Sequence[_Case]) -> Section:
    section = Section(
        "Pictures without a watermark",
        "The same without a mark: what Darkroom changes without being told where. Any change is a false fill.",
        ["pictures", "tuned on", "changed", "held out", "changed"],
    )
    counts: dict[str, dict[bool, list[bool]]] = defaultdict(lambda: {False: [], True: []})
    for case in cases:
        counts[case.what][case.held_out].append(bool((_unasked(case) != case.picture).any()))
    for what, of in counts.items():
        section.rows.append([what, *(str(number) for held_out in (False, True) for number in (len(of[held_out]), sum(of[held_out])))])
    return section


def _cases(folder: Path) -> list[_Case]:
    subprocess.run([_PRODUCERS, "-m", "benchmarks.quality._mark_set", folder], cwd=_ROOT, check=True)
    loaded = [(path.stem, dict(np.load(path))) for path in sorted(folder.glob("*.npz"))]
    for name, arrays in loaded:
        pixels = searchable(arrays["picture"])
        if pixels is not None:
            np.save(folder / f"{name}.in.npy", network_input(pixels))
    subprocess.run([_NETWORK, Path(__file__).with_name("_text_maps.py"), _MODEL, folder], cwd=_ROOT, check=True)
    cases = []
    for name, arrays in loaded:
        answer, size = folder / f"{name}.out.npy", arrays["picture"].shape[:2]
        text = text_map(np.load(answer), *size) if answer.exists() else None
        clean = arrays["clean"] if "clean" in arrays else arrays["picture"]
        cover = arrays["cover"] if "cover" in arrays else np.zeros(size, np.float32)
        cases.append(_Case(str(arrays["what"]), bool(arrays["held_out"]), arrays["picture"], text, clean, cover))
    return cases


def _unasked(case: _Case) -> Pixels:
    pixels, text = searchable(case.picture), case.text
    if pixels is None or text is None:
        return case.picture
    result, _ = remove_found(Image(case.picture), pixels, lambda seen: find_text(seen, text), None, _WATCHING)
    return np.asarray(result.pixels, np.uint8)


def _box(case: _Case) -> Box:
    height, width = case.cover.shape
    rows, columns = np.nonzero(case.cover > 0.05)
    sides = (columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height)
    x1, y1, x2, y2 = (100 * side + grow for side, grow in zip(sides, (-1.5, -1.5, 1.5, 1.5), strict=True))
    return Box.from_percent(max(0, x1), max(0, y1), min(100, x2), min(100, y2), width, height)


def _in_box(case: _Case) -> Pixels:
    return np.asarray(remove_in_boxes(Image(case.picture), [_box(case)], None, _WATCHING)[0].pixels, np.uint8)


def _whole_box(case: _Case) -> Pixels:
    mask = np.zeros(case.cover.shape, np.uint8)
    mask[_box(case).window] = 1
    return np.asarray(cv2.inpaint(case.picture, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _oracle(case: _Case, method: int) -> Pixels:
    mask = cv2.dilate((case.cover > 0.02).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.inpaint(case.picture, mask, 3, method), np.uint8)


def _add(score: _Score, case: _Case, result: Pixels) -> None:
    inside = case.cover > 0.1
    before, after = (psnr_in_colour(picture[inside], case.clean[inside]) for picture in (case.picture, result))
    near = cv2.dilate((case.cover > 0.02).astype(np.uint8), np.ones((_RIM, _RIM), np.uint8)) > 0
    score.gains.append(after - before)
    score.noise.append(after)
    score.elsewhere.append(float(((result != case.picture).any(axis=2) & ~near).mean()))
