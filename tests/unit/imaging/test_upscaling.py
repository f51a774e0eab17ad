"""Upscales with stand-in models whose borders, drift and failures are known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.media.spool import Spool, file_of
from services.inference.model_server.out_of_memory import OutOfMemory
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.upscaling import upscale
from tests.unit.imaging.pictures import Pixels8, blob, border_effect_model, gray_profile, photo, wide_gamut_profile

SPOOL = Spool(Path("no-such-folder"))
"""For pictures that are small enough for memory."""


def nothing() -> None:
    """A check that never cancels."""


async def enlarged(image: Image, factor: int, model: TileModel) -> Image:
    return await upscale(image, factor, model, spool=SPOOL, progress=lambda share: None, check=nothing)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("window", [3, 9, 23])
async def test_no_seam_where_the_model_sees_no_further_than_the_margin(window: int, batch: int) -> None:
    image = Image(photo(290, 380))
    tiled = await enlarged(image, 2, TileModel(2, border_effect_model(2, window=window), tile=96, batch=batch))
    whole = await enlarged(image, 2, TileModel(2, border_effect_model(2, window=window), tile=1024))
    assert np.array_equal(tiled.pixels, whole.pixels)


async def test_no_step_where_the_model_sees_further() -> None:
    image = Image(np.full((290, 380, 3), 200, np.uint8))
    # A window of 61 darkens tiles 30 pixels deep, far beyond the margin of 12.
    result = await enlarged(image, 2, TileModel(2, border_effect_model(2, window=61), tile=128))
    for axis in (0, 1):
        assert np.abs(np.diff(result.pixels.astype(int), axis=axis)).max() <= 6


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (7, 5), (96, 97), (333, 128)])
@pytest.mark.parametrize(("factor", "scale"), [(2, 2), (2, 4), (4, 4), (3, 3)])
async def test_size_is_exactly_the_factor(height: int, width: int, factor: int, scale: int) -> None:
    pixels = photo(height, width)
    result = await enlarged(Image(pixels), factor, TileModel(scale, border_effect_model(scale), tile=96))
    assert np.array_equal(result.pixels, pixels.repeat(factor, axis=0).repeat(factor, axis=1))


@pytest.mark.parametrize("drift", [-20, 15])
async def test_colours_do_not_drift(drift: int) -> None:
    pixels = np.clip(photo(210, 333), 30, 220)
    result = await enlarged(Image(pixels), 4, TileModel(4, border_effect_model(4, drift=drift), tile=96))
    assert np.abs(result.pixels.astype(int) - pixels.repeat(4, axis=0).repeat(4, axis=1)).max() <= 1


async def test_gray_stays_gray_with_its_profile() -> None:
    pixels = np.ascontiguousarray(photo(100, 140)[..., :1])
    result = await enlarged(Image(pixels, icc=gray_profile()), 2, TileModel(2, border_effect_model(2), tile=96))
    assert result.is_gray
    assert result.icc == gray_profile()
    assert np.abs(result.pixels.astype(int) - pixels.repeat(2, axis=0).repeat(2, axis=1)).max() <= 1


async def test_wide_gamut_colours_and_profile_survive() -> None:
    # A pure Display P3 green lies outside sRGB, in which the model works.
    pixels = np.full((120, 120, 3), (20, 250, 30), np.uint8)
    image = Image(pixels, icc=wide_gamut_profile())
    result = await enlarged(image, 2, TileModel(2, border_effect_model(2), tile=96))
    assert result.icc == image.icc
    assert np.abs(result.pixels.astype(int) - pixels[0, 0]).max() <= 1
    textured = Image(photo(100, 140), icc=wide_gamut_profile())
    result = await enlarged(textured, 2, TileModel(2, border_effect_model(2), tile=96))
    assert np.abs(result.pixels.astype(int) - textured.pixels.repeat(2, axis=0).repeat(2, axis=1)).mean() < 1.5


async def test_sixteen_bits_keep_their_gradients() -> None:
    ramp = np.linspace(20_000, 24_000, 256).astype(np.uint16)
    pixels = np.broadcast_to(ramp[None, :, None], (96, 256, 3)).copy()
    result = await enlarged(Image(pixels), 2, TileModel(2, border_effect_model(2), tile=96))
    assert result.bit_depth == 16
    # Eight bits would leave 16 levels; averaged over a cell, the original's are found again.
    means = result.pixels[..., 0].reshape(12, 16, 32, 16).mean(axis=(1, 3))
    expected = pixels[..., 0].reshape(12, 8, 32, 8).mean(axis=(1, 3))
    assert np.abs(means - expected)[:, 1:-1].max() < 40
    assert result.pixels.mean() == pytest.approx(pixels.mean(), abs=10)


async def test_alpha_is_smooth_and_hidden_colour_does_not_bleed() -> None:
    alpha = np.round(blob(120, 160) * 255).astype(np.uint8)
    pixels = np.full((120, 160, 3), (200, 120, 60), np.uint8)
    pixels[alpha == 0] = 0
    result = await enlarged(Image(pixels, alpha), 4, TileModel(4, border_effect_model(4, window=5), tile=96))
    assert result.alpha is not None
    assert result.alpha.shape == (480, 640)
    assert not result.pixels[result.alpha == 0].any()
    # No dark fringe: whatever is visible at all has the subject's colour.
    assert np.abs(result.pixels[result.alpha > 0].astype(int) - (200, 120, 60)).max() <= 2
    assert np.abs(cv2.resize(result.alpha, (160, 120), interpolation=cv2.INTER_AREA).astype(int) - alpha).mean() < 1
    # No ring of faint opacity around it, which filters with longer kernels leave.
    near = cv2.dilate(alpha, np.ones((5, 5), np.uint8)).repeat(4, axis=0).repeat(4, axis=1) > 0
    assert not result.alpha[~near].any()


async def test_batches_and_progress() -> None:
    batches: list[int] = []
    shares: list[float] = []
    model = TileModel(2, border_effect_model(2, batches=batches), tile=96, batch=4)
    await upscale(Image(photo(290, 380)), 2, model, spool=SPOOL, progress=shares.append, check=nothing)
    assert set(batches[:-1]) == {4}
    assert shares == sorted(set(shares))
    assert len(shares) == len(batches)
    assert shares[-1] == 1


async def test_cancelling_stops_calls_that_are_under_way() -> None:
    class Cancelled(Exception):
        pass

    started, stopped = 0, 0

    async def slow(tiles: np.ndarray) -> np.ndarray:
        nonlocal started, stopped
        started += 1
        try:
            await asyncio.sleep(0 if started == 1 else 3600)
        except asyncio.CancelledError:
            stopped += 1
            raise
        return tiles.repeat(2, axis=1).repeat(2, axis=2)

    def cancel() -> None:
        if started >= 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        await upscale(
            Image(photo(290, 380)),
            2,
            TileModel(2, slow, tile=96, in_flight=4),
            spool=SPOOL,
            progress=lambda share: None,
            check=cancel,
        )
    assert stopped == started - 1


async def test_a_failing_model_is_reported_and_leaves_nothing_running() -> None:
    async def broken(tiles: np.ndarray) -> np.ndarray:
        raise ConnectionError("gone")

    before = asyncio.all_tasks()
    with pytest.raises(ConnectionError):
        await enlarged(Image(photo(290, 380)), 2, TileModel(2, broken, tile=96))
    assert asyncio.all_tasks() <= before


async def test_models_that_do_not_fit_are_programming_errors() -> None:
    with pytest.raises(ValueError, match="cannot give 4 times"):
        await enlarged(Image(photo()), 4, TileModel(2, border_effect_model(2)))
    with pytest.raises(ValueError, match="the model gave"):
        await enlarged(Image(photo()), 4, TileModel(4, border_effect_model(2)))


def small_memory(scale: int, pixels: int, error: type[Exception], asked: list[tuple[int, ...]]) -> TileModel:
    """A model whose memory holds so many pixels at once."""
    model = border_effect_model(scale, window=9)

    async def infer(tiles: Pixels8) -> Pixels8:
        asked.append(tiles.shape)
        if tiles.shape[0] * tiles.shape[1] * tiles.shape[2] > pixels:
            raise error
        return await model(tiles)

    return TileModel(scale, infer, tile=256, batch=4)


@pytest.mark.cases(3)
@pytest.mark.parametrize("error", [OutOfMemory, MemoryError])
@pytest.mark.parametrize("side", [200, 130, 80])
async def test_what_does_not_fit_into_memory_is_done_in_smaller_parts_without_a_seam(side: int, error: type[Exception]) -> None:
    image = Image(photo(290, 380))
    asked: list[tuple[int, ...]] = []
    small = await enlarged(image, 2, small_memory(2, side * side, error, asked))
    whole = await enlarged(image, 2, TileModel(2, border_effect_model(2, window=9), tile=1024))
    assert np.array_equal(small.pixels, whole.pixels)
    too_large = [shape for shape in asked if shape[0] * shape[1] * shape[2] > side * side]
    # What was too much is not tried with every tile again: only calls that were under way together find it out together.
    assert 1 <= len(too_large) <= 2 * 4


async def test_too_little_memory_for_the_smallest_tile_is_told() -> None:
    with pytest.raises(OutOfMemory, match="even for tiles of 72 pixels"):
        await enlarged(Image(photo(290, 380)), 2, small_memory(2, 60 * 60, OutOfMemory, []))


async def test_a_cancellation_is_obeyed_between_the_parts_of_a_tile() -> None:
    asked: list[tuple[int, ...]] = []

    class Cancelled(Exception):
        pass

    def check() -> None:
        if len(asked) > 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        await upscale(
            Image(photo(290, 380)),
            2,
            small_memory(2, 80 * 80, OutOfMemory, asked),
            spool=SPOOL,
            progress=lambda share: None,
            check=check,
        )
    assert len(asked) == 7


@pytest.mark.parametrize("bits", [8, 16])
async def test_a_picture_in_files_is_the_same_as_one_in_memory(bits: int, tmp_path: Path) -> None:
    pixels, alpha = photo(290, 380), np.round(blob(290, 380) * 255).astype(np.uint8)
    image = Image(pixels, alpha) if bits == 8 else Image(pixels.astype(np.uint16) * 257, alpha.astype(np.uint16) * 257)
    model = TileModel(3, border_effect_model(3, window=9, drift=5), tile=96)
    expected = await enlarged(image, 3, model)
    spool = Spool(tmp_path, in_memory_bytes=1000)
    result = await upscale(image, 3, model, spool=spool, progress=lambda share: None, check=nothing)
    assert result.alpha is not None
    assert expected.alpha is not None
    assert file_of(result.pixels) is not None
    assert file_of(result.alpha) is not None
    assert np.array_equal(result.pixels, expected.pixels)
    assert np.array_equal(result.alpha, expected.alpha)


async def test_texture_that_the_model_takes_for_noise_comes_back() -> None:
    pixels = photo(200, 240)

    async def smoothing(tiles: Pixels8) -> Pixels8:
        smooth = np.stack([cv2.GaussianBlur(tile, (0, 0), 2) for tile in tiles])
        return smooth.repeat(2, axis=1).repeat(2, axis=2)

    result = await enlarged(Image(pixels), 2, TileModel(2, smoothing, tile=96))
    lost = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2)).repeat(2, axis=0).repeat(2, axis=1)
    truth = pixels.repeat(2, axis=0).repeat(2, axis=1).astype(int)
    assert np.abs(result.pixels - truth).mean() < 0.5 * np.abs(lost - truth).mean()
