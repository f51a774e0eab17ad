"""The canvas that pictures are laid on, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.inference.matting.backdrop import over_colour
from services.inference.media import Header, Image, Pixels
from services.inference.plain.canvas import TRANSPARENT, rgb_of
from services.inference.plain.framing import with_round_corners
from services.pictures.geometry import Size

_COPIES_OF_CANVAS, _COPIES_OF_PICTURE = 3, 3
_BYTES_PER_PIXEL = 4


def board_memory(size: Size, pictures: Sequence[Header]) -> int:
    """Bytes at the peak for a canvas, and for pictures that are read one after the other.

    That is the canvas with a part that covers it, and the largest picture in its own encoding and in sRGB.
    """
    canvas = size[0] * size[1] * _BYTES_PER_PIXEL
    return _COPIES_OF_CANVAS * canvas + _COPIES_OF_PICTURE * max(picture.samples_bytes for picture in pictures)


class Board:
    """A canvas in sRGB of 8 bits: of one colour, or transparent."""

    def __init__(self, size: Size, background: str) -> None:
        self._rgb = (0, 0, 0) if background == TRANSPARENT else rgb_of(background)
        self._pixels: Pixels = np.empty((size[1], size[0], 3), np.uint8)
        self._pixels[:] = self._rgb
        self._alpha: Pixels | None = np.zeros((size[1], size[0]), np.uint8) if background == TRANSPARENT else None

    def lay(self, tile: Image, left: int, top: int, corner_radius: float = 0, within: Size | None = None) -> None:
        """Put a picture of 8-bit sRGB where nothing is yet, its upper left corner there; or in the middle of an area of the size `within`.

        The area's corners are cut round, by at most half of its shorter side.
        """
        if within is not None and within != (tile.width, tile.height):
            tile = _centred(tile, within)
        radius = min(corner_radius, min(tile.width, tile.height) / 2)
        if radius > 0:
            tile = with_round_corners(tile, radius)
        rows, columns = slice(top, top + tile.height), slice(left, left + tile.width)
        if self._alpha is not None:
            self._alpha[rows, columns] = 255 if tile.alpha is None else tile.alpha
        elif tile.alpha is not None:
            tile = over_colour(tile, *self._rgb)
        self._pixels[rows, columns] = tile.pixels

    @property
    def image(self) -> Image:
        """The content of the board."""
        return Image(self._pixels, self._alpha)


def _centred(tile: Image, size: Size) -> Image:
    """The picture in the middle of a transparent area that holds it."""
    left, top = (size[0] - tile.width) // 2, (size[1] - tile.height) // 2
    pixels, alpha = np.zeros((size[1], size[0], 3), np.uint8), np.zeros((size[1], size[0]), np.uint8)
    area = slice(top, top + tile.height), slice(left, left + tile.width)
    pixels[area] = tile.pixels
    alpha[area] = 255 if tile.alpha is None else tile.alpha
    return Image(pixels, alpha)
