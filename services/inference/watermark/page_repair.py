"""Taking a mark off a scanned page: paper where only the mark was, and print as dark as elsewhere where it went over or under print."""

from __future__ import annotations

import cv2
import numpy as np

from services.inference.watermark.page_cover import pieces
from services.inference.watermark.page_groups import pictures
from services.inference.watermark.page_layers import Layers, Levels, distance, least_and_most, mean
from services.inference.watermark.page_marks import PageMark
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask, Plane

_RIM, _INNER = 3, 2  # pixels at 150 dots an inch: how far a mark's soft border reaches outside, and inside
_THIN_RIM = 3
_DARKER = 0.08  # share of the light by which print is darker than the mark that it crosses
_NEAR_PRINT = 1  # pixels
_AROUND, _WORDS = 9.0, 12.0  # pixels: from a line; half the height of print that stands close
_EVERY = 7  # pixel
_PRINT, _LEAST_PRINT, _EDGE = 0.9, 18, 2  # share of the light; pixels at 150 dots an inch; of its border
_STEPS = 128  # of eight bits, for as much light as paper gives back
_BRIGHTEST = 1.03  # share of the light: paper, as it varies
_SAME_HUE, _TINGED = 0.9, 0.1  # cosine; share of the light between channels
_SHADED = 0.06  # share of the light
_LOCAL = 15.0
_ALONE = 0.03  # share of the light
_MOST = 0.85  # opacity
_SOFT = 0.8  # pixels: standard deviation of a soft border
_SPREAD, _FAINT = 4, 0.1  # pixels by which JPEG spreads colour; of a mark's usual density
_FEW = 50  # pixels of print
_PRINTED, _LEAST_PRINTED, _HIDDEN = 0.65, 0.03, 0.25  # share of the light; of the pixels within a mark; of that, below it
_DENSE, _USUAL, _FULL = 0.5, 40, 90  # of the densest; percentiles
_DARKEST = 0.15  # share of the light that print gives back at least
_LEAST_DARK = 0.02  # share of the light
_TURNS = 4
_COLOUR_SPREAD = 1.8  # pixels at 150 dots an inch
_THINNER, _SLACK = 1.08, 0.04  # how much darker a thin line is than its colour says; share of the light


