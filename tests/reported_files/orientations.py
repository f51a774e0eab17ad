"""Pictures stored turned or mirrored, with the EXIF orientation that sets them upright."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PIL import Image

from tests.reported_files.making import Made, Pixels, seen
from tests.unit.imaging.pictures import exif, heic, written

_STORED: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture is stored under each orientation."""


def _with_pillow(format_: str, **options: object) -> Callable[[Image.Image, int], bytes]:
    def write(stored: Image.Image, orientation: int) -> bytes:
        tags = Image.Exif()
        tags[0x0112] = orientation
        return written(stored, format_, exif=tags, **options)

    return write


def _heic(stored: Image.Image, orientation: int) -> bytes:
    import numpy as np

    return heic(np.asarray(stored), exif=exif(orientation))


WRITERS: Mapping[str, tuple[Callable[[Image.Image, int], bytes], float]] = {
    "jpg": (_with_pillow("JPEG", quality=100, subsampling=0), 1.5),
    "png": (_with_pillow("PNG"), 0),
    "webp": (_with_pillow("WEBP", lossless=True), 0),
    "tif": (_with_pillow("TIFF"), 0),
    "avif": (_with_pillow("AVIF", quality=100, subsampling="4:4:4"), 1.5),
    "heic": (_heic, 0),
}
"""By extension, and how far off decoding is."""
ORIENTATIONS = tuple(range(1, 9))


def turned(extension: str, orientation: int, upright: Pixels) -> bytes:
    """A file that must look like a picture, and stores it in this orientation."""
    picture = Image.fromarray(upright)
    stored = picture.transpose(_STORED[orientation]) if orientation in _STORED else picture
    return WRITERS[extension][0](stored, orientation)


def files() -> Mapping[str, Made]:
    """All of them."""
    return {
        f"orientation {orientation} in {extension}": Made(extension, turned(extension, orientation, seen()), seen(), tolerance)
        for extension, (_, tolerance) in WRITERS.items()
        for orientation in ORIENTATIONS
    }
