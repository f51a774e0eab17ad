"""Opacity and colour of a subject's edges, where what is behind it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.transparency.ground import Ground

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_BLOCK = 256
_SOFTEST = 0.008
"""Depth of the softest edge, as a share of the longest side."""
_LEAST_SOFT, _MOST_SOFT = 8, 40
"""The same in pixels."""
_CLEAR, _SOLID = 0.06, 0.92
"""Opacities that are taken for none and for full."""
_LEAST_APART = 24.0
"""Levels by which subject and background differ at least, where their mixture gives the opacity."""
_UNMIXED = 0.12, 0.45
"""Opacity up to which a pixel gets the colour of its neighbours, and from which it gets its own without the background."""


def key_out(picture: Pixels8, ground: Ground, shows: Mask, depth: float, check: Callable[[], None]) -> tuple[Pixels8, Pixels8]:
    """Colours (height x width x 3) and opacity (height x width) of what lies over a known background.

    `shows` is 1 where nothing but the background is seen. Next to that, a pixel I is taken for a mixture a F + (1 - a) C of the background
    C
    there and the subject's colour F, which is estimated from deeper inside. A pixel that is `depth` pixels from the background, or farther
    but connected to it by pixels that are transparent, too, gets the opacity a and loses the background's colour; all else stays unchanged.
    """
    height, width = shows.shape
    soft = round(float(np.clip(_SOFTEST * max(height, width), _LEAST_SOFT, _MOST_SOFT)))
    alpha = (1 - shows) * np.uint8(255)
    colours = picture.copy()
    colours[shows > 0] = 0
    if not shows.any():
        return colours, alpha
    margin = 2 * soft
    for rows, columns in _blocks(shows, soft):
        check()
        near_rows = slice(max(0, rows.start - margin), min(height, rows.stop + margin))
        near_columns = slice(max(0, columns.start - margin), min(width, columns.stop + margin))
        near = near_rows, near_columns
        found, opacity = _block(picture[near], ground.colours(*near), shows[near], soft, depth)
        inner = (
            slice(rows.start - near_rows.start, rows.stop - near_rows.start),
            slice(columns.start - near_columns.start, columns.stop - near_columns.start),
        )
        colours[rows, columns], alpha[rows, columns] = found[inner], opacity[inner]
    return colours, alpha


def _block(picture: Pixels8, ground: Floats, shows: Mask, soft: int, depth: float) -> tuple[Pixels8, Pixels8]:
    """The same for a part of the picture, of which the outer part is only seen."""
    own = picture.astype(np.float32)
    distance = np.asarray(cv2.distanceTransform(1 - shows, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    subject = _deeper(own, distance, depth, soft)
    towards = subject - ground
    length = _sum(towards * towards)
    share = _sum((own - ground) * towards) / np.maximum(length, 1)
    share = np.clip((share - _CLEAR) / (_SOLID - _CLEAR), 0, 1)
    # Where both are alike, only what is certain counts.
    share[length < _LEAST_APART**2] = 1
    share[shows > 0] = 0
    alpha = np.where(distance <= depth, share, 1)
    soft_ones = _connected((share < 1) & (distance <= soft), shows | (distance <= max(depth, 1.0)))
    alpha = np.where(soft_ones, share, alpha)
    alpha[shows > 0] = 0
    colours = np.round(_without_ground(own, ground, subject, alpha)).astype(np.uint8)
    opacity = np.round(alpha * 255).astype(np.uint8)
    colours[opacity == 255] = picture[opacity == 255]
    colours[opacity == 0] = 0
    return colours, opacity


def _deeper(own: Floats, distance: Floats, depth: float, soft: int) -> Floats:
    """The subject's colour, by pixels that are deeper inside: the deeper, the more they count."""
    weight = np.clip((distance - depth) / max(2.0, soft), 0, 1) ** 2 * (distance > max(1.5, depth))
    total, found = np.zeros(distance.shape, np.float32), np.zeros(own.shape, np.float32)
    for spread, counts in ((max(1.0, depth), 1.0), (soft / 2, 0.3), (float(soft), 1e-2)):
        # Wider surroundings fill what narrower ones leave open.
        window = (2 * round(1.5 * spread) + 1,) * 2
        found += np.float32(counts) * cv2.blur(own * weight[..., None], window, borderType=cv2.BORDER_REFLECT)
        total += np.float32(counts) * cv2.blur(weight, window, borderType=cv2.BORDER_REFLECT)
    return np.where(total[..., None] > 1e-9, found / np.maximum(total, 1e-9)[..., None], own)


def _sum(channels: Floats) -> Floats:
    return np.asarray(channels[..., 0] + channels[..., 1] + channels[..., 2], np.float32)


def _connected(soft: npt.NDArray[np.bool_], beside: npt.NDArray[np.bool_] | Mask) -> npt.NDArray[np.bool_]:
    """The parts of `soft` that touch `beside`."""
    count, labels = cv2.connectedComponents(soft.astype(np.uint8), connectivity=8)
    touching = np.zeros(count, bool)
    touching[np.unique(labels[(beside > 0) & soft])] = True
    touching[0] = False
    return np.asarray(touching[labels], bool)


def _without_ground(own: Floats, ground: Floats, subject: Floats, alpha: Floats) -> Floats:
    share = alpha[..., None]
    unmixed = np.clip((own - (1 - share) * ground) / np.maximum(share, 0.05), 0, 255)
    low, high = _UNMIXED
    trust = np.clip((share - low) / (high - low), 0, 1)
    return np.asarray(np.clip(unmixed * trust + subject * (1 - trust), 0, 255), np.float32)


def _blocks(shows: Mask, soft: int) -> Iterator[tuple[slice, slice]]:
    """The cells of a grid in which, or near which, subject and background meet."""
    height, width = shows.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            cell = slice(top, min(top + _BLOCK, height)), slice(left, min(left + _BLOCK, width))
            near = shows[max(0, top - soft) : cell[0].stop + soft, max(0, left - soft) : cell[1].stop + soft]
            if near.any() and not shows[cell].all():
                yield cell
