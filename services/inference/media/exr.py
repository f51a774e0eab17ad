"""OpenEXR: pictures in linear light, with samples of 16 or 32 bits of floating point."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import OpenEXR

from services.inference.media.errors import damaged_error, unread
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.linear_light import REC_709, Primaries, encode_srgb
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

_FAILURES = (RuntimeError, ValueError, TypeError, OSError, OverflowError, KeyError, IndexError)
_NO_THREADS = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """The header of a part of a file, and, if its pixels have been read, its channels by name."""

    size: Size
    names: Sequence[str]
    channels: Mapping[str, Any]
    primaries: Primaries


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header of the first part. Raises `FILE_CORRUPT`, `MEDIA_UNSUPPORTED` and `MEDIA_LIMIT_EXCEEDED`."""
    file = _opened(data, format_, limits, header_only=True)
    return Header(format_, *file.size, channels=len(_chosen(file, format_)), wide=True)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes the colours of the first part, or its luminance, to 16-bit sRGB; alpha, which is linear, to 16 bits. Raises as `read_header`.

    Colours are stored multiplied by alpha, and divided by it here.
    """
    names = _chosen(_opened(data, format_, limits, header_only=True), format_)
    file = _opened(data, format_, limits, header_only=False)
    primaries = file.primaries
    alpha = _plane(file, names.pop(), format_).astype(np.float32).clip(0, 1) if len(names) in (2, 4) else None
    light = np.empty((*file.size[::-1], len(names)), np.float32)
    for number, name in enumerate(names):
        light[..., number] = _plane(file, name, format_)
    del file
    if alpha is not None:
        np.divide(light, alpha[..., np.newaxis], out=light, where=alpha[..., np.newaxis] > 0)
    try:
        samples = encode_srgb(light, primaries)
    except np.linalg.LinAlgError as error:
        raise damaged_error(format_) from error
    if alpha is not None:
        opacity = np.rint(np.nan_to_num(alpha) * 65535).astype(np.uint16)
        samples = np.concatenate([samples, opacity[..., np.newaxis]], axis=2)
    return from_samples(samples, None, Metadata(), format_)


def _opened(data: bytes, format_: MediaFormat, limits: Limits, *, header_only: bool) -> _Part:
    """The first part, within the limits. A file whose pixels cannot be read has no parts."""
    try:
        file = OpenEXR.File(io.BytesIO(data), separate_channels=True, header_only=header_only, num_threads=_NO_THREADS)
        header = file.header()
        (left, top), (right, bottom) = header["dataWindow"]
        size = int(right) - int(left) + 1, int(bottom) - int(top) + 1
        # Names are read as UTF-8, which they need not be.
        names = [str(each.name) for each in header["channels"]]
        channels = {} if header_only else file.channels()
        found = tuple(map(float, header.get("chromaticities", REC_709)))
    except _FAILURES as error:
        raise damaged_error(format_) from error
    if min(size) < 1:
        raise damaged_error(format_)
    limits.check(*size)
    return _Part(size, names, channels, cast(Primaries, found) if len(found) == len(REC_709) else REC_709)


def _chosen(part: _Part, format_: MediaFormat) -> list[str]:
    """The names of the channels for colour or luminance, and for alpha: without a layer, else those of the first layer that has them."""
    layers = dict.fromkeys(["", *(name.rpartition(".")[0] + "." for name in part.names if "." in name)])
    for wanted in (("R", "G", "B"), ("Y",)):
        for layer in layers:
            names = [layer + each for each in wanted]
            if all(name in part.names for name in names):
                return [*names, layer + "A"] if layer + "A" in part.names else names
    raise unread(format_, "has neither red, green and blue nor luminance")


def _plane(part: _Part, name: str, format_: MediaFormat) -> npt.NDArray[Any]:
    channel = part.channels.get(name)
    samples: npt.NDArray[Any] | None = None if channel is None else channel.pixels
    if samples is None or samples.shape != part.size[::-1]:
        raise unread(format_, "has channels of another size")
    return samples
