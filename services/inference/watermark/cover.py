"""How much of each pixel a paint covers: the cover without which the picture is smoothest.

Taking translucent paint off a picture where it is removes edges; taking it off where it is not makes some. So the cover is found as the
one that leaves the least total variation (Rudin, Osher and Fatemi, Physica D 60, 1992) and has a short border itself:

    minimise  sum |grad(picture - cover x step)| + border x sum |grad cover| + area x sum cover,   0 <= cover <= 1,

where `step` is what the paint changes where it covers all of a pixel. It is convex, and solved by the primal-dual method of Chambolle and
Pock (J. Math. Imaging Vis. 40, 2011) with the preconditioning of Pock and Chambolle (ICCV 2011).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Plane

Samples = npt.NDArray[np.float32]

_BORDER = 16.0  # levels of edge that a pixel of the cover's border has to take away
_AREA = 1.0  # levels for each covered pixel: where nothing speaks for paint, there is none
_CHECKED = 20  # iterations


def smoothest_cover(
    picture: Samples, colour: Samples, opacity: float, iterations: int, check: Callable[[], None], start: Plane | None = None
) -> Plane:
    """The share of each pixel that paint of `colour` (one value a channel) and `opacity` (below 1) covers.

    `picture` is height x width x channels, 0 to 255; `start` is a guess. Takes about 0.1 µs a sample and iteration.
    """
    step = np.ascontiguousarray((colour - picture) * np.float32(opacity / (1 - opacity)).astype(np.float32))
    weight = np.abs(step)
    cover = np.zeros(picture.shape[:2], np.float32) if start is None else start.astype(np.float32)
    ahead = cover
    across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
    pull_across, pull_down = np.zeros_like(across), np.zeros_like(down)
    border_across, border_down = np.zeros_like(across[..., 0]), np.zeros_like(down[..., 0])
    rate_across = 1 / (weight[:, 1:] + weight[:, :-1] + 1e-3)
    rate_down = 1 / (weight[1:] + weight[:-1] + 1e-3)
    rate = 1 / (4 * weight.sum(axis=2) + 4 * _BORDER)
    for iteration in range(iterations):
        if iteration % _CHECKED == 0:
            check()
        painted = ahead[..., np.newaxis] * step
        pull_across += rate_across * (across - np.diff(painted, axis=1))
        pull_down += rate_down * (down - np.diff(painted, axis=0))
        border_across += 0.5 * np.diff(ahead, axis=1)
        border_down += 0.5 * np.diff(ahead, axis=0)
        for pull in (pull_across, pull_down, border_across, border_down):
            np.clip(pull, -1, 1, out=pull)
        gradient = _BORDER * _divergence(border_across, border_down) - (_divergence(pull_across, pull_down) * step).sum(axis=2) + _AREA
        following = np.clip(cover - rate * gradient, 0, 1)
        ahead, cover = 2 * following - cover, following
    return np.asarray(cover, np.float32)


def _divergence(across: Samples, down: Samples) -> Samples:
    """The transpose of taking differences."""
    total = np.zeros((down.shape[0] + 1, *down.shape[1:]), np.float32)
    total[:, 1:] += across
    total[:, :-1] -= across
    total[1:] += down
    total[:-1] -= down
    return total
