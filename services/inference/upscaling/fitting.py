"""Running a model on tiles within the available memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.model_server.out_of_memory import OutOfMemory
from services.inference.upscaling.tiling import Grid, Mosaic
from services.platform.log import get_logger

Pixels8 = npt.NDArray[np.uint8]

_logger = get_logger()


@dataclass(frozen=True, slots=True)
class TileModel:
    """A super-resolution model and its input settings.

    `infer` takes sRGB tiles, uint8 [N, h, w, 3], N up to `batch`, h and w up to `tile` pixels, and returns them enlarged:
    uint8 [N, scale x h, scale x w, 3]. `margin` and `fade` are those of `Grid`. `in_flight` calls are made at a time.
    """

    scale: int
    infer: Callable[[Pixels8], Awaitable[Pixels8]]
    tile: int = 256
    margin: int = 12
    fade: int = 16
    batch: int = 1
    in_flight: int = 2
    learns: bool = False
    """Whether its result is mixed with interpolation as the picture teaches (`learned_filters`)."""
    correction: float = 0.75
    """Otherwise: the strength of `restore_detail`."""

    @property
    def smallest_tile(self) -> int:
        """Below this a pixel could belong to more than two tiles."""
        return 2 * self.margin + 3 * self.fade


class FittingModel:
    """A model that is given less at once when its memory runs out: half the tiles, and then tiles of half the side.

    A size that did not fit is not tried again during the life of this object. A tile done in parts looks the same to its neighbours, since
    the parts are joined like tiles.
    """

    def __init__(self, model: TileModel, check: Callable[[], None]) -> None:
        self._model, self._check = model, check
        self._batch, self._side = model.batch, model.tile

    async def enlarge(self, tiles: Pixels8) -> Pixels8:
        """The model's output for the tiles. Raises OutOfMemory when there is too little memory for one of the smallest."""
        if len(tiles) > self._batch:
            return await self._in_batches(tiles)
        if max(tiles.shape[1:3]) > self._side:
            return await self._in_parts(tiles)
        self._check()
        try:
            return await self._infer(tiles)
        except (OutOfMemory, MemoryError) as error:
            self._reduce(tiles, error)
        return await self.enlarge(tiles)

    def _reduce(self, tiles: Pixels8, error: OutOfMemory | MemoryError) -> None:
        # Concurrent calls fail together; the smaller limit holds, and is not halved for each of them.
        side = max(tiles.shape[1:3])
        if len(tiles) > 1:
            self._batch = min(self._batch, len(tiles) // 2)
        elif side > self._model.smallest_tile:
            self._side = min(self._side, max(self._model.smallest_tile, side // 2))
        else:
            raise OutOfMemory(f"Not enough memory even for tiles of {side} pixels. Try again later.") from error
        _logger.warning("model_out_of_memory", tiles=len(tiles), side=side, batch=self._batch, largest_side=self._side, error=str(error))

    async def _infer(self, tiles: Pixels8) -> Pixels8:
        enlarged = await self._model.infer(tiles)
        count, height, width, channels = tiles.shape
        expected = count, height * self._model.scale, width * self._model.scale, channels
        if enlarged.shape != expected:
            raise ValueError(f"the model gave {enlarged.shape} for {tiles.shape}, not {expected}")
        return enlarged

    async def _in_batches(self, tiles: Pixels8) -> Pixels8:
        starts = range(0, len(tiles), self._batch)
        return np.concatenate([await self.enlarge(tiles[start : start + starts.step]) for start in starts])

    async def _in_parts(self, tiles: Pixels8) -> Pixels8:
        _, height, width, channels = tiles.shape
        grid = Grid.over(height, width, tile=self._side, margin=self._model.margin, fade=self._model.fade)
        whole = []
        for pixels in tiles:
            scale = self._model.scale
            mosaic = Mosaic(grid, scale, np.empty((height * scale, width * scale, channels), np.uint8))
            for part in grid:
                content = await self.enlarge(grid.read(pixels, part)[np.newaxis])
                await asyncio.to_thread(mosaic.place, part, content[0])
            whole.append(mosaic.pixels)
        return np.stack(whole)
