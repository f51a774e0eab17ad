"""Putting redrawn pages into their document: links, bookmarks and metadata are kept, text becomes an invisible layer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Pdf, Stream, String

from services.inference.pdf.document import QPDF_ERRORS, corrupt
from services.inference.pdf.protection import Protection, array_under
from services.inference.pdf.texts import FLATTENED
from services.inference.redraw.glyphless import ADVANCE, Codes, embed_font
from services.inference.redraw.picture_file import Trailer, append_pictures
from services.inference.redraw.tags import forget_pages

_COMPRESSED_OBJECTS = "1.5"


def rebuild(source: Path, pages: Path, target: Path) -> dict[str, Any]:
    """Write `source` to `target` with the redrawn pages from the folder `pages`.

    For page n, from 0, there are `n.jpg` or `n.png` and `n.json` (`box` and `runs`, as `pages.render_page` gives them). Other pages stay as
    they are. A temporary file is made next to `target`. Memory does not grow with the pictures. Returns the number of pages and warnings
    for people. Raises FILE_CORRUPT.
    """
    numbers = sorted(int(path.stem) for path in pages.glob("*.json"))
    skeleton = target.with_name("skeleton.pdf")
    try:
        # Read as streams: mapped files count as memory, and the pictures may take gigabytes.
        with Pdf.open(source, access_mode=pikepdf.AccessMode.stream) as document:
            identifier = _identifier(document)
            count, warnings = len(document.pages), Protection.of(document).warnings()
            warnings += [FLATTENED] * _redraw_all(document, numbers, pages)
            # Compressed objects came with version 1.5; archival documents of before (PDF/A-1) must not have them.
            packing = ObjectStreamMode.generate if document.pdf_version >= _COMPRESSED_OBJECTS else ObjectStreamMode.disable
            document.save(skeleton, object_stream_mode=ObjectStreamMode.disable)
        if numbers:
            with Pdf.open(skeleton, access_mode=pikepdf.AccessMode.stream) as document:
                places = {number: int(document.pages[number].Resources.XObject.Page.objgen[0]) for number in numbers}
                info = document.trailer.get("/Info")
                numbered = Trailer(int(document.trailer.Size), int(document.Root.objgen[0]), 0 if info is None else int(info.objgen[0]))
            append_pictures(skeleton, pages, places, numbered)
        with Pdf.open(skeleton, access_mode=pikepdf.AccessMode.stream) as document:
            if identifier is not None:
                # The second part, which is that of this version, gets replaced.
                document.trailer.ID = Array([String(identifier), String(identifier)])
            document.save(target, object_stream_mode=packing)
        return {"pages": count, "warnings": warnings}
    except QPDF_ERRORS as error:
        raise corrupt() from error
    finally:
        skeleton.unlink(missing_ok=True)


def _identifier(document: Pdf) -> bytes | None:
    """The first part of a document's identifier, which all its versions share (ISO 32000-2, 14.4); None if it has none."""
    found = array_under(document.trailer, "/ID")
    return bytes(found[0]) if len(found) and isinstance(found[0], String) else None


def _redraw_all(document: Pdf, numbers: Sequence[int], pages: Path) -> bool:
    """Redraw everything but the pictures, each of which gets an empty stream as a placeholder. Returns whether the pages had tags, form
    fields or notes, which are parts of the pictures now."""
    codes = Codes(run["text"] for number in numbers for run in _described(pages, number)["runs"])
    font = embed_font(document, codes)
    redrawn = [document.pages[number] for number in numbers]
    links = [link for page in redrawn for link in _links(page)]
    is_flattened = forget_pages(document, {page.obj.objgen for page in redrawn}, {link.objgen for link in links if link.is_indirect})
    for number, page in zip(numbers, redrawn, strict=True):
        is_flattened = _redraw(document, page, document.make_stream(b""), _described(pages, number), (font, codes)) or is_flattened
    document.remove_unreferenced_resources()
    return is_flattened


def _links(page: pikepdf.Page) -> list[Object]:
    return [note for note in array_under(page.obj, "/Annots") if isinstance(note, Dictionary) and note.get("/Subtype") == Name.Link]


def _described(pages: Path, number: int) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((pages / f"{number}.json").read_text(encoding="utf-8"))
    return described


def _redraw(document: Pdf, page: pikepdf.Page, picture: Stream, described: dict[str, Any], writing: tuple[Object, Codes]) -> bool:
    """Returns whether the page had notes or form fields."""
    font, codes = writing
    left, bottom, right, top = described["box"]
    drawing = f"q {right - left:.4f} 0 0 {top - bottom:.4f} {left:.4f} {bottom:.4f} cm /Page Do Q\n".encode()
    page.obj.Contents = document.make_stream(drawing + b"".join(_invisible(run, codes) for run in described["runs"]))
    page.obj.Resources = Dictionary(XObject=Dictionary(Page=picture), Font=Dictionary(Text=font))
    for key in ("/Group", "/StructParents", "/Thumb", "/PieceInfo"):
        if key in page.obj:
            del page.obj[key]
    # Everything else on the page is part of the picture now.
    links, notes = _links(page), len(array_under(page.obj, "/Annots"))
    if links:
        page.obj.Annots = Array(links)
    elif "/Annots" in page.obj:
        del page.obj["/Annots"]
    return notes > len(links)


def _invisible(run: dict[str, Any], codes: Codes) -> bytes:
    written = codes.encode(run["text"])
    if not run["text"].strip() or not written:
        return b""
    stretch = 100 * run["length"] / (len(written) / 2 * run["size"] * ADVANCE / 1000)
    cosine, sine = math.cos(math.radians(run["tilt"])), math.sin(math.radians(run["tilt"]))
    place = f"{cosine:.5f} {sine:.5f} {-sine:.5f} {cosine:.5f} {run['x']:.3f} {run['y']:.3f}"
    return f"BT 3 Tr /Text {run['size']:.3f} Tf {stretch:.2f} Tz {place} Tm <{written.hex().upper()}> Tj ET\n".encode()
