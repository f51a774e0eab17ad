"""Text on pictures: where it stands, what is behind it, and how it is repeated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyvips

from darkroom.operations.v1.placement_pb2 import (
    POSITION_UNSPECIFIED,
    Position,
)
from services.inference.media import Image
from services.inference.plain.canvas import in_its_encoding, rgb_of
from services.inference.plain.lettering import Room, draw_text, repeat_mask, rotate_mask
from services.inference.plain.overlaying import laid_over
from services.inference.plain.places import SHARES

_ALIGN = {0: "low", 0.5: "centre", 1: "high"}
_MARGIN, _MARGIN_SHARE = 20, 0.05
"""To the picture's sides: pixels, and at most this share of the shorter side."""
_PADDING = 0.35
"""The padding of a box, in sizes of the font."""
_SHADOW = 0.05
"""Offset and standard deviation of a shadow, in sizes of the font."""
_SHADOW_OPACITY = 0.75
_BLACK = (0, 0, 0)
_GAP = 2.0
"""Between repetitions, in sizes of the font."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """Units and limits are those of the message `DrawText`."""

    text: str
    """As `font.drawable` returns it."""
    size: float
    colour: tuple[int, int, int]
    opacity: float = 1
    """0 to 1."""
    position: Position.ValueType = POSITION_UNSPECIFIED
    is_tiled: bool = False
    degrees: float = 0
    background: str = ""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class _Layer:
    """A part of a caption; all parts have the same size."""

    mask: pyvips.Image
    colour: tuple[int, int, int]
    opacity: float


def add_caption(image: Image, by: Caption) -> Image:
    """The picture with a text on it; the very same if nothing of the text can be seen."""
    margin = min(_MARGIN, round(min(image.width, image.height) * _MARGIN_SHARE))
    inside = max(1, image.width - 2 * margin), max(1, image.height - 2 * margin)
    room = Room(inside, 0 if by.is_tiled else by.degrees, _PADDING if by.background else 0)
    across, down = (0.5, 0.5) if by.is_tiled else SHARES.get(by.position, (0.5, 0.5))
    mask, size = draw_text(by.text, by.size, room, _ALIGN[across])
    if mask is None or by.opacity <= 0:
        return image
    layers, padding = _layers(mask, size, by)
    for layer in layers:
        image, _ = in_its_encoding(image, layer.colour)
    for layer in layers:
        if by.is_tiled:
            left, top = 0, 0
            whole = repeat_mask(layer.mask, (image.width, image.height), by.degrees, max(1, round(size * _GAP)))
        else:
            whole = rotate_mask(layer.mask, by.degrees)
            # A shadow may reach into the margin, a box may not.
            inset = margin if by.background else margin - padding
            left = inset + round((image.width - 2 * inset - whole.width) * across)
            top = inset + round((image.height - 2 * inset - whole.height) * down)
        _, samples = in_its_encoding(image, layer.colour)
        seen = whole.cast("uchar").numpy()
        image = laid_over(image, seen.reshape(whole.height, whole.width), left, top, samples, layer.opacity * by.opacity)
    return image


def _layers(mask: pyvips.Image, size: float, by: Caption) -> tuple[list[_Layer], int]:
    """Box, shadow and text, from below, and the pixels around the text."""
    padding = math.ceil(size * (_PADDING if by.background else 4 * _SHADOW if by.shadow else 0))
    text = mask.embed(padding, padding, mask.width + 2 * padding, mask.height + 2 * padding)
    layers = [_Layer(text, by.colour, 1)]
    if by.shadow:
        offset = max(1, round(size * _SHADOW))
        soft = text.embed(offset, offset, text.width, text.height).gaussblur(max(0.5, size * _SHADOW))
        layers.insert(0, _Layer(soft, _BLACK, _SHADOW_OPACITY))
    if by.background:
        layers.insert(0, _Layer((text * 0 + 255).cast("uchar"), rgb_of(by.background), 1))
    return layers, padding
