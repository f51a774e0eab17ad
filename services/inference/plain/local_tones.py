"""Corrections that depend on a pixel's surroundings: tone mapping, local contrast, sharpening and smoothing.

All of it rests on the guided filter (He, Sun, Tang: "Guided Image Filtering", PAMI 2013; in a reduced copy, as He, Sun: "Fast Guided
Filter", 2015), which smooths while it keeps strong edges, so that no halo runs along them.
"""

from __future__ import annotations

import math

import pyvips

from services.inference.plain.transfer import luminance

_LN_2 = math.log(2)
_SMALL_SIDE = 256
"""Longest side, in pixels, of the copy in which surroundings are measured."""
_SURROUNDINGS = 1 / 24
"""Standard deviation of what counts as a pixel's surroundings, as a share of the longest side."""
_EDGE = 0.4
"""Steps of lightness, in stops, that are kept as edges."""
_DARKEST = 0.03
"""Added to lightness, so that black does not count as infinitely dark."""
_OPENED, _HELD = 0.5, 0.25
"""By which share full tone mapping brings dark and light areas closer to the middle."""
_DETAIL = 0.5
"""By which share it increases that of detail."""
_PIVOT = (0.25, 0.6)
"""Lightness that tone mapping keeps: the picture's mean, within these bounds."""
_SHARPENED_SIGMA = 1.0
_NOISE = 1 / 255
"""Differences up to this are noise, or flat areas, and are not sharpened."""
_HALO = 0.12
"""The most that sharpening changes lightness, of 1."""


def tone_mapped(values: pyvips.Image, intensity: float) -> pyvips.Image:
    """Gray or RGB, encoded, 0 to 1, after local tone mapping: less contrast between large areas, more within them.

    Base and detail as in Durand, Dorsey: "Fast Bilateral Filtering for the Display of High-Dynamic-Range Images", SIGGRAPH 2002, with the
    guided filter in place of the bilateral one. `intensity` is 0 to 1.
    """
    lightness = stops(luminance(values))
    base = smooth(lightness, _SURROUNDINGS, _EDGE)
    dark, light = (math.log2(bound + _DARKEST) for bound in _PIVOT)
    pivot = min(light, max(dark, _reduced(lightness)[0].avg()))
    away = base - pivot
    nearer = (away < 0).ifthenelse(away * -_OPENED, away * -_HELD)
    change = (nearer + (lightness - base) * _DETAIL) * intensity
    return values * (change * _LN_2).exp()


def sharpen(values: pyvips.Image, amount: float) -> pyvips.Image:
    """Gray or RGB, 0 to 1, with luma moved away from its blurred copy; all channels move together, so that hues stay."""
    luma = luminance(values)
    difference = luma - luma.gaussblur(_SHARPENED_SIGMA, precision="float")
    beyond = (difference.abs() - _NOISE) * amount
    beyond = (beyond > 0).ifthenelse(beyond, 0)
    limited = (beyond > _HALO).ifthenelse(_HALO, beyond)
    return values + (difference < 0).ifthenelse(limited * -1, limited)


def smooth(values: pyvips.Image, share: float, edge: float, measured: pyvips.Image | None = None) -> pyvips.Image:
    """One band, smoothed over a share of the longest side, except across steps of more than `edge`.

    `measured` shows the same at that scale, and may be cheaper to compute.
    """
    small, scale = _reduced(values if measured is None else measured)
    sigma = max(0.5, share * max(small.width, small.height))

    def mean(of: pyvips.Image) -> pyvips.Image:
        return of.gaussblur(sigma, precision="float", min_ampl=0.05)

    average = mean(small).copy_memory()
    variance = mean(small * small) - average * average
    slope = (variance / (variance + edge**2)).copy_memory()
    slope, level = mean(slope), mean(average - slope * average)
    both = slope.bandjoin(level).copy_memory()
    if scale < 1:
        both = both.resize(values.width / small.width, vscale=values.height / small.height, kernel="linear")
    return both[0] * values + both[1]


def smoothed_alike(values: pyvips.Image, guide: pyvips.Image, sigma: float, edge: float) -> pyvips.Image:
    """Gray or RGB, smoothed over `sigma` pixels, except across steps of more than `edge` in the one band of the guide."""

    def mean(of: pyvips.Image) -> pyvips.Image:
        return of.gaussblur(sigma, precision="float", min_ampl=0.05)

    average, averages = mean(guide), mean(values)
    variance = mean(guide * guide) - average * average
    slopes = (mean(values * guide) - averages * average) / (variance + edge**2)
    return mean(slopes) * guide + mean(averages - slopes * average)


def stops(lightness: pyvips.Image) -> pyvips.Image:
    """The binary logarithm of lightness, 0 to 1."""
    return (lightness + _DARKEST).log() / _LN_2


def _reduced(values: pyvips.Image) -> tuple[pyvips.Image, float]:
    scale = min(1.0, _SMALL_SIDE / max(values.width, values.height))
    small = values.resize(scale) if scale < 1 else values
    return small.copy_memory(), scale
