"""Writing picture files: PNG (the lossless default), WebP, JPEG, AVIF, TIFF, GIF and HEIC."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import pyvips

from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE
from services.inference.media import colour, heic, indexed
from services.inference.media.colour import Pixels
from services.inference.media.errors import over_limit, unsupported_error
from services.inference.media.exif import ORIENTATION, RESOLUTION, rewritten
from services.inference.media.image import Effort, Image, Metadata, Saving
from services.inference.media.lazy import LazyImage, in_memory
from services.inference.media.search import highest_within
from services.inference.media.xmp import as_upright
from services.pictures.media_format import MediaFormat, Use

WRITABLE = tuple(each for each in MediaFormat if each.kind == MEDIA_KIND_IMAGE and Use.WRITTEN in each.use)
_USUAL_RESOLUTION = 72 / 25.4  # pixels per mm, where a picture specifies none
_MILLIMETRES_PER_INCH = 25.4
_PNG_EFFORT: Mapping[Effort, Mapping[str, object]] = {
    Effort.LITTLE: {"compression": 1, "filter": "sub"},
    Effort.USUAL: {"compression": 3, "filter": "up"},
    Effort.MOST: {"compression": 9, "filter": "all"},
}
"""The usual one takes half the time of Paeth's filter at level 4; files of photographs are 1 to 5 % larger, of screenshots no larger.
Trying all filters for each row takes longer than deflating what one of them leaves, and gains 1 % on photographs, 3 % on screenshots."""
_LARGEST_SIDE = {
    MediaFormat.PNG: 2**31 - 1,
    MediaFormat.JPEG: 65_535,
    MediaFormat.WEBP: 16_383,
    MediaFormat.AVIF: 16_384,
    MediaFormat.TIFF: 2**31 - 1,
    MediaFormat.GIF: 65_535,
    MediaFormat.HEIC: 16_384,
    MediaFormat.HEIF: 16_384,
}
_BIG_TIFF = 3 << 30
"""Bytes of samples beyond which a TIFF gets 64-bit offsets."""
_RESOLUTION_IN_EXIF = (MediaFormat.JPEG, MediaFormat.WEBP, MediaFormat.AVIF)
"""Formats whose files note a resolution in Exif only; of JPEG this is true of files by libvips."""
_HEIF = {MediaFormat.HEIC: b"heic", MediaFormat.HEIF: b"mif1"}
"""The first brand of a file (ISO/IEC 23008-12, 10)."""
_SMALL = 1 << 18
"""Pixels of a picture that takes no time to compress as PNG."""
_MOST_INDEXED = 1 << 22
"""Pixels of the largest picture whose colours are counted."""
_PALETTE_LEVEL = 9
_USUALLY = Saving()


def encode(image: Image | LazyImage, saving: Saving = _USUALLY) -> bytes:
    """Encodes a picture with its colour profile and, by default, its metadata.

    PNG with all its colours and lossless TIFF keep 16 bits per sample, the others get 8. JPEG, lossy TIFF and CMYK have no alpha: the
    picture is laid over the background. In a GIF a pixel is opaque or not. Raises `MEDIA_UNSUPPORTED` for a format that is only read,
    `MEDIA_LIMIT_EXCEEDED` for a side longer than the format can hold, and `FILE_CORRUPT` if a picture that has not been read yet turns out
    to be damaged.
    """
    _check_side(image, saving)
    if saving.max_bytes is not None:
        return _within(in_memory(image), saving, saving.max_bytes)
    if _by_samples(saving) or _changes_gray(image, saving):
        image = in_memory(image)
    if isinstance(image, Image) and _by_samples(saving):
        return _from_samples(image, saving)
    return _by_libvips(image, saving)


def _by_libvips(image: Image | LazyImage, saving: Saving) -> bytes:
    picture, options = _saved(image, saving)
    with image.reading() if isinstance(image, LazyImage) else nullcontext():
        return bytes(picture.write_to_buffer(_suffix(saving), **options))


def _within(image: Image, saving: Saving, most: int) -> bytes:
    """The best file of at most so many bytes, by quality or by the number of colours."""
    saving = dataclasses.replace(saving, max_bytes=None)
    if saving.format is MediaFormat.TIFF and saving.lossless:
        return encode(image, saving)
    if saving.format not in (MediaFormat.PNG, MediaFormat.GIF):
        return highest_within(lambda quality: encode(image, dataclasses.replace(saving, quality=quality, lossless=False)), 100, most)
    whole = encode(image, dataclasses.replace(saving, compact=True))
    if len(whole) <= most:
        return whole
    return highest_within(lambda colours: encode(image, dataclasses.replace(saving, colours=colours + 1)), indexed.MOST - 1, most)


def encode_into(target: Path, image: Image, saving: Saving = _USUALLY) -> None:
    """Writes a picture into a file, as `encode` does, strip by strip: samples in files take little memory."""
    if _by_samples(saving) or saving.max_bytes is not None:
        target.write_bytes(encode(image, saving))
        return
    _check_side(image, saving)
    picture, options = _saved(image, saving)
    picture.write_to_target(pyvips.Target.new_to_file(str(target)), _suffix(saving), **options)


def _suffix(saving: Saving) -> str:
    return f".{saving.format.extension}"


def _by_samples(saving: Saving) -> bool:
    """Whether the file is made from samples in memory, not by libvips, or at least perhaps."""
    png = saving.format is MediaFormat.PNG and (saving.compact or saving.colours is not None)
    return png or saving.format is MediaFormat.GIF or saving.format in _HEIF


def _from_samples(image: Image, saving: Saving) -> bytes:
    metadata = _kept_metadata(image, saving)
    if saving.format in _HEIF:
        pixels, alpha, icc = _fit(image, saving)
        quality = None if saving.lossless else saving.quality
        return heic.encode(
            colour.to_8bit(pixels), None if alpha is None else colour.to_8bit(alpha), icc, metadata, quality, _HEIF[saving.format]
        )
    alpha = None if image.alpha is None else colour.to_8bit(image.alpha)
    if saving.format is MediaFormat.GIF:
        pixels = colour.to_8bit(image.pixels) if image.icc is None else image.srgb()
        return indexed.as_gif(indexed.cut_out(pixels, alpha, saving.colours or indexed.MOST))
    return _small_png(image, alpha, metadata, saving)


def _small_png(image: Image, alpha: npt.NDArray[np.uint8] | None, metadata: Metadata, saving: Saving) -> bytes:
    """The smallest of the PNGs that are worth a try. `alpha` is the picture's with 8 bits."""
    count, pixels = image.width * image.height, colour.to_8bit(image.pixels)
    made = []
    if saving.colours is not None:
        made.append(_png_with_palette(indexed.reduce_colours(pixels, alpha, saving.colours), image.icc, metadata, saving))
    elif count <= _MOST_INDEXED and image.bit_depth == 8 and not saving.progressive:
        few = indexed.exact(pixels, alpha)
        made += [] if few is None else [_png_with_palette(few, image.icc, metadata, saving)]
    if count <= _SMALL:
        made.append(_by_libvips(image, dataclasses.replace(saving, effort=Effort.MOST)))
    if count <= _SMALL or saving.colours is None:
        made.append(_by_libvips(image, saving))
    return min(made, key=len)


