"""Reading picture files: header and limits first, then pixels, upright and with their profile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

import numpy as np
import pyvips

from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE
from services.inference.media import bmp, colour, gif, heic, svg
from services.inference.media.compression import source_quality
from services.inference.media.ending import END_OF_JPEG, completed
from services.inference.media.errors import damaged_error, unread, unsupported_error
from services.inference.media.exif import rewritten
from services.inference.media.frames import notes_of_frames
from services.inference.media.header import NO_HINTS, SVG_DPI, Header, Hints
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.lazy import LazyImage, in_memory, without_metadata
from services.inference.media.notes import CONVERTED, FIRST_FRAME, NO_END
from services.inference.media.sample_ranges import encoded_in_16_bits, in_16_bits, light_in_memory
from services.inference.media.scaling import scale
from services.inference.media.tiff_pages import page_alone, pages_of
from services.inference.media.turning import upright
from services.pictures.geometry import Size
from services.pictures.media_format import GZIP, MediaFormat, Use, read_formats, sniff

_READ = read_formats(MEDIA_KIND_IMAGE)
# The sniffed format selects the loader, so that no other loader of libvips ever sees a user's file.
_LOADERS: dict[MediaFormat, Callable[..., pyvips.Image]] = {
    MediaFormat.JPEG: pyvips.Image.jpegload_buffer,
    MediaFormat.PNG: pyvips.Image.pngload_buffer,
    MediaFormat.WEBP: pyvips.Image.webpload_buffer,
    MediaFormat.TIFF: pyvips.Image.tiffload_buffer,
    MediaFormat.GIF: gif.load,
    MediaFormat.AVIF: pyvips.Image.heifload_buffer,
    MediaFormat.SVG: pyvips.Image.svgload_buffer,
}

_USUAL = {MediaFormat.HEIC: heic, MediaFormat.HEIF: heic, MediaFormat.BMP: bmp}
"""Modules that read others."""
_RARE = {
    MediaFormat.JXL: "jxl",
    MediaFormat.ICO: "ico",
    MediaFormat.PSD: "psd",
    MediaFormat.EXR: "exr",
    MediaFormat.HDR: "radiance",
    MediaFormat.TGA: "targa",
    **{each: "raw" for each in _READ if Use.DEVELOPED in each.use},
}
"""Modules that read the rest. They are imported when there is a file for them, with the libraries that they need."""

_LEFT_TO_SHRINK = 2.0
"""With as much left, the result is as good as that of the whole picture."""

_TURNED = range(2, 9)
"""EXIF orientations that are not upright."""
TURNED_BY_A_QUARTER = range(5, 9)
"""Those that swap width and height."""

_AV1, _ITEM_LIST_BYTES = b"av1C", 64 << 10
"""The brands of a HEIF with AVIF content, and their latest position."""

_SAMPLES = "samples out of range"
"""The reason that libvips gives for refusing a TIFF that is sound."""
_CONVERTED = {"cmyk": "CMYK", "lab": "Lab", "labs": "Lab", "labq": "Lab", "scrgb": "floating-point RGB"}


class _Reader(Protocol):
    """A module that reads formats which libvips does not."""

    def read_header(self, data: bytes, format_: MediaFormat, limits: Limits) -> Header:
        """As `read_header` below."""

    def decode(self, data: bytes, format_: MediaFormat, limits: Limits) -> Image:
        """As `decode` below."""


def read_header(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> Header:
    """Reads format and size without decoding pixels.

    Raises `MEDIA_UNSUPPORTED` for content that is not a picture of a known format, `FILE_CORRUPT` for a damaged header and
    `MEDIA_LIMIT_EXCEEDED` for a size over `limits`.
    """
    format_ = _require_format(data, hints)
    if (reader := _reader(format_)) is not None:
        return reader.read_header(data, format_, limits)
    image = _open(data, format_, limits, hints)
    width, height = (image.height, image.width) if orientation_of(image) in TURNED_BY_A_QUARTER else (image.width, image.height)
    return Header(format_, width, height, image.bands, image.format != "uchar")


def open_with_libvips(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> tuple[MediaFormat, pyvips.Image | None]:
    """The format of a file, and the file opened by libvips, with all that it says of it; None where another library reads the format.

    Raises as `read_header`.
    """
    format_ = _require_format(data, hints)
    return format_, _open_whole(data, format_, limits, hints)[0] if format_ in _LOADERS else None


def decode(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> Image:
    """Decodes a picture file: its first frame or page, or the page of `hints`, upright, in its own colour encoding.

    Gray stays gray and 16 bits stay 16; palettes are expanded; CMYK, Lab and floating-point colour without a profile become sRGB. Raises
    as `read_header`, and `FILE_CORRUPT` for pixel data that is truncated or damaged. Safe to call from any thread.
    """
    return in_memory(open_scaled(data, limits, lambda _size: None, hints)[0])


def open_scaled(
    data: bytes, limits: Limits, wanted: Callable[[Size], Size | None], hints: Hints = NO_HINTS
) -> tuple[Image | LazyImage, Size]:
    """As `decode`, and the picture's own size; but an opaque picture of 8 bits is scaled while it is read, if that makes no side larger,
    and not read yet if it is upright.

    `wanted` is called with the picture's own size and returns the size to scale it to; None to leave it.
    """
    format_ = _require_format(data, hints)
    if (reader := _reader(format_)) is not None:
        image = reader.decode(data, format_, limits)
        image = dataclasses.replace(image, notes=(*notes_of_frames(data, format_), *image.notes))
        return image, (image.width, image.height)
    if hints.page is not None and format_ is MediaFormat.TIFF:
        data = page_alone(data, hints.page)
    opened, whole = _open_whole(data, format_, limits, hints)
    turned = orientation_of(opened) in TURNED_BY_A_QUARTER
    size = (opened.height, opened.width) if turned else (opened.width, opened.height)
    target = wanted(size)
    if target is not None and not all(side <= own for side, own in zip(target, size, strict=True)):
        target = None
    try:
        if format_ is MediaFormat.JPEG and target is not None and (shrink := _shrink(size, target)) > 1:
            opened = pyvips.Image.jpegload_buffer(whole, access="sequential", fail_on="error", shrink=shrink)
        read = _read(opened, format_, target[::-1] if target is not None and turned else target)
        progressive = bool(opened.get_typeof("interlaced") and opened.get("interlaced"))
        if isinstance(read, LazyImage) and format_ is MediaFormat.JPEG:
            # A decoder can only fail below the header where the file ends before its end marker: it goes on after all other damage.
            read = dataclasses.replace(read, rest_is_sound=whole.endswith(END_OF_JPEG))
        notes = (*_notes_of_parts(data, format_, opened, hints), *(() if whole is data else (NO_END,)), *read.notes)
        return dataclasses.replace(read, source_quality=source_quality(data, format_), source_progressive=progressive, notes=notes), size
    except pyvips.Error as error:
        raise damaged_error(format_) from error


def _shrink(size: Size, target: Size) -> int:
    """How much smaller a JPEG may be decoded, so that what is left to do is to shrink it by `_LEFT_TO_SHRINK` at least."""
    factor = min(own / wanted for own, wanted in zip(size, target, strict=True)) / _LEFT_TO_SHRINK
    # A side that does not divide evenly would be rounded, which moves everything by a part of a pixel.
    return next((shrink for shrink in (8, 4, 2) if factor >= shrink and not any(side % shrink for side in size)), 1)


def _require_format(data: bytes, hints: Hints) -> MediaFormat:
    format_ = sniff(data, hints.name)
    if format_ is MediaFormat.HEIF and _AV1 in data[:_ITEM_LIST_BYTES]:
        return MediaFormat.AVIF
    if format_ not in _READ:
        if data.startswith(GZIP):
            raise unsupported_error(
                "The content of the file is compressed with gzip. Unpack it first: an .svgz is an .svg then.", allowed=_READ
            )
        raise unsupported_error("The content of the file is not a picture of a known format.", allowed=_READ)
    return format_


def _reader(format_: MediaFormat) -> _Reader | None:
    """The module that reads a format; None for those that libvips reads. Raises MEDIA_UNSUPPORTED if its library is not installed."""
    if format_ in _RARE:
        try:
            return cast(_Reader, import_module(f"services.inference.media.{_RARE[format_]}"))
        except ImportError as error:
            present = [each for each in _READ if each not in _RARE]
            raise unsupported_error(f"To read {format_} takes a library that this installation does not have.", allowed=present) from error
    return cast(_Reader | None, _USUAL.get(format_))


def _open(data: bytes, format_: MediaFormat, limits: Limits, hints: Hints) -> pyvips.Image:
    options = {}
    if format_ is MediaFormat.SVG:
        # At another `dpi`, libvips would scale what has a size in inches twice.
        data, options = svg.clean_svg(data), {"scale": hints.svg_dpi / SVG_DPI}
    try:
        # Sequential access keeps libvips from spooling large pictures to a temporary file.
        image = _LOADERS[format_](data, access="sequential", fail_on="error", **options)
    except pyvips.Error as error:
        if _SAMPLES in str(error):
            raise unread(format_, "has samples of a kind, such as 64 bits") from error
        raise damaged_error(format_) from error
    limits.check(image.width, image.height)
    return image


def _open_whole(data: bytes, format_: MediaFormat, limits: Limits, hints: Hints) -> tuple[pyvips.Image, bytes]:
    """The file as it is opened, and its content with the mark of its end, if that alone is missing."""
    opened = _open(data, format_, limits, hints)
    whole = completed(data, format_)
    return (opened, data) if whole is data else (_open(whole, format_, limits, hints), whole)


def orientation_of(image: pyvips.Image) -> int:
    """The EXIF orientation of an opened file, 1 if it has none."""
    # libheif rotates AVIF by itself and libvips then drops the field.
    return int(image.get("orientation")) if image.get_typeof("orientation") else 1


def _read(image: pyvips.Image, format_: MediaFormat, target: Size | None) -> Image | LazyImage:
    """The picture of an opened file, upright; at the size `target` before it is turned, if decoding can scale."""
    notes: list[str] = []
    icc = blob(image, "icc-profile-data")
    orientation = orientation_of(image)
    significant_bits = image.get("bits-per-sample") if image.get_typeof("bits-per-sample") else 16
    xres, yres = image.xres, image.yres
    metadata = Metadata(
        exif=rewritten(blob(image, "exif-data")),
        xmp=blob(image, "xmp-data"),
        iptc=blob(image, "iptc-data"),
        # libvips returns 1 where a format or a file specifies nothing.
        pixels_per_mm=None if xres == yres == 1 else (xres, yres),
    )

    if image.interpretation == "scrgb":
        has_profile = colour.usable_profile(icc, gray=False) is not None
        image, said = encoded_in_16_bits(image) if has_profile else light_in_memory(image)
        notes += said
    if image.interpretation in _CONVERTED:
        notes.append(CONVERTED.format(space=_CONVERTED[image.interpretation]))
        image, icc = colour.in_srgb(image, icc), None
    if image.format not in ("uchar", "ushort"):
        image, said = in_16_bits(image)
        notes += said
    bands = image.bands
    if bands > 4:
        raise unsupported_error(f"The picture has {bands} channels.", allowed=("gray", "RGB", "CMYK"))
    if bands in (1, 3) and image.format == "uchar":
        # In one pass: decoded rows are used while they are in the processor's cache.
        image = image if target is None else scale(image, target)
        profile = colour.usable_profile(icc, gray=bands == 1)
        if orientation not in _TURNED and (icc is None) == (profile is None):
            graph = without_metadata(image)
            return LazyImage(graph, icc=profile, metadata=metadata, source_format=format_, notes=tuple(notes))

    samples = colour.array_from_vips(image)
    if format_ is MediaFormat.AVIF and samples.dtype == np.uint16:
        samples = colour.widen((samples >> (16 - significant_bits)).astype(np.uint16), significant_bits)
    samples = upright(samples, orientation)
    result = from_samples(samples, icc, metadata, format_)
    return dataclasses.replace(result, notes=(*notes, *result.notes))


def _notes_of_parts(data: bytes, format_: MediaFormat, opened: pyvips.Image, hints: Hints) -> Sequence[str]:
    if hints.page is not None:
        return ()
    count = int(opened.get("n-pages")) if opened.get_typeof("n-pages") else 1
    if format_ is MediaFormat.TIFF and count > 1 and (pages := pages_of(data)) is not None:
        count = len(pages)
    return (FIRST_FRAME.format(frames=count),) if count > 1 else notes_of_frames(data, format_)


def blob(image: pyvips.Image, name: str) -> bytes | None:
    """A field of an opened file; None if it has none."""
    return bytes(image.get(name)) if image.get_typeof(name) else None
