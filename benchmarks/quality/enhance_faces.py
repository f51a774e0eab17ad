"""Faces in photographs that were degraded in known ways, and what `enhance_faces` makes of them without a network that restores faces."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import Photograph, drawn_photographs, photographs
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._upscale_scores import gradient_deviation, psnr, ssim
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.media.resampling import resize
from services.inference.media.spool import Spool
from services.inference.plain import faces
from services.inference.plain.faces import Face
from services.inference.upscaling.face_enhancement import joint
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.upscaling import upscale

Pixels8 = npt.NDArray[np.uint8]

_THREADS = 2
_STRENGTH = 0.8
_SIDE = 90
"""Pixels of a face from brow to chin, as it is damaged."""
_AROUND = 1.3  # sides of a face, from its middle
_SEEN = ("astronaut.png", "audrey.jpg", "bieber_small.jpg", "cage.jpg", "franck_04117.jpg")
_ONCE_HELD_OUT = ("grace_hopper.jpg", "sample1.jpg", "sample3.jpg", "sample4.jpg", "sample5.jpg", "sample6.jpg")
"""The first face of each."""
_SEED, _COUNT, _AMOUNTS = 531983, 4, (0.7, 1.4)
"""What chooses the faces held out and their damage, first used for this table; how many, and what the amounts are multiplied by."""
_MAY_BE_SHOWN = {"astronaut.png", "grace_hopper.jpg"}
"""In the public domain."""
_DAMAGES: Mapping[str, tuple[float, float, float, int]] = {
    "nothing": (1, 0, 0, 0),
    "blur of 1.5": (1, 1.5, 0, 0),
    "half the size and back": (2, 0, 0, 0),
    "JPEG of quality 30": (1, 0, 0, 30),
    "noise of 10 levels": (1, 0, 10, 0),
    "half the size, noise of 4, JPEG of 50": (2, 0, 4, 50),
}
"""A factor of reduction, standard deviations of a blur in pixels and of noise in levels, and a JPEG quality; 0: none."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    input: Pixels8
    truth: Pixels8
    """Both of the oval's box."""
    weights: npt.NDArray[np.float32]


def measure() -> Sequence[Section]:
    """The scores."""
    started = time.perf_counter()
    table = Section(
        "Sharper faces",
        "Faces of photographs, damaged in their own size, and enhanced. `enhance_faces` enlarges with both networks that enlarge "
        f"pictures, by 2, and brings the face back to size; what each way makes is mixed in by {_STRENGTH}, in the oval. Scores of "
        "the luma in the oval's box: PSNR and SSIM (more is better), gradient magnitude similarity deviation (GMSD, less is "
        f"better), and how much PSNR the worst photograph gains. Faces are {_SIDE} pixels high, one of each of {len(_SEEN)} photographs "
        f"*seen* (the weights of the two networks were chosen on astronaut), of {len(_ONCE_HELD_OUT)} by other photographers *once held "
        f"out*, and of {_COUNT} of web themes *held out*. The seed {_SEED}, which was first used for this table, chooses, crops and "
        f"perhaps mirrors these, and multiplies the damage (and divides the JPEG's quality) by {_AMOUNTS[0]} to {_AMOUNTS[1]}. No network "
        "that restores faces (GFPGAN, CodeFormer) was there to be compared.",
        ("set", "damaged by", "enhanced by", "PSNR", "SSIM", "GMSD", "worst gain"),
    )
    shown: list[Case] = []
    for (part, chosen), damage in product(_parts().items(), _DAMAGES):
        cases = list(_cases(part, chosen, damage))
        for name, way in _WAYS.items():
            results = [_mixed(case, way(case)) for case in cases]
            gains = [_gain(case, result) for case, result in zip(cases, results, strict=True)]
            table.rows.append((part, damage, name, *_scores(cases, results, gains)))
            shown += [
                Case(-gain, f"{case.name}, {damage} ({part}): {gain:+.2f} dB", (case.input, result, case.truth))
                for case, result, gain in zip(cases, results, gains, strict=True)
                if way is _house and case.name in _MAY_BE_SHOWN
            ]
    show_worst(table, "enhance_faces", "damaged, enhanced, and as it was, with the gain in PSNR", shown)
    table.remarks = f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too."
    return [table]


def _parts() -> Mapping[str, Sequence[Photograph]]:
    known = {each.name: each for each in photographs()}
    large = [each for each in drawn_photographs(_SEED) if each.faces[0].side >= _SIDE]
    drawn = np.random.default_rng(_SEED).choice(len(large), _COUNT, replace=False)
    parts = {part: [known[name] for name in names] for part, names in (("seen", _SEEN), ("once held out", _ONCE_HELD_OUT))}
    return parts | {"held out": [large[number] for number in drawn]}


