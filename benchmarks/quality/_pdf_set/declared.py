"""Documents with marks that look like content, upright and dark, but are declared as watermarks, in each of the possible ways."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from benchmarks.quality._pdf_set import reportlab_documents

_PAINT = b"q BT 0.1 0.1 0.3 rg /Mark 26 Tf 130 400 Td (Copy 17 of 30, for J. Doe only) Tj ET Q\n"
Declare = Callable[[Pdf, pikepdf.Page], None]


def _font(pdf: Pdf) -> Object:
    return pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Helvetica-Bold")))


def _painted(pdf: Pdf, page: pikepdf.Page, before: bytes, after: bytes) -> None:
    """The mark painted in the page's own content, between these operators."""
    page.add_resource(_font(pdf), Name.Font, Name.Mark)
    page.contents_add(before + _PAINT + after)


def _form(pdf: Pdf, **more: Object) -> Object:
    resources = Dictionary(Font=Dictionary(Mark=_font(pdf)))
    return pdf.make_stream(_PAINT, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 595, 842]), Resources=resources, **more)


def _inline(subtype: str) -> Declare:
    return lambda pdf, page: _painted(pdf, page, b"/Artifact <</Type /Pagination /Subtype /%s>> BDC\n" % subtype.encode(), b"EMC\n")


def _property_list(subtype: str) -> Declare:
    def declare(pdf: Pdf, page: pikepdf.Page) -> None:
        said = pdf.make_indirect(Dictionary(Type=Name.Pagination, Subtype=Name(f"/{subtype}")))
        page.add_resource(said, Name.Properties, Name.Said)
        _painted(pdf, page, b"/Artifact /Said BDC\n", b"EMC\n")

    return declare


def _annotation(subtype: str) -> Declare:
    def declare(pdf: Pdf, page: pikepdf.Page) -> None:
        look = Dictionary(N=_form(pdf))
        note = Dictionary(Type=Name.Annot, Subtype=Name(f"/{subtype}"), Rect=Array([0, 0, 595, 842]), F=4, AP=look)
        page.obj.Annots = Array([pdf.make_indirect(note)])

    return declare


def _compound(kind: str) -> Declare:
    def declare(pdf: Pdf, page: pikepdf.Page) -> None:
        said = Dictionary(ADBE_CompoundType=Dictionary(Private=Name(f"/{kind}"), LastModified=String("D:20240101")))
        page.add_resource(_form(pdf, PieceInfo=said), Name.XObject, Name.Said)
        page.contents_add(b"q 1 0 0 1 0 0 cm /Said Do Q\n")

    return declare


def _layer(name: str) -> Declare:
    def declare(pdf: Pdf, page: pikepdf.Page) -> None:
        if "/OCProperties" not in pdf.Root:
            group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name)))
            pdf.Root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(Order=Array([group]), ON=Array([group])))
        page.add_resource(pdf.Root.OCProperties.OCGs[0], Name.Properties, Name.Said)
        _painted(pdf, page, b"/OC /Said BDC\n", b"EMC\n")

    return declare


def _made(seed: int, declare: Declare) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        buffer = io.BytesIO()
        with pikepdf.open(io.BytesIO(reportlab_documents.document(seed, 2))) as pdf:
            for page in pdf.pages if with_mark else ():
                declare(pdf, page)
            pdf.save(buffer)
        return buffer.getvalue()

    return make


def marked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document with and without its mark."""
    ways = {
        "artifact, inline": _inline("Watermark"),
        "artifact, property list": _property_list("Watermark"),
        "annotation": _annotation("Watermark"),
        "compound form": _compound("Watermark"),
        "layer, English": _layer("Watermark 1"),
        "layer, German": _layer("Wasserzeichen (alle Seiten)"),
        "layer, Chinese": _layer("水印图层"),
    }
    return {"pikepdf": {name: _made(300 + number, declare) for number, (name, declare) in enumerate(ways.items())}}


def unmarked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document that declares the same paint as something else."""
    ways = {
        "header, inline": _inline("Header"),
        "header, property list": _property_list("Header"),
        "stamp": _annotation("Stamp"),
        "compound form of a header": _compound("Header"),
        "layer of a drawing": _layer("Annotations and dimensions"),
    }
    made = {name: _made(320 + number, declare) for number, (name, declare) in enumerate(ways.items())}
    return {"pikepdf": {name: lambda _marked, make=make: make(True) for name, make in made.items()}}  # type: ignore[misc]
