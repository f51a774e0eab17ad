"""Removing noise with a network that gets the noise level of each pixel.

Networks are better than filters where noise is strong, and blur where there is next to none: between the two limits of `_FADE`, the
results are mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.denoising.blocks import Floats
from services.inference.denoising.estimate import Noise
from services.inference.denoising.filtering import Settings, Tier, pixels_of, planes_of
from services.inference.media import Image
from services.inference.upscaling.tiling import Grid, Mosaic

Pixels8 = npt.NDArray[np.uint8]
Network = Callable[[Pixels8], Pixels8]
"""Takes uint8 [1, H, W, 4], sRGB and the noise's standard deviation in quarters of a level; gives uint8 [1, H, W, 3]. It may block."""

_TILE = 256
_MARGIN = 16
_FADE = 8
_STEP = 16
"""Pixels: sides of tiles are multiples of this, as networks that scale down inside want them."""
_BRIGHTNESS_BLUR = 2.0
"""Standard deviation, in pixels, of the smoothing before a pixel's brightness says how strong its noise is."""
_DIRECTIONS = 4
_FADE_LEVELS = (5.0, 15.0)
"""Levels of noise up to which the filter's result is taken, and from which on the network's is."""


def suits(image: Image, noise: Noise, tier: Tier) -> bool:
    """Whether a network should take part: for the two higher tiers, three channels of eight bits, and noise that is strong enough."""
    return tier in (Tier.QUALITY, Tier.MAXIMUM) and image.pixels.shape[2] == 3 and image.bit_depth == 8 and _share(noise) > 0


def turns(image: Image, settings: Settings, megapixels: float) -> int:
    """In how many directions the picture goes through the network, so that it gets at most so many megapixels: up to 4 for the highest
    tier; 0 if one is too much, or nothing is to be removed."""
    each = image.width * image.height * len(_passes(settings)) / 1e6
    if not each:
        return 0
    most = _DIRECTIONS if settings.tier is Tier.MAXIMUM else 1
    return most if most * each <= megapixels else 1 if each <= megapixels else 0


def network_tile_count(image: Image, settings: Settings, directions: int) -> int:
    """How many tiles the network gets, in all passes and directions."""
    grid = Grid.over(image.height, image.width, tile=_TILE, margin=_MARGIN, fade=_FADE)
    return len(grid) * len(_passes(settings)) * directions


def _passes(settings: Settings) -> list[float]:
    return sorted({settings.shares(channel) for channel in (0, 1)} - {0})


def mix_with_network(
    filtered: Image,
    image: Image,
    noise: Noise,
    settings: Settings,
    network: Network,
    directions: int,
    check: Callable[[], None],
    report: Callable[[float], None],
) -> Image:
    """The `filtered` picture with what the network makes of `image`, by how strong the noise is; brightness and colours each as far as the
    settings say.

    The network gets it turned in so many `directions`. `check` is called between parts and may raise; `report` gets shares of 1.
    """
    shares, passes = [settings.shares(channel) for channel in (0, 1)], _passes(settings)
    done = 0

    def watch(part: float) -> None:
        check()
        report((done + part) / (len(passes) * directions))

    results: dict[float, Floats] = {0: _planes(image.pixels)}
    deviation = _deviation(image, noise)
    for share in passes:
        told = np.asarray(np.clip(np.rint(deviation * (4 * share)), 0, 255), np.uint8)
        given = np.dstack([image.pixels.astype(np.uint8), told])
        total = np.zeros((image.height, image.width, 3), np.float32)
        for turn in range(directions):
            total += np.rot90(_through(np.ascontiguousarray(np.rot90(given, turn)), network, watch), -turn)
            done += 1
        results[share] = _planes(total / directions)
    made = np.stack([results[shares[0]][0], *results[shares[1]][1:]])
    weight = np.float32(_share(noise))
    joined = pixels_of(made) * weight + filtered.pixels * (1 - weight)
    return filtered.replace(pixels=np.rint(np.clip(joined, 0, 255)).astype(filtered.pixels.dtype))


def _share(noise: Noise) -> float:
    """How much of the result is the network's."""
    least, most = _FADE_LEVELS
    return min(1.0, max(0.0, (noise.level - least) / (most - least)))


def _planes(pixels: npt.NDArray[np.generic]) -> Floats:
    return planes_of(np.asarray(pixels, np.float32))


def _deviation(image: Image, noise: Noise) -> Floats:
    """Standard deviation of the noise at each pixel, in levels: that of the channel with the strongest.

    JPEG leaves less noise in the colours, and that of the brightness would stay if a network got the mean.
    """
    brightness = np.asarray(image.pixels.sum(axis=2, dtype=np.float32) / np.float32(math.sqrt(3)), np.float32)
    brightness = np.asarray(cv2.GaussianBlur(brightness, (0, 0), _BRIGHTNESS_BLUR), np.float32)
    strengths = np.sqrt(np.mean(noise.spectra[:, 1:] ** 2, axis=1))
    strongest = np.zeros_like(brightness)
    for channel, strength in enumerate(strengths):
        np.maximum(strongest, noise.of(channel, brightness) * np.float32(strength), out=strongest)
    return strongest


def _through(given: Pixels8, network: Network, watch: Callable[[float], None]) -> Pixels8:
    """The network's result for a picture of any size, tile by tile."""
    height, width = given.shape[:2]
    grid = Grid.over(height, width, tile=_TILE, margin=_MARGIN, fade=_FADE)
    mosaic = Mosaic(grid, 1, np.empty((height, width, 3), np.uint8))
    for number, tile in enumerate(grid):
        watch(number / len(grid))
        part = grid.read(given, tile)
        rows, columns = part.shape[:2]
        whole = cv2.copyMakeBorder(part, 0, -rows % _STEP, 0, -columns % _STEP, cv2.BORDER_REFLECT)
        mosaic.place(tile, network(np.asarray(whole, np.uint8)[np.newaxis])[0, :rows, :columns])
    return mosaic.pixels
