"""Opening a PDF for editing, and writing it without unused objects.

pypdf holds the document. It is loaded with its original object numbers (not cloned page by page), so that everything
that was not to be changed is written unchanged.
"""

from __future__ import annotations

import copy
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pikepdf
from pypdf import Configuration, PdfWriter, apply_configuration
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, NullObject, PdfObject

from services.inference.pdf import objects
from services.inference.pdf.spooled import SpoolingReader
from services.platform.errors import DarkroomError, ErrorReason

#: The exceptions of pypdf on malformed documents.
PARSE_ERRORS = (
    PyPdfError,
    DependencyError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    RecursionError,
    EOFError,
    NotImplementedError,
    zlib.error,
)
#: Those of qpdf, and of reading what it finds. That a password is needed is `pikepdf.PasswordError`.
QPDF_ERRORS = (
    pikepdf.PdfError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
)

# pypdf's own limits are meant for parsing inside a service. Here a sandbox bounds memory and time, and
# a scan of 100 MB or a page with a large map is a normal document.
_LIMITS = Configuration(
    maximum_declared_stream_length=2 << 30,
    array_based_stream_maximum_output_length=1 << 30,
    array_maximum_element_count=20_000_000,
    dictionary_maximum_element_count=5_000_000,
    zlib_maximum_output_length=512 << 20,
    lzw_maximum_output_length=512 << 20,
    run_length_maximum_output_length=512 << 20,
    stream_decoding_work_maximum_length=1 << 30,
    # A child cannot start programs: pictures in JBIG2 are not looked into.
    jbig2dec_binary=None,
)


class DamagedDocumentError(Exception):
    """pypdf cannot read the document unrepaired."""


@contextmanager
def open_document(source: Path, scratch: Path) -> Iterator[Document]:
    """The document in a file, for the duration of the block; long streams are kept in an unnamed file in the folder `scratch`.

    Raises Damaged, or FILE_ENCRYPTED, or MEDIA_LIMIT_EXCEEDED for pypdf's limits.
    """
    charsets = NameObject.CHARSETS
    # Names are bytes. Read as Latin-1, each byte is one character, so that `_fit` can write the same bytes again. pypdf's
    # default, guessing an encoding, would write different bytes, and content streams would not find their resources.
    NameObject.CHARSETS = ("latin-1",)  # type: ignore[assignment]
    try:
        with apply_configuration(_LIMITS), source.open("rb") as file, tempfile.TemporaryFile(dir=scratch) as spool:
            try:
                document = Document(_load(file, spool))
            except LimitReachedError as error:
                raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "The document is too complex.") from error
            except PARSE_ERRORS as error:
                raise DamagedDocumentError from error
            yield document
    finally:
        NameObject.CHARSETS = charsets


def mend(source: Path, target: Path) -> None:
    """Write what qpdf can recover of a damaged document. Raises FILE_CORRUPT if that is nothing, and FILE_ENCRYPTED."""
    try:
        with pikepdf.open(source, suppress_warnings=True, access_mode=pikepdf.AccessMode.stream) as document:
            if "/Size" not in document.trailer:
                # A reconstructed trailer lacks it, and then qpdf writes none.
                document.trailer.Size = len(document.objects) + 1
            _part_pages(document)
            document.save(target, stream_decode_level=pikepdf.StreamDecodeLevel.none, fix_metadata_version=False)
    except pikepdf.PasswordError as error:
        raise encrypted() from error
    except QPDF_ERRORS as error:
        raise corrupt() from error


def _part_pages(document: pikepdf.Pdf) -> None:
    """Give each entry in the page tree its own page; qpdf drops a page that is listed twice, though other readers show it."""
    met: set[tuple[int, int]] = set()
    waiting = [document.Root.get("/Pages")]
    while waiting:
        node = waiting.pop()
        kids = node.get("/Kids") if isinstance(node, pikepdf.Dictionary) else None
        for index, kid in enumerate(kids if isinstance(kids, pikepdf.Array) else ()):
            if not isinstance(kid, pikepdf.Dictionary) or kids is None:
                continue
            if kid.is_indirect and kid.objgen in met:
                if "/Kids" not in kid:
                    kids[index] = document.make_indirect(copy.copy(kid))
                continue
            met.add(kid.objgen)
            waiting.append(kid)


def corrupt() -> DarkroomError:
    """The error for a document that cannot be read."""
    return DarkroomError(ErrorReason.FILE_CORRUPT, "The document is damaged: it cannot be read as a PDF.")


def encrypted() -> DarkroomError:
    """The error for a document that does not open without a password."""
    return DarkroomError(ErrorReason.FILE_ENCRYPTED, "The document needs a password to open. Remove the password and try again.")


def _load(file: BinaryIO, spool: BinaryIO) -> PdfWriter:
    reader = SpoolingReader(file, spool, strict=False)
    if reader.is_encrypted:
        try:
            opens = bool(reader.decrypt(""))
        except NotImplementedError:  # a security handler other than the standard one
            opens = False
        if not opens:
            raise encrypted()
    # The writer looks objects up by number alone, so those of later generations are stored under generation 0, too.
    for generation in [number for number in reader.xref if number]:
        for number, offset in reader.xref[generation].items():
            reader.xref.setdefault(0, {}).setdefault(number, offset)
    return PdfWriter(reader, full=True, keep_initial_header=True)


