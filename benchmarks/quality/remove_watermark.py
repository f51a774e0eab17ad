"""Removing watermarks from pictures: marks of known colour and opacity on photographs, and pictures that only seem to have one."""

from __future__ import annotations

import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import onnx_models
from benchmarks.quality._sheet import sheet
from benchmarks.quality._upscale_scores import psnr_in_colour
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.ocr.detection import network_input, text_map
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes, searchable
from services.inference.watermark.text import find_text
from services.inference.watermark.text_lines import Networks

_ROOT = Path(__file__).resolve().parents[2]
_PRODUCERS = _ROOT / ".venv-bench" / "bin" / "python"
_TEXT, _STROKES, _THREADS = "ppocr_det", "mark_strokes", 2
_WATCHING = Watching(lambda _: None, lambda: None)
_COVERED, _FAINT = 0.05, 0.02  # opacity from which a pixel belongs to a mark, and for marks that are fainter
_RIM = 9  # pixels: closer to a mark than this, changes are allowed
_CHANGED = 2  # levels
_REMOVED, _HARMED = 3.0, -0.5  # dB
_OPAQUE = 0.9  # from here on, un-blending with known opacity is no bound, and filling is
_WORST = 10
_SHOWN = {"chelsea", "gravel", "ihc", "moon", "hubble_deep_field", "grace_hopper"}
"""Photographs that are in the public domain or under CC0, parts of which may stand in the docs."""
_WORST_IMAGE = "worst-remove-watermark.webp"
_AROUND = 16  # pixels of a picture that are shown around a mark
_METHOD = (
    "100 marks that may be tuned on and 100 once held out, on photographs in packages (scikit-image, scikit-learn, Matplotlib and four "
    "of npm), 480 to 1600 pixels wide, by `benchmarks/quality/_mark_set`: opacity 0.1 to 1, then JPEG of quality 75 to 96 or none. Once "
    "held out are other photographs, fonts and words, Skia in place of Pillow, and four kinds of mark. *Gain* is how much higher the "
    "PSNR is inside the mark afterwards, in dB, mean over pictures; in brackets how many gain 3 dB, and how many lose more than 0.5. A "
    "box is what a person may draw: up to 40 % wider than the mark on each side. *Known* is told colour and opacity of every pixel, and "
    "un-blends or, from 0.9 on, fills by Telea's method. Processor only, PP-OCRv6 small and `mark_strokes`, no inpainting network."
)

Pixels = npt.NDArray[np.uint8]
Tool = Callable[["_Case"], Pixels]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    what: str
    name: str
    held_out: bool
    picture: Pixels
    clean: Pixels | None = None
    opacity: npt.NDArray[np.float32] | None = None
    colour: npt.NDArray[np.uint8] | None = None
    box: Box | None = None

    def gain(self, result: Pixels) -> float:
        """How much nearer the result is to the clean photograph inside the mark, in dB."""
        assert self.clean is not None
        before, after = (psnr_in_colour(picture[self.inside], self.clean[self.inside]) for picture in (self.picture, result))
        return after - before

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        assert self.opacity is not None
        return self.opacity > (_COVERED if (self.opacity > _COVERED).any() else _FAINT)

    def changed_elsewhere(self, result: Pixels) -> bool:
        """Whether a pixel that is not near the mark differs by more than two levels."""
        assert self.opacity is not None
        near = cv2.dilate((self.opacity > _FAINT).astype(np.uint8), np.ones((_RIM, _RIM), np.uint8)) > 0
        return bool((cv2.absdiff(result, self.picture).max(axis=2) > _CHANGED)[~near].any())


@dataclass(slots=True)
class _Score:
    gains: list[float] = field(default_factory=list)
    elsewhere: list[bool] = field(default_factory=list)

    @property
    def cells(self) -> str:
        """Mean gain, and how many were removed and harmed."""
        if not self.gains:
            return "–"
        return f"{np.mean(self.gains):.1f} ({sum(gain >= _REMOVED for gain in self.gains)}, {sum(gain < _HARMED for gain in self.gains)})"


