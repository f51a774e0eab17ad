"""A few samples of an image: enough to judge its look."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pypdf.generic import ArrayObject, NumberObject, PdfObject, StreamObject

from services.inference.pdf import objects

_MOST_PIXELS = 40_000_000
_SIDE = 512  # samples on the longer side
_CHANNELS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}
_PHOTOGRAPHIC = {"/DCTDecode", "/DCT", "/JPXDecode"}
#: Filters that are decoded in Python, and the length from which that takes too long.
_SLOW = {"/ASCII85Decode", "/A85", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"}
_LONG = 1 << 18
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def lightness(image: StreamObject) -> NDArray[np.float32] | None:
    """Lightness of the pixels, 0 to 1, at most 512 a side; None for kinds of images that are not supported.

    Raises one of PARSE_ERRORS, or what Pillow raises, for an image that is damaged.
    """
    filters = _filters(image)
    if not 0 < _integer(image, "/Width") * _integer(image, "/Height") <= _MOST_PIXELS:
        return None
    if filters and filters[-1] in _PHOTOGRAPHIC:
        return _photograph(image) if len(filters) == 1 else None
    if filters and filters[0] in _SLOW and len(image._data) > _LONG:
        return None
    return _raw(image)


def _photograph(image: StreamObject) -> NDArray[np.float32]:
    with Image.open(io.BytesIO(image._data)) as opened:
        opened.draft("L", (_SIDE, _SIDE))
        return _reduced(np.asarray(opened.convert("L"), np.uint8))


def _raw(image: StreamObject) -> NDArray[np.float32] | None:
    width, height, channels = _integer(image, "/Width"), _integer(image, "/Height"), _channels(image)
    data = np.frombuffer(image.get_data(), np.uint8)
    if _integer(image, "/BitsPerComponent") != 8 or channels is None or data.size < width * height * channels:
        return None
    pixels = data[: width * height * channels].reshape(height, width, channels)
    step = max(1, -(-max(width, height) // _SIDE))
    few = pixels[::step, ::step].astype(np.float32) / np.float32(255)
    return few[..., 0] if channels == 1 else np.einsum("hwc,c->hw", few, _LUMA, dtype=np.float32)


def stencil(image: StreamObject) -> NDArray[np.float32] | None:
    """Where an image mask paints."""
    width, height = _integer(image, "/Width"), _integer(image, "/Height")
    if not (0 < width * height <= _MOST_PIXELS):
        return None
    bits = np.unpackbits(np.frombuffer(image.get_data(), np.uint8))
    row = -(-width // 8) * 8
    if bits.size < row * height:
        return None
    decode = objects.array(image, "/Decode")
    paints = 1 if decode is not None and decode and int(decode[0]) == 1 else 0
    painted = bits[: row * height].reshape(height, row)[:, :width] == paints
    return _reduced(painted.astype(np.uint8) * np.uint8(255))


def _reduced(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    step = max(1, -(-max(samples.shape) // _SIDE))
    return samples[::step, ::step].astype(np.float32) / np.float32(255)


def _channels(image: StreamObject) -> int | None:
    space = objects.entry(image, "/ColorSpace")
    if isinstance(space, ArrayObject) and space and str(objects.resolve(space[0])) == "/ICCBased":
        count = _integer(objects.resolve(space[1]), "/N") if len(space) > 1 else 0
        return count if count in (1, 3) else None
    return _CHANNELS.get(str(objects.resolve(space[0])) if isinstance(space, ArrayObject) and space else str(space))


def _filters(image: StreamObject) -> list[str]:
    entry = objects.entry(image, "/Filter")
    return [str(objects.resolve(each)) for each in entry] if isinstance(entry, ArrayObject) else [str(entry)] if entry is not None else []


def _integer(container: PdfObject | None, key: str) -> int:
    found = objects.entry(container, key)
    return int(found) if isinstance(found, NumberObject) else 0
