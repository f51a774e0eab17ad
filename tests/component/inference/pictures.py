"""Pictures and documents to work on."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from services.inference.media import Image, Limits, decode, encode


def disc(size: int = 160, radius: float = 0.3) -> npt.NDArray[np.uint8]:
    """A red disc on green: the tiny matting model keeps what differs from the border."""
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    inside = rows**2 + columns**2 < radius**2
    return np.where(inside[..., np.newaxis], np.uint8([220, 30, 40]), np.uint8([40, 160, 60]))


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    return encode(Image(pixels))


def opened(content: bytes) -> Image:
    return decode(content, Limits(500))


def pdf(*pages: bytes) -> bytes:
    """A document whose pages have these content streams, with one font `/F`."""
    writer = PdfWriter()
    font = writer._add_object(
        DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
    )
    for content in pages:
        page = writer.add_blank_page(300, 300)
        stream = DecodedStreamObject()
        stream.set_data(content)
        page[NameObject("/Contents")] = writer._add_object(stream)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F"): font})})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


TEXT = b"BT /F 20 Tf 20 200 Td (Quarterly report) Tj ET\n"
WATERMARK = b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC BT /F 60 Tf 40 100 Td (DRAFT) Tj ET EMC\n"
