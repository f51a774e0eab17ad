"""PDFs that hold more than pages: links, notes, forms, tags, bookmarks, files, and pictures of every compression.

Page 1 of each says `Page one`, and page 2 `Page two`. Each is made with a mark on the first page or without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import ImageCms

from tests.reported_files import pictures_in_documents as pictures
from tests.reported_files import uneven_documents
from tests.reported_files.two_pages import MARK, SQUARE, Change, content_of, encryption, made


def _annotations(pdf: Pdf) -> None:
    """A link to the web, one to a page, a note with its window, a highlight, a stamp, and a file."""
    first, second = (page.obj for page in pdf.pages)
    square = Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 10, 10]))
    shown = pdf.make_stream(b"1 1 0 rg 0 0 10 10 re f", **square)
    for page, other in ((first, second), (second, first)):
        note = pdf.make_indirect(Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([150, 70, 168, 88]), Contents=String("Look")))
        popup = Dictionary(Type=Name.Annot, Subtype=Name.Popup, Rect=Array([170, 60, 195, 95]), Parent=note, Open=False)
        note.Popup = pdf.make_indirect(popup)
        quads = Array([40, 58, 70, 58, 40, 38, 70, 38])
        note_of_file = pdf.make_stream(b"inside", Type=Name.EmbeddedFile)
        page.Annots = Array(
            [
                Dictionary(Subtype=Name.Link, Rect=Array([40, 35, 90, 60]), A=Dictionary(S=Name.URI, URI=String("https://example.org/a"))),
                Dictionary(Subtype=Name.Link, Rect=Array([100, 35, 140, 60]), Dest=Array([other, Name.Fit])),
                note,
                note.Popup,
                Dictionary(
                    Subtype=Name.Highlight,
                    Rect=Array([40, 38, 70, 58]),
                    QuadPoints=quads,
                    Contents=String("High"),
                    C=Array([1, 1, 0]),
                    AP=Dictionary(N=shown),
                    F=4,
                ),
                Dictionary(Subtype=Name.Stamp, Rect=Array([170, 5, 190, 25]), Name=Name.Approved, AP=Dictionary(N=shown), F=4),
                Dictionary(
                    Subtype=Name.FileAttachment,
                    Rect=Array([150, 5, 160, 15]),
                    FS=Dictionary(Type=Name.Filespec, F=String("a.txt"), EF=Dictionary(F=note_of_file)),
                ),
            ]
        )


def _forms(pdf: Pdf) -> None:
    """A text, a box that is checked, a choice and a place to sign on each page, one of them of two parts."""
    fields = Array()
    for number, page in enumerate(pdf.pages):
        on = pdf.make_stream(b"0 g 0 0 10 10 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 10, 10]))
        common = {"Type": Name.Annot, "Subtype": Name.Widget, "F": 4}
        text = Dictionary(
            **common, FT=Name.Tx, T=String(f"name{number}"), V=String("Ada"), Rect=Array([100, 5, 140, 20]), DA=String("/F1 9 Tf")
        )
        box = Dictionary(
            **common,
            FT=Name.Btn,
            T=String(f"agreed{number}"),
            V=Name.Yes,
            AS=Name.Yes,
            Rect=Array([145, 5, 155, 15]),
            AP=Dictionary(N=Dictionary(Yes=on, Off=pdf.make_stream(b"", **dict(on.items())))),
        )
        choice = Dictionary(
            **common,
            FT=Name.Ch,
            T=String(f"colour{number}"),
            V=String("red"),
            Opt=Array([String("red"), String("blue")]),
            Rect=Array([160, 5, 190, 20]),
            DA=String("/F1 9 Tf"),
        )
        sign = Dictionary(**common, FT=Name.Sig, T=String(f"sign{number}"), Rect=Array([100, 80, 140, 95]))
        page.obj.Annots = Array([pdf.make_indirect(each) for each in (text, box, choice, sign)])
        fields.extend(page.obj.Annots)
    pdf.Root.AcroForm = Dictionary(Fields=fields, DR=Dictionary(Font=pdf.pages[0].obj.Resources.Font), NeedAppearances=True)


def _tagged(pdf: Pdf) -> None:
    """A heading and a paragraph on each page, a link among them, with the tree that leads back."""
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, RoleMap=Dictionary(Title=Name.H1)))
    whole = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=root, K=Array()))
    root.K = whole
    numbers, of_links = list[Any](), list[Any]()
    for number, (page, name) in enumerate(zip(pdf.pages, ("one", "two"), strict=True)):
        page.obj.Contents = pdf.make_stream(
            b"/P <</MCID 1>> BDC " + SQUARE + b"EMC\n/Title <</MCID 0>> BDC\n" + content_of(name).removeprefix(SQUARE) + b"EMC\n"
        )
        link = pdf.make_indirect(
            Dictionary(
                Subtype=Name.Link,
                Rect=Array([40, 35, 90, 60]),
                StructParent=10 + number,
                A=Dictionary(S=Name.URI, URI=String("https://example.org/")),
            )
        )
        page.obj.Annots, page.obj.StructParents, page.obj.Tabs = Array([link]), number, Name.S
        title = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Title, P=whole, Pg=page.obj, K=0, Lang=String("en")))
        text = pdf.make_indirect(
            Dictionary(
                Type=Name.StructElem, S=Name.P, P=whole, Alt=String("a square"), K=Array([Dictionary(Type=Name.MCR, Pg=page.obj, MCID=1)])
            )
        )
        reference = Dictionary(Type=Name.OBJR, Obj=link, Pg=page.obj)
        linked = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Link, P=whole, K=Array([reference])))
        whole.K.extend([title, text, linked])
        numbers += [number, Array([title, text])]
        of_links += [10 + number, linked]
    root.ParentTree, root.ParentTreeNextKey = Dictionary(Nums=Array([*numbers, *of_links])), 12
    pdf.Root.StructTreeRoot, pdf.Root.MarkInfo, pdf.Root.Lang = root, Dictionary(Marked=True), String("en-GB")


def _bookmarked(pdf: Pdf) -> None:
    """Bookmarks by page and by name, names of places, numbers of pages, and an action at the start."""
    second = pdf.pages[1].obj
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("two"), Array([second, Name.XYZ, 10, 90, 0])])))
    with pdf.open_outline() as outline:
        part = pikepdf.OutlineItem("Part", 0)
        part.children.append(pikepdf.OutlineItem("Second", 1, "FitH", top=80))
        outline.root.extend([part, pikepdf.OutlineItem("By name", String("two"))])
    labels = [0, Dictionary(S=Name.r), 1, Dictionary(S=Name.D, P=String("A-"), St=5)]
    pdf.Root.PageLabels = Dictionary(Nums=Array(labels))
    pdf.Root.OpenAction = Array([second, Name.Fit])
    pdf.Root.PageMode, pdf.Root.ViewerPreferences = Name.UseOutlines, Dictionary(DisplayDocTitle=True)


def _attached(pdf: Pdf) -> None:
    pdf.attachments["table.csv"] = pikepdf.AttachedFileSpec(pdf, b"a,b\n1,2\n", mime_type="text/csv", description="Numbers")


def _archival(pdf: Pdf) -> None:
    """As PDF/A-2b says of itself: by XMP, with an output intent."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    intent = Dictionary(Type=Name.OutputIntent, S=Name.GTS_PDFA1, OutputConditionIdentifier=String("sRGB"))
    intent.DestOutputProfile = pdf.make_stream(icc, N=3)
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])
    with pdf.open_metadata(set_pikepdf_as_editor=False) as xmp:
        xmp["dc:title"] = "Yearly report"
        xmp["pdfaid:part"], xmp["pdfaid:conformance"] = "2", "B"
    pdf.docinfo["/Title"] = "Yearly report"


