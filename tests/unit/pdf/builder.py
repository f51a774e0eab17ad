"""Building small documents by hand."""

from __future__ import annotations

import io

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

MARK = "CONFIDENTIAL"
INLINE_ARTIFACT = b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n"

#: Text, a table line, a filled box and a curve: what must stay.
BODY = (
    b"BT /F1 14 Tf 20 160 Td (The quarterly report) Tj 0 -18 Td (says \\(as ever\\) that all is well.) Tj ET\n"
    b"0.2 0.4 0.8 rg 20 40 60 40 re f\n0 0 0 RG 1.5 w 100 40 m 130 120 160 0 180 80 c S\n"
)
PAINTED_MARK = b"q 0.9 0.2 0.2 rg 0.7 0.7 -0.7 0.7 40 30 cm BT /F2 24 Tf 0 0 Td (CONFIDENTIAL) Tj ET Q\n"
#: The entries of a form that Acrobat made as a watermark.
COMPOUND = {"PieceInfo": Dictionary(ADBE_CompoundType=Dictionary(Private=Name.Watermark, LastModified=String("D:20240101")))}


class Builder:
    """A document under construction; its two fonts are F1 and F2."""

    def __init__(self) -> None:
        self.pdf = Pdf.new()
        self.f1 = self.pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        self.f2 = self.pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Times-Bold")))

    def resources(self, marked: bool = True, **more: Object) -> Dictionary:
        fonts = Dictionary(F1=self.f1, F2=self.f2) if marked else Dictionary(F1=self.f1)
        return Dictionary(Font=fonts, **more)

    def page(self, *contents: bytes | Stream, resources: Dictionary, **more: Object) -> Dictionary:
        streams = [item if isinstance(item, Stream) else self.pdf.make_stream(item) for item in contents]
        page = self.pdf.make_indirect(
            Dictionary(
                Type=Name.Page,
                MediaBox=Array([0, 0, 200, 200]),
                Contents=streams[0] if len(streams) == 1 else Array(streams),
                Resources=resources,
                **more,
            )
        )
        self.pdf.pages.append(pikepdf.Page(page))
        return self.pdf.pages[-1].obj

    def form(self, content: bytes, resources: Dictionary | None = None, **more: Object) -> Stream:
        entries = {} if resources is None else {"Resources": resources}
        return self.pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 200, 200]), **entries, **more)

    def layer(self, name: str, listed: bool = True, visible: bool = True) -> Object:
        group = self.pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name)))
        if listed:
            if "/OCProperties" not in self.pdf.Root:
                self.pdf.Root.OCProperties = Dictionary(
                    OCGs=Array(), D=Dictionary(Order=Array(), ON=Array(), OFF=Array(), RBGroups=Array())
                )
            properties = self.pdf.Root.OCProperties
            properties.OCGs.append(group)
            properties.D.Order.append(group)
            (properties.D.ON if visible else properties.D.OFF).append(group)
        return group

    def save(self, **options: object) -> bytes:
        buffer = io.BytesIO()
        self.pdf.save(buffer, **options)
        return buffer.getvalue()
