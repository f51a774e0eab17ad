"""References as providers get them: upright, sRGB, without metadata, which may tell where somebody lives."""

from __future__ import annotations

from services.inference.generation.request import Reference
from services.inference.media import Format, Image, encode
from services.inference.media.resampling import resize

LONGEST_SIDE = 2048
"""Pixels: providers scale down what is larger, after it was paid and waited for."""
_QUALITY = 95


def prepared(image: Image, *, keep_size: bool) -> Reference:
    """JPEG, or PNG where there is alpha. Runs for some tenths of a second: call it in a thread."""
    scale = 1.0 if keep_size else min(1.0, LONGEST_SIDE / max(image.width, image.height))
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    pixels = resize(image.srgb(), width, height)
    if image.alpha is None:
        return Reference(encode(Image(pixels), Format.JPEG, quality=_QUALITY), Format.JPEG.media_type, width, height)
    alpha = resize(image.alpha, width, height)
    if alpha.dtype != pixels.dtype:
        alpha = (alpha // 257).astype(pixels.dtype)
    return Reference(encode(Image(pixels, alpha), Format.PNG), Format.PNG.media_type, width, height)
