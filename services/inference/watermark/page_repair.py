"""Taking a mark off a scanned page: paper where only the mark was, and print as dark as elsewhere where it went over or under print."""

from __future__ import annotations

import cv2
import numpy as np

from services.inference.watermark.page_layers import Layers, Levels, distance, least_and_most, mean
from services.inference.watermark.page_marks import PageMark
from services.inference.watermark.strokes import Mask

_RIM, _INNER = 3, 2  # pixels at 150 dots an inch: how far a mark's soft border reaches outside, and inside
_THIN_RIM = 3
_DARKER = 0.08  # share of the light by which print is darker than the mark that it crosses
_NEAR_PRINT = 1  # pixels
_AROUND = 9.0  # pixels
_LOCAL = 15.0
_ALONE = 0.06  # share of the light
_MOST = 0.85  # opacity
_SPREAD, _FAINT = 4, 0.1  # pixels by which JPEG spreads colour; of a mark's usual density
_FEW = 50  # pixels of print
_DENSEST, _BARE = 1.2, 0.8  # of a mark's usual density; share of the light from which there is no print under it


def without(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    """The light of a crop (not smoothed) without a mark that covers `cover`, and where it changed."""
    if mark.thin:
        return _without_lines(light, layers, mark, cover, unit)
    return _without_areas(light, layers, mark, cover, unit)


def _without_areas(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    zone, inner = _grown(cover, _RIM * unit), ~_grown(~cover, _INNER * unit)
    # Corners of the mark are thin as well, but no darker than the mark.
    dark = mean(layers.light) < float(mark.tone.mean()) - _DARKER
    ink = _grown(layers.ink & dark & zone, 2 * _NEAR_PRINT)
    bare = inner & ~ink
    tone = _mean_of(light, bare, _LOCAL * unit, mark.tone)
    # Over shading the mark's tone is that of both, so it is taken where only the mark is.
    alone = (distance(tone, mark.tone) < _ALONE)[..., np.newaxis]
    tone = np.where(alone, tone, mark.tone)
    result = light.copy()
    shaded = light / mark.tone
    result[bare] = np.where(alone, light + 1 - tone, shaded)[bare]
    rim = zone & ~inner & ~ink
    result[rim] = _mean_of(result, ~_grown(ink, 2) & ~rim, 3 * unit, 1.0)[rim]
    opacity = _opacity(light, layers, mark, inner, zone)
    share = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), 0.8)[..., np.newaxis]
    clear = (light - share * (tone - 1 + opacity)) / (1 - share * opacity)
    crossing = ink & zone
    result[crossing] = clear[crossing]
    return result.clip(0, None), zone


def _opacity(light: Levels, layers: Layers, mark: PageMark, inner: Mask, zone: Mask) -> Levels:
    """For each channel, from how dark print is in the mark and outside: 1 - tone for ink that multiplies, more for paint over print."""
    least = 1 - mark.tone
    inside, outside = light[layers.ink & inner], light[layers.ink & ~zone]
    if len(inside) < _FEW or len(outside) < _FEW:
        return np.asarray(least.clip(0, _MOST), np.float32)
    there, here = (np.percentile(values, 10, axis=0) for values in (outside, inside))
    return np.asarray(((here - there + least) / np.maximum(1 - there, 0.1)).clip(0, _MOST), np.float32)


def _without_lines(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    zone = _grown(cover, _THIN_RIM * unit)
    if mark.coloured and light.shape[2] == 3:
        return _without_hue(light, layers, mark, zone)
    dark = mean(layers.light) < float(mark.tone.mean()) - _DARKER
    ink = _grown(dark, _NEAR_PRINT)
    changed = zone & ~ink
    result = light.copy()
    ground = _mean_of(light, ~_grown(layers.ink | zone, 1), _AROUND * unit, 1.0)
    result[changed] = ground[changed]
    crossing = zone & ink
    share = cv2.GaussianBlur(cv2.erode(cover.astype(np.float32), np.ones((3, 3), np.uint8)), (0, 0), 0.8)[..., np.newaxis]
    result[crossing] = (light / (1 - share * (1 - mark.tone)))[crossing].clip(0, 1)
    return result, zone


def _without_hue(light: Levels, layers: Layers, mark: PageMark, zone: Mask) -> tuple[Levels, Mask]:
    """Each pixel as the mark's colour at some density (Beer–Lambert) over grey, of which the grey stays."""
    held, full = (-np.log(seen.clip(0.03, 1)) for seen in (layers.light, mark.tone))
    colour = full - full.min()
    # How much of the colour explains the difference between channels. JPEG spreads it, but print is no denser than ink can be.
    away = held - least_and_most(held)[0][..., np.newaxis]
    amount = ((away @ colour) / max(1e-6, float(colour @ colour))).clip(0, _DENSEST).astype(np.float32)
    through = mean(np.exp(-amount[..., np.newaxis] * full).astype(np.float32))
    rest = mean(layers.light) / through
    ground = _mean_of(light, ~_grown(layers.ink | zone, 1), _AROUND, 1.0)
    result = light.copy()
    changed = _grown(zone, _SPREAD) & (amount > _FAINT) | zone & (rest > _BARE)
    result[changed] = (ground * np.where(rest > _BARE, 1, rest)[..., np.newaxis])[changed]
    return result, changed


def _grown(mask: Mask, reach: float) -> Mask:
    side = 2 * round(reach) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0, np.bool_)


def _mean_of(light: Levels, where: Mask, reach: float, fallback: Levels | float) -> Levels:
    """The mean around each pixel of those that are `where`; the fallback where there are none."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), reach)
    total = cv2.GaussianBlur(light * where[..., np.newaxis].astype(np.float32), (0, 0), reach).reshape(light.shape)
    known = (weight > 1e-3)[..., np.newaxis]
    return np.asarray(np.where(known, total / np.maximum(weight, 1e-6)[..., np.newaxis], fallback), np.float32)