class Document:
    """A PDF in memory."""

    def __init__(self, writer: PdfWriter) -> None:
        reader = writer._reader
        assert reader is not None
        self._writer = writer
        self._had_object_streams = bool(reader.xref_objStm)
        self.root = writer.root_object
        self.pages: list[DictionaryObject] = list(writer.pages)
        if not self.pages:
            raise PyPdfError("no pages")
        for page in self.pages:
            _disinherit(page)
        self._removed: set[int] = set()

    def objects(self) -> Iterator[PdfObject]:
        """Every indirect object, used or not."""
        yield from (value for value in self._writer._objects if value is not None)

    def add(self, value: PdfObject) -> IndirectObject:
        """Add an object to the document, and return the reference to it."""
        return self._writer._add_object(value)

    def replace(self, number: int, value: PdfObject) -> None:
        """Replace an indirect object with another."""
        self._writer._replace_object(number, value)

    def remove(self, number: int) -> None:
        """Remove an indirect object; remaining references to it mean null."""
        self._removed.add(number)

    def save(self, target: Path) -> None:
        """Write what is reachable from the document's root, and nothing else."""
        self._drop_unreachable()
        if not self._had_object_streams:
            with target.open("wb") as file:
                self._writer.write(file)
            return
        # pypdf writes every object separately, which makes a tagged document several times larger than if its objects
        # were in compressed streams, as in the source. qpdf packs them again and leaves their contents alone.
        loose = target.with_name(target.name + ".loose")
        try:
            with loose.open("wb") as file:
                self._writer.write(file)
            # As a stream: a mapped file counts as memory.
            with pikepdf.open(loose, access_mode=pikepdf.AccessMode.stream) as document:
                document.save(
                    target,
                    object_stream_mode=pikepdf.ObjectStreamMode.generate,
                    stream_decode_level=pikepdf.StreamDecodeLevel.none,
                    fix_metadata_version=False,
                )
        finally:
            loose.unlink(missing_ok=True)

    def reachable(self, without: Collection[str] = ()) -> set[int]:
        """Numbers of the objects reachable from the trailer without going through these entries of the catalog."""
        stored = self._writer._objects
        catalog = {key: value for key, value in self.root.items() if key not in without}
        waiting: list[PdfObject] = [*catalog.values()]
        waiting += [value for value in (self._writer._info, self._writer._ID) if value is not None]
        reached = {found for value in (self.root, self._writer._info) if (found := objects.number(value)) is not None}
        while waiting:
            value = waiting.pop()
            if isinstance(value, IndirectObject):
                if value.idnum in reached or not 0 < value.idnum <= len(stored):
                    continue
                reached.add(value.idnum)
                value = stored[value.idnum - 1] or NullObject()
            waiting += objects.children(value)
        return reached

    def _drop_unreachable(self) -> None:
        """Drop what nothing refers to, and prepare the rest for writing."""
        stored = self._writer._objects
        for number in self._removed:
            stored[number - 1] = NullObject()
        reached = self.reachable()
        for index, value in enumerate(stored):
            stored[index] = None if value is None or index + 1 not in reached else _fit(value, self._writer)


class _ByteName(NameObject):
    """A name that was read as Latin-1 and is written as the same bytes."""

    def renumber(self) -> bytes:
        regular = bytes(range(0x21, 0x7F)).translate(None, b"#()<>[]{}/%")
        return b"/" + b"".join(bytes([byte]) if byte in regular else b"#%02X" % byte for byte in self[1:].encode("latin-1", "replace"))


def _fit(value: PdfObject, writer: PdfWriter) -> PdfObject:
    """The value with its names and references, at any depth, in a form that pypdf writes correctly."""
    if isinstance(value, IndirectObject):
        # Objects are written with generation 0.
        return value if value.generation == 0 else IndirectObject(value.idnum, 0, writer)
    if isinstance(value, NameObject):
        return value if value.isascii() else _ByteName(value)
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if isinstance(container, DictionaryObject):
            for key, item in list(container.items()):
                if not key.isascii():
                    del container[key]
                    container[_ByteName(key)] = item
            entries: Iterable[tuple[Any, PdfObject]] = list(container.items())
        elif isinstance(container, ArrayObject):
            entries = enumerate(container)
        else:
            continue
        for key, item in entries:
            if isinstance(item, (DictionaryObject, ArrayObject)):
                waiting.append(item)
            elif isinstance(item, (IndirectObject, NameObject)):
                fitting = _fit(item, writer)
                if fitting is not item:
                    container[key] = fitting
    return value


def _disinherit(page: DictionaryObject) -> None:
    """Remove the copies of inherited entries that pypdf puts into a page: the page tree still has them."""
    for key in ("/Resources", "/MediaBox", "/CropBox", "/Rotate"):
        parent = objects.dictionary(page, "/Parent")
        if parent is not None and key in page and page.raw_get(key) is objects.inherited_value(parent, key):
            del page[key]
