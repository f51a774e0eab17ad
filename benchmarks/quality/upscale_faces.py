"""Faces in photographs that were reduced and degraded in known ways, enlarged with and without `enhance_face`."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._face_pictures import drawn_photographs
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.quality._upscale_scores import gradient_deviation, psnr, ssim
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.plain import faces
from services.inference.upscaling.face_enhancement import cut, joint, lay_over
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.upscaling import upscale

Pixels8 = npt.NDArray[np.uint8]

_THREADS = 2
_FINE, _FINE_SCALE = "realesrgan_x4plus", 4
_KNOWN = {
    "tuned": ("skimage/data/astronaut.png", slice(0, 240), slice(104, 344)),
    "once held out": ("matplotlib/mpl-data/sample_data/grace_hopper.jpg", slice(8, 456), slice(72, 456)),
}
"""File, and rows and columns with one face; sides are divisible by every factor. Both are in the public domain, and may be shown."""
_PARTS, _FACTORS = (*_KNOWN, "held out"), (2, 4)
_SEED, _COUNT, _SIDES, _AMOUNTS = 53188, 2, (40, 50), (0.7, 1.4)
"""What chooses the faces held out and their damage, first used for this table; how many, pixels of a face in the small picture, and what
the amounts of damage are multiplied by."""
_LEAST_SIDE = 140
"""Pixels of their faces in the photographs, so that some are found when these are made small for a factor of 4."""
_DAMAGES: Mapping[str, tuple[float, float, int]] = {
    "nothing": (0, 0, 0),
    "JPEG of quality 80": (0, 0, 80),
    "noise of 8 levels": (0, 8, 0),
    "blur, noise, JPEG of 70": (0.8, 4, 70),
    "more of each, JPEG of 40": (1.2, 8, 40),
}
"""Standard deviation of a blur in pixels, that of noise in levels, and a JPEG quality; 0: none."""


@dataclass(frozen=True, slots=True)
class _Case:
    factor: int
    input: Pixels8
    truth: Pixels8
    oval: faces.Oval


def measure() -> Sequence[Section]:
    """The scores."""
    started = time.perf_counter()
    table = Section(
        "Faces in upscaling",
        "Photographs with a face, made small by an antialiased bicubic filter and then damaged, enlarged with and without `enhance_face`. "
        "Scores of the luma in the face with some of what is around it: PSNR and SSIM (more is better), gradient magnitude similarity "
        "deviation (GMSD, less is better). How much of each network is taken was chosen on astronaut, where its face has 44 pixels and "
        f"less; grace_hopper was *once held out*. *Held out* are {_COUNT} photographs of web themes, whose faces have at most {_SIDES[0]} "
        f"to {_SIDES[1]} pixels when small. The seed {_SEED}, which was first used for this table, chooses, crops and perhaps mirrors "
        f"them, and multiplies blur and noise, and divides the JPEG's quality, by {_AMOUNTS[0]} to {_AMOUNTS[1]}. Faces that are not found "
        "are left alone, and not counted: that of astronaut by 4 (22 pixels), and some of those damaged most.",
        ("set", "damaged by", "factor", "enlarged by", "faces", "PSNR", "SSIM", "GMSD"),
    )
    shown: list[Case] = []
    for part, factor, damage in product(_PARTS, _FACTORS, _DAMAGES):
        cases = list(_cases(part, factor, damage))
        truths = [_face(case.truth, case) for case in cases]
        made = {name: [_face(way(case), case) for case in cases] for name, way in _WAYS.items()}
        for name, results in made.items() if cases else ():
            table.rows.append((part, damage, f"{factor}×", name, str(len(cases)), *_scores(results, truths)))
        for plain, enhanced, truth in zip(made[_PLAIN], made[_ENHANCED], truths, strict=True):
            if part in _KNOWN:
                gain = psnr(enhanced, truth) - psnr(plain, truth)
                shown.append(Case(-gain, f"{part}, {damage}, {factor}×: {gain:+.2f} dB", (plain, enhanced, truth)))
    show_worst(table, "upscale_faces", "without and with `enhance_face`, and as it was, with the gain in PSNR", shown, columns=2)
    table.remarks = (
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too. Faces were found by dlib's detector in "
        "the damaged pictures."
    )
    return [table]


def _truths(part: str, factor: int) -> Iterator[Pixels8]:
    """Photographs, whose sides are divisible by the factor. Raises FileNotFoundError."""
    if part in _KNOWN:
        file, *window = _KNOWN[part]
        path = PACKAGES / file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: run `python deploy/setup.py bench` first")
        yield np.ascontiguousarray(np.asarray(PillowImage.open(path).convert("RGB"))[tuple(window)])
        return
    chance = np.random.default_rng(_SEED)
    large = [each for each in drawn_photographs(_SEED) if each.faces[0].side >= _LEAST_SIDE]
    for number in chance.choice(len(large), _COUNT, replace=False):
        share = min(1.0, factor * chance.uniform(*_SIDES) / large[number].faces[0].side)
        pixels = cv2.resize(large[number].pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        height, width = (side // factor * factor for side in pixels.shape[:2])
        yield np.ascontiguousarray(pixels[:height, :width], np.uint8)


def _cases(part: str, factor: int, damage: str) -> Iterator[_Case]:
    """The cases in which the face is found. Raises FileNotFoundError."""
    for number, truth in enumerate(_truths(part, factor)):
        chance, share = np.random.default_rng(7), 1.0
        if part == "held out":
            chance = np.random.default_rng((_SEED, number, factor, list(_DAMAGES).index(damage)))
            share = chance.uniform(*_AMOUNTS)
        blur, noise, quality = _DAMAGES[damage]
        height, width = (side // factor for side in truth.shape[:2])
        small = np.asarray(PillowImage.fromarray(truth).resize((width, height), PillowImage.Resampling.BICUBIC), np.float32)
        if blur:
            small = np.asarray(cv2.GaussianBlur(small, (0, 0), blur * share), np.float32)
        noisy = small + noise * share * chance.standard_normal(small.shape)
        given = np.round(noisy).clip(0, 255).astype(np.uint8)
        if quality:
            encoded = cv2.imencode(".jpg", given[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, min(100, round(quality / share))])[1]
            given = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
        for face in faces.find(given):
            yield _Case(factor, given, truth, faces.oval(face, height, width))


def _scores(results: Sequence[Pixels8], truths: Sequence[Pixels8]) -> Sequence[str]:
    pairs = list(zip(results, truths, strict=True))
    return (
        f"{statistics.mean(psnr(*pair) for pair in pairs):.2f}",
        f"{statistics.mean(ssim(*pair) for pair in pairs):.3f}",
        f"{statistics.mean(gradient_deviation(*pair) for pair in pairs):.3f}",
    )


def _face(pixels: Pixels8, case: _Case) -> Pixels8:
    """The pixels in the rectangle where the oval has at least half its weight, plus the border that scores leave out."""
    y, x, down, across = (round(value * case.factor) for value in (case.oval.y, case.oval.x, case.oval.down, case.oval.across))
    return pixels[max(0, y - down * 4 // 5) : y + down * 4 // 5, max(0, x - across * 4 // 5) : x + across * 4 // 5]


def _lanczos(case: _Case) -> Pixels8:
    size = case.truth.shape[1], case.truth.shape[0]
    return np.asarray(PillowImage.fromarray(case.input).resize(size, PillowImage.Resampling.LANCZOS))


def _plain(network: str, case: _Case) -> Pixels8:
    return np.asarray(_enlarged(Image(case.input), case.factor, _model(network.format(case.factor))).pixels, np.uint8)


def _enhanced(case: _Case) -> Pixels8:
    whole = Image(_plain(_COMPACT, case).copy())
    both = joint(_model(_COMPACT.format(case.factor)), _model(_FINE), case.factor)
    lay_over(whole, _enlarged(cut(Image(case.input), case.oval), case.factor, both), case.oval, case.factor, lambda: None)
    return np.asarray(whole.pixels, np.uint8)


_COMPACT = "realesr_animevideov3_x{}"
_PLAIN, _ENHANCED = "compact network", "**compact network, `enhance_face`**"
_WAYS: Mapping[str, Callable[[_Case], Pixels8]] = {
    "Lanczos (Pillow)": _lanczos,
    _PLAIN: partial(_plain, _COMPACT),
    _ENHANCED: _enhanced,
}


def _enlarged(image: Image, factor: int, model: TileModel) -> Image:
    spool = Spool(Path(tempfile.gettempdir()))
    return asyncio.run(upscale(image, factor, model, spool=spool, progress=lambda _done: None, check=lambda: None))


def _model(network: str) -> TileModel:
    async def infer(tiles: Pixels8) -> Pixels8:
        return _output(network, tiles.shape, tiles.tobytes())

    return TileModel(_FINE_SCALE if network == _FINE else int(network[-1]), infer)


@cache
def _output(network: str, shape: tuple[int, ...], content: bytes) -> Pixels8:
    return onnx_models.run(network, np.frombuffer(content, np.uint8).reshape(shape), _THREADS)
