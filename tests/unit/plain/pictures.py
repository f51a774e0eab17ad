"""Tiny pictures of each kind, and a place to work."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.inference.media import Image
from services.inference.plain.graph import Work
from tests.unit.imaging.pictures import photo

KINDS = [(gray, alpha, deep) for gray in (False, True) for alpha in (False, True) for deep in (False, True)]
"""Gray, with alpha, with 16 bits."""


def kind(gray: bool, alpha: bool, deep: bool, height: int = 24, width: int = 32) -> Image:
    """A part of a photograph; with alpha, its left half is opaque, and the rest fades out to nothing."""
    pixels = np.ascontiguousarray(photo(height, width)[..., : 1 if gray else 3])
    opacity = np.tile(np.clip(np.linspace(510, 0, width), 0, 255).astype(np.uint8), (height, 1)) if alpha else None
    if not deep:
        return Image(pixels, opacity)
    return Image(pixels.astype(np.uint16) * 257, None if opacity is None else opacity.astype(np.uint16) * 257)


def work(folder: Path) -> Work:
    """In this folder, never stopped."""
    return Work(folder, lambda: None)
