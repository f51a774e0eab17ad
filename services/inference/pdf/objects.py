"""Reading PDF objects that may be of any type, since the file decides that."""

from __future__ import annotations

from collections.abc import Iterator

from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

_MAX_TREE_DEPTH = 128


def entry(container: PdfObject | None, key: str) -> PdfObject | None:
    """The object under a key, references followed; None if there is none or `container` is not a dictionary."""
    if not isinstance(container, DictionaryObject) or key not in container:
        return None
    return resolve(container.raw_get(key))


def resolve(value: PdfObject | None) -> PdfObject | None:
    """The target of a reference, or the value itself. A reference to nothing means null (ISO 32000-2, 7.3.10)."""
    if not isinstance(value, IndirectObject):
        return value
    try:
        return value.get_object()
    except (PyPdfError, IndexError):
        return None


def inherited_value(page: DictionaryObject, key: str) -> PdfObject | None:
    """The object under a key of a page, or of the nearest node of the page tree above it that has one."""
    node: DictionaryObject | None = page
    for _ in range(_MAX_TREE_DEPTH):
        if node is None or key in node:
            break
        node = dictionary(node, "/Parent")
    return entry(node, key)


def dictionary(container: PdfObject | None, key: str) -> DictionaryObject | None:
    """The dictionary (or stream) under a key."""
    found = entry(container, key)
    return found if isinstance(found, DictionaryObject) else None


def array(container: PdfObject | None, key: str) -> ArrayObject | None:
    """The array under a key."""
    found = entry(container, key)
    return found if isinstance(found, ArrayObject) else None


def name(container: PdfObject | None, key: str) -> str:
    """The name under a key, with its slash; empty if there is none."""
    found = entry(container, key)
    return str(found) if isinstance(found, NameObject) else ""


def text(container: PdfObject | None, key: str) -> str:
    """The text string under a key, decoded; empty if there is none."""
    found = entry(container, key)
    if isinstance(found, TextStringObject):
        return str(found)
    if isinstance(found, ByteStringObject):
        # pypdf leaves a string that it cannot decode as bytes; UTF-8 with a byte order mark was added in PDF 2.0.
        return bytes(found).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return ""


def number(reference: PdfObject | None) -> int | None:
    """The object number of a reference, or of an object that has one."""
    if isinstance(reference, IndirectObject):
        return reference.idnum
    own = getattr(reference, "indirect_reference", None)
    return own.idnum if isinstance(own, IndirectObject) else None


def streams(container: DictionaryObject | None) -> Iterator[tuple[str, StreamObject]]:
    """The streams among a dictionary's values, with their keys."""
    for key in list(container or ()):
        found = entry(container, key)
        if isinstance(found, StreamObject):
            yield key, found


def children(value: PdfObject) -> Iterator[PdfObject]:
    """The values in a dictionary, stream or array, without following references."""
    if isinstance(value, DictionaryObject):
        yield from value.values()
    elif isinstance(value, ArrayObject):
        yield from value
