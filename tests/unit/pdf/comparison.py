"""Whether two documents draw, read and are built the same."""

from __future__ import annotations

import io

import numpy as np
import pikepdf
import pypdfium2 as pdfium
from numpy.typing import NDArray

SCALE = 2.0


def pictures(document: bytes) -> list[NDArray[np.uint8]]:
    """Each page as PDFium draws it, annotations included."""
    with pdfium.PdfDocument(document) as opened:
        return [page.render(scale=SCALE, may_draw_forms=True).to_numpy().copy() for page in opened]


def texts(document: bytes) -> list[str]:
    """The text of each page."""
    with pdfium.PdfDocument(document) as opened:
        return [page.get_textpage().get_text_bounded() for page in opened]


def everything(document: bytes) -> bytes:
    """All strings and decoded streams of a document, used or not: what somebody who searches it can find."""
    found = [document]
    with pikepdf.open(io.BytesIO(document)) as opened:
        for item in opened.objects:
            if isinstance(item, pikepdf.Stream):
                try:
                    found.append(item.read_bytes())
                except pikepdf.PdfError:  # an image codec that qpdf leaves alone
                    found.append(item.read_raw_bytes())
            if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
                found.append(repr(dict(item.items())).encode())
    return b"\n".join(found)


def differences(first: bytes, second: bytes) -> list[str]:
    """Where the object graphs of two documents differ, from the catalog and the information dictionary on.

    Object numbers, the encoding of streams, white space and empty blocks in content, and empty resource dictionaries do not count.
    """
    with pikepdf.open(io.BytesIO(first)) as one, pikepdf.open(io.BytesIO(second)) as other:
        return _differences(one.Root, other.Root, "Root", set()) + _differences(
            one.trailer.get("/Info"), other.trailer.get("/Info"), "Info", set()
        )


def _differences(one: object, other: object, path: str, seen: set[tuple[object, object]]) -> list[str]:
    if not isinstance(one, pikepdf.Object) or not isinstance(other, pikepdf.Object) or one._type_code != other._type_code:
        return [] if one == other else [f"{path}: {one!r} / {other!r}"]
    if one.is_indirect and other.is_indirect:
        if (one.objgen, other.objgen) in seen:
            return []
        seen.add((one.objgen, other.objgen))
    found: list[str] = []
    if isinstance(one, pikepdf.Array):
        left, right = list(one), list(other)
        found += [f"{path}: {len(left)} / {len(right)} items"] if len(left) != len(right) else []
        for index, (inner, outer) in enumerate(zip(left, right, strict=False)):
            found += _differences(inner, outer, f"{path}[{index}]", seen)
    elif isinstance(one, (pikepdf.Dictionary, pikepdf.Stream)):
        found += _entries(one, other, path, seen)
        if isinstance(one, pikepdf.Stream) and _content(one.read_bytes()) != _content(other.read_bytes()):
            found.append(f"{path}: {one.read_bytes()!r} / {other.read_bytes()!r}")
    elif one != other:
        found.append(f"{path}: {one!r} / {other!r}")
    return found


def _entries(one: pikepdf.Object, other: pikepdf.Object, path: str, seen: set[tuple[object, object]]) -> list[str]:
    ignored = {"/Length", "/Filter", "/DecodeParms", "/Extensions"}  # the last comes with strong encryption
    left, right = (
        {
            key: value
            for key, value in item.items()
            if key not in ignored
            and value is not None  # null: as if it were not there
            and not (isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and len(value) == 0)
        }
        for item in (one, other)
    )
    found = [f"{path}: keys {sorted(left)} / {sorted(right)}"] if left.keys() != right.keys() else []
    for key in left.keys() & right.keys():
        found += _differences(left[key], right[key], path + key, seen)
    return found


def _content(data: bytes) -> list[bytes]:
    words: list[bytes] = []
    for word in data.split():
        if word == b"Q" and words[-1:] == [b"q"]:
            words.pop()
        else:
            words.append(word)
    return words
