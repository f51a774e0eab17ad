"""Correcting what a picture lacks, as far as it lacks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import strips
from services.inference.plain.measuring import Measures

_ROWS = 256
_MARGIN = 12
"""Rows above and below a strip that its blurs look at."""
_MOST_GAIN = math.log(1.6)
_DARK, _BRIGHT = 82.0, 172.0
"""Means of the luma within which the exposure is left alone."""
_LIGHT = 105.0
"""Mean that dark pictures come near."""
_FULL = 170.0
"""Range of tones that is enough."""
_BLACK, _WHITE, _UNUSED = 10.0, 240.0, 80.0
"""Tones that a well exposed picture reaches, and how far it may be from them until all that is needed is done."""
_NOISY = 4.0
_BLURRED = 90.0
_PALE = 0.11

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much of each correction is done, 1 for all that is needed."""

    exposure: float = 1.0
    contrast: float = 1.0
    white_balance: float = 1.0
    saturation: float = 1.0
    sharpness: float = 1.0
    noise: float = 1.0


MODES = {
    "auto": Weights(),
    "portrait": Weights(contrast=0.7, saturation=0.7, sharpness=0.6),
    "landscape": Weights(contrast=1.2, saturation=1.3),
    "low_light": Weights(exposure=1.3, noise=1.3, sharpness=0.7),
    "food": Weights(saturation=1.3, white_balance=0.6),
    "document": Weights(exposure=1.2, contrast=1.4, saturation=0.0, sharpness=1.3),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes to a picture. Defaults change nothing."""

    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    black: float = 0.0
    white: float = 1.0
    saturation: float = 1.0
    sharpening: float = 0.0
    noise: float = 0.0
    """Standard deviation, as a share of the largest sample."""

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self != Plan()


def plan_corrections(found: Measures, mode: str, intensity: float, without: Collection[str]) -> Plan:
    """The corrections for a picture with these measures, for an intensity of 0 to 1."""
    if not found.is_seen or not intensity:
        return Plan()
    share = 1 - (1 - intensity) ** 2
    weights = MODES[mode]

    def of(name: str) -> float:
        return 0.0 if name in without else getattr(weights, name) * share

    gains = [math.exp(-max(-_MOST_GAIN, min(_MOST_GAIN, each)) * min(1.0, of("white_balance"))) for each in found.cast]
    black, white = _stretch(found, of("contrast"))
    mean = (found.mean / 255 - black) / (white - black)
    return Plan(
        gains=(gains[0], gains[1], gains[2]),
        gamma=_gamma(mean * 255, of("exposure") * (1.0 if mode == "low_light" else _lacking_light(found))),
        black=black,
        white=white,
        saturation=1 + 0.6 * of("saturation") * max(0.0, 1 - found.chroma / _PALE) * (found.chroma > 0.015),
        sharpening=_sharpening(found) * of("sharpness"),
        noise=found.noise / 255 * min(1.3, of("noise")) if found.noise > _NOISY else 0.0,
    )


def _stretch(found: Measures, share: float) -> tuple[float, float]:
    """Tones that become black and white, 0 to 1: not all the way, and less the more of them there are."""
    lacking = max(0.0, _FULL - (found.high - found.low))
    if not lacking or not share:
        return 0.0, 1.0
    share = min(1.0, share)
    low, high = max(0.0, found.low - 6), min(255.0, found.high + 8)
    # A night keeps its black sky: its white moves no farther than to twice the slope.
    black = min(low, 0.8 * lacking) * share
    white = 255 - (255 - high) * share * 0.9
    if 255 / (white - black) > 3:
        middle = (white + black) / 2
        black, white = max(0.0, middle - 42.5), min(255.0, middle + 42.5)
    return black / 255, white / 255


def _gamma(mean: float, share: float) -> float:
    if not share or mean <= 1 or mean >= 254 or _DARK <= mean <= _BRIGHT:
        return 1.0
    wanted = _LIGHT if mean < _DARK else 150.0
    exact = math.log(wanted / 255) / math.log(mean / 255)
    # From nothing at the border of what is left alone.
    distance = (_DARK - mean) / 30 if mean < _DARK else (mean - _BRIGHT) / 30
    power = 1 + (exact - 1) * min(1.0, distance) * share
    return max(0.45, min(2.0, power))


def _lacking_light(found: Measures) -> float:
    """How likely it is, 0.1 to 1, that a picture lacks light, or has too much, and is not of a dark or a bright thing: it has no white, or
    no black."""
    unused = _WHITE - found.high if found.mean < _LIGHT else found.low - _BLACK
    return min(1.0, max(0.1, unused / _UNUSED))


def _sharpening(found: Measures) -> float:
    if found.noise > _NOISY or found.sharpness <= 0:
        return 0.0
    return 1.2 * max(0.0, min(1.0, math.log2(_BLURRED / found.sharpness) / 3))


def enhance(image: Image, plan: Plan, check: Callable[[], None], report: Callable[[float], None]) -> Image:
    """The picture with these corrections; the very same where there are none."""
    if not plan.changes:
        return image
    result = np.empty_like(image.pixels)
    curve = _curve(plan)
    for rows in strips(image.height, _ROWS):
        check()
        report(rows.start / image.height)
        top = max(0, rows.start - _MARGIN)
        values = image.pixels[top : rows.stop + _MARGIN].astype(np.float32) / np.float32(image.maximum)
        values = _corrected(values, plan, curve)[rows.start - top : rows.stop - top]
        result[rows] = np.rint(np.clip(values, 0, 1) * image.maximum).astype(image.pixels.dtype)
    return image.replace(pixels=result)


def _curve(plan: Plan) -> Callable[[Floats], Floats]:
    def bent(values: Floats) -> Floats:
        stretched = np.clip((values - np.float32(plan.black)) / np.float32(plan.white - plan.black), 0, 1)
        return np.asarray(stretched if plan.gamma == 1 else np.power(stretched, np.float32(plan.gamma)), np.float32)

    return bent


def _corrected(values: Floats, plan: Plan, curve: Callable[[Floats], Floats]) -> Floats:
    gray = values.shape[2] == 1
    if plan.noise:
        calm = cv2.bilateralFilter(values if not gray else values[..., 0], 5, 3 * plan.noise * (1 if gray else math.sqrt(3)), 1.8)
        values = np.asarray(calm, np.float32).reshape(values.shape)
    if not gray:
        values = values * np.array(plan.gains, np.float32)
    values = curve(values)
    if plan.saturation != 1 and not gray:
        luma = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)[..., None]
        values = np.asarray(luma + (values - luma) * np.float32(plan.saturation), np.float32)
    if plan.sharpening:
        blurred = cv2.GaussianBlur(values, (0, 0), 1.5).reshape(values.shape)
        values = np.asarray(values + (values - blurred) * np.float32(plan.sharpening), np.float32)
    return values
