"""Cut-outs of clips: how far alpha is off in each frame, and how much it flickers, beside what a user would do about that instead."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from benchmarks.quality import _cutout_network
from benchmarks.quality._cutout_photographs import DEVELOPMENT, HELD_OUT, SHOWN, Floats, Pixels
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._video_clips import FRAMES, KINDS, Clip, clips
from benchmarks.table import Section
from services.inference.matting import matting
from services.inference.matting.matting import Cutout, CutoutOptions
from services.inference.matting.moving import cut_out_frames
from services.inference.media import Image
from services.inference.moving.model import Frame

_PARTS = {"development": (DEVELOPMENT, 11), "once held out": (HELD_OUT, 734001)}
"""The photographs and the seed of each."""
_EACH = 2
_ALONE, _OWN = "frame by frame", "**Darkroom**"
_AVERAGE = 0.5  # of each frame, in the moving average
_APART = 4  # frames between those of a clip that are shown
Alphas = Sequence[Floats]
Errors = tuple[float, float, float]
"""Of alpha, in thousandths; of its change from frame to frame, in thousandths; and the root mean square of that, in hundredths."""


def measure() -> Sequence[Section]:
    """Both parts, with each method on each clip; and the worst that may be shown."""
    cv2.setNumThreads(1)
    judged: dict[tuple[str, str, str], list[Errors]] = defaultdict(list)
    worst: list[Case] = []
    for part, (pool, seed) in _PARTS.items():
        for clip in clips(pool, _cutout_network.matte, seed, _EACH):
            alone = [_alone(frame) for frame in clip.frames]
            results: Mapping[str, Alphas] = {
                _ALONE: alone,
                "median of three": _medians(alone),
                "moving average": _averages(alone),
                _OWN: asyncio.run(_steadied(clip)),
            }
            for method, alphas in results.items():
                for kind in (clip.kind, "all"):
                    judged[part, kind, method].append(_errors(alphas, clip.alphas))
            if SHOWN.issuperset(clip.photographs):
                error = judged[part, clip.kind, _OWN][-1]
                worst.append(Case(error[1], f"{clip.name} ({part}, {error[1]:.1f})", _shown(clip, results)))
    methods = list(results)
    section = Section(
        "Cut-outs of videos",
        f"{_EACH} clips of each kind in either part, of {FRAMES} frames of 480 x 270 to 480 x 360 pixels: subjects of photographs, along "
        "the outline that the network finds in the whole photograph, over other photographs, blurred by their motion, with a camera's "
        "noise, and then H.264. *Still*: nothing moves; *hair*: people with strands drawn to them, who sway; *pan*: the camera turns; "
        "*fast*: the subject crosses the picture; *cut*: another scene halfway; *leaving*: the subject leaves the picture. The seed "
        f"{_PARTS['development'][1]} makes the clips to tune on, and {_PARTS['once held out'][1]} those once held out, of other "
        "photographs. Each cell: mean absolute *error* of alpha, in thousandths · *flicker*, the mean absolute error of its change from "
        "one frame to the next, in thousandths · *dtSSD*, the root mean square of that in each frame, in hundredths (Erofeev and others, "
        "BMVC 2015). All "
        "have the same output of the same weights (`isnet`) for each frame, and solve edges as `best` does: *frame by frame* as for "
        f"pictures; then the median of each pixel over three frames, or its moving average (each frame {_AVERAGE:.0%}).",
        ("set", "kind", *methods),
    )
    for part in _PARTS:
        for kind in (*KINDS, "all"):
            means = [np.mean(judged[part, kind, method], axis=0) for method in methods]
            section.rows.append((part, kind, *(f"{error:.1f} · {flicker:.2f} · {dtssd:.2f}" for error, flicker, dtssd in means)))
    shown = f"every {_APART}th frame as it is, its alpha frame by frame, Darkroom's, and the truth"
    show_worst(section, "video-cutout", shown, worst)
    return [section]


def _errors(alphas: Alphas, truth: Alphas) -> Errors:
    off = [made - true for made, true in zip(alphas, truth, strict=True)]
    changes = [after - before for before, after in pairwise(off)]
    return (
        1000 * float(np.mean([np.abs(each).mean() for each in off])),
        1000 * float(np.mean([np.abs(each).mean() for each in changes])),
        100 * float(np.mean([np.sqrt(np.square(each).mean()) for each in changes])),
    )


async def _steadied(clip: Clip) -> list[Floats]:
    async def frames() -> AsyncIterator[Frame]:
        for frame in clip.frames:
            yield Frame(Image(frame), 40_000)

    async def then(frame: Frame, cutout: Cutout) -> Frame:
        return Frame(cutout.image, frame.microseconds)

    made = cut_out_frames(frames(), _model, CutoutOptions(), then, 2, lambda: None)
    return [_alpha(frame.image) async for frame in made]


def _alone(picture: Pixels) -> Floats:
    options = CutoutOptions()
    made = asyncio.run(matting.remove_background(Image(picture), _model, options, progress=lambda _: None, check=lambda: None))
    # A picture of nothing stays as it is, which would be counted as all subject here.
    return np.zeros(picture.shape[:2], np.float32) if made.segmentation.nothing else _alpha(made.image)


def _alpha(image: Image) -> Floats:
    assert image.alpha is not None
    return np.asarray(image.alpha / np.float32(image.maximum), np.float32)


def _medians(alphas: Alphas) -> list[Floats]:
    padded = [alphas[0], *alphas, alphas[-1]]
    return [np.median(np.stack(padded[number : number + 3]), axis=0).astype(np.float32) for number in range(len(alphas))]


def _averages(alphas: Alphas) -> list[Floats]:
    averages = [alphas[0]]
    for alpha in alphas[1:]:
        averages.append(np.asarray(_AVERAGE * alpha + (1 - _AVERAGE) * averages[-1], np.float32))
    return averages


async def _model(prepared: Pixels) -> Pixels:
    return _cutout_network.answer(prepared)


def _shown(clip: Clip, results: Mapping[str, Alphas]) -> list[Pixels]:
    """The clip's frames that are shown, each with its alpha by two methods, and the true one."""
    shown = []
    for number in range(1, len(clip.frames), _APART):
        alphas = [*(results[method][number] for method in (_ALONE, _OWN)), clip.alphas[number]]
        shown += [clip.frames[number], *(np.repeat(np.round(alpha[..., None] * 255).astype(np.uint8), 3, axis=2) for alpha in alphas)]
    return shown
