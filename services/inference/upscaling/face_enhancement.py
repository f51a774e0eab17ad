"""Enlarging the faces of a picture with two networks together, and laying them over the picture."""

from __future__ import annotations

import dataclasses
import itertools
import operator
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import strips
from services.inference.media.resampling import resize
from services.inference.plain.faces import Oval
from services.inference.upscaling.fitting import TileModel

Pixels8 = npt.NDArray[np.uint8]

_SHARE, _SHARE_BEYOND = 0.5, 0.33
"""Weight of the finer network, for factors up to 2 and beyond: chosen on one photograph, measured on another (benchmarks/quality.md)."""
_STRIP = 256


def joint(compact: TileModel, fine: TileModel, factor: int) -> TileModel:
    """A model whose output is the weighted mean of what two networks make of a tile, enlarged `factor` times.

    Where one network invents something, the other rarely invents the same, so the mean errs less than either (the reason for ensembles
    in super-resolution: Timofte et al., CVPR 2016, https://arxiv.org/abs/1511.02228). Tiles are those of the finer one.
    """
    share = np.float32(_SHARE if factor <= 2 else _SHARE_BEYOND)

    async def infer(tiles: Pixels8) -> Pixels8:
        first = _fitted(await compact.infer(tiles), tiles, factor)
        second = _fitted(await fine.infer(tiles), tiles, factor)
        return np.asarray(np.round(first + share * (second.astype(np.float32) - first)), np.uint8)

    return dataclasses.replace(fine, scale=factor, infer=infer)


def affordable(ovals: Sequence[Oval], factors: Sequence[int], pixels: float) -> Sequence[Oval]:
    """As many of the first `ovals` as fit when the networks of all passes by `factors` get at most `pixels` in total."""
    each = sum(factor**2 for factor in itertools.accumulate(factors[:-1], operator.mul, initial=1))
    total = list(itertools.accumulate(each * oval.pixels for oval in ovals))
    return [oval for oval, needed in zip(ovals, total, strict=True) if needed <= pixels]


def cut(image: Image, oval: Oval) -> Image:
    """A copy of the part of a picture that contains an oval."""
    window = oval.rows, oval.columns
    alpha = None if image.alpha is None else image.alpha[window].copy()
    return dataclasses.replace(image, pixels=image.pixels[window].copy(), alpha=alpha)


def lay_over(enlarged: Image, part: Image, oval: Oval, factor: int, check: Callable[[], None]) -> None:
    """Lays a part, enlarged separately, over the picture enlarged `factor` times, in place, with the oval's soft edge.

    Alpha and all samples outside the oval stay unchanged. `check` is called between strips and may raise to cancel.
    """
    if (part.pixels.dtype, part.pixels.shape[2]) != (enlarged.pixels.dtype, enlarged.pixels.shape[2]):
        raise ValueError(f"the part has {part.pixels.dtype} samples of {part.pixels.shape[2]}, unlike the picture")
    target = enlarged.pixels[oval.rows.start * factor : oval.rows.stop * factor, oval.columns.start * factor : oval.columns.stop * factor]
    for rows in strips(target.shape[0], _STRIP):
        check()
        under = target[rows].astype(np.float32)
        under += oval.weights(factor, rows)[..., np.newaxis] * (part.pixels[rows] - under)
        target[rows] = np.round(under).astype(target.dtype)


def _fitted(enlarged: Pixels8, tiles: Pixels8, factor: int) -> Pixels8:
    height, width = (side * factor for side in tiles.shape[1:3])
    if enlarged.shape[1:3] == (height, width):
        return enlarged
    return np.stack([resize(tile, width, height) for tile in enlarged])
