"""A form (multipart/form-data, RFC 7578), read part by part while it arrives. Nothing is read before somebody asks for it, so whoever
takes the bytes slowly slows the sender down."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.platform.errors import DarkroomError, ErrorReason

FORM = "multipart/form-data"
_LONGEST_HEADER = 64 << 10
"""Bytes of a header of a part, a file's name among them."""


@dataclass(frozen=True, slots=True)
class FormLimits:
    """The limits of a form."""

    parts: int
    field_bytes: int
    """For everything that is no file, names and headers included."""
    idle_seconds: float
    slowest_bytes: int
    """A second, on average; 0: any."""


@dataclass(frozen=True, slots=True)
class Part:
    """The head of a part."""

    name: str
    file_name: str | None
    """None for a field; empty for a file without a name."""
    form: Form
    media_type: str = ""
    """As its sender says, in lower case and without parameters."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content. Must be read, as far as it is needed, before the next part is asked for."""
        while (data := await self.form.next_data()) is not None:
            yield data

    async def text(self) -> str:
        """The content of a field. Raises BODY_TOO_LARGE and MALFORMED_REQUEST."""
        content = bytearray()
        async for data in self.chunks():
            self.form.count_field(len(data))
            content += data
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise _malformed(f"The field {self.name!r} is not UTF-8.") from None


@dataclass(slots=True)
class _Head:
    headers: dict[bytes, bytes] = field(default_factory=dict)


_END_OF_PART = object()


class Form:
    """One form. `chunks` are the bytes of the body, and `content_type` the header of the request."""

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes], limits: FormLimits) -> None:
        """Raise MALFORMED_REQUEST for a content type without a usable boundary."""
        kind, options = parse_options_header(content_type)
        if kind.decode("latin-1").lower() != FORM or not options.get(b"boundary"):
            raise _malformed(f"The content type must be {FORM} with a boundary.")
        self._chunks, self._limits = chunks, limits
        self._events: deque[bytes | _Head | object] = deque()
        self._name, self._value, self._head = b"", b"", _Head()
        self._ended = False
        self._parts = self._field_bytes = self._received = 0
        self._began = time.monotonic()
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_size=_LONGEST_HEADER,
            )
        except FormParserError as error:
            raise _malformed(f"{error}.") from None

    async def parts(self) -> AsyncIterator[Part]:
        """The parts, in the order of the form. The rest of one is skipped when the next is requested.

        Raises MALFORMED_REQUEST for what is no form, ends too soon or arrives too slowly.
        """
        while (event := await self._next()) is not None:
            if isinstance(event, _Head):
                self._parts += 1
                if self._parts > self._limits.parts:
                    raise _malformed(f"The form has more than {self._limits.parts} parts.")
                yield self._part(event)

    async def next_data(self) -> bytes | None:
        """More of the current part; None at its end."""
        event = await self._next()
        return event if isinstance(event, bytes) else None

    def count_field(self, size: int) -> None:
        """Count bytes that are not of a file. Raises BODY_TOO_LARGE."""
        self._field_bytes += size
        if self._field_bytes > self._limits.field_bytes:
            raise DarkroomError(
                ErrorReason.BODY_TOO_LARGE, f"The fields of the form have more than {self._limits.field_bytes} bytes, files aside."
            )

    def _part(self, head: _Head) -> Part:
        self.count_field(sum(len(name) + len(value) for name, value in head.headers.items()))
        disposition, options = parse_options_header(head.headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if disposition.lower() != b"form-data" or name is None:
            raise _malformed("A part of the form has no name.")
        file_name = options.get(b"filename")
        kind, _ = parse_options_header(head.headers.get(b"content-type", b""))
        return Part(_text(name), None if file_name is None else _text(file_name), self, _text(kind).lower())

    async def _next(self) -> bytes | _Head | object | None:
        while not self._events:
            if not await self._receive():
                return None
        return self._events.popleft()

    async def _receive(self) -> bool:
        """Read more of the body; False at its end."""
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                chunk = await anext(self._chunks, None)
        except TimeoutError:
            raise _too_slow() from None
        if chunk is None:
            if not self._ended:
                raise _malformed("The form ends before its last boundary.")
            return False
        self._received += len(chunk)
        late = time.monotonic() - self._began - self._limits.idle_seconds
        if late > 0 and self._received < late * self._limits.slowest_bytes:
            raise _too_slow()
        if self._ended:
            # The bytes after the last boundary are ignored.
            self.count_field(len(chunk))
            return True
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed("The body is not a form with the boundary that its content type names.") from None
        return True

    def _on_part_begin(self) -> None:
        self._head = _Head()

    def _on_header_field(self, data: bytes, start: int, stop: int) -> None:
        self._name += data[start:stop]

    def _on_header_value(self, data: bytes, start: int, stop: int) -> None:
        self._value += data[start:stop]

    def _on_header_end(self) -> None:
        self._head.headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_headers_finished(self) -> None:
        self._events.append(self._head)

    def _on_part_data(self, data: bytes, start: int, stop: int) -> None:
        self._events.append(data[start:stop])

    def _on_part_end(self) -> None:
        self._events.append(_END_OF_PART)

    def _on_end(self) -> None:
        self._ended = True


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _malformed(message: str) -> DarkroomError:
    return DarkroomError(ErrorReason.MALFORMED_REQUEST, message)


def _too_slow() -> DarkroomError:
    return _malformed("The form did not arrive in time.")
