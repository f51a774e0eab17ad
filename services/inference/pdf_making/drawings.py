"""Pictures as a document holds them: JPEGs as they are, others without loss, or as JPEGs of a quality."""

from __future__ import annotations

import struct

from services.inference.media import Effort, Image, Saving, encode
from services.inference.pdf_making.jpeg import Jpeg, embeddable
from services.inference.pdf_making.writer import Drawing
from services.pictures.media_format import MediaFormat

_SPACES = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
_LOSSLESS = Saving(MediaFormat.PNG, effort=Effort.USUAL, keep_metadata=False, compact=True)
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1}
"""By the kind of a PNG."""


def of_jpeg(jpeg: Jpeg) -> Drawing:
    """A JPEG as it is."""
    entries = {"ColorSpace": _SPACES[jpeg.channels], "BitsPerComponent": "8", "Filter": "/DCTDecode"}
    if jpeg.channels == 4:
        entries["Decode"] = "[1 0 1 0 1 0 1 0]"
    return Drawing(jpeg.content, jpeg.width, jpeg.height, entries, jpeg.profile, jpeg.channels)


def as_jpeg(flat: Image, quality: int) -> Drawing:
    """A picture that `flattened` has made, as a JPEG."""
    jpeg = embeddable(encode(flat, Saving(MediaFormat.JPEG, quality=quality, keep_metadata=False)))
    assert jpeg is not None
    return of_jpeg(jpeg)


def lossless(flat: Image) -> Drawing:
    """A picture that `flattened` has made, with the compression, and perhaps the palette, of a PNG (ISO 32000-2, 7.4.4.4)."""
    png = encode(flat, _LOSSLESS)
    chunks = _chunks(png)
    width, height, bits, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    channels = _CHANNELS[kind]
    space = _SPACES[channels]
    if kind == _PALETTE:
        palette = chunks[b"PLTE"]
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    predictor = f"<</Predictor 15 /Colors {channels} /BitsPerComponent {bits} /Columns {width}>>"
    entries = {"ColorSpace": space, "BitsPerComponent": str(bits), "Filter": "/FlateDecode", "DecodeParms": predictor}
    return Drawing(chunks[b"IDAT"], width, height, entries)


def _chunks(png: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG by their types; those of one type joined."""
    found: dict[bytes, list[bytes]] = {}
    place = 8
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        found.setdefault(kind, []).append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return {kind: b"".join(parts) for kind, parts in found.items()}
