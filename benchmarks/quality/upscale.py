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
from benchmarks.quality._upscale_inputs import CLEAN, HELD_OUT, MAKINGS, TUNED, Case, cases
from benchmarks.quality._upscale_scores import colour_shift, gradient_deviation, haar_similarity, psnr, ssim
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.model_server.shapes import Device
from services.inference.upscaling.choice import COMPACT, FAITHFUL, Network
from services.inference.upscaling.damage import deviation_of
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.tiling import Grid
from services.inference.upscaling.upscaling import upscale
from services.pictures.enlarging import passes

Pixels8 = npt.NDArray[np.uint8]
Way = Callable[[Case], Pixels8]

_THREADS = 2
_MARGIN, _FADE = 12, 16
_COMPACT, _FINE = "realesr_animevideov3_x", "realesrgan_x4plus"
_FAITHFUL = "srmd_upscale_x"
_FACTORS = (2, 3, 4, 8)
_LANCZOS = "Lanczos (Pillow)"
_SEAM_TILES = (80, 96)
"""Sides of tiles, in input pixels: smaller than those of the service, so that a crop has seams."""


def measure() -> Sequence[Section]:
    """The scores, and the seams."""
    started = time.perf_counter()
    table = Section(
        "Upscaling",
        "Crops of 192 × 192 pixels of photographs that scikit-image and scikit-learn bundle, made small and enlarged again. *Clean* ones "
        "are made by an antialiased bicubic filter, *box*: by the means of squares; the others, as clean ones, are then saved as JPEG, or "
        "get noise of so many levels. PSNR, SSIM and HaarPSI (more is better) and gradient magnitude similarity deviation (GMSD, less is "
        "better) of the luma against the original; *least gain*: the PSNR that the worst picture has gained over Lanczos, in dB; *colour*: "
        "difference of the mean colours of squares of 16 pixels from those of the input, in levels. What is kept of a network's result was "
        f"chosen on {', '.join(_names(TUNED))}; *held out* are {', '.join(_names(HELD_OUT))}. *Faithful*: what Darkroom takes on a GPU, "
        "and on a CPU for pictures of up to 0.15 megapixels; *compact*: what it takes for larger ones. *Bare*: the network's own output "
        "for the whole crop, resized where it enlarges too much.",
        ("set", "picture", "factor", "enlarged by", "PSNR", "least gain", "SSIM", "GMSD", "HaarPSI", "colour"),
    )
    for title, photographs in (("tuned", TUNED), ("held out", HELD_OUT)):
        for picture, making in MAKINGS.items():
            for factor in _FACTORS:
                inputs = list(cases(photographs, factor, making))
                plain = [psnr(_lanczos(case), case.truth) for case in inputs]
                bare = photographs is HELD_OUT and making == CLEAN and factor in (2, 4)
                for name, way in _ways(factor, bare=bare).items():
                    table.rows.append((title, picture, f"{factor}×", name, *_scores(inputs, way, plain)))
    table.remarks = (
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too. Networks: `{_COMPACT}2`, `3`, `4` "
        f"(compact), `{_FAITHFUL}2` and `4` (faithful), `{_FINE}` (finer, which takes part in faces only). By 8: by 2, and then by 4. "
        "LPIPS was not measured: its network is in no package that is installed here."
    )
    return [table, _seams()]


def _ways(factor: int, *, bare: bool) -> dict[str, Way]:
    ways: dict[str, Way] = {_LANCZOS: _lanczos}
    if bare:
        # The finer one takes minutes on a CPU for what the compact one does in seconds.
        ways["bare compact network"] = partial(_bare, f"{_COMPACT}{factor}")
        ways["bare finer network"] = partial(_bare, _FINE)
    ways["**Darkroom, compact network**"] = partial(_darkroom, _COMPACT, 256)
    ways["**Darkroom, faithful network**"] = partial(_darkroom, _FAITHFUL, 256)
    return ways