def without(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    """The light of a crop (not smoothed) without a mark that covers `cover`, and where it changed."""
    if mark.thin:
        return _without_lines(light, layers, mark, cover, unit)
    return _without_areas(light, layers, mark, cover, unit)


def hides_print(clear: Levels, cover: Mask, unit: float) -> bool:
    """Whether print that is all around a mark is missing below it, in the light of a crop without it: the mark is too opaque."""
    dark = mean(clear.astype(np.float32)) < _PRINTED
    beside = _hull(cover) & ~_grown(cover, _THIN_RIM * unit)
    share = float(dark[beside].mean()) if beside.any() else 0.0
    return share > _LEAST_PRINTED and float(dark[cover].mean()) < _HIDDEN * share


def _without_areas(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    zone, inner = _grown(cover, _RIM * unit), ~_grown(~cover, _INNER * unit)
    # Corners of the mark are thin as well, but no darker than the mark, whose border is soft.
    dark = mean(layers.light) < 1 - _share(_grown(cover, _NEAR_PRINT)) * float(1 - mark.tone.mean()) - _DARKER
    ink = _grown(layers.ink & dark & zone, 2 * _NEAR_PRINT)
    bare = inner & ~ink
    opacity = _opacity(light, layers.ink, mark.tone, inner, zone)
    tone = _tone_of(light, layers, mark, bare, unit)
    result = light.copy()
    # Differences from the mark over paper are shading under it, which shows through paler than it is; noise does not.
    below = (layers.light - tone) / (1 - opacity)
    result[bare] = ((1 + below).clip(None, _BRIGHTEST) + light - layers.light)[bare]
    rim = zone & ~inner & ~ink
    result[rim] = _mean_of(result, ~_grown(ink, 2) & ~rim, 3 * unit, 1.0)[rim]
    crossing = ink & zone
    result[crossing] = _unblended(light, cover, tone, opacity)[crossing]
    return np.minimum(result.clip(0, None), np.maximum(light, _BRIGHTEST)), zone


def _tone_of(light: Levels, layers: Layers, mark: PageMark, bare: Mask, unit: float) -> Levels:
    """The mark over paper around each pixel, which is not the same everywhere."""
    paper = bare & (distance(layers.light, mark.tone) < _ALONE)
    return _mean_of(light, paper, _LOCAL * unit, mark.tone)


def _opacity(light: Levels, print_: Mask, tone: Levels, inner: Mask, zone: Mask) -> Levels:
    """For each channel, from how dark print is in the mark and outside: 1 - tone for ink that multiplies, more for paint over print."""
    least = 1 - tone
    inside, outside = light[print_ & inner], light[print_ & ~zone]
    if len(inside) < _FEW or len(outside) < _FEW:
        return np.asarray(least.clip(0, _MOST), np.float32)
    there, here = (np.percentile(values, 10, axis=0) for values in (outside, inside))
    return np.asarray(((here - there + least) / np.maximum(1 - there, 0.1)).clip(0, _MOST), np.float32)


def _opacity_over(light: Levels, shown: Mask, tone: Levels, cover: Mask, unit: float) -> Levels:
    """For each channel, from a picture in the mark and next to it: least squares, with paper that becomes the mark's tone."""
    inside, beside = shown & cover, ~_grown(cover, _EDGE * unit)
    if inside.sum() < _FEW:
        return 1 - tone
    below = (_mean_of(light, beside, _AROUND / 3 * unit, light) - 1)[inside]
    through = (below * (light[inside] - tone)).sum(axis=0) / np.maximum((below * below).sum(axis=0), 1e-6)
    return np.asarray((1 - through).clip(1 - tone, np.maximum(_MOST, 1 - tone)), np.float32)


def _unblended(light: Levels, cover: Mask, tone: Levels, opacity: Levels) -> Levels:
    """The light without paint that covers `cover`, whose border is soft, and is `tone` over paper."""
    share = _share(cover)[..., np.newaxis]
    return np.asarray((light - share * (tone - 1 + opacity)) / (1 - share * opacity), np.float32)


def _share(cover: Mask) -> Plane:
    """How much of each pixel a mark covers, whose border is soft."""
    return np.asarray(cv2.GaussianBlur(cover.astype(np.float32), (0, 0), _SOFT), np.float32)


def _without_lines(light: Levels, layers: Layers, mark: PageMark, cover: Mask, unit: float) -> tuple[Levels, Mask]:
    zone = _grown(cover, _THIN_RIM * unit)
    if not cover.any():
        return light, zone
    if mark.is_coloured and light.shape[2] == 3:
        result, changed = _without_hue(light, layers, mark, zone, unit)
    else:
        result, changed = _without_grey(light, layers, mark, cover, zone, unit)
    shown = pictures(layers, unit) & (zone | changed)
    if shown.any():
        # There is no paper or print below, whose look is known.
        opacity = _opacity_over(light, shown, mark.tone, cover, unit)
        result[shown] = _unblended(light, cover, mark.tone, opacity)[shown].clip(0, None)
        changed = changed | (shown & zone)
    return result, changed


def _without_grey(light: Levels, layers: Layers, mark: PageMark, cover: Mask, zone: Mask, unit: float) -> tuple[Levels, Mask]:
    """Grey lines over print, which is darker."""
    dark = mean(layers.light) < float(mark.tone.mean()) - _DARKER
    ink = _grown(dark, _NEAR_PRINT)
    changed = zone & ~ink
    result = light.copy()
    ground = _ground(light, layers, mark, zone, unit)
    result[changed] = ground[changed]
    crossing = zone & ink
    thinner = cv2.erode(cover.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    result[crossing] = _unblended(light, thinner, mark.tone, 1 - mark.tone)[crossing].clip(0, 1)
    return result, zone


def _without_hue(light: Levels, layers: Layers, mark: PageMark, zone: Mask, unit: float) -> tuple[Levels, Mask]:
    """Coloured lines over grey print, of which the grey stays.

    The colour of a pixel shows its share of the mark. JPEG keeps that at half the resolution, so in and near print it comes from
    around the pixel: it is compared with how light the print is there, not at the pixel (two unknowns, by turns).
    """
    ground = _ground(light, layers, mark, zone, unit)
    seen = layers.light / ground
    held, full = 1 - seen, 1 - mark.tone
    direction = full - full.min()
    colour = ((held - least_and_most(held)[0][..., np.newaxis]) @ direction / max(1e-6, float(direction @ direction))).astype(np.float32)
    if mark.kind is not Kind.TILED:
        # Pieces of a stamp that print has hidden.
        zone = zone | (_hull(zone) & (colour > _DENSE))
    gray, rest, amount = mean(seen), np.ones(zone.shape, np.float32), colour
    # How dark the mark is for its colour: as dark as most of it, which is not on print.
    dense = zone & (colour > max(_FAINT, _DENSE * float(np.percentile(colour[zone], 90))))
    dark = max(_LEAST_DARK, float(np.percentile((1 - gray[dense]) / colour[dense], _USUAL)) if dense.any() else float(full.mean()))
    # JPEG makes no more of it than there is where it covers all.
    most = min(_MOST / dark, float(np.percentile(colour[dense], _FULL)) if dense.any() else 1.0)
    for _ in range(_TURNS):
        amount = np.asarray((colour / cv2.GaussianBlur(rest, (0, 0), _COLOUR_SPREAD * unit).clip(_DARKEST, None)).clip(0, None), np.float32)
        amount = np.minimum(amount, most)
        rest = np.asarray((gray / (1 - amount * dark)).clip(0, 1), np.float32)
    # A line that is thinner than the resolution of its colour is darker than that says.
    bare = (1 - gray <= _THINNER * amount * dark + _SLACK) | ~_grown(pieces(rest < _PRINT, _LEAST_PRINT * unit**2), _EDGE * unit)
    # As sharp as the page is.
    rest = np.where(bare, 1, (mean(light / ground) / (1 - amount * dark)).clip(0, 1))
    result = light.copy()
    changed = _grown(zone, _SPREAD * unit) & (amount > _FAINT) | zone & bare
    result[changed] = (ground * rest[..., np.newaxis])[changed]
    return result, changed


def _ground(light: Levels, layers: Layers, mark: PageMark, zone: Mask, unit: float) -> Levels:
    """The ground of thin lines: paper, shading or a picture."""
    stamped = mark.is_coloured and mark.kind is not Kind.TILED
    other = layers.ink | zone | pictures(layers, unit)
    if stamped:
        held = 1 - layers.light
        other |= _of_hue(held, mark) & (held.max(axis=2) - held.min(axis=2) > _TINGED)
    clear = ~_grown(other, 1)
    around = _mean_of(light, clear, _AROUND * unit, _mean_of(light, clear, 3 * _AROUND * unit, 1.0))
    side = 2 * round(_WORDS * unit) + 1
    levels = (layers.broad * _STEPS).clip(0, 255).astype(np.uint8)
    closed = cv2.morphologyEx(levels, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    broad = np.asarray(cv2.blur(closed.astype(np.float32), (3, 3)), np.float32).reshape(light.shape) / _STEPS
    if clear.any():
        # It is the lightest around each pixel, and lighter than the mean by the noise.
        broad /= np.median(broad[clear][::_EVERY], axis=0) / np.median(light[clear][::_EVERY], axis=0)
    darker = np.asarray(around - broad, np.float32)
    shaded = np.abs(darker).max(axis=2) > _SHADED
    if stamped:
        # A pixel of a stamp's own colour belongs to the stamp, where its letters are close.
        shaded &= ~_of_hue(darker, mark)
    return np.where(shaded[..., np.newaxis], broad, around).clip(_DARKEST, None).astype(np.float32)


def _of_hue(darker: Levels, mark: PageMark) -> Mask:
    """Whether what is missing of the light is of a mark's hue."""
    hue, full = (values - values.min(axis=-1, keepdims=True) for values in (darker, 1 - mark.tone))
    return np.asarray(hue @ full > _SAME_HUE * np.linalg.norm(hue, axis=2) * np.linalg.norm(full), np.bool_)


def _hull(mask: Mask) -> Mask:
    filled = np.zeros(mask.shape, np.uint8)
    if mask.any():
        cv2.fillConvexPoly(filled, cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32)), 1)
    return filled > 0


def _grown(mask: Mask, reach: float) -> Mask:
    side = 2 * round(reach) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0, np.bool_)


def _mean_of(light: Levels, where: Mask, reach: float, fallback: Levels | float) -> Levels:
    """The mean around each pixel of those that are `where`; the fallback where there are none."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), reach)
    total = cv2.GaussianBlur(light * where[..., np.newaxis].astype(np.float32), (0, 0), reach).reshape(light.shape)
    known = (weight > 1e-3)[..., np.newaxis]
    return np.asarray(np.where(known, total / np.maximum(weight, 1e-6)[..., np.newaxis], fallback), np.float32)
