"""JPEG files of all kinds of coding."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL.JpegImagePlugin import JpegImageFile

Pixels = npt.NDArray[np.uint8]
SAMPLINGS = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
    "gray": 0,
}


def jpeg(size: tuple[int, int], sampling: str = "420", *, progressive: bool = False, restarts: int = 0) -> bytes:
    """A file of smooth colours and some noise, by OpenCV, of this width and height."""
    rng = np.random.default_rng(7)
    few = rng.integers(0, 256, (size[1] // 16 + 2, size[0] // 16 + 2, 3), np.uint8)
    pixels = cv2.resize(few, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    pixels = np.clip(pixels + rng.integers(-9, 10, pixels.shape), 0, 255).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive), cv2.IMWRITE_JPEG_RST_INTERVAL, restarts]
    if sampling == "gray":
        pixels = pixels[..., :1]
    else:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling]]
    return bytes(cv2.imencode(".jpg", pixels, options)[1])


def opened(content: bytes) -> PillowImage.Image:
    """As Pillow reads it."""
    picture = PillowImage.open(io.BytesIO(content))
    picture.load()
    return picture


def decoded(content: bytes) -> npt.NDArray[np.int16]:
    """Its samples, by Pillow: height x width, and of colours x 3."""
    return np.asarray(opened(content)).astype(np.int16)


def means(content: bytes) -> Pixels:
    """The means of the luminance of each block of 8 x 8, which no other coefficient has a part in."""
    picture = PillowImage.open(io.BytesIO(content))
    picture.draft("L", (picture.width // 8, picture.height // 8))
    return np.asarray(picture)


def tables(content: bytes) -> list[list[int]]:
    """The divisors of its coefficients by quantization table, each in ascending order."""
    picture = opened(content)
    assert isinstance(picture, JpegImageFile)
    return sorted(sorted(table) for table in picture.quantization.values())
