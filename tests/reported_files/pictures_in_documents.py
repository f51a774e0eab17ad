"""Pictures in PDFs, each compressed in its own way: black and white halves with a frame, or a ramp of grays."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from pikepdf import Array, Dictionary, Name, Object, Pdf
from PIL import Image, ImageChops
from PIL.TiffImagePlugin import TiffImageFile

_SIZE = (64, 48)
_WIDTH, _HEIGHT = _SIZE


@cache
def _bilevel() -> Image.Image:
    """Bars, the left one black."""
    pixels = np.full((_HEIGHT, _WIDTH), 255, np.uint8)
    pixels[:, :20] = pixels[10:20, 30:50] = 0
    return Image.fromarray(pixels).convert("1")


@cache
def _ramp() -> np.ndarray:
    return np.tile(np.linspace(0, 65535, _WIDTH).astype(np.uint16), (_HEIGHT, 1))


def _coloured() -> Image.Image:
    red = (_ramp() >> 8).astype(np.uint8)
    return Image.fromarray(np.dstack([red, 255 - red, np.full_like(red, 90)]))


@cache
def _faxed() -> bytes:
    """The bars in two-dimensional coding (ITU-T T.6), as libtiff writes them. Pillow has it take what is light for ink."""
    file = io.BytesIO()
    ImageChops.invert(_bilevel()).save(file, "TIFF", compression="group4")
    file.seek(0)
    with TiffImageFile(file) as tiff:
        tags = tiff.tag_v2
        assert tags[262] == 1
        [at], [length] = tags[273], tags[279]
    return file.getvalue()[at : at + length]


def _image(pdf: Pdf, data: bytes, bits: int, colours: Name, filter_: Name | None, parameters: Dictionary | None = None) -> Object:
    picture = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Image, Width=_WIDTH, Height=_HEIGHT)
    picture.BitsPerComponent, picture.ColorSpace = bits, colours
    if filter_ is None:
        picture.write(data)
    else:
        picture.write(data, filter=filter_, decode_parms=parameters)
    return picture


def _fax(pdf: Pdf) -> Object:
    parameters = Dictionary(K=-1, Columns=_WIDTH, Rows=_HEIGHT)
    return _image(pdf, _faxed(), 1, Name.DeviceGray, Name.CCITTFaxDecode, parameters)


def _jbig2(pdf: Pdf) -> Object:
    """A page and one region, in the coding of fax machines (ITU-T T.88: 7.4.8, 7.4.6, 6.2.6)."""
    page = struct.pack(">IIIIBH", _WIDTH, _HEIGHT, 0, 0, 0, 0)
    region = struct.pack(">IIIIB", _WIDTH, _HEIGHT, 0, 0, 0) + b"\x01" + _faxed()
    data = b"".join(
        struct.pack(">IBBBI", number, kind, 0, 1, len(content)) + content for number, kind, content in ((0, 48, page), (1, 38, region))
    )
    return _image(pdf, data, 1, Name.DeviceGray, Name.JBIG2Decode)


def _jpeg_2000(pdf: Pdf) -> Object:
    file = io.BytesIO()
    _coloured().save(file, "JPEG2000", irreversible=False)
    return _image(pdf, file.getvalue(), 8, Name.DeviceRGB, Name.JPXDecode)


def _jpeg(pdf: Pdf) -> Object:
    file = io.BytesIO()
    _coloured().save(file, "JPEG", quality=95)
    return _image(pdf, file.getvalue(), 8, Name.DeviceRGB, Name.DCTDecode)


def _deep(pdf: Pdf) -> Object:
    return _image(pdf, _ramp().astype(">u2").tobytes(), 16, Name.DeviceGray, None)


def _indexed(pdf: Pdf) -> Object:
    """Four colours, with one that is clear by its mask."""
    numbers = (_ramp() >> 14).astype(np.uint8)
    packed = np.packbits(np.unpackbits(numbers[..., None], axis=2)[..., 6:].reshape(_HEIGHT, -1), axis=1)
    picture = _image(pdf, packed.tobytes(), 2, Name.DeviceGray, None)
    picture.ColorSpace = Array([Name.Indexed, Name.DeviceRGB, 3, pdf.make_stream(bytes.fromhex("ff000000ff000000ff808080"))])
    picture.Mask = Array([1, 1])
    return picture


def _with_soft_mask(pdf: Pdf) -> Object:
    picture = _jpeg(pdf)
    picture.SMask = _image(pdf, (_ramp() >> 8).astype(np.uint8).tobytes(), 8, Name.DeviceGray, None)
    return picture


def shown(name: str) -> np.ndarray:
    """How such a picture looks on white: height x width x 3."""
    if name in ("CCITT", "JBIG2"):
        return np.asarray(_bilevel().convert("RGB"))
    if name == "16 bits":
        return np.repeat((_ramp() >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if name == "four colours":
        return np.array([[255, 0, 0], [255, 255, 255], [0, 0, 255], [128, 128, 128]], np.uint8)[_ramp() >> 14]
    pixels = np.asarray(_coloured()).astype(float)
    opacity = (_ramp() >> 8)[..., None] / 255 if name == "soft mask" else 1.0
    return np.asarray(np.rint(pixels * opacity + 255 * (1 - opacity)), np.uint8)


IMAGES: Mapping[str, Callable[[Pdf], Object]] = {
    "CCITT": _fax,
    "JBIG2": _jbig2,
    "JPEG 2000": _jpeg_2000,
    "JPEG": _jpeg,
    "16 bits": _deep,
    "four colours": _indexed,
    "soft mask": _with_soft_mask,
}
