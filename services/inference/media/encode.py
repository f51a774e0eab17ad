"""Writing picture files: PNG (the lossless default), WebP and JPEG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE
from services.common.media_format import MediaFormat, Use
from services.inference.media import colour
from services.inference.media.colour import Pixels
from services.inference.media.errors import over_limit, unsupported
from services.inference.media.image import Image, Metadata

WRITABLE = tuple(each for each in MediaFormat if each.kind == MEDIA_KIND_IMAGE and Use.WRITTEN in each.use)
_USUAL_RESOLUTION = 72 / 25.4  # pixels per mm, where a picture specifies none
_QUICK: Mapping[MediaFormat, Mapping[str, object]] = {MediaFormat.PNG: {"compression": 1, "filter": "sub"}, MediaFormat.WEBP: {"effort": 0}}
_LARGEST_SIDE = {MediaFormat.PNG: 2**31 - 1, MediaFormat.JPEG: 65_535, MediaFormat.WEBP: 16_383}


def encode(
    image: Image,
    format_: MediaFormat = MediaFormat.PNG,
    *,
    quality: int = 92,
    lossless: bool = True,
    keep_metadata: bool = True,
    background: tuple[int, int, int] = (255, 255, 255),
    quick: bool = False,
) -> bytes:
    """Encodes a picture with its colour profile and, unless told otherwise, its metadata.

    `quick` spends less effort on PNG and lossless WebP: larger files with the same pixels, several times as fast.
    `quality` (1 to 100) is JPEG's, and WebP's when `lossless` is False. PNG keeps 16 bits per sample, the others get 8.
    JPEG has no alpha: the picture is laid over `background` (8-bit sRGB). Raises `MEDIA_UNSUPPORTED` for a format that
    is only read and `MEDIA_LIMIT_EXCEEDED` for a side longer than the format can hold.
    """
    picture, options = _saved(image, format_, quality, lossless, keep_metadata, background)
    if quick:
        options |= _QUICK.get(format_, {})
    return bytes(picture.write_to_buffer(f".{format_.extension}", **options))


def encode_into(target: Path, image: Image, format_: MediaFormat = MediaFormat.PNG, *, quick: bool = False) -> None:
    """Writes a picture into a file, as `encode` does with its defaults, strip by strip: samples in files take little memory."""
    picture, options = _saved(image, format_, quality=92, lossless=True, keep_metadata=True, background=(255, 255, 255))
    if quick:
        options |= _QUICK.get(format_, {})
    picture.write_to_target(pyvips.Target.new_to_file(str(target)), f".{format_.extension}", **options)


def _saved(
    image: Image, format_: MediaFormat, quality: int, lossless: bool, keep_metadata: bool, background: tuple[int, int, int]
) -> tuple[pyvips.Image, dict[str, object]]:
    """What libvips must write, and with which options."""
    if format_ not in WRITABLE:
        raise unsupported(f"Pictures cannot be written as {format_}.", allowed=WRITABLE)
    longest = _LARGEST_SIDE[format_]
    if max(image.width, image.height) > longest:
        raise over_limit(
            f"The result has {image.width} x {image.height} pixels, too many for {format_}.",
            allowed=f"at most {longest} pixels a side in {format_}",
        )
    pixels, alpha, icc = _fit(image, format_, background)
    picture, keep = _labelled(_join(pixels, alpha), icc, image.metadata if keep_metadata else Metadata())
    match format_:
        case MediaFormat.JPEG:
            options: dict[str, object] = {"Q": quality, "optimize_coding": True}
        case MediaFormat.WEBP:
            options = {"Q": quality, "lossless": lossless, "exact": lossless}
        case _:
            options = {"compression": 6, "filter": "all"}
    return picture, {"keep": keep, **options}


def _fit(image: Image, format_: MediaFormat, background: tuple[int, int, int]) -> tuple[Pixels, Pixels | None, bytes | None]:
    """The samples and profile that a format can hold."""
    if format_ is MediaFormat.PNG:
        return image.pixels, image.alpha, image.icc
    pixels, alpha, icc = colour.to_8bit(image.pixels), image.alpha, image.icc
    if alpha is not None:
        alpha = colour.to_8bit(alpha)
    if format_ is MediaFormat.WEBP and image.is_gray and icc is not None:
        # WebP stores gray as RGB, which a gray profile does not describe.
        pixels, icc = image.srgb(), None
    if format_ is MediaFormat.JPEG and alpha is not None:
        pixels, alpha, icc = _flatten(image.srgb(), alpha, background), None, None
    return pixels, alpha, icc


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


def _labelled(picture: pyvips.Image, icc: bytes | None, metadata: Metadata) -> tuple[pyvips.Image, str]:
    """Attaches profile and metadata; also returns the names of the fields that libvips must write.

    They must be named: when told to keep everything, libvips invents an EXIF block where there is none.
    """
    xres, yres = metadata.pixels_per_mm or (_USUAL_RESOLUTION, _USUAL_RESOLUTION)
    picture = picture.copy(xres=xres, yres=yres)
    blobs = {"icc": icc, "exif": metadata.exif, "xmp": metadata.xmp, "iptc": metadata.iptc}
    kept = {name: blob for name, blob in blobs.items() if blob is not None}
    for name, blob in kept.items():
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data" if name == "icc" else f"{name}-data", blob)
    # The pixels are upright already: an orientation tag left in the EXIF block would rotate them again.
    picture.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return picture, "|".join(kept) or "none"
