"""Background removal compared with rembg and pymatting, all with the weights of `isnet`."""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._cutout_photographs import Photographs, Pixels
from benchmarks.quality._cutout_scenes import Scene, Studio
from benchmarks.table import Section
from services.inference.matting import alpha_refinement, matting
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.tuning import PORTRAIT, PRODUCT
from services.inference.media import Image

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_WITHIN = 0.003  # of the longest side: the boundary reaches this far from pixels that are neither subject nor background
_SEEN = 0.05  # opacity above which a pixel's colour counts


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one result; alpha's in per cent of full opacity, the colour's in levels of 255."""

    alpha: float
    """Mean absolute error of alpha, over the whole picture."""
    boundary: float
    """The same at the boundary."""
    gradient: float
    """Mean absolute error of alpha's gradient there."""
    colour: float
    """Mean absolute error of the foreground's colour at the boundary, weighted by the true alpha."""


def boundary_of(alpha: Floats) -> Bools:
    """The true alpha's boundary."""
    edge = ((alpha > 0.004) & (alpha < 0.996)).astype(np.uint8)
    size = 2 * max(5, round(max(alpha.shape) * _WITHIN)) + 1
    return np.asarray(cv2.dilate(edge, np.ones((size, size), np.uint8)) > 0)


def score(scene: Scene, boundary: Bools, alpha: Floats, colours: npt.NDArray[np.uint8]) -> Score:
    """The errors of a cut-out: its alpha, 0 to 1, and its colours, height x width x 3."""
    error = np.abs(alpha - scene.alpha)
    seen = boundary & (scene.alpha > _SEEN) & (scene.alpha < 1 - _SEEN) & (alpha > _SEEN)
    weight = scene.alpha[seen]
    off = np.abs(colours[seen].astype(np.float32) - scene.foreground[seen] * 255).mean(axis=1)
    return Score(
        alpha=float(error.mean(dtype=np.float64)) * 100,
        boundary=float(error[boundary].mean(dtype=np.float64)) * 100,
        gradient=float(np.abs(_gradient(alpha) - _gradient(scene.alpha))[boundary].mean(dtype=np.float64)) * 100,
        colour=float((off * weight).sum() / max(float(weight.sum()), 1e-6)),
    )


def mean(scores: list[Score]) -> Score:
    """The mean of each error."""
    return Score(*(float(np.mean([getattr(each, name) for each in scores])) for name in ("alpha", "boundary", "gradient", "colour")))


def _gradient(alpha: Floats) -> Floats:
    return np.asarray(cv2.magnitude(cv2.Sobel(alpha, cv2.CV_32F, 1, 0), cv2.Sobel(alpha, cv2.CV_32F, 0, 1)), np.float32)


_ROOT = Path(__file__).resolve().parents[2]
_BENCH = _ROOT / ".venv-bench"
_MODEL = _ROOT / ".cache" / "models" / "isnet" / "1" / "model.onnx"
_TUNINGS = {"portrait": PORTRAIT, "product": PRODUCT}
_KINDS = ("portrait", "product", "general")
_REMBG, _GUIDED, _CLOSED = "rembg", "guided filter alone", "pymatting closed form at 1024², guided filter"
_FAST, _BEST = "Darkroom, `fast`", "Darkroom, `best`"
_METHODS = (_REMBG, _GUIDED, _CLOSED, _FAST, _BEST)


class _Rivals:
    """The process that runs the model and the rival methods."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder

    def matte(self, picture: Pixels) -> Pixels:
        """The model's alpha of a picture prepared as by Darkroom."""
        return self.ask("matte", matting.model_input(Image(picture))[0])[0]

    def ask(self, job: str, picture: Pixels, alpha: Pixels | None = None) -> tuple[Pixels, float]:
        """Returns a result and the seconds it took."""
        paths = {name: str(self._folder / f"{name}.npy") for name in ("picture", "alpha", "result")}
        np.save(paths["picture"], picture)
        if alpha is not None:
            np.save(paths["alpha"], alpha)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"job": job, **paths}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that runs {job} has ended")
        return np.load(paths["result"]), float(json.loads(answer)["seconds"])