@cache
def _output(network: str, shape: tuple[int, ...], content: bytes) -> Pixels8:
    """A network's output; repeated calls return the cached result."""
    return onnx_models.run(network, np.frombuffer(content, np.uint8).reshape(shape), _THREADS)


def _lanczos(case: Case) -> Pixels8:
    return _resized(case.input, case.truth.shape[1], case.truth.shape[0])


def _bare(network: str, case: Case) -> Pixels8:
    padded = np.pad(case.input, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "reflect")
    output = _output(network, (1, *padded.shape), padded.tobytes())[0]
    margin = _MARGIN * (output.shape[0] // padded.shape[0])
    return _resized(output[margin:-margin, margin:-margin], case.truth.shape[1], case.truth.shape[0])


def _darkroom(kind: str, tile: int, case: Case) -> Pixels8:
    """What the operation makes of a picture with the networks whose names begin with `kind`."""
    image = Image(case.input)
    for factor in passes(1, 1, case.factor, case.factor):
        image = asyncio.run(_enlarged(image, factor, kind, tile))
    return np.asarray(image.pixels, np.uint8)


async def _enlarged(image: Image, factor: int, kind: str, tile: int) -> Image:
    told = kind == _FAITHFUL
    scale = 4 if told and factor == 3 else factor

    async def infer(tiles: Pixels8) -> Pixels8:
        return _output(f"{kind}{scale}", tiles.shape, tiles.tobytes())

    model = TileModel(scale, infer, tile=tile, margin=_MARGIN, fade=_FADE, crop=FAITHFUL if told else COMPACT)
    network = Network(kind, Device.PROCESSOR, model, told)
    if told:
        network = network.told_of(deviation_of(image))
    spool = Spool(Path(tempfile.gettempdir()))
    return await upscale(image, factor, network.model, spool=spool, progress=lambda _done: None, check=lambda: None)


def _scores(inputs: Sequence[Case], way: Way, plain: Sequence[float]) -> Sequence[str]:
    results = [(way(case), case) for case in inputs]
    ratios = [psnr(result, case.truth) for result, case in results]
    least = min(ratio - before for ratio, before in zip(ratios, plain, strict=True))
    return (
        f"{statistics.mean(ratios):.2f}",
        f"{least:+.2f}",
        f"{statistics.mean(ssim(result, case.truth) for result, case in results):.3f}",
        f"{statistics.mean(gradient_deviation(result, case.truth) for result, case in results):.3f}",
        f"{statistics.mean(haar_similarity(result, case.truth) for result, case in results):.3f}",
        f"{statistics.mean(colour_shift(result, case.input) for result, case in results):.2f}",
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
    inputs = list(cases(HELD_OUT, 2, CLEAN))
    size = inputs[0].input.shape[0]
    for tile in _SEAM_TILES:
        grid = Grid.over(size, size, tile=tile, margin=_MARGIN, fade=_FADE)
        joined = [(span.fade_start + span.fade_stop) // 2 - _MARGIN for span in grid.rows[1:]]
        blended = [np.abs(_darkroom(_COMPACT, tile, case).astype(int) - _darkroom(_COMPACT, 1024, case)) for case in inputs]
        cut = [np.abs(_cut(tile // 2, case).astype(int) - _bare(f"{_COMPACT}2", case)) for case in inputs]
        section.rows.append((f"{tile}", "**overlap and blending**", *_differences(blended, joined)))
        section.rows.append((f"{tile // 2}", "cut", *_differences(cut, range(tile // 2, size, tile // 2))))
    return section


def _cut(tile: int, case: Case) -> Pixels8:
    """The bare network's output for adjacent tiles, put together without overlap."""
    starts = range(0, case.input.shape[0], tile)
    rows = [[onnx_models.run(f"{_COMPACT}2", case.input[None, y : y + tile, x : x + tile], _THREADS)[0] for x in starts] for y in starts]
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
