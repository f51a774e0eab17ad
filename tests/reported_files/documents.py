"""PDFs of the kinds that people have most trouble with. Page 1 of each says `Page one`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

SIZE = (200, 100)
PASSWORD = "secret"


def _plain(change: Callable[[Pdf], None] = lambda _: None, **options: object) -> bytes:
    """Two pages, with a change."""
    with pikepdf.new() as pdf:
        font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        for number in ("one", "two"):
            page = Dictionary(
                Type=Name.Page,
                MediaBox=Array([0, 0, *SIZE]),
                Resources=Dictionary(Font=Dictionary(F1=font)),
                Contents=pdf.make_stream(f"0.8 g 0 0 20 20 re f 0 g BT /F1 20 Tf 40 40 Td (Page {number}) Tj ET".encode()),
            )
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
        change(pdf)
        file = io.BytesIO()
        pdf.save(file, **options)
    return file.getvalue()


def _turned(pdf: Pdf) -> None:
    pdf.pages[0].obj.Rotate = 90


def _cropped(pdf: Pdf) -> None:
    pdf.pages[0].obj.CropBox = Array([20, 10, 180, 90])


def _large_units(pdf: Pdf) -> None:
    pdf.pages[0].obj.UserUnit = 2


def _optional(pdf: Pdf) -> None:
    """The grey square of the first page is in a layer that is off."""
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Notes")))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
    page = pdf.pages[0].obj
    page.Resources.Properties = Dictionary(L=layer)
    page.Contents = pdf.make_stream(b"/OC /L BDC 0.8 g 0 0 20 20 re f EMC 0 g BT /F1 20 Tf 40 40 Td (Page one) Tj ET")


def _form(pdf: Pdf) -> None:
    """A field with a value that nothing draws yet."""
    field = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Widget,
        FT=Name.Tx,
        T=String("name"),
        V=String("Ada"),
        Rect=Array([100, 5, 190, 30]),
        DA=String("/F1 12 Tf 0 g"),
        F=4,
    )
    field = pdf.make_indirect(field)
    pdf.pages[0].obj.Annots = Array([field])
    fonts = pdf.pages[0].obj.Resources.Font
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), NeedAppearances=True, DR=Dictionary(Font=fonts))


def _broken_table() -> bytes:
    return re.sub(rb"startxref\n\d+", b"startxref\n7", _plain())


def _cut_off() -> bytes:
    """The table of objects and the content of the second page are missing."""
    document = _plain(compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return document[: document.rindex(b"Page two")]


DOCUMENTS: Mapping[str, Callable[[], bytes]] = {
    "linearised": lambda: _plain(linearize=True),
    "object streams": lambda: _plain(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "owner password": lambda: _plain(encryption=pikepdf.Encryption(owner=PASSWORD, user="", R=6)),
    "turned": lambda: _plain(_turned),
    "cropped": lambda: _plain(_cropped),
    "units": lambda: _plain(_large_units),
    "optional content": lambda: _plain(_optional),
    "form": lambda: _plain(_form),
    "broken table": _broken_table,
    "cut off": _cut_off,
}
SHOWN: Mapping[str, tuple[int, int]] = {"turned": SIZE[::-1], "cropped": (160, 80), "units": (400, 200)}
"""The sizes of first pages at 72 dpi, where they are not `SIZE`."""
DAMAGED = ("broken table", "cut off")


def locked() -> bytes:
    """It does not open without its password."""
    return _plain(encryption=pikepdf.Encryption(owner=PASSWORD, user=PASSWORD, R=6))
