"""A picture whose right answer is known: a lit, striped ball with a shadow before a plain wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ball(size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The picture, [size, size, 3], and which of its pixels are the ball's."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    inside = np.hypot(x - 0.5, y - 0.52) < 0.27
    normal_x, normal_y = (x - 0.5) / 0.27, (y - 0.52) / 0.27
    normal_z = np.sqrt(np.clip(1 - normal_x**2 - normal_y**2, 0, 1))
    light = np.clip(0.25 + 0.85 * (-0.4 * normal_x - 0.5 * normal_y + 0.77 * normal_z), 0, 1)[..., None]
    stripes = np.where((np.floor(x * 14) % 2 == 0)[..., None], (210, 50, 40), (240, 220, 190))
    wall = np.stack([150 + 40 * y, 170 + 30 * y, 190 + 20 * x], axis=-1)
    shadow = 1 - 0.45 * np.exp(-(((x - 0.54) / 0.3) ** 2 + ((y - 0.83) / 0.05) ** 2))[..., None]
    grain = np.random.default_rng(5).normal(0, 2, (size, size, 1))
    picture = np.where(inside[..., None], stripes * light, wall * shadow) + grain
    return np.clip(picture, 0, 255).astype(np.uint8), inside
