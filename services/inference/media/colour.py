"""Colour management (ICC, with Little CMS) and sample depths, on plain arrays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image as PillowImage
from PIL import ImageCms

from services.inference.media import icc as profiles
from services.inference.media.spool import file_of

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

# Rows converted at once where a conversion works in place: bounds its memory, not its result.
_STRIP = 512
_CUBE = 15
"""Between the levels of colours that are tried."""


@lru_cache(maxsize=16)
def usable_profile(icc: bytes | None, *, gray: bool) -> bytes | None:
    """The profile if pixels can stay in its encoding, else None: it describes this kind of pixels (one gray or three RGB samples) by
    curves and a matrix, and colours can be converted from it and to it."""
    if icc is None:
        return None
    try:
        if profiles.essential(icc)[16:20] != (b"GRAY" if gray else b"RGB "):
            return None
        _transform(icc, None, "L" if gray else "RGB")
        if not gray:
            _transform(None, icc, "RGB")
    except (profiles.Unusable, ImageCms.PyCMSError):
        return None
    return profiles.without_tail(icc)


@lru_cache(maxsize=16)
def is_srgb(icc: bytes, *, gray: bool) -> bool:
    """Whether a profile describes sRGB, so that pixels mean the same without it: no colour is another then by more than one level."""
    if usable_profile(icc, gray=gray) is None:
        return False
    levels = np.arange(256, dtype=np.uint8)
    grays = np.repeat(levels[np.newaxis, :, np.newaxis], 1 if gray else 3, axis=2)
    few = levels[::_CUBE]
    colours = grays if gray else np.concatenate((grays, np.stack(np.meshgrid(few, few, few), axis=-1).reshape(1, -1, 3)), axis=1)
    seen = to_srgb(colours, icc).astype(np.int16)
    return bool(np.abs(seen - colours).max() <= 1)


def converted_by_tables(pixels: Pixels, icc: bytes) -> npt.NDArray[np.uint8] | None:
    """8-bit sRGB of pixels in the encoding of a profile that works by tables; None if it does not, does not fit them, or is damaged.

    Little CMS parses the unchecked profile: only for child processes.
    """
    mode = "L" if pixels.shape[2] == 1 else "RGB"
    try:
        profiles.essential(icc)
        return None
    except profiles.WorksByTables:
        pass
    except profiles.Unusable:
        return None
    try:
        transform = _built(ImageCms.ImageCmsProfile(io.BytesIO(icc)), _profile(None), mode)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    narrow = to_8bit(pixels)
    out = np.empty((*narrow.shape[:2], 3), np.uint8)
    for rows in strips(narrow.shape[0]):
        _apply(transform, narrow[rows], out[rows])
    return out


def to_srgb(pixels: Pixels, icc: bytes | None) -> npt.NDArray[np.uint8]:
    """Converts height x width x 1 or 3 samples in the encoding of `icc` (None: sRGB already) to 8-bit sRGB, 3 samples.

    Relative colorimetric with black point compensation: colours inside sRGB are kept exactly, blacks stay apart. The
    result may share the input's memory where nothing had to change.
    """
    narrow = to_8bit(pixels)
    gray = narrow.shape[2] == 1
    if icc is None:
        return to_8bit(_tripled(narrow)) if gray else narrow
    return _transformed(narrow, icc, None)


def from_srgb(pixels: npt.NDArray[np.uint8], icc: bytes) -> None:
    """Converts 8-bit sRGB (height x width x 3) to the RGB encoding of `icc`, in place, in strips."""
    transform = _transform(None, icc, "RGB")
    for rows in strips(pixels.shape[0]):
        _apply(transform, pixels[rows], pixels[rows])


def between(pixels: Pixels, source: bytes | None, target: bytes | None) -> Pixels:
    """Converts height x width x 1 or 3 samples in the encoding of `source` to three in that of `target`; None is sRGB for both.

    Like `to_srgb`, but directly from one to the other, so that colours outside sRGB are kept where both have them. Samples keep
    their 16 bits only where nothing but the number of channels changes; otherwise they get 8.
    """
    gray = pixels.shape[2] == 1
    if source == target and not (gray and source is not None):
        return _tripled(pixels) if gray else pixels
    return _transformed(to_8bit(pixels), source, target)


def _transformed(pixels: npt.NDArray[np.uint8], source: bytes | None, target: bytes | None) -> npt.NDArray[np.uint8]:
    gray = pixels.shape[2] == 1
    if gray and source is None:
        pixels, gray = to_8bit(_tripled(pixels)), False
    transform = _transform(source, target, "L" if gray else "RGB")
    out = np.empty((*pixels.shape[:2], 3), np.uint8)
    for rows in strips(pixels.shape[0]):
        _apply(transform, pixels[rows], out[rows])
    return out


def _tripled(gray: Pixels) -> Pixels:
    """One sample per pixel as three equal ones."""
    return np.repeat(gray, 3, axis=2)  # type: ignore[return-value]  # of the same type as before


def _transform(source: bytes | None, target: bytes | None, mode: str) -> ImageCms.ImageCmsTransform:
    return _built(_profile(source), _profile(target), mode)


def _built(source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source,
        target,
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _profile(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB") if icc is None else io.BytesIO(profiles.essential(icc)))


def _apply(transform: ImageCms.ImageCmsTransform, source: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> None:
    picture = PillowImage.fromarray(source[..., 0] if source.shape[2] == 1 else source)
    converted = ImageCms.applyTransform(picture, transform)
    assert converted is not None  # None only when asked to work in place
    target[:] = np.asarray(converted)


def strips(height: int, step: int = _STRIP) -> Iterator[slice]:
    """Cuts `height` rows into consecutive slices of at most `step` rows."""
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def to_8bit(samples: Pixels) -> npt.NDArray[np.uint8]:
    """Rounds 16-bit samples to 8 bits: 0 stays 0 and 65535 becomes 255. 8-bit samples are returned unchanged."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    out = np.empty(samples.shape, np.uint8)
    for rows in strips(samples.shape[0]):
        out[rows] = (samples[rows].astype(np.uint32) + 128) // 257
    return out


