"""Photoshop's files: the flattened picture that they hold besides their layers (Adobe Photoshop File Formats Specification)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from services.inference.media import colour
from services.inference.media.colour import Pixels
from services.inference.media.errors import damaged_error, unread
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.linear_light import encode_srgb
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

_RAW, _PACKED, _DEFLATED, _PREDICTED = range(4)
_TYPES = {8: ">u1", 16: ">u2", 32: ">f4"}


def plane_of(data: bytes, at: int, number: int, channels: int, size: Size, depth: int, *, large: bool) -> npt.NDArray[Any]:
    """The samples of channel `number` of a picture whose pixels begin at `at`: height x width, uint8, uint16 or float32.

    `large`: the file is one of the large kind, with longer lengths. Raises FILE_CORRUPT and MEDIA_UNSUPPORTED.
    """
    width, height = size
    row_bytes = (width * depth + 7) // 8
    compression, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    try:
        if compression == _RAW:
            plane = data[at + number * row_bytes * height :][: row_bytes * height]
        elif compression == _PACKED:
            plane = _unpacked(data, at, number, channels, (row_bytes, height), 4 if large else 2)
        elif compression in (_DEFLATED, _PREDICTED) and (compression, depth) != (_PREDICTED, 32):
            plane = zlib.decompressobj().decompress(data[at:], row_bytes * height * (number + 1))[row_bytes * height * number :]
        else:
            raise unread(MediaFormat.PSD, f"is compressed in a way (number {compression})")
        rows = np.frombuffer(plane, np.uint8).reshape(height, row_bytes)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise damaged_error(MediaFormat.PSD) from error
    if depth == 1:
        # A set bit is black.
        return np.where(np.unpackbits(rows, axis=1)[:, :width], 0, 255).astype(np.uint8)
    samples = rows.view(_TYPES[depth]).astype(np.dtype(_TYPES[depth]).newbyteorder("="))
    # For each row the first sample, and then the differences.
    return np.cumsum(samples, axis=1, dtype=samples.dtype) if compression == _PREDICTED else samples


def _unpacked(data: bytes, at: int, number: int, channels: int, size: Size, count_bytes: int) -> bytes:
    """A channel that is packed row by row (PackBits), the lengths of all rows standing before all of them."""
    _, height = size
    table = channels * height * count_bytes
    counts = np.frombuffer(data[at : at + table], f">u{count_bytes}").reshape(channels, height).sum(axis=1, dtype=np.int64)
    start = at + table + int(counts[:number].sum())
    packed = data[start : start + int(counts[number])]
    return PillowImage.frombytes("L", size, packed, "packbits", "L").tobytes()


_HEADER = struct.Struct(">4sH6xHIIHH")
_LARGE = 2
_MOST_CHANNELS = 56
_BITMAP, _GRAY, _INDEXED, _RGB, _CMYK, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 8, 9
_COLOURS = {_BITMAP: 1, _GRAY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1, _LAB: 3}
"""Channels of colour, by mode. Those of a duotone are read as gray, as the specification advises."""
_DEPTHS = {_BITMAP: (1,), _INDEXED: (8,), _CMYK: (8, 16), _LAB: (8, 16)}
_PROFILE, _TRANSPARENT_INDEX, _VERSION_INFO = 1039, 1047, 1057
_PALETTE = 768


@dataclass(frozen=True, slots=True)
class _File:
    """A file, taken apart."""

    channels: int
    height: int
    width: int
    depth: int
    mode: int
    large: bool
    palette: bytes
    resources: dict[int, bytes]
    transparent: bool
    """Whether the first channel after those of colour is the transparency of the flattened picture, and not a selection that was kept."""
    pixels_at: int

    @property
    def has_alpha(self) -> bool:
        return self.transparent and self.channels > _COLOURS[self.mode]


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT`, `MEDIA_UNSUPPORTED` and `MEDIA_LIMIT_EXCEEDED`."""
    file = _opened(data, format_, limits)
    colours = 1 if file.mode in (_BITMAP, _GRAY, _DUOTONE) else 3
    return Header(format_, file.width, file.height, channels=colours + file.has_alpha, wide=file.depth > 8)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes the flattened picture. 32 bits, which are in linear light, become 16 in sRGB; CMYK and Lab become sRGB.

    Raises as `read_header`; `MEDIA_UNSUPPORTED` also if the file was saved without it.
    """
    file = _opened(data, format_, limits)
    version = file.resources.get(_VERSION_INFO, b"\0\0\0\1\1")
    if len(version) > 4 and not version[4]:
        raise unread(format_, "was saved without its flattened picture, and has only layers")
    planes = [
        plane_of(data, file.pixels_at, number, file.channels, (file.width, file.height), file.depth, large=file.large)
        for number in range(_COLOURS[file.mode] + file.has_alpha)
    ]
    alpha = planes.pop() if file.has_alpha else None
    stored = np.stack(planes, axis=-1)
    del planes
    icc = file.resources.get(_PROFILE)
    if stored.dtype == np.float32:
        # Photoshop lays light over white, too, and not what it is encoded as.
        samples: Pixels = encode_srgb(stored if alpha is None else _light_without_white(stored, alpha))
        icc = None
        if alpha is not None:
            alpha = np.rint(np.nan_to_num(alpha).clip(0, 1) * 65535).astype(np.uint16)
    else:
        samples, icc = _colours(file, stored, icc)
    if file.mode == _INDEXED and (clear := file.resources.get(_TRANSPARENT_INDEX)) and len(clear) == 2:
        alpha = np.where(stored[..., 0] == int.from_bytes(clear, "big"), 0, 255).astype(np.uint8)
    elif alpha is not None and stored.dtype != np.float32:
        samples = _without_white(samples, alpha)
    if alpha is not None:
        samples = np.concatenate([samples, alpha[..., np.newaxis]], axis=2)
    return from_samples(samples, icc, Metadata(), format_)


def _opened(data: bytes, format_: MediaFormat, limits: Limits) -> _File:
    """The file's parts; nothing of the flattened picture is unpacked yet."""
    try:
        signature, version, channels, height, width, depth, mode = _HEADER.unpack_from(data)
        palette, at = _section(data, _HEADER.size, 4)
        resources, at = _section(data, at, 4)
        layers, at = _section(data, at, 8 if version == _LARGE else 4)
    except struct.error as error:
        raise damaged_error(format_) from error
    if signature != b"8BPS" or min(width, height) < 1 or depth not in (1, 8, 16, 32) or not 1 <= channels <= _MOST_CHANNELS:
        raise damaged_error(format_)
    limits.check(width, height)
    if mode not in _COLOURS or depth not in _DEPTHS.get(mode, (8, 16, 32)):
        raise unread(format_, f"is in a mode (number {mode} with {depth} bits)")
    if channels < _COLOURS[mode] or (mode == _INDEXED and len(palette) < _PALETTE):
        raise damaged_error(format_)
    transparent = _transparent(layers, large=version == _LARGE)
    return _File(channels, height, width, depth, mode, version == _LARGE, palette, _resources(resources), transparent, at)


