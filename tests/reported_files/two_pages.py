"""A PDF of two pages, with a mark on the first one or without, which others add to."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

SIZE = (200, 100)
MARK = b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC BT /F1 30 Tf 30 60 Td (DRAFT) Tj ET EMC\n"
SQUARE = b"0.8 g 0 0 20 20 re f\n"
Change = Callable[[Pdf], None]


def content_of(number: str) -> bytes:
    """The content of a page."""
    return SQUARE + b"0 g BT /F1 20 Tf 40 40 Td (Page %s) Tj ET\n" % number.encode()


def made(change: Change, *, marked: bool, pages: tuple[str, ...] = ("one", "two"), **options: Any) -> bytes:
    """A document with a change, saved with these options."""
    with pikepdf.new() as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        for number in pages:
            page = Dictionary(Type=Name.Page, MediaBox=Array([0, 0, *SIZE]), Resources=Dictionary(Font=Dictionary(F1=font)))
            page.Contents = pdf.make_stream(content_of(number))
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
        change(pdf)
        if marked:
            pdf.pages[0].contents_add(MARK)
        file = io.BytesIO()
        pdf.save(file, **{"deterministic_id": "encryption" not in options, **options})
    return file.getvalue()


def encryption(revision: int, user: str) -> pikepdf.Encryption:
    """RC4 with 40 bits (2) and 128 (3), AES with 128 (4) and 256 (5 and 6)."""
    aes = {"aes": revision > 3, "metadata": revision > 3}
    return pikepdf.Encryption(owner="owner", user=user, R=revision, **aes)
