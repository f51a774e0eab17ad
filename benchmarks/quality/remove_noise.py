"""Photographs with known noise, and what `remove_noise` and other filters make of them."""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._drawn_photographs import photographs_by
from benchmarks.quality._sheet import Case, show_worst
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, PUBLIC_DOMAIN
from benchmarks.quality._upscale_inputs import PACKAGES
from benchmarks.table import Section
from services.inference.denoising.filtering import Settings, Tier, noise_of, without_noise
from services.inference.denoising.network import mix_with_network, suits, turns
from services.inference.media import Image

# Behind what is installed here, the packages to compare with.
sys.path.append(str(PACKAGES))
from skimage.metrics import structural_similarity
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet, estimate_sigma

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Filter = Callable[[Pixels], Pixels]
_Crop = tuple[str, Pixels, tuple[int, ...]]
"""The photograph's name, the crop, and what draws the noise."""

_NETWORK = "srmd_x2"
_THREADS = os.cpu_count() or 1
_WITHOUT = {Tier.QUALITY: "quality, no network", Tier.MAXIMUM: "maximum, no network"}

_SIDE = 192
"""Pixels of the crop of each photograph."""
_PHOTOGRAPHS: Mapping[str, Sequence[str]] = {
    "looked at": ("skimage/data/astronaut.png", "sklearn/datasets/images/china.jpg", "skimage/data/coffee.png"),
    "once held out": ("skimage/data/chelsea.png", "sklearn/datasets/images/flower.jpg", "skimage/data/motorcycle_left.png"),
}
_SEED, _COUNT, _LONGEST = 534784, 3, 640
"""What draws the photographs held out, the place of their crops and their noise, first used for this table; how many, and their longest
side, so short that noise and JPEG of the photographs themselves are averaged out."""
_MAY_BE_SHOWN = {name for _, name in PUBLIC_DOMAIN} | {"astronaut.png", "coffee.png", "chelsea.png"}
"""In the public domain, or under CC0."""


def _gaussian(truth: Floats, chance: np.random.Generator, sigma: float) -> Pixels:
    return _rounded(truth + chance.normal(0, sigma, truth.shape))


def _photons(truth: Floats, chance: np.random.Generator) -> Pixels:
    return _rounded(truth + chance.normal(0, 1, truth.shape) * np.sqrt(4 + 1.5 * truth))


def _compressed(truth: Floats, chance: np.random.Generator) -> Pixels:
    smeared = cv2.GaussianBlur(chance.normal(0, 30, truth.shape), (0, 0), 0.7)
    return _stored(_rounded(truth + smeared), 85)


def _stored(pixels: Pixels, quality: int) -> Pixels:
    _, stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


_NOISES: Mapping[str, Callable[[Floats, np.random.Generator], Pixels]] = {
    "none": lambda truth, _chance: _rounded(truth),
    "Gaussian, 10": lambda truth, chance: _gaussian(truth, chance, 10),
    "Gaussian, 20": lambda truth, chance: _gaussian(truth, chance, 20),
    "Gaussian, 40": lambda truth, chance: _gaussian(truth, chance, 40),
    "of photons, growing with the light": _photons,
    "smeared, then JPEG of 85": _compressed,
    "Gaussian, 15, then JPEG of 60": lambda truth, chance: _stored(_gaussian(truth, chance, 15), 60),
}


def measure() -> Sequence[Section]:
    """PSNR and SSIM, by noise and filter."""
    started = time.perf_counter()
    filters: dict[str, Filter] = {f"**{tier.value}**": _ours(tier, network=True) for tier in Tier}
    filters |= {name: _ours(tier, network=False) for tier, name in _WITHOUT.items()} | dict(_RIVALS)
    table = Section(
        "Removing noise",
        f"{_SIDE} × {_SIDE} pixels of photographs, with noise of known kinds. PSNR in dB and SSIM of the brightness, means of three "
        "photographs. No filter is given the amount of noise, except those that need a strength: they get the one that suits "
        "scikit-image's estimate. *Worst* is the least gain of any photograph in PSNR. *Looked at* and *once held out*: the middle of "
        "photographs of scikit-image and scikit-learn; results of both have been seen. *Held out*: photographs of web themes, at most "
        f"{_LONGEST} pixels long, drawn from {len(PHOTOGRAPHS)} with their crops and noise by the seed {_SEED}, which was first used for "
        "this table; nothing was tuned on them.",
        ("photographs", "noise", "as it is", *filters, "worst of **balanced**", "worst of **quality**, against the same without network"),
    )
    parts = {part: list(_middles(files)) for part, files in _PHOTOGRAPHS.items()} | {"held out": list(_held_out())}
    cases: list[Case] = []
    for (part, crops), (noise, add) in product(parts.items(), _NOISES.items()):
        truths = [truth for _, truth, _ in crops]
        givens = [add(truth.astype(np.float64), np.random.default_rng(seed)) for _, truth, seed in crops]
        before = [_scores(*each) for each in zip(givens, truths, strict=True)]
        made = {name: [one(given) for given in givens] for name, one in filters.items()}
        after = {name: [_scores(*each) for each in zip(results, truths, strict=True)] for name, results in made.items()}
        gains = [new[0] - old[0] for new, old in zip(after["**balanced**"], before, strict=True)]
        further = [new[0] - old[0] for new, old in zip(after["**quality**"], after[_WITHOUT[Tier.QUALITY]], strict=True)]
        row = [part, noise, _told(before), *map(_told, after.values())]
        table.rows.append([*row, "" if noise == "none" else f"{min(gains):+.1f} dB", f"{min(further):+.1f} dB"])
        cases += [
            Case(-gain, f"{name}, {noise} ({part}): {gain:+.1f} dB", (given, result, truth))
            for (name, truth, _), gain, given, result in zip(crops, gains, givens, made["**balanced**"], strict=True)
            if noise != "none" and name in _MAY_BE_SHOWN
        ]
    show_worst(table, "remove_noise", "with noise, by balanced, and as it was, with the gain in PSNR", cases, columns=2)
    table.remarks = f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too."
    return [table]