def measure() -> Sequence[Section]:
    """A table of marks, their worst ten, and one of pictures without a mark."""
    if not _PRODUCERS.exists():
        raise SystemExit("The producers are not installed: python3 deploy/setup.py bench")
    tools: dict[str, Tool] = {
        "**Darkroom**, no box": _unasked,
        "**Darkroom**, box": _in_box,
        "box filled (Telea)": _whole_box,
        "known": _known,
    }
    marks = Section("Removing watermarks from pictures", _METHOD, ["mark", "pictures", *tools, "changed elsewhere, box"])
    worst = Section(
        "Removing watermarks from pictures: the worst",
        "The marks, once held out, that lose most in a box.",
        ["mark", "photograph", "opacity", "gain with a box", "known"],
    )
    scores: dict[tuple[bool, str], dict[str, _Score]] = defaultdict(lambda: defaultdict(_Score))
    lowest: list[tuple[float, list[str]]] = []
    shown: list[tuple[float, str, list[Pixels]]] = []
    changed: dict[str, dict[bool, list[bool]]] = defaultdict(lambda: {False: [], True: []})
    for case in _cases():
        if case.opacity is None:
            changed[case.what][case.held_out].append(bool((_unasked(case) != case.picture).any()))
            continue
        gains, results = {}, {}
        for name, tool in tools.items():
            results[name] = result = tool(case)
            gains[name] = case.gain(result)
            for what in (case.what, "all"):
                score = scores[case.held_out, what][name]
                score.gains.append(gains[name])
                score.elsewhere.append(case.changed_elsewhere(result))
        if case.held_out:
            cells = [case.what, case.name, f"{case.opacity.max():.2f}", f"{gains['**Darkroom**, box']:.1f}", f"{gains['known']:.1f}"]
            lowest.append((gains["**Darkroom**, box"], cells))
            if case.name in _SHOWN:
                shown.append((gains["**Darkroom**, box"], f"{case.what} on {case.name}", _around(case, results["**Darkroom**, box"])))
                shown = sorted(shown, key=lambda each: each[0])[:_WORST]
    for (held_out, what), of_tools in sorted(scores.items(), key=lambda item: (item[0][0], item[0][1] == "all", item[0][1])):
        boxed = of_tools["**Darkroom**, box"]
        title = f"{what}, once held out" if held_out else what
        marks.rows.append([title, str(len(boxed.gains)), *(of_tools[name].cells for name in tools), str(sum(boxed.elsewhere))])
    worst.rows.extend(cells for _, cells in sorted(lowest)[:_WORST])
    if shown:
        says = "The worst of the photographs that may be shown, with the mark, as left, and without: " + ", ".join(
            name for _, name, _ in shown
        )
        worst.images[_WORST_IMAGE] = says, sheet([pictures for _, _, pictures in shown])
    return [marks, worst, _unmarked(changed)]


def _around(case: _Case, result: Pixels) -> list[Pixels]:
    """The part with the mark: as it is, as it was left, and without the mark."""
    assert case.box is not None
    assert case.clean is not None
    window = case.box.grown(_AROUND, case.picture.shape[1], case.picture.shape[0]).window
    return [picture[window].copy() for picture in (case.picture, result, case.clean)]


def _unmarked(changed: dict[str, dict[bool, list[bool]]]) -> Section:
    section = Section(
        "Pictures without a watermark",
        "The same without a mark: what Darkroom changes without being told where. Any change is a false one.",
        ["pictures", "tuned on", "changed", "held out", "changed"],
    )
    for what, of in changed.items():
        section.rows.append([what, *(str(number) for held_out in (False, True) for number in (len(of[held_out]), sum(of[held_out])))])
    return section


def _cases() -> Iterator[_Case]:
    """One at a time, since all of them take a gigabyte."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([_PRODUCERS, "-m", "benchmarks.quality._mark_set", folder], cwd=_ROOT, check=True)
        for path in sorted(Path(folder).glob("*.npz")):
            with np.load(path) as arrays:
                common = str(arrays["what"]), str(arrays["name"]), str(arrays["part"]) == "seen", arrays["picture"]
                if "clean" not in arrays:
                    yield _Case(*common)
                    continue
                box = Box(*(int(side) for side in arrays["box"]))
                yield _Case(*common, arrays["clean"], arrays["opacity"].astype(np.float32), arrays["colour"], box)


def _ask(prepared: Pixels) -> Pixels:
    return onnx_models.run(_TEXT, prepared, _THREADS)


_NETWORKS = Networks(_ask, lambda level: onnx_models.run(_STROKES, level, _THREADS))


def _unasked(case: _Case) -> Pixels:
    pixels = searchable(case.picture)
    if pixels is None:
        return case.picture
    text = text_map(_ask(network_input(pixels)), *pixels.shape[:2])
    result, _ = remove_found(Image(case.picture), pixels, lambda seen: find_text(seen, text), None, _WATCHING, networks=_NETWORKS)
    return np.asarray(result.pixels, np.uint8)


def _in_box(case: _Case) -> Pixels:
    assert case.box is not None
    return np.asarray(remove_in_boxes(Image(case.picture), [case.box], _NETWORKS, None, _WATCHING)[0].pixels, np.uint8)


def _whole_box(case: _Case) -> Pixels:
    assert case.box is not None
    mask = np.zeros(case.picture.shape[:2], np.uint8)
    mask[case.box.window] = 1
    return np.asarray(cv2.inpaint(case.picture, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _known(case: _Case) -> Pixels:
    assert case.opacity is not None and case.colour is not None
    opacity = case.opacity[..., np.newaxis].clip(0, _OPAQUE)
    clear = np.rint((case.picture - opacity * case.colour) / (1 - opacity)).clip(0, 255).astype(np.uint8)
    opaque = cv2.dilate((case.opacity >= _OPAQUE).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.inpaint(clear, opaque, 3, cv2.INPAINT_TELEA), np.uint8)