def to_16bit(samples: Pixels) -> npt.NDArray[np.uint16]:
    """Widens 8-bit samples to 16 bits: 0 stays 0 and 255 becomes 65535. 16-bit samples are returned unchanged."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint16) * np.uint16(257)
    return samples.astype(np.uint16, copy=False)


def as_deep_as(reference: Pixels, samples: Pixels) -> Pixels:
    """Samples with the bits of others, 8 or 16."""
    return to_8bit(samples) if reference.dtype == np.uint8 else to_16bit(samples)


def widen(samples: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint16]:
    """Stretches samples of 9 to 16 significant bits (value range 0 to 2^bits - 1) to the whole range 0 to 65535."""
    if bits == 16:
        return samples
    out = np.empty(samples.shape, np.uint16)
    top = (1 << bits) - 1
    for rows in strips(samples.shape[0]):
        out[rows] = (samples[rows].astype(np.uint32) * 65535 + top // 2) // top
    return out


def contiguous(samples: Pixels) -> Pixels:
    """The same samples in row-major order without gaps, copied only if they are not already laid out that way."""
    return samples if samples.flags.c_contiguous else samples.copy()


def vips_from_array(pixels: Pixels) -> pyvips.Image:
    """A libvips image backed by the memory or file of height x width x bands samples (no copy; the array must not change)."""
    height, width, bands = pixels.shape
    wide = pixels.dtype == np.uint16
    format_ = "ushort" if wide else "uchar"
    path = file_of(pixels)
    if path is None:
        image = pyvips.Image.new_from_memory(contiguous(pixels), width, height, bands, format_)
    else:
        # libvips reads only the rows that it needs, and holds no others.
        image = pyvips.Image.rawload(str(path), width, height, bands, format=format_)
    if bands < 3:
        return image.copy(interpretation="grey16" if wide else "b-w")
    return image.copy(interpretation="rgb16" if wide else "srgb")


def array_from_vips(image: pyvips.Image) -> Pixels:
    """Computes a libvips image into height x width x bands samples. Raises `pyvips.Error` where decoding fails."""
    samples = np.asarray(image.numpy())
    return samples.reshape(image.height, image.width, image.bands)


def vips_from_floats(samples: npt.NDArray[np.float32]) -> pyvips.Image:
    """The same of floating-point samples, whatever they mean."""
    height, width, bands = samples.shape
    return pyvips.Image.new_from_memory(np.ascontiguousarray(samples), width, height, bands, "float")


def in_srgb(image: pyvips.Image, icc: bytes | None) -> pyvips.Image:
    """An image in CMYK, Lab or floating-point RGB as sRGB, of 8 bits or, if its samples have more, of 16. `icc` is that of CMYK."""
    if image.interpretation != "cmyk":
        return image.colourspace("srgb" if image.format == "uchar" else "rgb16")
    if icc is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    # A CMYK file without a profile is read with libvips' built-in one, a common coated-paper press condition.
    return image.icc_transform("srgb", embedded=icc is not None, input_profile="cmyk", intent="relative", depth=8)
