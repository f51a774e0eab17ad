"""Which way a picture's transparency is found, and what comes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import to_8bit
from services.inference.transparency.checkerboard import Checkerboard, find
from services.inference.transparency.defringing import defringe_edges
from services.inference.transparency.ground import Ground
from services.inference.transparency.keying import key_out
from services.inference.transparency.regions import of_checkerboard, of_plain, plain_ground

Pixels8 = npt.NDArray[np.uint8]

_DEPTH, _PER = 6.0, 1000
"""Pixels for each so many of the longest side that edges are cleared at most."""
_LEAST_SHOWN, _MOST_SHOWN = 0.01, 0.995
"""Shares of the picture: how much of a background must, and may, be visible."""
_TRANSPARENT = 0.002
"""Share of transparent pixels from which a picture has transparency."""


@dataclass(frozen=True, slots=True)
class FixedTransparency:
    """A picture whose transparency is real, and how it was found."""

    image: Image
    way: str
    """`checkerboard`, `alpha`, `uniform` or `network`."""
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


def fix_transparency(image: Image, defringe: float, check: Callable[[], None]) -> FixedTransparency | None:
    """The picture with real transparency, in sRGB of 8 bits; None if it takes a network to find it.

    `defringe`, 0 to 1, is how far into the subject edges are cleared of the background. `check` is called between steps and may raise.
    """
    picture = image.srgb()
    depth = defringe * _DEPTH * max(1.0, max(image.width, image.height) / _PER)
    board = find(picture, check)
    if board is not None:
        made = _over(image, picture, board, of_checkerboard(picture, board, check), depth, check)
        if made is not None:
            return FixedTransparency(made, "checkerboard", _said(board), _described(board))
    if image.alpha is not None and (image.alpha < image.maximum // 2).mean() > _TRANSPARENT:
        colours, alpha = defringe_edges(picture, to_8bit(image.alpha), depth, check)
        return FixedTransparency(_of(image, colours, alpha), "alpha", "It has transparency, so only its edges were cleared.")
    ground = plain_ground(picture)
    if ground is not None:
        made = _over(image, picture, ground, of_plain(picture, ground, check), depth, check)
        if made is not None:
            colour = _hex(ground.colour)
            return FixedTransparency(made, "uniform", f"The background is {colour}.", {"color": colour})
    return None


def _over(
    image: Image, picture: Pixels8, ground: Ground, shows: npt.NDArray[np.uint8], depth: float, check: Callable[[], None]
) -> Image | None:
    """The subject over a background; None if too little of either is visible."""
    if not _LEAST_SHOWN <= shows.mean() <= _MOST_SHOWN:
        return None
    colours, alpha = key_out(picture, ground, shows, depth, check)
    if image.alpha is not None:
        alpha = np.minimum(alpha, to_8bit(image.alpha))
    return _of(image, colours, alpha)


def _of(image: Image, colours: Pixels8, alpha: Pixels8) -> Image:
    return dataclasses.replace(image, pixels=colours, alpha=alpha, icc=None)


def _said(board: Checkerboard) -> str:
    return f"A checkerboard of {_hex(board.light)} and {_hex(board.dark)}, {_side(board)} pixels a square, was removed."


def _described(board: Checkerboard) -> Mapping[str, Any]:
    sides = [round(float(axis.side), 2) for axis in (board.across, board.down)]
    return {"colors": [_hex(board.light), _hex(board.dark)], "square": sides}


def _side(board: Checkerboard) -> str:
    return f"{board.across.side:.4g} × {board.down.side:.4g}"


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + bytes(round(min(255.0, max(0.0, each))) for each in colour).hex()
