"""What somebody would run instead of the heaviest tools: `python heavy_tools.py FOLDER` prints the library and seconds of each, as JSON.

The folder has `animation.gif`, `carved.png`, `traced.jpg`, `report.pdf` and `0.jpg` to `3.jpg`. It runs in `.venv-bench`.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pypdfium2
import pyvips
import seam_carving  # type: ignore[import-not-found]
import vtracer  # type: ignore[import-untyped]
from PIL import Image

_TIMES, _MOST_SECONDS = 5, 8.0


def animation(folder: Path) -> bytes:
    """libvips: every frame in half the width."""
    frames = pyvips.Image.new_from_file(str(folder / "animation.gif"), n=-1)
    width, height = frames.width, frames.get("page-height")
    halves = [frames.crop(0, top, width, height).thumbnail_image(width // 2) for top in range(0, frames.height, height)]
    joined = pyvips.Image.arrayjoin(halves, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", halves[0].height)
    return bytes(joined.gifsave_buffer())


def seams(folder: Path) -> bytes:
    """The package `seam-carving`: 80 % of the width, forward energy."""
    picture = np.asarray(Image.open(folder / "carved.png"))
    height, width = picture.shape[:2]
    carved = seam_carving.resize(picture, (round(width * 0.8), height), energy_mode="forward")
    return _png(Image.fromarray(carved))


def tracing(folder: Path) -> bytes:
    """vtracer itself."""
    settings = {"colormode": "color", "hierarchical": "stacked", "mode": "spline", "filter_speckle": 4, "color_precision": 6}
    settings |= {"layer_difference": 16, "corner_threshold": 60}
    return str(vtracer.convert_raw_image_to_svg((folder / "traced.jpg").read_bytes(), img_format="jpg", **settings)).encode()


def pages(folder: Path) -> bytes:
    """PDFium and Pillow: every page as a PNG of 150 dpi, in a ZIP."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number, page in enumerate(pypdfium2.PdfDocument(folder / "report.pdf"), start=1):
            archive.writestr(f"page-{number}.png", _png(page.render(scale=150 / 72).to_pil()))
    return target.getvalue()


def collage(folder: Path) -> bytes:
    """Pillow: four pictures in a grid of 2400 × 1800 pixels."""
    canvas = Image.new("RGB", (2400, 1800), "white")
    for number in range(4):
        with Image.open(folder / f"{number}.jpg") as picture:
            scale = max(1188 / picture.width, 888 / picture.height)
            scaled = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
            left, top = (scaled.width - 1188) // 2, (scaled.height - 888) // 2
            canvas.paste(scaled.crop((left, top, left + 1188, top + 888)), (8 + number % 2 * 1196, 8 + number // 2 * 896))
    return _png(canvas)


TOOLS: Mapping[str, tuple[str, Callable[[Path], bytes]]] = {
    "gif-tools": ("libvips", animation),
    "content-aware-resize": ("seam-carving", seams),
    "vectorize": ("vtracer", tracing),
    "pdf-to-image": ("PDFium and Pillow", pages),
    "collage": ("Pillow", collage),
}
"""Library and call, by tool."""


def _png(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _median(run: Callable[[Path], bytes], folder: Path) -> float:
    taken: list[float] = []
    while len(taken) < _TIMES and sum(taken) < _MOST_SECONDS:
        begun = time.perf_counter()
        run(folder)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps({name: (library, _median(run, Path(sys.argv[1]))) for name, (library, run) in TOOLS.items()}))
