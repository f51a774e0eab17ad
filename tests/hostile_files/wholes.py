"""Whole small files of every kind that operations take, to damage."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from services.pictures.media_format import MediaFormat
from tests.unit.imaging import rare_files
from tests.unit.imaging.pictures import heic, photo, written
from tests.unit.probe.videos import video

HEIGHT, WIDTH = 48, 64
DRAWING = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/>
<stop offset="1" stop-color="blue"/></linearGradient></defs><rect width="64" height="48" fill="url(#g)"/>
<path d="M5 5 L50 40 L10 30 Z" fill="#30a050" stroke="black"/><text x="4" y="20">Darkroom</text></svg>"""


def small() -> npt.NDArray[np.uint8]:
    """A part of the sample photo."""
    return photo(HEIGHT, WIDTH)


def beside() -> bytes:
    """A picture without fault to work on beside a hostile one, as a mask, too: black with a white square."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:28, 20:28] = 255
    return written(pixels, "PNG")


def frames(format_: str, count: int = 4, **options: object) -> bytes:
    """An animation of the photo, which moves."""
    pictures = [Image.fromarray(np.roll(small(), 9 * number, 1)) for number in range(count)]
    if format_ == "GIF":
        pictures = [each.quantize(32) for each in pictures]
    buffer = io.BytesIO()
    pictures[0].save(buffer, format_, save_all=True, append_images=pictures[1:], duration=60, loop=0, **options)
    return buffer.getvalue()


def document() -> bytes:
    """Two pages with text and a picture."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(200, 150), invariant=1)
    for name in ("one", "two"):
        canvas.drawImage(ImageReader(Image.fromarray(small())), 100, 10, 64, 48)
        canvas.drawString(20, 120, f"Page {name}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


WHOLE: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "jpeg": ("jpg", lambda: written(small(), "JPEG", quality=90)),
    "progressive-jpeg": ("jpg", lambda: written(small(), "JPEG", quality=90, progressive=True)),
    "png": ("png", lambda: written(small(), "PNG")),
    "apng": ("png", lambda: frames("PNG")),
    "webp": ("webp", lambda: written(small(), "WEBP", quality=80)),
    "animated-webp": ("webp", lambda: frames("WEBP")),
    "gif": ("gif", lambda: written(small(), "GIF")),
    "animated-gif": ("gif", lambda: frames("GIF")),
    "tiff": ("tif", lambda: written(small(), "TIFF", compression="tiff_lzw")),
    "avif": ("avif", lambda: written(small(), "AVIF", quality=80)),
    "heic": ("heic", lambda: heic(small())),
    "heif": ("heif", lambda: rare_files.heif(small())),
    "bmp": ("bmp", lambda: written(small(), "BMP")),
    "jxl": ("jxl", lambda: rare_files.jxl(small())),
    "ico": ("ico", lambda: rare_files.ico(Image.fromarray(small()).resize((32, 32)))),
    "psd": ("psd", lambda: rare_files.psd(list(np.moveaxis(small(), 2, 0)), 3, packed=True)),
    "exr": ("exr", lambda: rare_files.exr(rare_files.light_of(small()))),
    "hdr": ("hdr", lambda: rare_files.hdr(rare_files.light_of(small()))),
    "tga": ("tga", lambda: rare_files.tga(small())),
    **{each: (each, lambda: rare_files.dng(small())) for each in map(str, (MediaFormat.DNG, MediaFormat.NEF, MediaFormat.ARW))},
    "svg": ("svg", lambda: DRAWING),
    "mp4": ("mp4", lambda: video("mp4", 6, sound=True)),
    "webm": ("webm", lambda: video("webm", 6)),
    "mov": ("mov", lambda: video("mov", 6)),
    "pdf": ("pdf", document),
}
"""By kind, the extension and how to make one."""


@cache
def whole(kind: str) -> bytes:
    """A file of this kind without fault."""
    return WHOLE[kind][1]()
