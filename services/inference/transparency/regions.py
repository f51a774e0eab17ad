"""Where a known background shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.transparency.checkerboard import Checkerboard
from services.inference.transparency.ground import Ground, Plain, largest

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]

_STRIP = 256
_LEAST_NOISE, _MOST_NOISE = 5.0, 28.0
"""Levels by which a pixel of the background may be off, in the cleanest picture and in the noisiest."""
_SPREADS = 4.5
_OWN_COLOUR = 0.75
"""How much more of one shade than of the other may be around a pixel of the background, as a share of each."""
_CONNECTED = 0.7
"""A share of the difference of both shades: by how much pixels that connect parts of the background may be off."""
_MOSTLY = 0.6
"""Share of what is around a pixel."""
_FEW = 0.03
"""A share of a square: pixels of each shade that a part of a checkerboard shows."""
_BORDER = 0.02
"""A share of the shorter side: width of the border that shows the colour of a plain background."""
_BORDER_AGREES, _SIDE_AGREES, _SIDES = 0.72, 0.5, 3
"""Share of the whole border, and of each of so many of its sides, that has the colour."""
_PLAIN_NOISE = 14.0
"""Levels by which a background may be off and still count as plain."""
_FLAT_NOISE, _FLAT_BORDER = 4, 0.8
"""Levels by which so much of the border may be off at most: more is a texture."""
_FLAT_COLOURS, _FLAT_SHARE = 24, 0.85
"""A subject of which so few colours (of 5 bits for each channel) make up so much is a drawing."""


def of_checkerboard(picture: Pixels8, board: Checkerboard, check: Callable[[], None]) -> Mask:
    """1 where the checkerboard shows, height x width.

    That a pixel has the colour that the board has there is not enough: a white shirt has that in all white squares. So a part of the
    background has both shades, connected, and around each of its pixels both shades are about as much the board's as each other.
    """
    light = np.concatenate([board.waves(rows, slice(0, picture.shape[1])) > 0 for rows in strips(len(picture), _STRIP)])
    agreeing = _agreeing(picture, board, _noise(picture, board), check)
    side = board.across.side, board.down.side
    window = tuple(2 * max(1, round(0.75 * each)) + 1 for each in side)
    shares = []
    for shade in (light, ~light):
        check()
        part = cv2.blur((agreeing & shade) * np.uint8(255), window, borderType=cv2.BORDER_REFLECT)
        whole = cv2.blur(shade * np.uint8(255), window, borderType=cv2.BORDER_REFLECT)
        shares.append(cv2.divide(part, np.maximum(whole, 1), scale=255))
    own, other = np.where(light, shares[0], shares[1]), np.where(light, shares[1], shares[0])
    likely = cv2.subtract(own, other) <= round(_OWN_COLOUR * 255)
    del shares, own, other
    agreeing &= likely
    # Compression blurs the ends of squares, which are connected all the same.
    connected = agreeing | (likely & _agreeing(picture, board, _CONNECTED * _apart(board), check))
    count, labels = cv2.connectedComponents(connected.astype(np.uint8), connectivity=4)
    of_light, of_dark = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for rows in strips(len(picture), _STRIP):
        of_light += np.bincount(labels[rows][agreeing[rows] & light[rows]], minlength=count)
        of_dark += np.bincount(labels[rows][agreeing[rows] & ~light[rows]], minlength=count)
    kept = np.minimum(of_light, of_dark) >= max(2.0, _FEW * side[0] * side[1])
    kept[0] = False
    return _closed((kept[labels] & agreeing).astype(np.uint8), picture, board, _apart(board), window, check)


def plain_ground(picture: Pixels8) -> Plain | None:
    """The colour of a plain background, by the picture's border; None if that has no such colour."""
    height, width = picture.shape[:2]
    band = max(1, round(_BORDER * min(height, width)))
    sides = [each.reshape(-1, 3) for each in (picture[:band], picture[-band:], picture[:, :band], picture[:, -band:])]
    border = np.concatenate(sides).astype(np.int16)
    coarse = border >> 3
    codes = (coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2]
    code = int(np.bincount(codes).argmax())
    first = np.array([code >> 10, (code >> 5) & 31, code & 31]) * 8 + 4
    colour = np.median(border[np.abs(border - first).max(axis=1) <= _PLAIN_NOISE], axis=0)
    shares = [(np.abs(each - colour).max(axis=1) <= _PLAIN_NOISE).mean() for each in sides]
    off = np.abs(border - colour).max(axis=1)
    if (off <= _PLAIN_NOISE).mean() < _BORDER_AGREES or (off <= _FLAT_NOISE).mean() < _FLAT_BORDER:
        return None
    if sum(share >= _SIDE_AGREES for share in shares) < _SIDES:
        return None
    red, green, blue = (float(each) for each in colour)
    return Plain((red, green, blue))