def _png_with_palette(picture: indexed.IndexedPicture, icc: bytes | None, metadata: Metadata, saving: Saving) -> bytes:
    across, down = (number * _MILLIMETRES_PER_INCH for number in metadata.pixels_per_mm or (_USUAL_RESOLUTION, _USUAL_RESOLUTION))
    blobs = {"icc_profile": icc, "exif": metadata.exif, "xmp": metadata.xmp}
    kept = {name: blob for name, blob in blobs.items() if blob is not None}
    return indexed.as_png(picture, _PALETTE_LEVEL, dpi=(saving.dpi, saving.dpi) if saving.dpi else (across, down), **kept)


def _kept_metadata(image: Image | LazyImage, saving: Saving) -> Metadata:
    """The metadata that go into the file, without an orientation: the pixels are upright already."""
    if not saving.keep_metadata:
        return Metadata(pixels_per_mm=image.metadata.pixels_per_mm)
    metadata = image.metadata
    return dataclasses.replace(metadata, exif=rewritten(metadata.exif, ORIENTATION), xmp=as_upright(metadata.xmp))


def _check_side(image: Image | LazyImage, saving: Saving) -> None:
    format_ = saving.format
    if format_ not in WRITABLE:
        raise unsupported_error(f"Pictures cannot be written as {format_}.", allowed=WRITABLE)
    longest = _LARGEST_SIDE[format_]
    if max(image.width, image.height) > longest:
        raise over_limit(
            f"The result has {image.width} x {image.height} pixels, too many for {format_}.",
            allowed=f"at most {longest} pixels a side in {format_}",
        )


def _saved(image: Image | LazyImage, saving: Saving) -> tuple[pyvips.Image, dict[str, object]]:
    """The format that libvips must write, and its options."""
    if isinstance(image, LazyImage):
        picture, icc = image.graph, image.icc
    else:
        pixels, alpha, icc = _fit(image, saving)
        picture = _join(pixels, alpha)
    if saving.cmyk is not None:
        picture, icc = _in_cmyk(picture, icc, saving.cmyk)
    metadata = _kept_metadata(image, saving)
    picture, keep = _labelled(picture, icc, metadata, saving)
    return picture, {"keep": keep, **_options(saving, picture)}


