"""The content streams of a page: reading them as one, and putting them back with cuts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, IndirectObject, NameObject, PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.document import Document
from services.inference.pdf.edits import Edit, apply


@dataclass(frozen=True, slots=True)
class Contents:
    """The decoded content streams of one page with the references to them."""

    references: list[PdfObject]
    parts: list[bytes]

    @classmethod
    def of(cls, page: DictionaryObject) -> Contents:
        """Read those of a page. Raises one of PARSE_ERRORS if one cannot be decoded."""
        entry = page.raw_get("/Contents") if "/Contents" in page else None
        value = objects.resolve(entry)
        listed = value if isinstance(value, ArrayObject) else [entry]
        found = [(item, stream) for item in listed if item is not None and isinstance(stream := objects.resolve(item), StreamObject)]
        return cls([item for item, _ in found], [stream.get_data() for _, stream in found])

    @property
    def content(self) -> bytes:
        """All content. Streams join at the border of two tokens, so a line end between them changes nothing."""
        return b"\n".join(self.parts)

    @property
    def starts(self) -> list[int]:
        """Where the second and later streams begin in the content."""
        return [end + number + 1 for number, end in enumerate(itertools.accumulate(map(len, self.parts[:-1])))]


class Rewriter:
    """Gives pages their streams with cuts; streams without cuts stay the same objects."""

    def __init__(self, document: Document) -> None:
        self._document = document
        #: Streams made so far: pages that share a stream and have the same cuts in it keep sharing it.
        self._made: dict[tuple[int, bytes], IndirectObject] = {}

    def rewrite(self, page: DictionaryObject, contents: Contents, edits: list[Edit]) -> None:
        """Apply edits of the joined content."""
        joined = contents.content
        streams, start = ArrayObject(), 0
        for reference, part in zip(contents.references, contents.parts, strict=True):
            end = start + len(part)
            left = apply(joined, edits, start, end)
            start = end + 1
            if left == part:
                streams.append(reference)
            elif left.strip():
                streams.append(self._stream(reference, left))
        page[NameObject("/Contents")] = streams[0] if len(streams) == 1 else streams

    def _stream(self, reference: PdfObject, data: bytes) -> IndirectObject:
        key = (objects.number(reference) or 0, data)
        if key not in self._made:
            self._made[key] = self._document.add(stream_with(DictionaryObject(), data))
        return self._made[key]


def stream_with(dictionary: DictionaryObject, data: bytes) -> StreamObject:
    """A compressed stream with these data and the dictionary's entries, except those about its old encoding."""
    stream = DecodedStreamObject()
    stream.update({key: value for key, value in dictionary.items() if key not in ("/Length", "/Filter", "/DecodeParms", "/DL")})
    stream.set_data(data)
    return stream.flate_encode()
