"""The photograph in formats and kinds of samples that are often got wrong: each has to come out as the photograph."""

from __future__ import annotations

import base64
import io
import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR
import pillow_heif
import psd_tools
import pyjpegxl
import pyvips
from PIL import Image, ImageCms

from benchmarks.contact_sheet.sources import encode_file, photo, source

_D50 = (0.9642, 1.0, 0.8249)
_PRO_PHOTO = ((0.7976749, 0.2880402, 0.0), (0.1351917, 0.7118741, 0.0), (0.0313534, 0.0000857, 0.8252100))
_ADOBE = ((0.6097559, 0.3111242, 0.0194811), (0.2052401, 0.6256560, 0.0608902), (0.1492240, 0.0632197, 0.7448387))


def display_p3() -> bytes:
    """The one that libvips carries."""
    return bytes(pyvips.Image.profile_load("p3"))


def pro_photo() -> bytes:
    """ROMM RGB (ISO 22028-2) with a plain power of 1.8."""
    return _profile(_PRO_PHOTO, 1.8)


def adobe_rgb() -> bytes:
    """Adobe RGB (1998)."""
    return _profile(_ADOBE, 563 / 256)


def _profile(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    """A version 2 profile of a display (ICC.1:2001-04). The primaries are XYZ, adapted to D50."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags: Mapping[bytes, bytes] = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": _xyz(_D50),
        **{name + b"XYZ": _xyz(primary) for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True)},
        **{name + b"TRC": curve for name in (b"r", b"g", b"b")},
    }
    table, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = 128 + len(table) + len(body)
    header = (
        struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp" + bytes(28) + _xyz(_D50)[8:]
    )
    return header.ljust(128, b"\0") + table + body


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _vips() -> pyvips.Image:
    return pyvips.Image.new_from_array(np.asarray(photo())).copy(interpretation="srgb")


def _deep() -> npt.NDArray[np.uint16]:
    return np.asarray(photo()).astype(np.uint16) * 257


def _light() -> npt.NDArray[np.float32]:
    """Linear light, 0 to 1 (IEC 61966-2-1)."""
    values = np.asarray(photo(), np.float64) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _in_space(profile: bytes, depth: int) -> pyvips.Image:
    """The photograph in the colours of a profile, which is embedded."""
    with tempfile.NamedTemporaryFile(suffix=".icc") as file:
        file.write(profile)
        file.flush()
        return _vips().icc_transform(file.name, input_profile="srgb", depth=depth, intent="relative").copy_memory()


def _faded() -> Image.Image:
    """The photograph, with transparency around a disc."""
    rows, columns = np.mgrid[-200:200, -300:300]
    inside = np.clip(190 - np.hypot(rows, columns), 0, 1) * 255
    picture = photo().copy()
    picture.putalpha(Image.fromarray(inside.astype(np.uint8)))
    return picture


@source("p3", "p3.jpg", "JPEG in Display P3")
def _p3() -> bytes:
    return bytes(_in_space(display_p3(), 8).jpegsave_buffer(Q=95))


@source("adobe", "adobe.jpg", "JPEG in Adobe RGB")
def _adobe() -> bytes:
    return bytes(_in_space(adobe_rgb(), 8).jpegsave_buffer(Q=95))


@source("prophoto", "prophoto.png", "16-bit PNG in ProPhoto")
def _pro_photo() -> bytes:
    return bytes(_in_space(pro_photo(), 16).pngsave_buffer())


@source("cmyk", "cmyk.jpg", "CMYK JPEG with a profile")
def _cmyk() -> bytes:
    return bytes(_vips().icc_transform("cmyk", input_profile="srgb", depth=8).jpegsave_buffer(Q=95))


@source("cmyk plain", "cmyk-plain.jpg", "CMYK JPEG without one")
def _cmyk_plain() -> bytes:
    return encode_file(photo().convert("CMYK"), "JPEG", quality=95)


@source("cmyk tiff", "cmyk.tif", "CMYK TIFF with a profile")
def _cmyk_tiff() -> bytes:
    return bytes(_vips().icc_transform("cmyk", input_profile="srgb", depth=8).tiffsave_buffer(compression="lzw"))


@source("deep", "deep.png", "16-bit PNG")
def _deep_png() -> bytes:
    return bytes(pyvips.Image.new_from_array(_deep()).copy(interpretation="rgb16").pngsave_buffer())


@source("deep tiff", "deep.tif", "16-bit TIFF")
def _deep_tiff() -> bytes:
    return bytes(pyvips.Image.new_from_array(_deep()).copy(interpretation="rgb16").tiffsave_buffer(compression="deflate"))


@source("progressive", "progressive.jpg", "progressive JPEG")
def _progressive() -> bytes:
    return encode_file(photo(), "JPEG", quality=95, progressive=True)


@source("palette", "palette.png", "PNG with a palette")
def _palette() -> bytes:
    return encode_file(photo().quantize(256), "PNG")


@source("gif", "animated.gif", "first frame of a GIF")
def _gif() -> bytes:
    frames = [photo().rotate(angle).quantize(256) for angle in (0, 90, 180)]
    return encode_file(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)


@source("animated webp", "animated.webp", "first frame of a WebP")
def _animated_webp() -> bytes:
    return encode_file(photo(), "WEBP", save_all=True, append_images=[photo().rotate(180)], duration=100, quality=95)


@source("lossless webp", "lossless.webp", "lossless WebP")
def _webp() -> bytes:
    return encode_file(photo(), "WEBP", lossless=True)


@source("avif", "photo.avif", "AVIF")
def _avif() -> bytes:
    return encode_file(photo(), "AVIF", quality=90)


@source("heic", "photo.heic", "HEIC")
def _heic() -> bytes:
    return _heif_of(photo())


@source("jxl", "photo.jxl", "JPEG XL")
def _jxl() -> bytes:
    return bytes(pyjpegxl.encode_from_numpy(np.asarray(photo()), lossless=True))


@source("bmp", "photo.bmp", "BMP")
def _bmp() -> bytes:
    return encode_file(photo(), "BMP")


@source("tga", "photo.tga", "TGA")
def _tga() -> bytes:
    return encode_file(photo(), "TGA", compression="tga_rle")


@source("psd", "photo.psd", "Photoshop")
def _psd() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.psd"
        psd_tools.PSDImage.frompil(photo()).save(str(path))
        return path.read_bytes()


@source("exr", "photo.exr", "OpenEXR")
def _exr() -> bytes:
    header: dict[str, Any] = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.exr"
        OpenEXR.File(header, {"RGB": _light()}).write(str(path))
        return path.read_bytes()


@source("hdr", "photo.hdr", "Radiance HDR")
def _hdr() -> bytes:
    return bytes(cv2.imencode(".hdr", np.ascontiguousarray(_light()[..., ::-1]))[1])


@source("ico", "photo.ico", "icon of 256 pixels")
def _ico() -> bytes:
    return encode_file(photo().resize((256, 171)), "ICO", sizes=[(256, 171)])


@source("svg", "photo.svg", "SVG with the JPEG within")
def _svg() -> bytes:
    data = base64.b64encode(encode_file(photo(), "JPEG", quality=95)).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="600" height="400">'
        f'<image width="600" height="400" xlink:href="data:image/jpeg;base64,{data}"/></svg>'
    ).encode()


@source("gray 16", "gray.png", "16-bit gray PNG")
def _gray_16() -> bytes:
    gray = np.asarray(photo().convert("L")).astype(np.uint16) * 257
    return bytes(pyvips.Image.new_from_array(gray).copy(interpretation="grey16").pngsave_buffer())


@source("gray alpha", "gray-alpha.png", "gray PNG with alpha")
def _gray_alpha() -> bytes:
    return encode_file(_faded().convert("LA"), "PNG")


@source("bits", "bits.png", "PNG of one bit")
def _bits() -> bytes:
    return encode_file(photo().convert("1"), "PNG")


@source("faded", "faded.webp", "WebP with alpha")
def _faded_webp() -> bytes:
    return encode_file(_faded(), "WEBP", quality=95)


@source("palette alpha", "palette-alpha.png", "palette with transparency")
def _palette_alpha() -> bytes:
    return encode_file(_faded().quantize(255, Image.Quantize.FASTOCTREE), "PNG")


@source("deep alpha", "deep-alpha.png", "16-bit PNG with alpha")
def _deep_alpha() -> bytes:
    pixels = np.asarray(_faded()).astype(np.uint16) * 257
    return bytes(pyvips.Image.new_from_array(pixels).copy(interpretation="rgb16").pngsave_buffer())


@source("heic alpha", "alpha.heic", "HEIC with alpha")
def _heic_alpha() -> bytes:
    return _heif_of(_faded())


@source("lab", "lab.tif", "Lab TIFF")
def _lab() -> bytes:
    return bytes(_vips().colourspace("lab").tiffsave_buffer(compression="deflate"))


@source("srgb", "srgb.png", "PNG with an sRGB profile")
def _srgb() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encode_file(photo(), "PNG", icc_profile=profile)


def _heif_of(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=90)
    return buffer.getvalue()
