"""Marks in content, forms and resources that are shared, nested or out of balance. Builders as in `declarations`."""

from __future__ import annotations

import pikepdf
from pikepdf import Array, Dictionary, Name, Object

from tests.unit.pdf.builder import BODY, COMPOUND, INLINE_ARTIFACT, PAINTED_MARK, Builder


def nested(marked: bool) -> bytes:
    build = Builder()
    mark = (
        INLINE_ARTIFACT
        + b"/Span <</Lang (en) /ActualText (a \\) b)>> BDC q /P BMC\n"
        + PAINTED_MARK
        + b"EMC Q EMC /Point MP (EMC) pop % EMC in a comment\n"
        + b"EMC\n"
    )
    build.page(
        b"/P <</MCID 0>> BDC\n" + BODY + b"q\n" + (mark if marked else b"") + b"Q EMC\n/Other BMC\n" + BODY + b"EMC\n",
        resources=build.resources(marked=marked),
    )
    return build.save()


def inline_images(marked: bool) -> bytes:
    """Their data hold what looks like the end of the image, of the mark, and of the page."""
    trap = b"\nEI Q EMC\n"
    gray = trap + bytes(range(100, 100 + 25 - len(trap)))
    raw = b"BI /W 5 /H 5 /BPC 8 /CS /G ID " + gray + b"\nEI\n"
    hexed = b"BI /W 5 /H 5 /BPC 8 /CS /G /F [/AHx] ID " + gray.hex().encode() + b">\nEI\n"
    build = Builder()
    mark = INLINE_ARTIFACT + b"q 80 0 0 80 60 60 cm\n" + raw + b"Q\n" + PAINTED_MARK + b"EMC\n"
    build.page(
        b"q 30 0 0 30 0 0 cm\n" + raw + b"Q\n" + (mark if marked else b"") + b"q 30 0 0 30 170 0 cm\n" + hexed + b"Q\n" + BODY,
        resources=build.resources(marked=marked),
    )
    return build.save()


def form_shared_by_pages(marked: bool) -> bytes:
    build = Builder()
    mark = INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n" if marked else b""
    inner = build.form(b"0.9 g 0 0 10 10 re f\n" + mark, build.resources(marked=marked))
    outer = build.form(b"q 1 0 0 1 20 20 cm /In Do Q\n", Dictionary(XObject=Dictionary(In=inner)))
    resources = build.pdf.make_indirect(build.resources(marked=False, XObject=Dictionary(Fm0=outer)))
    for _ in range(3):
        build.page(BODY + b"/Fm0 Do\n", resources=resources)
    return build.save()


def mark_across_streams(marked: bool) -> bytes:
    """The sequence begins in one stream and ends in another, between tokens as the standard has it."""
    build = Builder()
    parts = [b"q\n", BODY, b"Q 0.5 g 0 0 9 9 re f\n" + BODY]
    if marked:
        begin, middle = b"/Artifact <</Type /Pagination", b"/Subtype /Watermark>> BDC q 1 0 0 rg 20 20 50 50"
        parts = [b"q\n", BODY + begin, middle, b"re f\n" + PAINTED_MARK + b"Q EMC " + parts[2]]
    build.page(*parts, resources=build.resources(marked=marked))
    return build.save()


def streams_shared_by_pages(marked: bool) -> bytes:
    """One stream with the mark is drawn by all pages; the pages' names for the property list differ."""
    build = Builder()
    shared = build.pdf.make_stream(BODY + (b"/Artifact /W BDC\n" + PAINTED_MARK + b"EMC\n" if marked else b""))
    watermark = Dictionary(Subtype=Name.Watermark)
    for number in range(3):
        resources = build.resources(marked=marked)
        if marked:
            resources.Properties = Dictionary(W=watermark)
        build.page(b"q\n", shared, b"Q %d w\n" % number, resources=resources)
    return build.save()


def state_that_outlives_the_mark(marked: bool) -> bytes:
    """The producer forgot q and Q: what follows is drawn in the mark's colour and place, and must stay there."""
    build = Builder()
    setup = b"0 0.6 0 rg 1 0 0 1 7 3 cm\n"
    mark = INLINE_ARTIFACT + setup + b"10 10 30 30 re f BT /F2 20 Tf 50 100 Td (CONFIDENTIAL) Tj ET\nEMC\n"
    plain = setup + b"BT /F2 20 Tf 50 100 Td ET\n"
    build.page((mark if marked else plain) + b"100 100 40 40 re f\n" + BODY, resources=build.resources())
    return build.save()


def unbalanced_blocks(marked: bool) -> bytes:
    """The mark's sequence opens a block that something else closes, and closes one that something else opened."""
    build = Builder()
    mark = b"q 0.5 g\n" + INLINE_ARTIFACT + b"0 0 30 30 re f Q q 0.8 g 0 0 40 40 re f\nEMC 100 0 20 20 re f Q\n"
    plain = b"q 0.5 g\nQ q 0.8 g\n100 0 20 20 re f Q\n"
    build.page((mark if marked else plain) + BODY, resources=build.resources(marked=False))
    return build.save()


def clip_in_the_mark(marked: bool) -> bytes:
    build = Builder()
    mark = INLINE_ARTIFACT + b"20 20 100 100 re W f\nEMC\n"
    build.page((mark if marked else b"20 20 100 100 re W n\n") + BODY, resources=build.resources(marked=False))
    return build.save()


