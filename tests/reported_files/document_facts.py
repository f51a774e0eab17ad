"""The facts about a PDF that its users rely on, by readers other than the code under test: pypdf, qpdf and PDFium."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
from pikepdf import Array, Dictionary, Object
from pypdf import PdfReader
from pypdf.generic import Destination

_KEPT_IN_CATALOG = ("/Lang", "/OpenAction", "/PageMode", "/ViewerPreferences", "/OutputIntents", "/OCProperties", "/MarkInfo")


def facts_of(document: bytes) -> Mapping[str, Any]:
    """All of them: values that can be compared, pages by their numbers from 0."""
    reader = PdfReader(io.BytesIO(document))
    with pikepdf.open(io.BytesIO(document)) as opened:
        pages = {page.obj.objgen: number for number, page in enumerate(opened.pages)}
        catalog = {key: _plain(opened.Root.get(key), pages) for key in _KEPT_IN_CATALOG if key in opened.Root}
        notes = [[_plain(note, pages) for note in page.obj.get("/Annots", [])] for page in opened.pages]
        with opened.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as xmp:
            described = dict(xmp)
        files = {name: each.get_file().read_bytes() for name, each in opened.attachments.items()}
        tags = list(_tags(opened.Root.get("/StructTreeRoot"), pages))
        back = _ways_back(opened, pages)
        info = {str(key): str(value) for key, value in opened.docinfo.items()}
    return {
        "texts": [page.extract_text() for page in reader.pages],
        "texts by PDFium": texts_of(document),
        "notes": notes,
        "bookmarks": list(_bookmarks(reader, reader.outline)),
        "places": {name: _page_number(reader, each) for name, each in reader.named_destinations.items()},
        "page labels": reader.page_labels,
        "fields": {name: str(field.get("/V")) for name, field in (reader.get_fields() or {}).items()},
        "tags": tags,
        "ways back": back,
        "catalog": catalog,
        "metadata": described,
        "information": info,
        "files": files,
        "boxes": [[str(page.get(key)) for key in ("/MediaBox", "/CropBox", "/Rotate", "/Tabs")] for page in reader.pages],
    }


def texts_of(document: bytes) -> list[str]:
    """By PDFium."""
    with pdfium.PdfDocument(document) as opened:
        return [page.get_textpage().get_text_bounded().strip() for page in opened]


def looks_of(document: bytes, scale: float = 1) -> list[np.ndarray]:
    """The pages as PDFium draws them with forms and notes."""
    with pdfium.PdfDocument(document) as opened:
        if opened.get_formtype():
            opened.init_forms()
        return [np.asarray(page.render(scale=scale).to_pil().convert("RGB")).astype(int) for page in opened]


def _bookmarks(reader: PdfReader, entries: Sequence[Any], depth: int = 0) -> Iterator[tuple[int, str, int | None]]:
    for entry in entries:
        if isinstance(entry, list):
            yield from _bookmarks(reader, entry, depth + 1)
        else:
            yield depth, str(entry.title), _page_number(reader, entry)


def _page_number(reader: PdfReader, place: Destination) -> int | None:
    return reader.get_destination_page_number(place)


def _tags(element: Object | None, pages: Mapping[tuple[int, int], int], depth: int = 0, page: int | None = None) -> Iterator[Any]:
    """Depth, kind, language, description, and the parts of pages in it."""
    if not isinstance(element, Dictionary):
        return
    page = pages.get(element.Pg.objgen, -1) if "/Pg" in element else page
    kids = element.get("/K", Array())
    parts = []
    for kid in kids if isinstance(kids, Array) else [kids]:
        if isinstance(kid, Dictionary) and "/S" not in kid:
            place = pages.get(kid.Pg.objgen, -1) if "/Pg" in kid else page
            parts.append((place, int(kid.MCID)) if "/MCID" in kid else (place, str(kid.Obj.get("/Subtype"))))
        elif not isinstance(kid, Dictionary):
            parts.append((page, int(kid)))
    yield depth, *(str(element.get(key)) for key in ("/S", "/Lang", "/Alt")), parts
    for kid in kids if isinstance(kids, Array) else [kids]:
        if isinstance(kid, Dictionary) and "/S" in kid:
            yield from _tags(kid, pages, depth + 1, page)


def _ways_back(document: pikepdf.Pdf, pages: Mapping[tuple[int, int], int]) -> list[Any]:
    """For each page and link, the kinds of the elements that its number leads to."""
    root = document.Root.get("/StructTreeRoot")
    if root is None:
        return []
    tree = pikepdf.NumberTree(root.ParentTree)
    found: list[Any] = []
    for page in document.pages:
        numbers = [page.obj.get("/StructParents"), *(note.get("/StructParent") for note in page.obj.get("/Annots", []))]
        for number in numbers:
            value = None if number is None or int(number) not in tree else tree[int(number)]
            found.append([str(each.S) for each in value] if isinstance(value, Array) else value if value is None else str(value.S))
    return found


def _plain(value: Any, pages: Mapping[tuple[int, int], int], depth: int = 0) -> Any:
    """An object without the numbers of others: pages are told by their place."""
    if isinstance(value, Object) and value.is_indirect and value.objgen in pages:
        return f"page {pages[value.objgen]}"
    if depth > 6:
        return "..."
    if isinstance(value, pikepdf.Stream):
        return {"content": value.read_bytes(), **_entries(value, pages, depth, ("/Length", "/Filter", "/DecodeParms"))}
    if isinstance(value, Dictionary):
        return _entries(value, pages, depth, ("/P", "/Parent", "/StructParent"))
    return [_plain(each, pages, depth + 1) for each in value] if isinstance(value, Array) else str(value)


def _entries(value: Any, pages: Mapping[tuple[int, int], int], depth: int, without: Sequence[str]) -> dict[str, Any]:
    return {key: _plain(each, pages, depth + 1) for key, each in value.items() if key not in without}
