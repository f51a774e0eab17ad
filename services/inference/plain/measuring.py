"""How a picture is: its light, colours, sharpness and noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import to_8bit

_SEEN_SIDE = 512
"""Longest side of the copy in which light and colours are measured."""
_NOISE_SIDE = 1024
"""The side of the part from the middle, in its own pixels, in which noise is measured."""
_OPAQUE = 128
_NORM = 6  # of shades of gray (Finlayson and Trezzi 2004)
_AGREED = 0.08
"""Natural logarithm of a ratio of channels: a cast below this is none, and one above it counts less by this."""
_LARGEST_CAST, _NO_CAST = 0.3, 0.5
"""Logarithms from which a cast counts less, and not at all: such colours are those of what is shown, not of the light."""
_MAD = 0.6745  # of a normal distribution: its median absolute deviation by its standard deviation

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures, in 8-bit sRGB. Transparent pixels do not count."""

    mean: float
    """The mean of the luma, 0 to 255."""
    deviation: float
    """The standard deviation of the luma."""
    low: float
    """Luma that half a per cent of the pixels are below."""
    high: float
    """Luma that half a per cent of the pixels are above."""
    median: float
    cast: tuple[float, float, float]
    """Natural logarithms of what red, green and blue are multiplied by, by the light; all 0 where estimates do not agree."""
    chroma: float
    """Mean difference of a pixel's largest and smallest channel, as a share of 255."""
    sharpness: float
    """Variance of the Laplacian, of a copy of at most 512 pixels a side."""
    noise: float
    """Standard deviation, in levels."""
    white: float
    """Share of the pixels that are nearly white."""
    warm: float
    """Share of the saturated pixels that are red, orange or yellow."""
    fresh: float
    """Share of all pixels that are a saturated green or blue."""

    @property
    def is_seen(self) -> bool:
        """Whether there is more than one tone."""
        return self.high > self.low


def measure_picture(image: Image) -> Measures:
    """The measures of the picture."""
    full = image.srgb()
    scale = min(1.0, _SEEN_SIDE / max(image.width, image.height))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    seen = full if scale == 1 else np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.uint8)
    luma = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)
    pixels = seen.reshape(-1, 3)
    if image.alpha is not None:
        alpha = cv2.resize(to_8bit(image.alpha), size, interpolation=cv2.INTER_AREA).reshape(-1)
        if (alpha >= _OPAQUE).any():
            pixels = pixels[alpha >= _OPAQUE]
    tones = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2GRAY).reshape(-1)
    low, median, high = np.percentile(tones, (0.5, 50, 99.5))
    largest, smallest = pixels.max(axis=1).astype(np.int16), pixels.min(axis=1).astype(np.int16)
    coloured = largest - smallest > 60
    warm = coloured & (pixels[:, 0] == largest) & (pixels[:, 2] == smallest)
    fresh = coloured & (pixels[:, 0] < largest)
    return Measures(
        mean=float(tones.mean()),
        deviation=float(tones.std()),
        low=float(low),
        high=float(high),
        median=float(median),
        cast=(0.0, 0.0, 0.0) if image.is_gray else _cast(pixels, seen),
        chroma=float((largest - smallest).mean() / 255),
        sharpness=float(cv2.Laplacian(luma, cv2.CV_32F).var()) if min(luma.shape) > 2 else 0.0,
        noise=_noise(full),
        white=float((tones > 200).mean()),
        warm=float(warm.sum() / max(1, coloured.sum())),
        fresh=float(fresh.mean()),
    )


def mean_of(found: Sequence[Measures]) -> Measures:
    """The means of the measures of several pictures; of those with more than one tone, if there are any."""
    seen = [each for each in found if each.is_seen] or found

    def mean(name: str) -> float:
        return statistics.fmean(getattr(each, name) for each in seen)

    red, green, blue = (statistics.fmean(channel) for channel in zip(*(each.cast for each in seen), strict=True))
    return Measures(**{each.name: mean(each.name) for each in fields(Measures) if each.name != "cast"}, cast=(red, green, blue))


