"""Small files in rarer formats, made by the libraries that people use, or byte by byte where no library writes them."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR
import pyjpegxl
from PIL import Image as PillowImage

from tests.unit.imaging.pictures import heic, photo, written

XYZ_TO_SRGB = ((3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252))


def light_of(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The linear light of 8-bit sRGB (IEC 61966-2-1)."""
    values = pixels.astype(np.float64) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def bright_photo() -> npt.NDArray[np.uint8]:
    """The photo with more white in it than the hundredth that becomes white in any case when a recording is developed."""
    pixels = photo()
    pixels[:20] = 255
    return pixels


def heif(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A HEIC whose brands do not say so."""
    data = heic(pixels)
    brands = int.from_bytes(data[:4], "big")
    return data[:8] + b"mif1" + data[12:16] + b"mif1" * ((brands - 16) // 4) + data[brands:]


def jxl(pixels: npt.NDArray[Any], **options: Any) -> bytes:
    return bytes(pyjpegxl.encode_from_numpy(np.ascontiguousarray(pixels), lossless=True, **options))


def exr(light: npt.NDArray[np.float32], names: Sequence[str] = "RGB", **header: Any) -> bytes:
    """Samples in linear light, one channel for each of `names`."""
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    channels = {name: np.ascontiguousarray(light[..., number]) for number, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.exr"
        OpenEXR.File(attributes, channels).write(str(path))
        return path.read_bytes()


def hdr(light: npt.NDArray[np.float32]) -> bytes:
    done, data = cv2.imencode(".hdr", light[..., ::-1])
    assert done
    return bytes(data)


def tga(picture: npt.NDArray[np.uint8] | PillowImage.Image, **options: Any) -> bytes:
    return written(picture, "TGA", **options)


def ico(*pictures: PillowImage.Image, bitmap: bool = True) -> bytes:
    """An icon that holds these pictures."""
    pictures = tuple(sorted(pictures, key=lambda each: each.width, reverse=True))
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "ICO", sizes=[each.size for each in pictures], append_images=list(pictures[1:]), bitmap_format="bmp" if bitmap else "png"
    )
    return buffer.getvalue()


def psd(
    planes: Sequence[npt.NDArray[Any]],
    mode: int,
    *,
    packed: bool = False,
    transparent: bool = False,
    palette: bytes = b"",
    resources: bytes = b"",
    large: bool = False,
) -> bytes:
    """A file of Photoshop's with this flattened picture, and no layers (Adobe Photoshop File Formats Specification)."""
    height, width = planes[0].shape
    depth = {np.dtype(bool): 1}.get(planes[0].dtype, planes[0].dtype.itemsize * 8)
    header = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, len(planes), height, width, depth, mode)
    length = ">Q" if large else ">I"
    info = struct.pack(">h", -1 if transparent else 0)
    layers = struct.pack(length, len(info)) + info
    rows = [
        np.packbits(row).tobytes() if depth == 1 else row.astype(row.dtype.newbyteorder(">")).tobytes() for each in planes for row in each
    ]
    pixels = b"\0\0" + b"".join(rows)
    if packed:
        packed_rows = [_packed(row) for row in rows]
        counts = struct.pack(f">{len(rows)}{'I' if large else 'H'}", *map(len, packed_rows))
        pixels = b"\0\1" + counts + b"".join(packed_rows)
    sections = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources
    return header + sections + struct.pack(length, len(layers)) + layers + pixels


def resource(number: int, content: bytes) -> bytes:
    """One of a PSD's image resources."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + b"\0" * (len(content) % 2)


def _packed(row: bytes) -> bytes:
    """PackBits: a run where a byte is repeated three times or more, else the bytes as they are, at most 128 at once."""
    out, at = bytearray(), 0
    while at < len(row):
        run = 1
        while run < 128 and at + run < len(row) and row[at + run] == row[at]:
            run += 1
        if run >= 3:
            out += bytes([257 - run, row[at]])
        else:
            run = min(128, len(row) - at, 2)
            out += bytes([run - 1]) + row[at : at + run]
        at += run
    return bytes(out)


def dng(pixels: npt.NDArray[np.uint8], orientation: int = 1, model: bytes = b"Test camera\0", start: bytes = b"II*\0\x08\0\0\0") -> bytes:
    """A picture as a camera would record it whose sensor sees linear sRGB, one colour a pixel (Adobe DNG Specification 1.4).

    `start` is what stands before the directory, by which readers tell cameras' formats.
    """
    height, width = pixels.shape[:2]
    light = np.rint(light_of(pixels) * 65535).astype("<u2")
    mosaic = light[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    matrix = [part for row in XYZ_TO_SRGB for value in row for part in (round(value * 10_000_000), 10_000_000)]
    byte, text, short, long, rational, signed = 1, 2, 3, 4, 5, 10
    tags = [
        (254, long, [0]),
        (256, long, [width]),
        (257, long, [height]),
        (258, short, [16]),
        (259, short, [1]),
        (262, short, [32803]),
        (271, text, model),
        (272, text, model),
        (273, long, [0]),
        (274, short, [orientation]),
        (277, short, [1]),
        (278, long, [height]),
        (279, long, [mosaic.nbytes]),
        (33421, short, [2, 2]),
        (33422, byte, bytes([0, 1, 1, 2])),
        (50706, byte, bytes([1, 4, 0, 0])),
        (50707, byte, bytes([1, 1, 0, 0])),
        (50708, text, model),
        (50717, long, [65535]),
        (50721, signed, matrix),
        (50728, rational, [1, 1, 1, 1, 1, 1]),
        (50778, short, [21]),
    ]
    forms = {short: "H", long: "I", rational: "I", signed: "i"}
    extra_at = len(start) + 2 + 12 * len(tags) + 4
    extra, entries = b"", b""
    values = [value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{forms[kind]}", *value) for _, kind, value in tags]
    pixels_at = extra_at + sum(len(each) + len(each) % 2 for each in values if len(each) > 4)
    for (tag, kind, value), data in zip(tags, values, strict=True):
        count = len(value) // (2 if kind in (rational, signed) else 1)
        field = struct.pack("<I", pixels_at) if tag == 273 else data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack("<I", extra_at + len(extra))
            extra += data + b"\0" * (len(data) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + field
    return start + struct.pack("<H", len(tags)) + entries + bytes(4) + extra + mosaic.tobytes()
