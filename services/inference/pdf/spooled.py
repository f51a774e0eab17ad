"""A reader whose streams are in a file instead of in memory: the pages of a long scan may hold gigabytes.

pypdf keeps the data of each stream that it has read, and their decoded form, as long as the document. Here the data of long
streams go to a file as soon as they are read (decrypted, if they were encrypted) and are read back each time they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from pypdf import PdfReader
from pypdf._protocols import PdfWriterProtocol
from pypdf.generic import DecodedStreamObject, EncodedStreamObject, PdfObject, StreamObject

from services.inference.pdf import objects

_LONG = 4096  # bytes


class Spool:
    """A file that data are added to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def put(self, data: bytes) -> Place:
        """Write data."""
        start = self._file.seek(0, 2)
        self._file.write(data)
        return Place(self, start, len(data))

    def read(self, start: int, length: int) -> bytes:
        """Data that were written."""
        self._file.seek(start)
        return self._file.read(length)


@dataclass(frozen=True, slots=True)
class Place:
    """Where data are."""

    spool: Spool
    start: int
    length: int


class _Spooled(StreamObject):
    """A stream whose long data are in a spool until they are replaced."""

    _held: bytes | Place = b""

    @property
    def _data(self) -> bytes:
        held = self._held
        return held if isinstance(held, bytes) else held.spool.read(held.start, held.length)

    @_data.setter
    def _data(self, data: bytes) -> None:
        self._held = data

    def replicate(self, pdf_dest: PdfWriterProtocol) -> StreamObject:
        """A copy for another document, with the same data in the same place."""
        copy = super().replicate(pdf_dest)
        assert isinstance(copy, _Spooled)
        copy._held = self._held
        return copy

    def get_data(self) -> bytes:
        """The stream's decoded data. Only short data are cached, and object streams, which are read object by object."""
        data: bytes = super().get_data()
        if len(data) > _LONG and objects.name(self, "/Type") != "/ObjStm":
            self.decoded_self = None
        return data


class _SpooledEncoded(_Spooled, EncodedStreamObject):
    pass


class _SpooledDecoded(_Spooled, DecodedStreamObject):
    pass


class SpoolingReader(PdfReader):
    """A reader that puts the data of long streams into a file, which must stay open as long as the objects are used."""

    def __init__(self, source: BinaryIO, spool: BinaryIO, **options: Any) -> None:
        self._spool = Spool(spool)
        super().__init__(source, **options)

    def cache_indirect_object(self, generation: int, idnum: int, obj: PdfObject | None) -> PdfObject | None:
        """Called by pypdf to store each object that it has read."""
        if isinstance(obj, StreamObject) and not isinstance(obj, _Spooled):
            data = obj.__dict__.pop("_data")
            obj.__class__ = _SpooledEncoded if isinstance(obj, EncodedStreamObject) else _SpooledDecoded
            assert isinstance(obj, _Spooled)
            obj._held = self._spool.put(data) if len(data) > _LONG else data
        return super().cache_indirect_object(generation, idnum, obj)
