"""The layers behind and around a subject: backgrounds, a shadow, an outline."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from darkroom.operations.v1.cutout_effects_pb2 import CutoutEffects
from services.inference.matting import backdrop
from services.inference.matting.background_blur import Blur, background_alone
from services.inference.media import Image, Pixels
from services.inference.media.colour import array_from_vips, to_8bit, vips_from_array
from services.inference.media.covering import covering
from services.inference.plain.graph import Work
from services.platform.errors import DarkroomError, ErrorReason

_SHARE_OF_BLUR = 0.0004
"""The radius of each of the 100 steps of a blur, as a share of the longest side."""
_SHADOW_DROP, _SHADOW_SOFTNESS = 0.015, 0.014
"""How far below the subject its shadow is, and the standard deviation of its edge, as shares of the longest side."""
_SHADOW_SIDE = 1024
"""Longest side of the copy that a shadow is drawn on: it has no detail."""
_BLURRED_SIDE = 1600
"""As for a shadow, of a picture that is blurred by much more than a pixel of this copy."""
_WHITE, _BLACK = "#ffffff", "#000000"


def apply_effects(cutout: Image, original: Image | None, colour: str, behind: Image | None, effects: CutoutEffects, work: Work) -> Image:
    """The cut-out with all that is asked for, in its own size, profile and depth; a gray one may become sRGB.

    `original` is what the subject was cut out of, `behind` another picture for the background. Raises FIELD_INVALID if the original is
    needed and missing, or of another size.
    """
    base = _background(cutout, original, behind, effects, work)
    result = cutout
    if cutout.alpha is not None:
        for layer in (_outline(cutout.alpha, effects), _shadow(cutout.alpha, effects.shadow)):
            work.check()
            if layer is not None:
                result = backdrop.over(result, layer)
    work.check()
    if base is not None:
        return backdrop.over_picture(result, base) if result.alpha is not None else result
    if colour and result.alpha is not None:
        return backdrop.over_colour(result, *rgb(colour))
    return result


def rgb(colour: str) -> bytes:
    """The three channels of `#rrggbb`."""
    return bytes.fromhex(colour.removeprefix("#"))


def gradient(width: int, height: int, colours: CutoutEffects) -> Pixels:
    """Height x width x 3 samples in sRGB. The corners in its direction have the pure colours (CSS Images Level 3, 3.4.2)."""
    angle = math.radians(colours.gradient_angle)
    across, down = math.sin(angle), -math.cos(angle)
    length = abs(width * across) + abs(height * down)
    columns = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) * np.float32(across / length)
    rows = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) * np.float32(down / length)
    share = np.clip(rows[:, None] + columns + np.float32(0.5), 0, 1)[..., None]
    first, last = (
        np.frombuffer(rgb(each), np.uint8).astype(np.float32) for each in (colours.gradient_to or _BLACK, colours.gradient_from or _WHITE)
    )
    mixed: Pixels = (last + (first - last) * share + np.float32(0.5)).astype(np.uint8)
    return mixed


def _background(cutout: Image, original: Image | None, behind: Image | None, effects: CutoutEffects, work: Work) -> Image | None:
    if effects.gradient_from or effects.gradient_to:
        return Image(gradient(cutout.width, cutout.height, effects))
    if not effects.blur:
        return behind
    share = _SHARE_OF_BLUR * effects.blur
    if behind is not None:
        return _blurred(covering(behind, cutout.width, cutout.height), share)
    if original is None or (original.width, original.height) != (cutout.width, cutout.height):
        message = "original_file_id: what is behind the subject can only be blurred with the original, in the size of the cut-out."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="original_file_id")
    if cutout.alpha is None:
        return None
    return background_alone(*_alike(original, cutout), Blur(share, lens=False), work)


def _alike(original: Image, cutout: Image) -> tuple[Image, Image]:
    """Both in one encoding."""
    same = (original.icc, original.is_gray, original.bit_depth) == (cutout.icc, cutout.is_gray, cutout.bit_depth)
    if same:
        return original, cutout
    first, second = (
        dataclasses.replace(each, pixels=to_8bit(each.srgb()), alpha=None if each.alpha is None else to_8bit(each.alpha), icc=None)
        for each in (original, cutout)
    )
    return first, second


def _blurred(picture: Image, share: float) -> Image:
    """In its own size; its alpha, too."""
    samples = vips_from_array(picture.pixels)
    if picture.alpha is not None:
        samples = samples.bandjoin(vips_from_array(picture.alpha[..., None])).premultiply(max_alpha=picture.maximum)
    longest = max(picture.width, picture.height)
    scale = min(1.0, _BLURRED_SIDE / longest)
    small = samples.resize(scale) if scale < 1 else samples
    soft = small.gaussblur(max(0.5, share * longest * scale), precision="float", min_ampl=0.05).copy_memory()
    large = soft.resize(picture.width / soft.width, vscale=picture.height / soft.height, kernel="cubic") if scale < 1 else soft
    kind = "uchar" if picture.bit_depth == 8 else "ushort"
    if picture.alpha is None:
        return dataclasses.replace(picture, pixels=array_from_vips(large.rint().cast(kind)))
    both = array_from_vips(large.unpremultiply(max_alpha=picture.maximum).rint().cast(kind))
    return dataclasses.replace(picture, pixels=both[..., :-1].copy(), alpha=both[..., -1].copy())


def _shadow(alpha: Pixels, opacity: float) -> Image | None:
    """Black of the subject's shape, lower and softer."""
    if not opacity:
        return None
    height, width = alpha.shape
    scale = min(1.0, _SHADOW_SIDE / max(width, height))
    longest = max(width, height) * scale
    shape = vips_from_array(to_8bit(alpha)[..., None])
    small = shape.resize(scale) if scale < 1 else shape
    drop = max(1, round(_SHADOW_DROP * longest))
    # A picture that is wide and low may have it wholly below.
    lower = small.embed(0, drop, small.width, small.height + drop).crop(0, 0, small.width, small.height)
    soft = lower.gaussblur(max(0.5, _SHADOW_SOFTNESS * longest), precision="float", min_ampl=0.02) * (opacity / 100)
    enlarged = soft.copy_memory().resize(width / small.width, vscale=height / small.height, kernel="linear")
    shade = array_from_vips(enlarged.rint().cast("uchar"))[..., 0]
    return Image(np.zeros((height, width, 1), np.uint8), shade.copy())


def _outline(alpha: Pixels, effects: CutoutEffects) -> Image | None:
    """One colour of the subject's shape, grown by the outline's width."""
    if not effects.outline_percent:
        return None
    own = to_8bit(alpha)
    width = max(1.0, effects.outline_percent / 100 * max(own.shape))
    distance = cv2.distanceTransform((own < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    grown = (np.clip(width + 0.5 - distance, 0, 1) * 255).astype(np.uint8)
    colour = np.frombuffer(rgb(effects.outline_color or _WHITE), np.uint8)
    return Image(np.broadcast_to(colour, (*own.shape, 3)).copy(), np.maximum(grown, own))
