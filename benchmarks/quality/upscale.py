"""Upscales of small pictures with known large originals, compared with interpolation and the bare network."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._upscale_inputs import HELD_OUT, TUNED, Case, cases
from benchmarks.quality._upscale_scores import colour_shift, gradient_deviation, psnr, ssim
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.tiling import Grid
from services.inference.upscaling.upscaling import upscale

Pixels8 = npt.NDArray[np.uint8]
Way = Callable[[Case], Pixels8]

_THREADS = 2
_MARGIN, _FADE = 12, 16
_COMPACT, _FINE = "realesr_animevideov3_x2", "realesrgan_x4plus"
_SEAM_TILES = (80, 96)
"""Sides of tiles, in input pixels: smaller than those of the service, so that a crop has seams."""


def measure() -> Sequence[Section]:
    """The scores, and the seams."""
    started = time.perf_counter()
    table = Section(
        "Upscaling",
        "Crops of 192 × 192 pixels of photographs that scikit-image and scikit-learn bundle, made small by an antialiased bicubic filter, "
        "*jpeg* also saved at quality 80, and enlarged again. PSNR and SSIM (more is better) and gradient magnitude similarity deviation "
        "(GMSD, less is better) of the luma against the original; *colour*: difference of the mean colours of squares of 16 pixels from "
        f"those of the input, in levels. The strength of the back-projection was chosen on {', '.join(_names(TUNED))}; *held out* are "
        f"{', '.join(_names(HELD_OUT))}. *Bare*: the network's own output for the whole crop, that of the finer one resized where it "
        "enlarges too much.",
        ("set", "factor", "enlarged by", "PSNR", "SSIM", "GMSD", "colour"),
    )
    for title, photographs in (("tuned", TUNED), ("held out", HELD_OUT)):
        for factor in (2, 4):
            for jpeg in (False, True):
                inputs = list(cases(photographs, factor, jpeg=jpeg))
                for name, way in _ways(factor, fine=photographs is HELD_OUT and not jpeg).items():
                    table.rows.append((f"{title}{', jpeg' if jpeg else ''}", f"{factor}×", name, *_scores(inputs, way)))
    table.remarks = (
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too. Networks: `realesr_animevideov3_x2` and "
        f"`_x4` (compact), `{_FINE}` (finer). LPIPS was not measured: its network is in no package that is installed here."
    )
    return [table, _seams()]


def _ways(factor: int, *, fine: bool) -> dict[str, Way]:
    compact = f"realesr_animevideov3_x{factor}"
    ways: dict[str, Way] = {
        "Lanczos (Pillow)": _lanczos,
        "bare compact network": partial(_bare, compact),
        "**Darkroom, compact network**": partial(_darkroom, compact, 256),
    }
    if fine:
        # It takes minutes on a CPU for what the compact one does in seconds.
        ways["bare finer network"] = partial(_bare, _FINE)
        ways["**Darkroom, finer network**"] = partial(_darkroom, _FINE, 256)
    return ways


@cache
def _output(network: str, shape: tuple[int, ...], content: bytes) -> Pixels8:
    """A network's output; repeated calls return the cached result."""
    return onnx_models.run(network, np.frombuffer(content, np.uint8).reshape(shape), _THREADS)


def _lanczos(case: Case) -> Pixels8:
    return _resized(case.given, case.truth.shape[1], case.truth.shape[0])


def _bare(network: str, case: Case) -> Pixels8:
    padded = np.pad(case.given, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "reflect")
    output = _output(network, (1, *padded.shape), padded.tobytes())[0]
    margin = _MARGIN * (output.shape[0] // padded.shape[0])
    return _resized(output[margin:-margin, margin:-margin], case.truth.shape[1], case.truth.shape[0])


def _darkroom(network: str, tile: int, case: Case) -> Pixels8:
    async def infer(tiles: Pixels8) -> Pixels8:
        return _output(network, tiles.shape, tiles.tobytes())

    async def enlarged() -> Image:
        scale = 4 if network == _FINE else int(network[-1])
        model = TileModel(scale, infer, tile=tile, margin=_MARGIN, fade=_FADE)
        spool = Spool(Path(tempfile.gettempdir()))
        return await upscale(Image(case.given), case.factor, model, spool=spool, progress=lambda _done: None, check=lambda: None)

    return np.asarray(asyncio.run(enlarged()).pixels, np.uint8)


def _scores(inputs: Sequence[Case], way: Way) -> Sequence[str]:
    results = [(way(case), case) for case in inputs]
    return (
        f"{statistics.mean(psnr(result, case.truth) for result, case in results):.2f}",
        f"{statistics.mean(ssim(result, case.truth) for result, case in results):.3f}",
        f"{statistics.mean(gradient_deviation(result, case.truth) for result, case in results):.3f}",
        f"{statistics.mean(colour_shift(result, case.given) for result, case in results):.2f}",
    )


def _seams() -> Section:
    """The differences at the borders of tiles, compared with those elsewhere."""
    section = Section(
        "Seams of upscaling",
        "The held-out crops enlarged twice in tiles, against the same in one tile: mean difference, in levels, within 4 pixels of where "
        "tiles meet, and everywhere else. *Cut*: tiles put side by side, without overlap, by the same network. A seam is a difference at "
        "the borders that is not there elsewhere.",
        ("tile", "joined by", "at the borders", "elsewhere", "largest"),
    )
    inputs = list(cases(HELD_OUT, 2, jpeg=False))
    size = inputs[0].given.shape[0]
    for tile in _SEAM_TILES:
        grid = Grid.over(size, size, tile=tile, margin=_MARGIN, fade=_FADE)
        joined = [(span.fade_start + span.fade_stop) // 2 - _MARGIN for span in grid.rows[1:]]
        blended = [np.abs(_darkroom(_COMPACT, tile, case).astype(int) - _darkroom(_COMPACT, 1024, case)) for case in inputs]
        cut = [np.abs(_cut(tile // 2, case).astype(int) - _bare(_COMPACT, case)) for case in inputs]
        section.rows.append((f"{tile}", "**overlap and blending**", *_differences(blended, joined)))
        section.rows.append((f"{tile // 2}", "cut", *_differences(cut, range(tile // 2, size, tile // 2))))
    return section


def _cut(tile: int, case: Case) -> Pixels8:
    """The bare network's output for adjacent tiles, put together without overlap."""
    starts = range(0, case.given.shape[0], tile)
    rows = [[onnx_models.run(_COMPACT, case.given[None, y : y + tile, x : x + tile], _THREADS)[0] for x in starts] for y in starts]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _differences(differences: Sequence[npt.NDArray[np.int_]], borders: Iterable[int]) -> Sequence[str]:
    near = np.zeros(differences[0].shape[:2], bool)
    for border in borders:
        near[2 * border - 4 : 2 * border + 4] = near[:, 2 * border - 4 : 2 * border + 4] = True
    means = [statistics.mean(float(each[where].mean()) for each in differences) for where in (near, ~near)]
    return f"{means[0]:.2f}", f"{means[1]:.2f}", f"{max(int(each.max()) for each in differences)}"


def _resized(pixels: Pixels8, width: int, height: int) -> Pixels8:
    return np.asarray(PillowImage.fromarray(pixels).resize((width, height), PillowImage.Resampling.LANCZOS))


def _names(photographs: dict[str, tuple[int, int]]) -> list[str]:
    return [Path(file).stem for file in photographs]
