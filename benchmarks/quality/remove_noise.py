"""Photographs with known noise, and what `remove_noise` and other filters make of them."""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
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

_NETWORK = "srmd_x2"
_THREADS = os.cpu_count() or 1
_WITHOUT = {Tier.QUALITY: "quality, no network", Tier.MAXIMUM: "maximum, no network"}

_SIDE = 192
"""Pixels of the middle of each photograph."""
_PHOTOGRAPHS: Mapping[str, Sequence[str]] = {
    "looked at": ("skimage/data/astronaut.png", "sklearn/datasets/images/china.jpg", "skimage/data/coffee.png"),
    "held out": ("skimage/data/chelsea.png", "sklearn/datasets/images/flower.jpg", "skimage/data/motorcycle_left.png"),
}


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
        f"The middle {_SIDE} × {_SIDE} pixels of photographs, with noise of known kinds. PSNR in dB and SSIM of the brightness, means of "
        "three photographs; nobody is told how much noise there is, but the filters that need a strength get the one that suits "
        "scikit-image's estimate. *Worst* is the least gain of any photograph in PSNR. Nothing was tuned on those held out.",
        ("photographs", "noise", "as it is", *filters, "worst of **balanced**", "worst of **quality**, against the same without network"),
    )
    for kind, files in _PHOTOGRAPHS.items():
        for noise, add in _NOISES.items():
            pairs = list(_pairs(files, add))
            before = [_scores(given, truth) for given, truth in pairs]
            row, results = [kind, noise, _told(before)], dict[str, list[float]]()
            for name, one in filters.items():
                after = [_scores(one(given), truth) for given, truth in pairs]
                row.append(_told(after))
                results[name] = [score[0] for score in after]
            gains = [new - old[0] for new, old in zip(results["**balanced**"], before, strict=True)]
            further = [new - old for new, old in zip(results["**quality**"], results[_WITHOUT[Tier.QUALITY]], strict=True)]
            table.rows.append([*row, "" if noise == "none" else f"{min(gains):+.1f} dB", f"{min(further):+.1f} dB"])
    table.remarks = f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too."
    return [table]


def _pairs(files: Sequence[str], add: Callable[[Floats, np.random.Generator], Pixels]) -> Iterator[tuple[Pixels, Pixels]]:
    for number, file in enumerate(files):
        whole = np.asarray(PillowImage.open(PACKAGES / file).convert("RGB"))
        top, left = ((side - _SIDE) // 2 for side in whole.shape[:2])
        truth = np.ascontiguousarray(whole[top : top + _SIDE, left : left + _SIDE])
        yield add(truth.astype(np.float64), np.random.default_rng(number)), truth


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
