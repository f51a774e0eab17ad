"""Background removal compared with rembg and pymatting, all with the weights of `isnet`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality import _cutout_network
from benchmarks.quality._cutout_photographs import DEVELOPMENT, HELD_OUT, SHOWN, Pixels
from benchmarks.quality._cutout_scores import TOLERANCE, Score, Truth, mean
from benchmarks.quality._cutout_set import KINDS, Scene, scenes
from benchmarks.quality._sheet import sheet
from benchmarks.table import Section
from services.inference.matting import alpha_refinement, matting
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.tuning import PORTRAIT, PRODUCT
from services.inference.media import Image

_ROOT = Path(__file__).resolve().parents[2]
_BENCH = _ROOT / ".venv-bench"
_PARTS = {"development": (DEVELOPMENT, 1), "held out": (HELD_OUT, 630156)}
"""The photographs and the seed of each."""
_EACH = 2
_REMBG, _CLOSED, _BOUND = "rembg", "pymatting", "pymatting, true trimap"
_FAST, _BEST = "**Darkroom**, `fast`", "**Darkroom**, `best`"
_METHODS = (_REMBG, _CLOSED, _FAST, _BEST, _BOUND)
_WORST, _WORST_IMAGE = 10, "worst-remove-background.webp"
_BEHIND = (0, 150, 136)

Judged = dict[tuple[str, str, str], list[Score]]
"""By part, kind and method."""


class _Rivals:
    """The process that runs the rival methods."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder

    def ask(self, job: str, picture: Pixels, alpha: Pixels) -> tuple[Pixels, float]:
        """Returns a result and the processor seconds it took."""
        paths = {name: str(self._folder / f"{name}.npy") for name in ("picture", "alpha", "result")}
        np.save(paths["picture"], picture)
        np.save(paths["alpha"], alpha)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"job": job, **paths}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that runs {job} has ended")
        return np.load(paths["result"]), float(json.loads(answer)["seconds"])

    def closed_form(self, scene: Scene, small: Pixels, alpha: Pixels) -> tuple[Pixels, float]:
        """pymatting's cut-out, given an alpha of the model's size to make a trimap of; enlarged with the guided filter."""
        solved, took = self.ask("closed_form", small, alpha)
        started = time.process_time()
        large = alpha_refinement.enlarge(solved, scene.picture.shape[1], scene.picture.shape[0])
        alpha_refinement.refine(large, solved, scene.picture, lambda: None)
        between = time.process_time() - started
        rgba, more = self.ask("with_colours", scene.picture, (large // 257).astype(np.uint8))
        return rgba, took + between + more


@contextmanager
def _rivals() -> Iterator[_Rivals]:
    python = _BENCH / "bin" / "python"
    if not python.exists():
        raise RuntimeError("run `python3 deploy/setup.py bench` first: what is compared with is installed apart")
    command = [str(python), "-m", "benchmarks.quality._cutout_rivals"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield _Rivals(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def measure() -> Sequence[Section]:
    """Both parts, with each method on each scene; and the worst of the part held out."""
    cv2.setNumThreads(1)
    judged: Judged = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    worst: list[tuple[float, str, list[Pixels]]] = []
    with _rivals() as rivals:
        for part, (pool, seed) in _PARTS.items():
            for scene in scenes(pool, _cutout_network.matte, seed, _EACH):
                truth = Truth(scene.alpha, scene.foreground)
                for method, (rgba, took) in _results(scene, rivals):
                    result = truth.score(rgba)
                    for kind in (scene.kind, "all"):
                        judged[part, kind, method].append(result)
                    seconds[method].append(took / scene.megapixels)
                    if method == _BEST and SHOWN.issuperset(scene.photographs):
                        worst.append((result.alpha, f"{scene.name}, {part}", _shown(scene, rgba)))
    return [_comparison(judged, seconds, worst), _outlines(judged)]


def _results(scene: Scene, rivals: _Rivals) -> Iterator[tuple[str, tuple[Pixels, float]]]:
    small = matting.model_input(Image(scene.picture))[0]
    coarse = _cutout_network.matte(scene.picture)
    yield _REMBG, rivals.ask("rembg", scene.picture, coarse)
    yield _CLOSED, rivals.closed_form(scene, small, alpha_refinement.denoise(coarse))
    true = cv2.resize(scene.alpha, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    yield _BOUND, rivals.closed_form(scene, small, np.round(true * 255).astype(np.uint8))
    yield _FAST, _cut(scene, CutoutOptions(refine=False))
    yield _BEST, _cut(scene, CutoutOptions(PRODUCT if scene.asked == "product" else PORTRAIT, look_again=True))


def _cut(scene: Scene, options: CutoutOptions) -> tuple[Pixels, float]:
    """Darkroom's cut-out, and the seconds without the network."""
    network = 0.0

    async def infer(prepared: Pixels) -> Pixels:
        nonlocal network
        started = time.process_time()
        answer = _cutout_network.answer(prepared)
        network += time.process_time() - started
        return answer

    started = time.process_time()
    made = asyncio.run(matting.remove_background(Image(scene.picture), infer, options, progress=lambda _: None, check=lambda: None))
    took = time.process_time() - started - network
    if made.image.alpha is None:
        return np.dstack([scene.picture, np.full(scene.alpha.shape, 255, np.uint8)]), took
    return np.dstack([made.image.pixels, made.image.alpha]), took


def _shown(scene: Scene, rgba: Pixels) -> list[Pixels]:
    """The picture, what was made of it and what is true; the last two over a colour."""
    behind = np.array(_BEHIND, np.float32)
    made, true = rgba[..., 3:].astype(np.float32) / 255, scene.alpha[..., None]
    results = rgba[..., :3] * made + behind * (1 - made), scene.foreground * 255 * true + behind * (1 - true)
    size = round(scene.picture.shape[1] / 4), round(scene.picture.shape[0] / 4)
    return [
        np.asarray(cv2.resize(each.astype(np.uint8), size, interpolation=cv2.INTER_AREA), np.uint8) for each in (scene.picture, *results)
    ]


def _comparison(judged: Judged, seconds: dict[str, list[float]], worst: list[tuple[float, str, list[Pixels]]]) -> Section:
    section = Section(
        "Background removal",
        f"{_EACH} pictures of each kind, 3.5 megapixels: the seed {_PARTS['development'][1]} makes those to tune on, and the seed "
        f"{_PARTS['held out'][1]} those held out, of other photographs. *Solid* and *shadow*: subjects of photographs along the outline "
        "that the network finds in the whole photograph, the latter casting a shadow that is no part of them; *hair*: people with strands "
        "drawn to them; *fine*: a racket with strings or a fern; *glass*: opacity 0.2 to 0.7 with highlights. Behind is paper or "
        "another photograph; then noise, and JPEG. Alpha and colours are known exactly. Each cell: mean absolute error of *alpha*, 0 to 1 "
        f"(goal 0.005); *F* of the outline where alpha is one half, within {TOLERANCE:.1%} of the diagonal, from the mean precision and "
        "recall (goal 0.92); error of the subject's *colour* where alpha is between, in levels (goal 12). All have the same output of the "
        "same weights (`isnet`), `best` of two looks: `rembg` is that output enlarged; `pymatting` solves the closed form at "
        "1024² where it is undecided, and then the colours; given the "
        "*true trimap* in its place, it shows how much of the error is the network's, but for strings and leaves, which are all doubt.",
        ("set", "kind", *_METHODS),
    )
    for part in _PARTS:
        for kind in (*KINDS, "all"):
            means = [mean(judged[part, kind, method]) for method in _METHODS]
            section.rows.append((part, kind, *(f"{each.alpha:.4f} · {each.f:.2f} · {each.colour:.0f}" for each in means)))
    took = "; ".join(f"{method} {np.median(seconds[method]):.2f}" for method in _METHODS)
    section.remarks = f"`best` is asked for the subject that the scene is of. Processor seconds a megapixel, without the network: {took}."
    worst = sorted(worst, key=lambda each: -each[0])[:_WORST]
    if worst:
        says = "The worst of those that may be shown, as it is, as cut out, and the truth: " + ", ".join(
            f"{name} ({error:.4f})" for error, name, _ in worst
        )
        section.images[_WORST_IMAGE] = says, sheet([pictures for _, _, pictures in worst])
    return section


def _outlines(judged: Judged) -> Section:
    section = Section(
        "Background removal: outlines",
        "The same, with `best`. *Edges*: mean absolute error of alpha within 0.3 % of the longest side of a pixel that is neither subject "
        "nor background.",
        ("set", "kind", "precision", "recall", "F", "edges"),
    )
    for part in _PARTS:
        for kind in (*KINDS, "all"):
            own = mean(judged[part, kind, _BEST])
            section.rows.append((part, kind, *(f"{each:.3f}" for each in (own.precision, own.recall, own.f, own.boundary))))
    return section