def _truth(photograph: Photograph) -> Pixels8:
    """The first face, with what is around it."""
    factor = _SIDE / photograph.faces[0].side
    pixels = cv2.resize(photograph.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    face = photograph.faces[0].scale(factor)
    reach = _AROUND * _SIDE
    rows, columns = (slice(max(0, round(middle - reach)), round(middle + reach)) for middle in (face.y, face.x))
    return np.ascontiguousarray(pixels[rows, columns], np.uint8)


def _cases(part: str, chosen: Sequence[Photograph], damage: str) -> Iterator[_Case]:
    for number, photograph in enumerate(chosen):
        truth = _truth(photograph)
        height, width = truth.shape[:2]
        found = faces.find(truth) or [Face(width / 2 - _SIDE / 2, height / 2 - _SIDE / 2, _SIDE, _SIDE)]
        face = min(found, key=lambda each: abs(each.left + each.width / 2 - width / 2) + abs(each.top + each.height / 2 - height / 2))
        around = faces.oval(face, height, width)
        box = around.rows, around.columns
        chance, share = np.random.default_rng(7), 1.0
        if part == "held out":
            chance = np.random.default_rng((_SEED, number, list(_DAMAGES).index(damage)))
            share = chance.uniform(*_AMOUNTS)
        factor, blur, noise, quality = _DAMAGES[damage]
        given = _damaged(truth, factor**share, blur * share, noise * share, round(quality / share), chance)
        yield _Case(photograph.name, np.ascontiguousarray(given[box]), truth[box], around.weights(1, slice(None))[..., np.newaxis])


def _damaged(truth: Pixels8, factor: float, blur: float, noise: float, quality: int, chance: np.random.Generator) -> Pixels8:
    height, width = truth.shape[:2]
    small = PillowImage.fromarray(truth).resize((round(width / factor), round(height / factor)), PillowImage.Resampling.BICUBIC)
    pixels = np.asarray(small, np.float32)
    if blur:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur), np.float32)
    pixels = pixels + noise * chance.standard_normal(pixels.shape).astype(np.float32)
    whole = np.round(pixels).clip(0, 255).astype(np.uint8)
    if quality:
        encoded = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        whole = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return np.asarray(PillowImage.fromarray(whole).resize((width, height), PillowImage.Resampling.BICUBIC))


def _scores(cases: Sequence[_Case], results: Sequence[Pixels8], gains: Sequence[float]) -> Sequence[str]:
    pairs = [(result, case.truth) for result, case in zip(results, cases, strict=True)]
    worst, name = min(zip(gains, (case.name for case in cases), strict=True))
    return (
        f"{statistics.mean(_psnr(*pair) for pair in pairs):.2f}",
        f"{statistics.mean(ssim(*pair) for pair in pairs):.3f}",
        f"{statistics.mean(gradient_deviation(*pair) for pair in pairs):.3f}",
        f"{worst:+.2f} ({name})",
    )


def _gain(case: _Case, result: Pixels8) -> float:
    return 0.0 if np.array_equal(result, case.input) else _psnr(result, case.truth) - _psnr(case.input, case.truth)


def _psnr(result: Pixels8, truth: Pixels8) -> float:
    """At most 60, for what is the same."""
    return 60.0 if np.array_equal(result, truth) else min(60.0, psnr(result, truth))


def _mixed(case: _Case, made: Pixels8) -> Pixels8:
    """In the oval, as all ways are shown to a user: by the strength and its soft edge."""
    if made is case.input:
        return made
    mixed = case.input + _STRENGTH * case.weights * (made.astype(np.float32) - case.input)
    return np.round(mixed).clip(0, 255).astype(np.uint8)


def _as_it_is(case: _Case) -> Pixels8:
    return case.input


def _unsharp(case: _Case) -> Pixels8:
    blurred = cv2.GaussianBlur(case.input, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(case.input, 1.8, blurred, -0.8, 0), np.uint8)


def _detail(case: _Case) -> Pixels8:
    return np.asarray(cv2.detailEnhance(case.input), np.uint8)


def _bicubic(case: _Case) -> Pixels8:
    height, width = case.input.shape[:2]
    large = cv2.resize(case.input, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _house(case: _Case) -> Pixels8:
    both = joint(_model("realesr_animevideov3_x2", 2), _model("realesrgan_x4plus", 4), 2)
    spool = Spool(Path(tempfile.gettempdir()))
    larger = asyncio.run(upscale(Image(case.input), 2, both, spool=spool, progress=lambda _done: None, check=lambda: None))
    return np.asarray(resize(larger.pixels, case.input.shape[1], case.input.shape[0]), np.uint8)


_WAYS: Mapping[str, Callable[[_Case], Pixels8]] = {
    "nothing": _as_it_is,
    "bicubic, by 2 and back": _bicubic,
    "unsharp mask": _unsharp,
    "OpenCV's detailEnhance": _detail,
    "**`enhance_faces`**": _house,
}


def _model(network: str, scale: int) -> TileModel:
    async def infer(tiles: Pixels8) -> Pixels8:
        return _output(network, tiles.shape, tiles.tobytes())

    return TileModel(scale, infer)


@cache
def _output(network: str, shape: tuple[int, ...], content: bytes) -> Pixels8:
    return onnx_models.run(network, np.frombuffer(content, np.uint8).reshape(shape), _THREADS)
