"""Edges of a cut-out without the colour of the background that it was cut out of."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_STRIP = 512
_INSIDE = 3.0
"""Pixels from the edge at which a subject has its own colour."""
_TELLING = 0.15, 0.85
"""Opacities of pixels that show the colour of the fringe."""
_LEAST_TELLING = 30
_AGREEING, _APART = 40.0, 20.0
"""Levels within which half of them must agree, and by which that colour differs from the subject's at least for it to be a fringe."""
_WORN = 0.12
"""Share of the background from which an opaque pixel of the rim is taken for a mixture."""


def fringe_colour(picture: Pixels8, alpha: Pixels8) -> tuple[float, float, float] | None:
    """The colour that is mixed into the edges of a cut-out; None if there is no such one.

    Where a pixel of opacity a has the colour P and the subject next to it F, the background had (P - a F) / (1 - a): if those of most edge
    pixels agree, and differ from the subject, that is the colour. Edges that are clean give back the subject's own colours.
    """
    found, own = [], []
    for rows, near in _strips(alpha):
        subject = _inner_colours(picture[near], alpha[near])[rows.start - near.start :][: rows.stop - rows.start]
        share = alpha[rows].astype(np.float32) / 255
        telling = (share > _TELLING[0]) & (share < _TELLING[1]) & ~np.isnan(subject[..., 0])
        a = share[telling][:, None]
        found.append(np.clip((picture[rows][telling] - a * subject[telling]) / (1 - a), 0, 255))
        own.append(subject[telling])
    colours, subjects = np.concatenate(found), np.concatenate(own)
    if len(colours) < _LEAST_TELLING:
        return None
    colour = np.median(colours, axis=0)
    apart = np.abs(subjects - colour).max(axis=1)
    # Pixels that are like the subject are no evidence.
    telling = apart > _APART
    if telling.mean() < 0.25:
        return None
    colour = np.median(colours[telling], axis=0)
    if np.median(np.abs(colours[telling] - colour).max(axis=1)) > _AGREEING:
        return None
    red, green, blue = (float(each) for each in colour.clip(0, 255))
    return red, green, blue


def defringe_edges(picture: Pixels8, alpha: Pixels8, depth: float, check: Callable[[], None]) -> tuple[Pixels8, Pixels8]:
    """Colours and opacity of a cut-out whose edges, up to `depth` pixels into what is opaque, lose the colour of their fringe.

    Without a fringe, both are unchanged, except colours of invisible pixels.
    """
    colours, opacity = picture.copy(), alpha.copy()
    colours[alpha == 0] = 0
    fringe = fringe_colour(picture, alpha) if depth else None
    if fringe is None:
        return colours, opacity
    behind = np.array(fringe, np.float32)
    for rows, near in _strips(alpha):
        check()
        inner = slice(rows.start - near.start, rows.stop - near.start)
        distance = cv2.distanceTransform((alpha[near] == 255).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[inner]
        own, share = picture[rows].astype(np.float32), alpha[rows].astype(np.float32) / 255
        subject = _inner_colours(picture[near], alpha[near])[inner]
        subject = np.where(np.isnan(subject), own, subject)
        towards = subject - behind
        length = (towards * towards).sum(axis=2)
        pure = np.clip(((own - behind) * towards).sum(axis=2) / np.maximum(length, 1), 0, 1)
        known = length > _APART**2
        rim = (share == 1) & (distance <= depth) & (1 - pure > _WORN) & known
        edge = (share > 0) & (share < 1) & known
        # The opacity of a pixel of the rim is its share without fringe; one of the edge has its opacity already.
        made = np.where(rim, pure, share)
        weight = np.where(edge, share, np.where(rim, np.maximum(pure, 0.05), 1))[..., None]
        unmixed = np.clip((own - (1 - weight) * behind) / np.maximum(weight, 0.05), 0, 255)
        trust = np.clip((weight - 0.15) / 0.35, 0, 1)
        mixed = unmixed * trust + subject * (1 - trust)
        changed = rim | edge
        colours[rows][changed] = np.round(mixed[changed]).astype(np.uint8)
        opacity[rows] = np.round(made * 255).astype(np.uint8)
    colours[opacity == 0] = 0
    return colours, opacity


def _strips(alpha: Pixels8) -> list[tuple[slice, slice]]:
    """Rows to work on, and those to see for that."""
    height, margin = len(alpha), 48
    tops = range(0, height, _STRIP)
    return [(slice(top, min(top + _STRIP, height)), slice(max(0, top - margin), min(top + _STRIP + margin, height))) for top in tops]


def _inner_colours(picture: Pixels8, alpha: Pixels8) -> Floats:
    """For each pixel the colour of the opaque ones that are nearest, but not at an edge; NaN where there is none near."""
    distance = cv2.distanceTransform((alpha >= 250).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    weight = (distance >= _INSIDE).astype(np.float32)
    own = picture.astype(np.float32)
    total, found = np.zeros(weight.shape, np.float32), np.zeros(own.shape, np.float32)
    for spread, counts in ((2.0, 1.0), (5.0, 1e-3), (12.0, 1e-6)):
        window = (2 * round(1.5 * spread) + 1,) * 2
        found += np.float32(counts) * cv2.blur(own * weight[..., None], window, borderType=cv2.BORDER_REFLECT)
        total += np.float32(counts) * cv2.blur(weight, window, borderType=cv2.BORDER_REFLECT)
    return np.where(total[..., None] > 1e-10, found / np.maximum(total, 1e-10)[..., None], np.float32(np.nan))
