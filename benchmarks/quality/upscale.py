"""Upscales of small pictures with known large originals, compared with interpolation and the bare network."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from benchmarks import onnx_models
from benchmarks.quality._sheet import sheet
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, PUBLIC_DOMAIN, theme_photograph
from benchmarks.quality._upscale_inputs import CLEAN, MAKINGS, SIDE, Case, case, crops
from benchmarks.quality._upscale_scores import colour_shift, gradient_deviation, haar_similarity, psnr, ssim
from benchmarks.table import Section
from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.model_server.shapes import Device
from services.inference.upscaling.choice import Network
from services.inference.upscaling.damage import deviation_of
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.tiling import Grid
from services.inference.upscaling.upscaling import upscale
from services.pictures.enlarging import passes

Pixels8 = npt.NDArray[np.uint8]
Way = Callable[[Case], Pixels8]

_THREADS = 2
_MARGIN, _FADE = 12, 16
_COMPACT, _FAITHFUL = "realesr_animevideov3_x", "srmd_upscale_x"
_FACTORS = (2, 3, 4, 8)
_SEAM_TILES = (80, 96)
"""Sides of tiles, in input pixels: smaller than those of the service, so that a crop has seams."""


_SEED, _COUNT = 53_040, 6
"""The seed that draws the held-out crops, which nobody has looked at, and how many."""
_SHOWN = {name for _, name in PUBLIC_DOMAIN} | {"astronaut", "camera", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket"}
"""Photographs in the public domain, or free of rights (CC0)."""
_WORST, _WORST_IMAGE = 10, "worst-upscale.webp"
_BELOW = -0.05
"""Gain, in dB, under which a result is worse than Lanczos."""

Worst = list[tuple[float, str, Sequence[Pixels8]]]


def measure() -> Sequence[Section]:
    """The scores of the held-out part, and the seams."""
    return [_scored("Upscaling", list(_held_out()), []), _seams()]


def develop() -> Section:
    """The scores of the part that was developed on, with a picture of the worst."""
    worst: Worst = []
    table = _scored("Upscaling, photographs seen", list(crops()), worst)
    worst = sorted(worst, key=lambda each: each[0])[:_WORST]
    shown = "The worst gains of photographs that may be shown, by Lanczos, by Darkroom, and the original: "
    table.images[_WORST_IMAGE] = shown + "; ".join(says for _, says, _ in worst), sheet([pictures for _, _, pictures in worst])
    return table


def _scored(title: str, photographs: Sequence[tuple[str, Pixels8]], worst: Worst) -> Section:
    started = time.perf_counter()
    table = Section(
        title,
        f"Crops of {SIDE} × {SIDE} pixels of photographs, made small and enlarged again. *Clean* ones are made by an antialiased bicubic "
        "filter, *box*: by the means of squares; the others, as clean ones, are then saved as JPEG, or get noise of so many levels. PSNR, "
        "SSIM and HaarPSI (more is better) and gradient magnitude similarity deviation (GMSD, less is better) of the luma against the "
        "original; *least gain*: the PSNR that the worst picture has gained over Lanczos, in dB; *below*: pictures that lose more than "
        f"{-_BELOW} dB to it; *colour*: difference of the mean colours of squares of 16 pixels from those of the input, in levels. *Held "
        f"out*: {_COUNT} of {len(PHOTOGRAPHS)} photographs of web themes, drawn with their places by the seed {_SEED}: squares of "
        f"{2 * SIDE} pixels, made smaller by half, since photographs from the web are soft and compressed. The method was developed on "
        "other photographs, of scikit-image and scikit-learn: `python -m benchmarks.quality.upscale`. *Faithful*: what Darkroom takes on "
        "a GPU, and on a CPU for pictures of up to 0.15 megapixels; *compact*: what it takes for larger ones.",
        ("picture", "factor", "enlarged by", "PSNR", "least gain", "below", "SSIM", "GMSD", "HaarPSI", "colour"),
    )
    for (picture, making), factor in product(MAKINGS.items(), _FACTORS):
        inputs = [case(name, truth, factor, making) for name, truth in photographs]
        plain = [psnr(_lanczos(each), each.truth) for each in inputs]
        for name, way in _WAYS.items():
            results = [way(each) for each in inputs]
            gains = [psnr(result, each.truth) - before for result, each, before in zip(results, inputs, plain, strict=True)]
            table.rows.append((picture, f"{factor}×", name, *_scores(inputs, results, gains)))
            print(table.rows[-1], file=sys.stderr)
            worst += [
                (gain, f"{each.name}, {picture}, {factor}×: {gain:+.2f} dB", (_lanczos(each), result, each.truth))
                for gain, each, result in zip(gains, inputs, results, strict=True)
                if way is not _lanczos and each.name in _SHOWN
            ]
    table.remarks = (
        f"{time.perf_counter() - started:.0f} s on {os.cpu_count()} cores that others used, too. Networks: `{_COMPACT}2`, `3`, `4` "
        f"(compact), `{_FAITHFUL}2` and `4` (faithful). LPIPS was not measured: its network is in no package that is installed here."
    )
    return table


def _held_out() -> Iterator[tuple[str, Pixels8]]:
    """Names and crops of photographs, drawn by the seed."""
    random = np.random.default_rng(_SEED)
    for number in sorted(random.choice(len(PHOTOGRAPHS), _COUNT, replace=False)):
        whole = theme_photograph(*PHOTOGRAPHS[number])
        side = min(2 * SIDE, *whole.shape[:2])
        top, left = (int(random.integers(length - side + 1)) for length in whole.shape[:2])
        yield PHOTOGRAPHS[number][1], _resized(np.ascontiguousarray(whole[top : top + side, left : left + side]), SIDE, SIDE)


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

    model = TileModel(scale, infer, tile=tile, margin=_MARGIN, fade=_FADE, learns=True)
    network = Network(kind, Device.PROCESSOR, model, told)
    if told:
        network = network.told_of(deviation_of(image))
    spool = Spool(Path(tempfile.gettempdir()))
    return await upscale(image, factor, network.model, spool=spool, progress=lambda _done: None, check=lambda: None)


_WAYS: Mapping[str, Way] = {
    "Lanczos (Pillow)": _lanczos,
    "**Darkroom, compact network**": partial(_darkroom, _COMPACT, 256),
    "**Darkroom, faithful network**": partial(_darkroom, _FAITHFUL, 256),
}


def _scores(inputs: Sequence[Case], results: Sequence[Pixels8], gains: Sequence[float]) -> Sequence[str]:
    pairs = [(result, each.truth) for result, each in zip(results, inputs, strict=True)]
    return (
        f"{statistics.mean(psnr(*pair) for pair in pairs):.2f}",
        f"{min(gains):+.2f}",
        str(sum(gain < _BELOW for gain in gains)),
        f"{statistics.mean(ssim(*pair) for pair in pairs):.3f}",
        f"{statistics.mean(gradient_deviation(*pair) for pair in pairs):.3f}",
        f"{statistics.mean(haar_similarity(*pair) for pair in pairs):.3f}",
        f"{statistics.mean(colour_shift(result, each.input) for result, each in zip(results, inputs, strict=True)):.2f}",
    )


def _seams() -> Section:
    """The differences at the borders of tiles, compared with those elsewhere."""
    section = Section(
        "Seams of upscaling",
        "Four of the crops seen, enlarged twice in tiles, against the same in one tile: mean difference, in levels, within 4 pixels of "
        "where tiles meet, and everywhere else. *Cut*: tiles put side by side, without overlap, by the same network. A seam is a "
        "difference at the borders that is not there elsewhere.",
        ("tile", "joined by", "at the borders", "elsewhere", "largest"),
    )
    inputs = [case(name, truth, 2, CLEAN) for name, truth in list(crops())[-4:]]
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


if __name__ == "__main__":
    section = develop()
    print(section.markdown())
    for file, (_, content) in section.images.items():
        (onnx_models.ROOT / "docs" / "images" / file).write_bytes(content)
