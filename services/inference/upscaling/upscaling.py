"""Enlarging pictures with a super-resolution model, tile by tile."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image, Pixels
from services.inference.media.colour import from_srgb, to_8bit, to_srgb
from services.inference.media.resampling import resize
from services.inference.media.spool import Spool
from services.inference.upscaling import learned_filters
from services.inference.upscaling.fidelity import hold_colours, restore_detail
from services.inference.upscaling.fitting import FittingModel, TileModel
from services.inference.upscaling.learned_filters import Filters
from services.inference.upscaling.tiling import Grid, Mosaic, Tile
from services.inference.upscaling.windows import windows

Pixels8 = npt.NDArray[np.uint8]

_STRIP = 128
_REACH = 3  # rows on each side that bicubic interpolation uses, plus one


async def upscale(
    image: Image,
    factor: int,
    model: TileModel,
    *,
    spool: Spool,
    progress: Callable[[float], None],
    check: Callable[[], None],
    before: Callable[[Pixels8], Pixels8] | None = None,
    after: Callable[[Pixels8], None] | None = None,
) -> Image:
    """Enlarges a picture to exactly `factor` times its width and height, which may be less than the model's scale.

    The model runs on 8-bit sRGB; its result is mixed with interpolation as the picture itself teaches (`learned_filters`), or detail that
    it removed is restored (`restore_detail`). The result is converted to the picture's own colour profile, where coarse colour is taken
    from the original (`hold_colours`), so that neither wide-gamut colours nor 16-bit gradients are lost. Gray stays gray. Alpha is
    enlarged separately, and colour under zero alpha becomes zero. The result is in arrays of `spool`: memory holds the original, a row of
    tiles and some strips. Raises OutOfMemory when not even the smallest tile fits. `progress` gets the share of tiles done; `check` is
    called between tiles and strips, also from other threads, and raises to cancel. `before` changes the model's input (sRGB); `after`
    changes its output in place, before colours are transferred.
    """
    if model.scale < factor:
        raise ValueError(f"a model that enlarges {model.scale} times cannot give {factor} times")
    check = spool.after(check)
    check()
    original = await asyncio.to_thread(without_hidden_colour, image)
    source = await asyncio.to_thread(_model_input, original)
    if before is not None:
        source = await asyncio.to_thread(before, source)
    filters = await _learned(source, factor, model, check) if model.learns else None
    enlarged: Pixels8 = spool.empty((image.height * factor, image.width * factor, original.pixels.shape[2]), np.uint8)
    await _enlarge(source, enlarged, model, check, progress)
    given = source[..., : enlarged.shape[2]]
    if filters is None:
        await asyncio.to_thread(restore_detail, enlarged, given, model.correction, check)
    else:
        await asyncio.to_thread(filters.apply, enlarged, given, check)
    if after is not None:
        await asyncio.to_thread(after, enlarged)
    return await asyncio.to_thread(_finish, original, enlarged, factor, spool, check)


async def _learned(source: Pixels8, factor: int, model: TileModel, check: Callable[[], None]) -> Filters:
    """The filters that small copies of the picture teach, which the model enlarges for that."""
    lessons = await asyncio.to_thread(learned_filters.lessons, source, factor)
    enlarged = [np.empty((small.shape[0] * factor, small.shape[1] * factor, 3), np.uint8) for small in lessons.small]
    for small, result in zip(lessons.small, enlarged, strict=True):
        await _enlarge(small, result, model, check, lambda _share: None)
    return await asyncio.to_thread(learned_filters.learn, lessons, enlarged)


async def _enlarge(
    source: Pixels8, enlarged: Pixels8, model: TileModel, check: Callable[[], None], progress: Callable[[float], None]
) -> None:
    """Fills `enlarged`, which is a whole number of times as large as `source`, with the model's output."""
    height, width = source.shape[:2]
    grid = Grid.over(height, width, tile=model.tile, margin=model.margin, fade=model.fade)
    factor = enlarged.shape[0] // height
    mosaic = Mosaic(grid, factor, enlarged)
    done = 0
    async with aclosing(_batches_enlarged(source, grid, model, check)) as batches:
        async for tiles, contents in batches:
            await asyncio.to_thread(_place, mosaic, tiles, contents, factor / model.scale)
            done += len(tiles)
            progress(done / len(grid))


