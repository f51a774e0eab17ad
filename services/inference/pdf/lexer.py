"""Content streams as operations, each with its exact byte position (ISO 32000-2, 7.8.2).

The stream is not parsed into objects and rewritten: removing an operation cuts its bytes, and every other byte stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from pypdf.errors import PyPdfError
from pypdf.generic import PdfObject, read_object

from services.inference.pdf.inline_image import end_of_data

_TOKEN = re.compile(
    rb"""
      (?P<blank> [\x00\t\n\f\r\x20]+ | %[^\r\n]* )
    | (?P<operand>
          [+\-.0-9]+                                   # a number, malformed ones too
        | /[^\x00\t\n\f\r\x20()<>\[\]{}/%]*            # a name
        | \( [^()\\]*+ (?: \\. [^()\\]*+ )*+ \)        # a string without nested parentheses
        | <<  | >> | <[^<>]*+> | [\[\]] )
    | (?P<open> \( )                                   # a string with nested ones
    | (?P<word> [^\x00\t\n\f\r\x20()<>\[\]{}/%+\-.0-9] [^\x00\t\n\f\r\x20()<>\[\]{}/%]* )
    | (?P<stray> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_CONSTANTS = frozenset({b"true", b"false", b"null"})
_NAME = re.compile(rb"/([^\x00\t\n\f\r\x20()<>\[\]{}/%]*)")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operator with its operands: `data[start:end]`, the operator itself from `operator_start` on.

    An inline image is one operation named `BI`, from `BI` to `EI`.
    """

    operator: bytes
    start: int
    operator_start: int
    end: int

    def operands(self, data: bytes) -> list[PdfObject]:
        """The operands as objects, up to the first malformed one."""
        stream = BytesIO(data[self.start : self.operator_start])
        objects: list[PdfObject] = []
        try:
            while stream.read(1):
                stream.seek(-1, 1)
                objects.append(read_object(stream, None))
                _skip_blanks(stream)
        except (PyPdfError, ValueError, TypeError, KeyError, AttributeError):
            return objects
        return objects


def operations(data: bytes) -> Iterator[Operation]:
    """The operations of a content stream in order. Malformed parts belong to the operation that follows them."""
    position, start, length = 0, -1, len(data)
    image_start = -1
    while position < length:
        match = _TOKEN.match(data, position)
        assert match is not None  # `stray` takes any byte
        kind, token, begin = match.lastgroup, match[0], position
        position = match.end()
        if kind == "blank":
            continue
        if start < 0:
            start = begin
        if kind == "open":
            position = _end_of_string(data, position)
        if kind != "word" or token in _CONSTANTS:
            continue
        if token == b"BI":
            image_start = start
        elif token == b"ID" and image_start >= 0:
            position = end_of_data(data, image_start, begin, position)
            yield Operation(b"BI", image_start, image_start, position)
            image_start = -1
        elif image_start < 0:
            yield Operation(token, start, begin, position)
        start = -1


def names(data: bytes) -> set[str]:
    """Every name in a piece of content, with slash, as pypdf spells it when names are read as Latin-1.

    Bytes of strings and inline images may look like names, so there can be more than are used, but never fewer.
    """
    found = set(_NAME.findall(data))
    return {"/" + _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), name).decode("latin-1") for name in found}


def _end_of_string(data: bytes, position: int) -> int:
    """Position after the string whose opening parenthesis ends at `position`; the end of the data if it never ends."""
    depth = 1
    for match in _PARENTHESIS.finditer(data, position):
        if match[0] == b"(":
            depth += 1
        elif match[0] == b")":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(data)


def _skip_blanks(stream: BytesIO) -> None:
    while (byte := stream.read(1)) and byte in b"\x00\t\n\f\r ":
        pass
    if byte:
        stream.seek(-1, 1)