def _middles(files: Sequence[str]) -> Iterator[_Crop]:
    for number, file in enumerate(files):
        whole = np.asarray(PillowImage.open(PACKAGES / file).convert("RGB"))
        top, left = ((side - _SIDE) // 2 for side in whole.shape[:2])
        yield Path(file).name, _crop(whole, top, left), (number,)


def _held_out() -> Iterator[_Crop]:
    for number, (name, whole) in enumerate(photographs_by(_SEED, _COUNT, _LONGEST)):
        chance = np.random.default_rng((_SEED, number))
        top, left = (int(chance.integers(side - _SIDE + 1)) for side in whole.shape[:2])
        yield name, _crop(whole, top, left), (_SEED, number)


def _crop(whole: Pixels, top: int, left: int) -> Pixels:
    return np.ascontiguousarray(whole[top : top + _SIDE, left : left + _SIDE])


def _rounded(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(np.clip(values, 0, 255)), np.uint8)


def _scores(made: Pixels, truth: Pixels) -> tuple[float, float]:
    gray, other = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (made, truth))
    return min(99.0, float(cv2.PSNR(made, truth))), float(structural_similarity(gray, other))


def _told(scores: Sequence[tuple[float, float]]) -> str:
    psnr, ssim = (statistics.mean(score[part] for score in scores) for part in (0, 1))
    return f"{psnr:.1f}, {ssim:.3f}"


def _ours(tier: Tier, *, network: bool) -> Filter:
    def filter_noise(given: Pixels) -> Pixels:
        image = Image(given)
        noise = noise_of(image)
        if noise is None:
            return given
        settings = Settings(tier)
        result = without_noise(image, noise, settings, lambda: None, lambda _done: None)
        if network and suits(image, noise, tier):
            result = mix_with_network(
                result, image, noise, settings, _through_network, turns(image, settings, math.inf), lambda: None, lambda _done: None
            )
        return np.asarray(result.pixels, np.uint8)

    return filter_noise


def _through_network(given: Pixels) -> Pixels:
    return onnx_models.run(_NETWORK, given, _THREADS)


def _level(given: Pixels) -> float:
    return float(np.mean(estimate_sigma(given, channel_axis=2)))


def _means(given: Pixels) -> Pixels:
    level = _level(given)
    return np.asarray(cv2.fastNlMeansDenoisingColored(given, None, level, level, 5, 21), np.uint8)


def _patches(given: Pixels) -> Pixels:
    sigma = _level(given) / 255
    made = denoise_nl_means(given / 255, h=0.8 * sigma, sigma=sigma, patch_size=5, patch_distance=6, channel_axis=2)
    return _rounded(made * 255)


def _wavelet(given: Pixels) -> Pixels:
    return _rounded(denoise_wavelet(given / 255, channel_axis=2, convert2ycbcr=True, rescale_sigma=True) * 255)


def _variation(given: Pixels) -> Pixels:
    return _rounded(denoise_tv_chambolle(given / 255, weight=2 * _level(given) / 255, channel_axis=2) * 255)


_RIVALS: Mapping[str, Filter] = {
    "OpenCV, non-local means": _means,
    "scikit-image, non-local means": _patches,
    "scikit-image, wavelets": _wavelet,
    "scikit-image, total variation": _variation,
    "bilateral": lambda given: np.asarray(cv2.bilateralFilter(given, 7, 3 * _level(given), 3), np.uint8),
    "median": lambda given: np.asarray(cv2.medianBlur(given, 3), np.uint8),
}