def _cast(pixels: npt.NDArray[np.uint8], seen: npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    """The light that three estimates agree on, each by their least."""
    values = pixels.astype(np.float64)
    clipped = (pixels.max(axis=1) >= 250) | (pixels.max(axis=1) < 8)
    values = values[~clipped]
    if len(values) < len(pixels) / 10:
        return 0.0, 0.0, 0.0
    smooth = cv2.GaussianBlur(seen, (0, 0), 1).astype(np.float32)
    edges = [float(np.abs(np.diff(smooth, axis=axis)).sum(axis=(0, 1))[channel]) + 1e-6 for channel in range(3) for axis in (0, 1)]
    gray_edge = np.array([edges[0] + edges[1], edges[2] + edges[3], edges[4] + edges[5]])
    if gray_edge.min() < 1:
        return 0.0, 0.0, 0.0
    estimates = [values.mean(axis=0), (values**_NORM).mean(axis=0) ** (1 / _NORM), gray_edge]
    logarithms = [np.log(np.maximum(each, 1e-3)) for each in estimates]
    casts = np.array([each - each.mean() for each in logarithms])
    agreed = np.where(np.all(casts > 0, axis=0), casts.min(axis=0), np.where(np.all(casts < 0, axis=0), casts.max(axis=0), 0.0))
    agreed *= float(np.clip((_NO_CAST - np.abs(agreed).max()) / (_NO_CAST - _LARGEST_CAST), 0, 1))
    agreed = np.sign(agreed) * np.maximum(np.abs(agreed) - _AGREED, 0)
    red, green, blue = (float(each) for each in agreed)
    return red, green, blue


def _noise(full: npt.NDArray[np.uint8]) -> float:
    """By the median of the finest differences (Donoho and Johnstone 1994), where the picture is smooth."""
    height, width = full.shape[:2]
    top, left = max(0, (height - _NOISE_SIDE) // 2), max(0, (width - _NOISE_SIDE) // 2)
    middle = np.ascontiguousarray(full[top : top + _NOISE_SIDE, left : left + _NOISE_SIDE])
    luma = cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if min(luma.shape) < 16:
        return 0.0
    luma = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
    finest = np.abs(luma[::2, ::2] - luma[1::2, ::2] - luma[::2, 1::2] + luma[1::2, 1::2]) / 2
    mean = cv2.blur(finest, (8, 8))[4::8, 4::8]
    calm = np.percentile(mean, 20)
    smooth = cv2.resize(np.asarray(mean <= calm, np.uint8), finest.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return float(np.median(finest[smooth]) / _MAD) if smooth.any() else 0.0


_SENTENCES = {
    ("exposure", True): "The picture is too bright.",
    ("exposure", False): "The picture is too dark.",
    ("contrast", True): "The contrast is very high.",
    ("contrast", False): "The contrast is low.",
    ("white_balance", True): "The colours are too warm.",
    ("white_balance", False): "The colours are too cold.",
    ("saturation", True): "The colours are very saturated.",
    ("saturation", False): "The colours are pale.",
    ("sharpness", False): "The picture is not sharp.",
    ("noise", True): "The picture is noisy.",
}
_TOLERATED = {"exposure": 17.0, "contrast": 20.0, "white_balance": 8.0, "saturation": 30.0, "sharpness": 18.0, "noise": 12.0}
"""How far from 50 a score is before it is an issue."""


def scores(found: Measures) -> dict[str, float]:
    """Each 0 to 100, where 50 is best."""
    red, _, blue = found.cast
    exact = {
        "exposure": 50 + (found.mean - 118) / 2.4,
        "contrast": 50 * found.deviation / 55,
        "white_balance": 50 + 120 * (red - blue),
        "saturation": 50 if found.chroma < 0.01 else 50 * found.chroma / 0.25,
        "sharpness": 50 + 10 * math.log2(max(found.sharpness, 1e-3) / 600),
        "noise": 50 + 4 * max(0.0, found.noise - 1.5),
    }
    return {name: round(min(100.0, max(0.0, score)), 1) for name, score in exact.items()}


def corrections(given: dict[str, float]) -> dict[str, float]:
    """The corrections of a picture with these scores: none for scores within a third of the tolerance."""
    needed = {}
    for name, score in given.items():
        over = abs(score - 50) - _TOLERATED[name] / 3
        needed[name] = round(min(100.0, max(0.0, 2 * over)) * (-1 if score > 50 else 1), 1) if over > 0 else 0.0
    return {
        "brightness": needed["exposure"],
        "contrast": needed["contrast"],
        "temperature": needed["white_balance"],
        "saturation": needed["saturation"],
        "sharpness": max(0.0, needed["sharpness"]),
        "noise": max(0.0, -needed["noise"]),
    }


def issues(given: dict[str, float]) -> Sequence[str]:
    """The problems, as sentences."""
    wrong = ((name, score > 50) for name, score in given.items() if abs(score - 50) > _TOLERATED[name])
    return [_SENTENCES[each] for each in wrong if each in _SENTENCES]


def suggested_mode(found: Measures, faces: int) -> str:
    """The mode that suits the picture."""
    if found.white > 0.6 and found.chroma < 0.08:
        return "document"
    if found.mean < 60:
        return "low_light"
    if faces:
        return "portrait"
    if found.chroma > 0.35 and found.warm > 0.8:
        return "food"
    return "landscape" if found.fresh > 0.25 else "auto"