@contextmanager
def _rivals() -> Iterator[_Rivals]:
    python = _BENCH / "bin" / "python"
    if not python.exists():
        raise RuntimeError("run `python3 deploy/setup.py bench` first: what is compared with is installed apart")
    command = [str(python), "-m", "benchmarks.quality._cutout_rivals", str(_MODEL)]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield _Rivals(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def measure() -> Sequence[Section]:
    """Both sets, with each method on each scene; and every tuning on every kind of scene."""
    cv2.setNumThreads(1)
    (packages,) = _BENCH.glob("lib/python*/site-packages")
    scores: dict[tuple[bool, str], list[Score]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    tuned: dict[tuple[bool, str, str], list[Score]] = defaultdict(list)
    names: dict[bool, list[str]] = {False: [], True: []}
    with _rivals() as rivals:
        studio = Studio(Photographs(packages), rivals.matte)
        for held_out in (False, True):
            for scene in studio.scenes(held_out=held_out):
                names[held_out].append(f"{scene.name} ({scene.megapixels:.0f} MP)")
                _judge(scene, rivals, scores, seconds, tuned)
    return [_comparison(scores, seconds, names), _presets(tuned)]


def _judge(
    scene: Scene,
    rivals: _Rivals,
    scores: dict[tuple[bool, str], list[Score]],
    seconds: dict[str, list[float]],
    tuned: dict[tuple[bool, str, str], list[Score]],
) -> None:
    boundary = boundary_of(scene.alpha)

    def record(method: str, rgba: Pixels, took: float) -> None:
        alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
        scores[scene.held_out, method].append(score(scene, boundary, alpha, rgba[..., :3]))
        seconds[method].append(took / scene.megapixels)

    small = matting.model_input(Image(scene.picture))[0]
    coarse = rivals.ask("matte", small)[0]
    record(_REMBG, *rivals.ask("rembg", scene.picture, coarse))
    quiet = alpha_refinement.denoise(coarse)
    record(_GUIDED, *_enlarged(scene, quiet))
    solved, took = rivals.ask("closed_form", small, quiet)
    rgba, more = _enlarged(scene, solved)
    record(_CLOSED, rgba, took + more)
    record(_FAST, *_cut(scene, coarse, small, CutoutOptions(refine=False)))
    for kind, tuning in _TUNINGS.items():
        rgba, took = _cut(scene, coarse, small, CutoutOptions(tuning))
        tuned[scene.held_out, kind, scene.kind].append(
            score(scene, boundary, rgba[..., 3].astype(np.float32) / np.float32(255), rgba[..., :3])
        )
        if tuning is _TUNINGS.get(scene.kind, PORTRAIT):
            record(_BEST, rgba, took)


def _cut(scene: Scene, coarse: Pixels, small: Pixels, options: CutoutOptions) -> tuple[Pixels, float]:
    started = time.perf_counter()
    result = matting.cut_out(Image(scene.picture), matting.settle_alpha(coarse, small), small, options, lambda: None)
    took = time.perf_counter() - started
    assert result.alpha is not None
    return np.dstack([result.pixels, result.alpha]), took


def _enlarged(scene: Scene, alpha: Pixels) -> tuple[Pixels, float]:
    """The model's alpha enlarged with the guided filter, with the colours of the picture."""
    started = time.perf_counter()
    large = alpha_refinement.enlarge(alpha, scene.picture.shape[1], scene.picture.shape[0])
    alpha_refinement.refine(large, alpha, scene.picture, lambda: None)
    took = time.perf_counter() - started
    return np.dstack([scene.picture, (large // 257).astype(np.uint8)]), took


def _comparison(scores: dict[tuple[bool, str], list[Score]], seconds: dict[str, list[float]], names: dict[bool, list[str]]) -> Section:
    section = Section(
        "Background removal",
        "Photographs of scikit-image and scikit-learn cut along a fixed outline, with hair or fur drawn to it, and drawn things (a racket, "
        "a bottle, a fern), laid over other photographs, with noise and as JPEG: alpha and foreground are known exactly. All methods have "
        "the same raw output of the same weights (`isnet`). Boundary: within 0.3 % of the longest side of a pixel that is neither subject "
        "nor background. Lower is better. Seconds are those after the model.",
        ("set", "method", "alpha, MAE %", "boundary, MAE %", "boundary, gradient", "edge colour, levels", "s a megapixel"),
    )
    for held_out in (False, True):
        for method in _METHODS:
            each = mean(scores[held_out, method])
            values = (f"{each.alpha:.3f}", f"{each.boundary:.2f}", f"{each.gradient:.1f}", f"{each.colour:.1f}")
            section.rows.append(("held out" if held_out else "tuned on", method, *values, f"{np.median(seconds[method]):.2f}"))
    section.remarks = (
        f"Tuned on: {', '.join(names[False])}. Held out: {', '.join(names[True])}. `best` is asked for the subject that the scene is of. "
        f"{platform.machine()}, one thread, on a machine that others used at the same time. What the model misses (the strings of the "
        "racket, a pot, hair that it takes for background) no method has, and it makes up most of the error of alpha."
    )
    return section


def _presets(tuned: dict[tuple[bool, str, str], list[Score]]) -> Section:
    section = Section(
        "Background removal: what `subject` does",
        "The same scenes: error of alpha at the boundary (MAE %), by the kind of scene and the subject asked for. "
        "`general` is as `portrait`.",
        ("set", "subject", *(f"{kind} scenes" for kind in _KINDS)),
    )
    for held_out in (False, True):
        for asked in _TUNINGS:
            row: list[Any] = [f"{mean(tuned[held_out, asked, kind]).boundary:.2f}" for kind in _KINDS]
            section.rows.append(("held out" if held_out else "tuned on", f"`{asked}`", *row))
    return section