async def _batches_enlarged(
    source: Pixels8, grid: Grid, model: TileModel, check: Callable[[], None]
) -> AsyncGenerator[tuple[Sequence[Tile], Pixels8], None]:
    """Runs the model over all tiles, a few calls at a time, and yields the results in reading order."""
    pending: deque[tuple[Sequence[Tile], asyncio.Future[Pixels8]]] = deque()
    fitting = FittingModel(model, check)
    try:
        for tiles in _batches(grid, model.batch):
            check()
            stacked = await asyncio.to_thread(_stack, source, grid, tiles)
            pending.append((tiles, asyncio.ensure_future(fitting.enlarge(stacked))))
            if len(pending) >= model.in_flight:
                yield pending[0][0], await pending[0][1]
                pending.popleft()
        while pending:
            check()
            yield pending[0][0], await pending[0][1]
            pending.popleft()
    finally:
        for _, call in pending:
            call.cancel()
        await asyncio.gather(*(call for _, call in pending), return_exceptions=True)


def _batches(grid: Grid, size: int) -> Iterator[Sequence[Tile]]:
    tiles = iter(grid)
    while batch := tuple(islice(tiles, size)):
        yield batch


def _stack(source: Pixels8, grid: Grid, tiles: Sequence[Tile]) -> Pixels8:
    return np.stack([grid.read(source, tile) for tile in tiles])


def _place(mosaic: Mosaic, tiles: Sequence[Tile], contents: Pixels8, shrink: float) -> None:
    gray = mosaic.pixels.shape[2] == 1
    for tile, content in zip(tiles, contents, strict=True):
        height, width = round(content.shape[0] * shrink), round(content.shape[1] * shrink)
        fitted = resize(content, width, height)
        if gray:
            fitted = np.asarray(cv2.cvtColor(fitted, cv2.COLOR_RGB2GRAY), np.uint8)[..., np.newaxis]
        mosaic.place(tile, fitted)


def _model_input(image: Image) -> Pixels8:
    # Gray tone curves are close enough to sRGB's for a model; without a conversion there is nothing to undo.
    return to_srgb(image.pixels, None) if image.is_gray else image.srgb()


def without_hidden_colour(image: Image) -> Image:
    """Gives fully transparent pixels the colour of the nearest visible one.

    The colour stored there, often black, would otherwise bleed into the visible edge when the picture is enlarged.
    """
    if image.alpha is None:
        return image
    hidden = image.alpha == 0
    if not hidden.any() or hidden.all():
        return image
    _, labels = cv2.distanceTransformWithLabels(hidden.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    palette = np.empty((int(labels.max()) + 1, image.pixels.shape[2]), image.pixels.dtype)
    palette[labels[~hidden]] = image.pixels[~hidden]
    pixels = image.pixels.copy()
    pixels[hidden] = palette[labels[hidden]]
    return image.replace(pixels=pixels)


def _finish(original: Image, enlarged: Pixels8, factor: int, spool: Spool, check: Callable[[], None]) -> Image:
    if original.icc is not None and not original.is_gray:
        from_srgb(enlarged, original.icc)
    pixels = hold_colours(enlarged, original.pixels, spool, check)
    alpha = None
    if original.alpha is not None:
        alpha = spool.empty(pixels.shape[:2], pixels.dtype)
        _enlarge_alpha(original.alpha if pixels.dtype == original.alpha.dtype else to_8bit(original.alpha), factor, alpha, pixels, check)
    return dataclasses.replace(original, pixels=pixels, alpha=alpha)


def _enlarge_alpha(small: Pixels, factor: int, alpha: Pixels, pixels: Pixels, check: Callable[[], None]) -> None:
    """Fills `alpha`, `factor` times as large as `small`, and clears the fully transparent pixels of `pixels`."""
    width = small.shape[1] * factor
    for rows, window, inner in windows(small, _STRIP, _REACH):
        check()
        whole = resize(window, width, len(window) * factor)
        target = slice(rows.start * factor, rows.stop * factor)
        alpha[target] = whole[inner.start * factor : inner.stop * factor]
        pixels[target][alpha[target] == 0] = 0
