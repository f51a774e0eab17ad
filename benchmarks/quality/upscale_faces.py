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
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
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
# File, and rows and columns with one face; sides are divisible by every factor.
TUNED = {"skimage/data/astronaut.png": (slice(0, 240), slice(104, 344))}
HELD_OUT = {"matplotlib/mpl-data/sample_data/grace_hopper.jpg": (slice(8, 456), slice(72, 456))}
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
        f"deviation (GMSD, less is better). How much of each network is taken was chosen on {_names(TUNED)}, where its face has 44 pixels "
        f"and less; *held out* is {_names(HELD_OUT)}: few, since there are no more photographs of faces in the packages that are installed "
        "here. Rows are missing where the face is not found and left alone: of astronaut by 4 (22 pixels), and damaged most.",
        ("set", "damaged by", "factor", "enlarged by", "PSNR", "SSIM", "GMSD"),
    )
    for title, photographs in (("tuned", TUNED), ("held out", HELD_OUT)):
        for factor in (2, 4):
            for damage in _DAMAGES:
                cases = list(_cases(photographs, factor, damage))
                for name, way in _WAYS.items() if cases else ():
                    table.rows.append((title, damage, f"{factor}×", name, *_scores(cases, way)))
    table.remarks = (
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too. Faces were found by dlib's detector in "
        "the damaged pictures."
    )
    return [table]


def _cases(photographs: Mapping[str, tuple[slice, slice]], factor: int, damage: str) -> Iterator[_Case]:
    """The cases in which the face is found. Raises FileNotFoundError."""
    blur, noise, quality = _DAMAGES[damage]
    for file, window in photographs.items():
        path = PACKAGES / file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: run `python deploy/setup.py bench` first")
        truth = np.ascontiguousarray(np.asarray(PillowImage.open(path).convert("RGB"))[window])
        height, width = (side // factor for side in truth.shape[:2])
        small = np.asarray(PillowImage.fromarray(truth).resize((width, height), PillowImage.Resampling.BICUBIC), np.float32)
        if blur:
            small = np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.float32)
        noisy = small + noise * np.random.default_rng(7).standard_normal(small.shape)
        given = np.round(noisy).clip(0, 255).astype(np.uint8)
        if quality:
            encoded = cv2.imencode(".jpg", given[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            given = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
        for face in faces.find(given):
            yield _Case(factor, given, truth, faces.oval(face, height, width))


def _scores(cases: Sequence[_Case], way: Callable[[_Case], Pixels8]) -> Sequence[str]:
    seen = [(_face(way(case), case), _face(case.truth, case)) for case in cases]
    return (
        f"{statistics.mean(psnr(result, truth) for result, truth in seen):.2f}",
        f"{statistics.mean(ssim(result, truth) for result, truth in seen):.3f}",
        f"{statistics.mean(gradient_deviation(result, truth) for result, truth in seen):.3f}",
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
_WAYS: Mapping[str, Callable[[_Case], Pixels8]] = {
    "Lanczos (Pillow)": _lanczos,
    "compact network": partial(_plain, _COMPACT),
    "**compact network, `enhance_face`**": _enhanced,
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


def _names(photographs: Mapping[str, object]) -> str:
    return ", ".join(Path(file).stem for file in photographs)