def _section(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """A section that begins with its length, and where the next one begins. Raises struct.error where the data ends."""
    start = at + size
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise struct.error("the section ends after the file")
    return data[start:end], end


def _resources(section: bytes) -> dict[int, bytes]:
    """The blocks that matter here, by number. Blocks after a damaged one are left out."""
    found: dict[int, bytes] = {}
    at = 0
    while section[at : at + 4] == b"8BIM" and at + 7 < len(section):
        number = int.from_bytes(section[at + 4 : at + 6], "big")
        # The block's name and what is in it are both filled to an even length.
        start = at + 6 + (section[at + 6] + 2) // 2 * 2
        length = int.from_bytes(section[start : start + 4], "big")
        if number in (_PROFILE, _TRANSPARENT_INDEX, _VERSION_INFO):
            found[number] = section[start + 4 : start + 4 + length]
        at = start + 4 + (length + 1) // 2 * 2
    return found


def _transparent(layers: bytes, *, large: bool) -> bool:
    """Whether the number of layers is negative, which says so."""
    at = 8 if large else 4
    return len(layers) >= at + 2 and int.from_bytes(layers[at : at + 2], "big", signed=True) < 0


def _colours(file: _File, stored: npt.NDArray[np.uint8 | np.uint16], icc: bytes | None) -> tuple[Pixels, bytes | None]:
    """Gray or RGB samples, and the profile that describes them."""
    if file.mode == _INDEXED:
        palette = np.frombuffer(file.palette[:_PALETTE], np.uint8).reshape(3, 256).T
        return palette[stored[..., 0]], icc
    if file.mode == _CMYK:
        # Stored as what is left white, and converted with eight bits.
        inks = 255 - colour.to_8bit(stored)  # type: ignore[arg-type]  # one of both
        return colour.array_from_vips(colour.in_srgb(colour.vips_from_array(inks).copy(interpretation="cmyk"), icc)), None
    if file.mode == _LAB:
        half, full = (128, 255) if stored.dtype == np.uint8 else (32768, 65535)
        values = stored.astype(np.float32)
        values[..., 0] *= 100 / full
        values[..., 1:] = (values[..., 1:] - half) * (128 / half)
        lab = colour.vips_from_floats(values).copy(interpretation="lab")
        return colour.array_from_vips(lab.colourspace("srgb" if full == 255 else "rgb16")), None
    return stored, icc  # type: ignore[return-value]  # one of both


def _light_without_white(light: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same of linear light, where white is 1."""
    out = np.zeros_like(light)
    for rows in colour.strips(light.shape[0]):
        opacity = np.nan_to_num(alpha[rows, :, np.newaxis]).clip(0, 1)
        np.divide(light[rows] - (1 - opacity), opacity, out=out[rows], where=opacity > 0)
    return out


def _without_white(samples: Pixels, alpha: Pixels) -> Pixels:
    """The colours before they were laid over white, as the flattened picture is stored."""
    most = np.iinfo(samples.dtype).max
    out = np.empty_like(samples)
    for rows in colour.strips(samples.shape[0]):
        opacity = alpha[rows, :, np.newaxis].astype(np.float32) / np.iinfo(alpha.dtype).max
        over = samples[rows].astype(np.float32) - most * (1 - opacity)
        np.divide(over, opacity, out=over, where=opacity > 0)
        out[rows] = np.rint(over).clip(0, most)
    return out