def text_on_lines_of_its_own(marked: bool) -> bytes:
    """A mark within a text object, by the operators that move to the next line."""
    build = Builder()
    mark = INLINE_ARTIFACT + b"(CONFIDENTIAL) ' 3 1 (CONFIDENTIAL) \"\nEMC\n"
    content = b"BT /F1 14 Tf 16 TL 20 160 Td (before) Tj\n%b(after) ' ET\n"
    build.page(content % (mark if marked else b"T* 3 Tw 1 Tc T*\n"), resources=build.resources(marked=False))
    return build.save()


def text_placed_anew(marked: bool) -> bytes:
    build = Builder()
    mark = INLINE_ARTIFACT + b"(CONFIDENTIAL) Tj EMC\n"
    build.page(
        b"BT /F1 14 Tf 20 160 Td (before) Tj " + (mark if marked else b"") + b"0 -20 Td (after) Tj ET\n" + BODY,
        resources=build.resources(marked=False),
    )
    return build.save()


def resources_inherited_and_shared(marked: bool) -> bytes:
    """Resources stand in the page tree, their XObject dictionary is shared, and a form borrows from the page."""
    build = Builder()
    borrower = build.form(b"0.3 g 5 5 8 8 re f BT /F2 9 Tf 100 185 Td (borrowed font) Tj ET\n")
    xobjects = build.pdf.make_indirect(Dictionary(Borrow=borrower))
    if marked:
        xobjects.Fm0 = build.form(PAINTED_MARK, build.resources(), **COMPOUND)
    mark = b"q /Fm0 Do Q\n" + INLINE_ARTIFACT + PAINTED_MARK + b"EMC\n"
    for number in range(2):
        page = build.page(BODY + b"/Borrow Do\n" + (mark if marked and number == 0 else b""), resources=Dictionary())
        del page.Resources
    build.pdf.Root.Pages.Resources = build.resources(XObject=xobjects)
    return build.save()


def users_that_no_page_draws_directly(marked: bool) -> bytes:
    """A pattern, a glyph and an annotation's appearance use what the mark used too, from the page's own resources."""
    build = Builder()
    resources = build.pdf.make_indirect(build.resources())
    resources.Pattern = Dictionary(
        P0=build.pdf.make_stream(
            b"BT /F2 9 Tf 1 0 0 1 2 2 Tm (ab) Tj ET",
            PatternType=1,
            PaintType=1,
            TilingType=1,
            BBox=Array([0, 0, 20, 20]),
            XStep=20,
            YStep=20,
            Resources=resources,
        )
    )
    resources.ExtGState = Dictionary(GsNote=Dictionary(ca=0.6))
    if marked:
        resources.ExtGState.GsMark = Dictionary(ca=0.2)
    note = build.form(b"/GsNote gs 1 0 0 rg 0 0 40 40 re f", resources)
    mark = INLINE_ARTIFACT + b"q /GsNote gs /GsMark gs\n" + PAINTED_MARK + b"Q EMC\n"
    stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([100, 100, 160, 160]), F=4, AP=Dictionary(N=note))
    build.page(b"/Pattern cs /P0 scn 0 0 200 30 re f\n" + (mark if marked else b"") + BODY, resources=resources, Annots=Array([stamp]))
    return build.save()


def glyphs_that_borrow(marked: bool) -> bytes:
    """The procedures of a Type 3 font without resources use the page's, and so does the mark."""
    build = Builder()
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 20, 20]),
        FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FirstChar=97,
        LastChar=97,
        Widths=Array([20]),
        Encoding=Dictionary(Differences=Array([97, Name.a])),
        CharProcs=Dictionary(a=build.pdf.make_stream(b"20 0 d0 /GsGlyph gs 0 0 9 9 re f")),
    )
    resources = build.resources(ExtGState=Dictionary(GsGlyph=Dictionary(ca=0.3)))
    resources.Font.F3 = build.pdf.make_indirect(font)
    mark = INLINE_ARTIFACT + b"q /GsGlyph gs\n" + PAINTED_MARK + b"Q EMC\n"
    build.page(b"BT /F3 10 Tf 120 120 Td (a) Tj ET\n" + (mark if marked else b"") + BODY, resources=resources)
    return build.save()


def names_of_raw_bytes(marked: bool) -> bytes:
    """Resource names in GBK, as Chinese producers write them, raw in content and escaped in dictionaries."""

    def keyed(name: bytes, value: Object) -> Dictionary:
        escaped = b"".join(b"#%02x" % byte for byte in name)
        parsed = pikepdf.Object.parse(b"<</%b 0>>" % escaped)
        assert isinstance(parsed, Dictionary)
        for key in parsed:
            parsed[key] = value
        return parsed

    build = Builder()
    resources = build.resources(marked=False)
    font, mark = "宋体".encode("gbk"), "水印".encode("gbk")
    resources.Font = keyed(font, build.f2)
    resources.Font.F1 = build.f1
    content = BODY + b"BT /" + font + b" 10 Tf 20 100 Td (in the raw font) Tj ET\n"
    if marked:
        resources.Properties = keyed(mark, Dictionary(Subtype=Name.Watermark))
        content += b"/Artifact /" + mark + b" BDC 0 0 30 30 re f EMC\n"
    build.page(content, resources=resources, Written=pikepdf.Object.parse(b"/#cb#ce#cc#e5"))
    return build.save()


def stream_that_lacks_its_end(marked: bool) -> bytes:
    build = Builder()
    mark = INLINE_ARTIFACT + b"0 g 1 0 0 1 9 9 cm 0 0 50 50 re f EMC\n"
    build.page(b"Q EMC q q " + BODY + (mark if marked else b""), resources=build.resources(marked=False))
    return build.save()