def of_plain(picture: Pixels8, ground: Plain, check: Callable[[], None]) -> Mask:
    """1 where a plain background shows, height x width: from the border inwards, and within the lines of a drawing."""
    height, width = picture.shape[:2]
    band = max(1, round(_BORDER * min(height, width)))
    off = np.abs(np.concatenate([picture[:band].reshape(-1, 3), picture[-band:].reshape(-1, 3)]) - np.array(ground.colour)).max(axis=1)
    noise = float(np.clip(_LEAST_NOISE + _SPREADS * np.median(off[off <= _PLAIN_NOISE]), _LEAST_NOISE, _PLAIN_NOISE))
    agreeing = _agreeing(picture, ground, noise, check).astype(np.uint8)
    if _is_drawing(picture, agreeing):
        return agreeing
    count, labels = cv2.connectedComponents(agreeing, connectivity=4)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    kept = np.zeros(count, bool)
    kept[np.unique(edge)] = True
    kept[0] = False
    return _closed(kept[labels].astype(np.uint8), picture, ground, 2.5 * noise, (band | 1,) * 2, check)


def _closed(shows: Mask, picture: Pixels8, ground: Ground, off: float, window: Sequence[int], check: Callable[[], None]) -> Mask:
    """With pixels that are a little more off, where the background is most of what is around them: traces of compression."""
    around = cv2.blur(shows * np.uint8(255), window, borderType=cv2.BORDER_REFLECT) > _MOSTLY * 255
    alike = _agreeing(picture, ground, off, check)
    return shows | (around & alike).astype(np.uint8)


def _is_drawing(picture: Pixels8, ground: Mask) -> bool:
    """Whether few colours make up most of what is not the background."""
    step = max(1, round((picture.shape[0] * picture.shape[1] / 250_000) ** 0.5))
    coarse = (picture[::step, ::step][ground[::step, ::step] == 0] >> 3).astype(np.int32)
    counts = np.bincount((coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2])
    return bool(np.sort(counts)[-_FLAT_COLOURS:].sum() >= _FLAT_SHARE * len(coarse))


def _noise(picture: Pixels8, board: Checkerboard) -> float:
    """Levels by which a pixel of the board may be off: by how much most of those are that are near it."""
    step = max(1, len(picture) // 500)
    off = np.concatenate(
        [
            largest(np.abs(picture[row : row + 1] - board.colours(slice(row, row + 1), slice(0, picture.shape[1]))))[0]
            for row in range(0, len(picture), step)
        ]
    )
    apart = _apart(board)
    near = off[off <= max(_LEAST_NOISE, 0.4 * apart)]
    usual = float(np.median(near)) if len(near) else 0.0
    return float(np.clip(_LEAST_NOISE + _SPREADS * usual, _LEAST_NOISE, min(_MOST_NOISE, max(_LEAST_NOISE, 0.45 * apart))))


def _apart(board: Checkerboard) -> float:
    """Levels between its two shades."""
    return max(abs(light - dark) for light, dark in zip(board.light, board.dark, strict=True))


def _agreeing(picture: Pixels8, ground: Ground, noise: float, check: Callable[[], None]) -> npt.NDArray[np.bool_]:
    """Where a picture has the background's colours, except for noise."""
    height, width = picture.shape[:2]
    found = np.empty((height, width), bool)
    for rows in strips(height, _STRIP):
        check()
        found[rows] = largest(np.abs(picture[rows] - ground.colours(rows, slice(0, width)))) <= noise
    return found
