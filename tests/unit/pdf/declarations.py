"""Marks that declare themselves, in each of the ways that programs use.

Each builder takes `marked` and returns a PDF. The unmarked one is the truth: removing the mark from the other must give a
document that draws, reads and is built the same.
"""

from __future__ import annotations

from collections.abc import Callable

from pikepdf import Array, Dictionary, Name, String

from tests.unit.pdf.builder import BODY, COMPOUND, INLINE_ARTIFACT, PAINTED_MARK, Builder


def acrobat(marked: bool) -> bytes:
    build = Builder()
    for number in range(3):
        resources = build.resources(marked=False)
        if not marked:
            build.page(b"q\n", BODY + b"(%d) pop\n" % number, b"Q\n", resources=resources)
            continue
        if number == 0:
            group = build.layer("Watermark")
            ocmd = build.pdf.make_indirect(Dictionary(Type=Name.OCMD, OCGs=group))
            mark = build.form(PAINTED_MARK, build.resources(), OC=ocmd, **COMPOUND)
        resources.XObject = Dictionary(Fm0=mark)
        resources.ExtGState = Dictionary(GS0=Dictionary(Type=Name.ExtGState, ca=0.5))
        tail = b"Q\n" + INLINE_ARTIFACT + b"q 1 0 0 1 0 0 cm /GS0 gs /Fm0 Do Q\nEMC\n"
        build.page(b"q\n", BODY + b"(%d) pop\n" % number, tail, resources=resources)
    return build.save()


def compound_form_alone(marked: bool) -> bytes:
    build = Builder()
    resources = build.resources(marked=False)
    if marked:
        resources.XObject = Dictionary(Fm0=build.form(PAINTED_MARK, build.resources(), **COMPOUND))
    build.page(BODY + (b"q 1 0 0 1 5 5 cm /Fm0 Do Q\n" if marked else b"") + BODY, resources=resources)
    return build.save()


def compound_form_in_a_busy_block(marked: bool) -> bytes:
    build = Builder()
    resources = build.resources(marked=False)
    if marked:
        resources.XObject = Dictionary(Fm0=build.form(PAINTED_MARK, build.resources(), **COMPOUND))
    build.page(BODY + b"q 0.5 g 1 0 0 1 5 5 cm" + (b"/Fm0 Do" if marked else b"") + b"\n0 0 20 20 re f Q\n", resources=resources)
    return build.save()


def annotation(marked: bool) -> bytes:
    build = Builder()
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([20, 150, 90, 170]),
        Border=Array([0, 0, 1]),
        A=Dictionary(S=Name.URI, URI=String("https://example.com")),
    )
    page = build.page(BODY, resources=build.resources(marked=False), Annots=Array([build.pdf.make_indirect(link)]))
    element = build.pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Annot, Pg=page, K=Dictionary(Type=Name.OBJR)))
    build.pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=Array([element]))
    if marked:
        appearance = build.form(PAINTED_MARK, build.resources())
        mark = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Watermark,
            Rect=Array([0, 0, 200, 200]),
            F=4,
            FixedPrint=Dictionary(Type=Name.FixedPrint),
            AP=Dictionary(N=appearance),
        )
        reference = build.pdf.make_indirect(mark)
        page.Annots.append(reference)
        # The tagged structure names it too, as it may every annotation.
        element.K = Dictionary(Type=Name.OBJR, Obj=reference)
    return build.save()


def only_a_layer(name: str) -> Callable[[bool], bytes]:
    def layer(marked: bool) -> bytes:
        build = Builder()
        resources = build.resources(marked=marked)
        drawing = build.layer("Drawing")
        resources.Properties = Dictionary(MC1=drawing)
        if marked:
            resources.Properties.MC0 = build.layer(name)
        mark = b"/OC /MC0 BDC\n" + PAINTED_MARK + b"EMC\n"
        build.page(BODY + (mark if marked else b"") + b"/OC /MC1 BDC 0.5 g 150 150 20 20 re f EMC\n", resources=resources)
        return build.save()

    return layer


def hidden_layer(marked: bool) -> bytes:
    build = Builder()
    resources = build.resources(marked=marked)
    if marked:
        resources.Properties = Dictionary(MC0=build.layer("Watermark", visible=False))
    mark = b"/OC /MC0 BDC\n" + PAINTED_MARK + b"EMC\n"
    build.page(BODY + (mark if marked else b""), resources=resources)
    return build.save()


def image_in_a_layer(marked: bool) -> bytes:
    build = Builder()
    resources = build.resources(marked=False)
    kept = build.pdf.make_stream(
        bytes(range(48)),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=4,
        Height=4,
        BitsPerComponent=8,
        ColorSpace=Name.DeviceRGB,
    )
    resources.XObject = Dictionary(Im0=kept)
    if marked:
        group = build.layer("My Watermark")
        expression = Array([Name.And, group, Array([Name.Or, group])])
        resources.XObject.Im1 = build.pdf.make_stream(
            b"\xff\x00\x00" * 16,
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=4,
            Height=4,
            BitsPerComponent=8,
            ColorSpace=Name.DeviceRGB,
            OC=Dictionary(Type=Name.OCMD, VE=expression),
        )
    mark = b"q 120 0 0 120 40 40 cm /Im1 Do Q\n" if marked else b""
    build.page(BODY + mark + b"q 30 0 0 30 150 150 cm /Im0 Do Q\n", resources=resources)
    return build.save()


def annotation_in_a_layer(marked: bool) -> bytes:
    build = Builder()
    page = build.page(BODY, resources=build.resources(marked=False))
    if marked:
        appearance = build.form(PAINTED_MARK, build.resources())
        page.Annots = Array(
            [
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Stamp,
                    Rect=Array([0, 0, 200, 200]),
                    F=4,
                    OC=build.layer("watermark"),
                    AP=Dictionary(N=appearance),
                )
            ]
        )
    return build.save()


def property_list(marked: bool) -> bytes:
    build = Builder()
    resources = build.resources(marked=marked)
    resources.Properties = Dictionary(Hd=Dictionary(Type=Name.Pagination, Subtype=Name.Header))
    if marked:
        resources.Properties.Wm = Dictionary(Type=Name.Pagination, Subtype=Name.Watermark)
    header = b"/Artifact /Hd BDC BT /F1 8 Tf 20 185 Td (a header that stays) Tj ET EMC\n"
    mark = b"/Artifact /#57m BDC\n" + PAINTED_MARK + b"EMC\n"
    build.page(header + BODY + (mark if marked else b""), resources=resources)
    return build.save()