def _drawn_letters(pdf: Pdf) -> None:
    """A Type 3 font, which says what its letters mean."""
    mapping = b"1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <61> <0061> endbfchar"
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 10, 10]),
        FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FirstChar=97,
        LastChar=97,
        Widths=Array([12]),
        Encoding=Dictionary(Differences=Array([97, Name.a])),
        CharProcs=Dictionary(a=pdf.make_stream(b"12 0 0 0 10 10 d1 0 0 8 8 re f")),
        Resources=Dictionary(),
        ToUnicode=pdf.make_stream(
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def " + mapping + b" endcmap end end"
        ),
    )
    for page in pdf.pages:
        page.obj.Resources.Font.F3 = pdf.make_indirect(font)
        page.contents_add(b"BT /F3 10 Tf 120 60 Td (aaa) Tj ET")


def _picture(name: str) -> Change:
    def change(pdf: Pdf) -> None:
        picture = pictures.IMAGES[name](pdf)
        for page in pdf.pages:
            page.obj.Resources.XObject = Dictionary(Im=picture)
            page.contents_add(b"q 50 0 0 40 140 30 cm /Im Do Q")

    return change


def _nothing(_: Pdf) -> None:
    """Leaves the document as it is."""


def _encrypted(revision: int) -> Callable[[bool], bytes]:
    def make(marked: bool) -> bytes:
        return made(_nothing, marked=marked, encryption=encryption(revision, user=""))

    return make


def _of(change: Change, **options: Any) -> Callable[[bool], bytes]:
    return lambda marked: made(change, marked=marked, **options)


RICH: Mapping[str, Callable[[bool], bytes]] = {
    "annotations": _of(_annotations),
    "forms": _of(_forms),
    "tags": _of(_tagged),
    "tags in object streams": _of(_tagged, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "bookmarks": _of(_bookmarked),
    "files": _of(_attached),
    "PDF/A": _of(_archival),
    "Type 3": _of(_drawn_letters),
    **{f"picture in {name}": _of(_picture(name)) for name in pictures.IMAGES},
    **{f"owner password, revision {revision}": _encrypted(revision) for revision in (2, 3, 4, 5)},
    "wrong lengths": uneven_documents.wrong_lengths,
    "updated": uneven_documents.updated,
    "hybrid": uneven_documents.hybrid,
}


def long(pages: int, *, marked: bool) -> bytes:
    """So many pages, with a bookmark each; `marked`: the mark is on all of them."""

    def change(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            outline.root.extend(pikepdf.OutlineItem(str(number), number) for number in range(pages))
        for page in list(pdf.pages)[1 if marked else pages :]:
            page.contents_add(MARK)

    return made(change, marked=marked, pages=tuple(map(str, range(pages))))
