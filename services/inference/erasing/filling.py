"""Filling a mask in a picture of any kind: by a network, or with patches."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from services.inference.erasing import patches
from services.inference.erasing.patches import Mask, Pixels8
from services.inference.media import Image
from services.inference.media.colour import as_deep_as, to_8bit
from services.inference.media.resampling import resize
from services.inference.watermark import neural
from services.inference.watermark.box import Box

_AROUND = 704  # pixels around the mask that patches may come from: more than they look at


def erase(
    image: Image,
    mask: Mask,
    network: neural.Network | None,
    check: Callable[[], None],
    report: Callable[[float], None] = lambda _done: None,
) -> Image:
    """The picture with its masked pixels filled, in its own sample type and colours; the others are bit-identical.

    `check` is called again and again, and raises to stop; `report` gets the share of what patches have filled. Raises ValueError if
    everything is masked.
    """
    if not mask.any():
        return image
    if mask.all():
        raise ValueError("nothing of the picture is left")
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    around = box.grown(_AROUND if network is None else neural.reach(mask[box.window]), image.width, image.height)
    inside = mask[around.window]
    seen = to_8bit(image.pixels[around.window])
    if network is not None:
        filled = neural.fill(seen, inside, network, check)
    else:
        filled = patches.fill(np.ascontiguousarray(np.broadcast_to(seen, (*inside.shape, 3))), inside, check, report)[..., : seen.shape[2]]
    pixels = image.pixels.copy()
    pixels[around.window][inside] = as_deep_as(pixels, filled[inside])
    if image.alpha is None:
        return image.replace(pixels=pixels)
    alpha = image.alpha.copy()
    alpha[around.window][inside] = as_deep_as(pixels, _alpha(to_8bit(image.alpha[around.window]), inside)[inside])
    return image.replace(pixels=pixels, alpha=alpha)


def erase_smaller(
    image: Image, mask: Mask, scale: float, check: Callable[[], None], report: Callable[[float], None] = lambda _done: None
) -> Image:
    """As `erase` with patches, of which a copy of the picture is filled, smaller by `scale`."""
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    covered = np.asarray(resize(mask.astype(np.float32), width, height) > 0, np.bool_)
    if covered.all():
        return erase(image, mask, None, check, report)
    alpha = None if image.alpha is None else resize(image.alpha, width, height)
    filled = erase(image.replace(pixels=resize(image.pixels, width, height), alpha=alpha), covered, None, check, report)
    pixels = image.pixels.copy()
    pixels[mask] = resize(filled.pixels, image.width, image.height)[mask]
    if image.alpha is None or filled.alpha is None:
        return image.replace(pixels=pixels)
    alpha = image.alpha.copy()
    alpha[mask] = resize(filled.alpha, image.width, image.height)[mask]
    return image.replace(pixels=pixels, alpha=alpha)


def _alpha(alpha: Pixels8, mask: Mask) -> Pixels8:
    """Alpha goes on smoothly (Telea 2004)."""
    return np.asarray(cv2.inpaint(alpha, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
