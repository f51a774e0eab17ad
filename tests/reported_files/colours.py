"""Pictures whose numbers are not those of sRGB with 8 bits: profiles, inks, 16 bits and more."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image, ImageCms

from tests.reported_files.making import Made, as_shown, seen, seen_gray
from tests.unit.imaging.pictures import gray_profile, profile, wide_gamut_profile, written
from tests.unit.imaging.rare_files import light_of

_ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Red, green and blue in XYZ of D50 (Adobe RGB (1998) Color Image Encoding)."""
_ADOBE_GAMMA = 563
"""In 256ths."""
_GAMMA = 1.8


def _adobe_rgb() -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, _ADOBE_GAMMA)
    columns = {
        name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(part * 65536) for part in column))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), _ADOBE_RGB, strict=True)
    }
    return profile(b"mntr", b"RGB ", b"XYZ ", columns | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _in_profile(icc: bytes) -> Image.Image:
    """The photo in the numbers of a profile."""
    ours, theirs = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc))
    converted = ImageCms.profileToProfile(Image.fromarray(seen()), ours, theirs, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    assert converted is not None
    return converted


def _deep(kind: str) -> bytes:
    picture = pyvips.Image.new_from_array(seen().astype(np.uint16) * 257).copy(interpretation="rgb16")
    return bytes(picture.pngsave_buffer() if kind == "png" else picture.tiffsave_buffer())


def _inks() -> Image.Image:
    picture = pyvips.Image.new_from_array(seen()).copy(interpretation="srgb")
    return Image.fromarray(np.asarray(picture.icc_export(output_profile="cmyk").numpy()), "CMYK")


def tiff(samples: npt.NDArray[Any]) -> bytes:
    """A gray TIFF of samples of any type, in one strip."""
    samples = samples.astype(samples.dtype.newbyteorder("<"))
    height, width = samples.shape
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    entries = {256: width, 257: height, 258: samples.dtype.itemsize * 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: samples.nbytes, 339: kind}
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<I", 8 + samples.nbytes) + samples.tobytes() + table + bytes(4)


def _grays() -> Mapping[str, Made]:
    gray = seen_gray()
    shares = gray / 255
    least, most = int(gray.min()), int(gray.max())
    stretched = as_shown(np.rint((gray - least) / (most - least) * 255).astype(np.uint8))
    wide = shares * 5 - 2
    signed = gray.astype(np.int16) * 100 - 9000
    wholly = as_shown(gray)
    said = "the least was made black"
    return {
        "floats of 32 bits": Made("tif", tiff(shares.astype(np.float32)), wholly),
        "floats of 16 bits": Made("tif", tiff(shares.astype(np.float16)), wholly, 0.1),
        "floats of 64 bits": Made("tif", tiff(shares), None, said="samples"),
        "whole numbers of 32 bits": Made("tif", tiff(gray.astype(np.uint32) * 0x01010101), wholly),
        "floats from below 0 to above 1": Made("tif", tiff(wide.astype(np.float32)), stretched, 0.1, said),
        "whole numbers with a sign": Made("tif", tiff(signed), stretched, 0.1, said),
    }


def files() -> Mapping[str, Made]:
    """All of them."""
    p3, adobe = wide_gamut_profile(), _adobe_rgb()
    gamma = np.rint(255 * light_of(seen_gray()).astype(np.float64) ** (1 / _GAMMA)).astype(np.uint8)
    return {
        "Display P3": Made("png", written(_in_profile(p3), "PNG", icc_profile=p3), seen(), 1),
        "Adobe RGB": Made("jpg", written(_in_profile(adobe), "JPEG", quality=100, subsampling=0, icc_profile=adobe), seen(), 2),
        "gray with a gamma of 1.8": Made("png", written(gamma, "PNG", icc_profile=gray_profile(_GAMMA)), as_shown(seen_gray()), 1.5),
        "CMYK as Adobe writes it": Made("jpg", written(_inks(), "JPEG", quality=100, subsampling=0), seen(), 6, "CMYK"),
        "CMYK in a TIFF": Made("tif", written(_inks(), "TIFF"), seen(), 6, "CMYK"),
        "16 bits in a PNG": Made("png", _deep("png"), seen()),
        "16 bits in a TIFF": Made("tif", _deep("tif"), seen()),
        **_grays(),
    }