def _options(saving: Saving, picture: pyvips.Image) -> Mapping[str, object]:
    match saving.format:
        case MediaFormat.JPEG:
            return {"Q": saving.quality, "optimize_coding": not saving.quick, "interlace": saving.progressive}
        case MediaFormat.WEBP:
            quick = {"effort": 0 if saving.effort is Effort.LITTLE else 2} if saving.effort is Effort.LITTLE or saving.quick else {}
            return {"Q": saving.quality, "lossless": saving.lossless, "exact": saving.lossless, **quick}
        case MediaFormat.AVIF:
            quick = {"effort": 1} if saving.quick else {}
            return {"Q": saving.quality, "lossless": saving.lossless, "compression": "av1", "bitdepth": 8, **quick}
        case MediaFormat.TIFF:
            size = picture.width * picture.height * picture.bands * (2 if picture.format == "ushort" else 1)
            how = {"compression": "lzw", "predictor": "horizontal"} if saving.lossless else {"compression": "jpeg", "Q": saving.quality}
            return {**how, "bigtiff": size > _BIG_TIFF}
        case _:
            return {**_PNG_EFFORT[saving.effort], "interlace": saving.progressive}


def _fit(image: Image, saving: Saving) -> tuple[Pixels, Pixels | None, bytes | None]:
    """The samples and profile that the file can hold."""
    format_, print_ = saving.format, saving.cmyk is not None
    keeps_all = format_ is MediaFormat.PNG or (format_ is MediaFormat.TIFF and saving.lossless)
    if keeps_all and not print_:
        return image.pixels, image.alpha, image.icc
    pixels, alpha, icc = colour.to_8bit(image.pixels), image.alpha, image.icc
    if alpha is not None:
        alpha = colour.to_8bit(alpha)
    if _changes_gray(image, saving):
        pixels, icc = image.srgb(), None
    if alpha is not None and (print_ or format_ in (MediaFormat.JPEG, MediaFormat.TIFF, MediaFormat.MP4)):
        pixels, alpha, icc = _flatten(image.srgb(), alpha, saving.background), None, None
    return pixels, alpha, icc


@overload
def as_read_back(image: Image) -> Image: ...


@overload
def as_read_back(image: LazyImage) -> Image | LazyImage: ...


def as_read_back(image: Image | LazyImage) -> Image | LazyImage:
    """The picture as it would be read again from a file with this saving, except for losses of compression."""
    saving = dataclasses.replace(image.saving, cmyk=None)
    if isinstance(image, LazyImage):
        if not _changes_gray(image, saving):
            return image
        image = in_memory(image)
    pixels, alpha, icc = _fit(image, saving)
    return dataclasses.replace(image, pixels=pixels, alpha=alpha, icc=icc)


def _changes_gray(image: Image | LazyImage, saving: Saving) -> bool:
    """Whether the file stores the gray of this picture as RGB, which its profile does not describe."""
    stored = saving.cmyk is not None or (saving.format in (MediaFormat.WEBP, MediaFormat.AVIF, *_HEIF) and image.icc is not None)
    return image.is_gray and stored


def _flatten(pixels: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8], background: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    out = np.empty_like(pixels)
    backdrop = np.array(background, np.uint32)
    for rows in colour.strips(pixels.shape[0]):
        weight = alpha[rows, :, np.newaxis].astype(np.uint32)
        out[rows] = (pixels[rows] * weight + backdrop * (255 - weight) + 127) // 255
    return out


def _join(pixels: Pixels, alpha: Pixels | None) -> pyvips.Image:
    picture = colour.vips_from_array(pixels)
    if alpha is None:
        return picture
    joined = picture.bandjoin(colour.vips_from_array(alpha[..., np.newaxis]))
    return joined.copy(interpretation=picture.interpretation)


def _in_cmyk(picture: pyvips.Image, icc: bytes | None, profile: str) -> tuple[pyvips.Image, bytes]:
    """An opaque RGB picture of 8 bits in the colours of a CMYK profile, and the profile."""
    picture = picture.copy()
    if icc is not None:
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    converted = picture.icc_transform(
        profile, input_profile="srgb", embedded=icc is not None, intent="relative", black_point_compensation=True
    )
    return converted, bytes(converted.get("icc-profile-data"))


def _labelled(picture: pyvips.Image, icc: bytes | None, metadata: Metadata, saving: Saving) -> tuple[pyvips.Image, str]:
    """Attaches profile and metadata; also returns the names of the fields that libvips must write.

    They must be named: when asked to keep everything, libvips invents an EXIF block where there is none.
    """
    xres, yres = metadata.pixels_per_mm or (_USUAL_RESOLUTION, _USUAL_RESOLUTION)
    if saving.dpi is not None:
        xres = yres = saving.dpi / _MILLIMETRES_PER_INCH
    picture = picture.copy(xres=xres, yres=yres)
    # libvips would note the resolution that it finds in there.
    exif = metadata.exif if saving.dpi is None else rewritten(metadata.exif, RESOLUTION)
    blobs = {"icc": icc, "exif": exif, "xmp": metadata.xmp, "iptc": metadata.iptc}
    kept = {name: blob for name, blob in blobs.items() if blob is not None}
    for name, blob in kept.items():
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data" if name == "icc" else f"{name}-data", blob)
    picture.set_type(pyvips.GValue.gint_type, "orientation", 1)
    names = list(kept)
    if saving.dpi is not None and saving.format in _RESOLUTION_IN_EXIF and "exif" not in kept:
        # Here the block that libvips invents, which says little but the resolution, is wanted.
        names.append("exif")
    return picture, "|".join(names) or "none"
