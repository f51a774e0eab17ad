"""Writing a document page by page: memory does not grow with it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

Entries = Mapping[str, str]
"""The entries of a dictionary: values in their written form."""
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as a document holds it (ISO 32000-2, 8.9.5)."""

    content: bytes | Path
    width: int
    """In pixels."""
    height: int
    entries: Entries
    """The entries of its dictionary: filter, bits and so on, except the colours if it has a profile."""
    profile: bytes | None = None
    channels: int = 3

    @property
    def size(self) -> int:
        """Bytes that it takes in a document, about."""
        content = self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)
        return content + len(self.profile or b"")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture stands on its page, in points from the lower left."""

    left: float
    bottom: float
    width: float
    height: float


@dataclass(slots=True)
class Writer:
    """A document that is being written. Its first two objects, the catalogue and the tree of pages, come last."""

    file: BinaryIO
    page_size: tuple[float, float]
    """Width and height in points."""
    _offsets: dict[int, int] = field(default_factory=dict)
    _pages: list[int] = field(default_factory=list)
    _profiles: dict[bytes, int] = field(default_factory=dict)
    _next: int = 3

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.file.tell()

    def begin(self) -> None:
        """Write the header."""
        self.file.write(_HEADER)

    def add(self, drawing: Drawing, place: Place) -> None:
        """Write a page with a picture."""
        entries = dict(drawing.entries)
        if drawing.profile is not None:
            entries["ColorSpace"] = f"[/ICCBased {self._profile(drawing.profile, drawing.channels)} 0 R]"
        kind = {"Type": "/XObject", "Subtype": "/Image", "Width": str(drawing.width), "Height": str(drawing.height)}
        picture = self._stream(drawing.content, kind | entries)
        matrix = " ".join(_number(each) for each in (place.width, 0, 0, place.height, place.left, place.bottom))
        content = self._stream(f"q {matrix} cm /P Do Q".encode(), {})
        box = " ".join(_number(each) for each in (0, 0, *self.page_size))
        resources = f"<</XObject <</P {picture} 0 R>>>>"
        page = {"Type": "/Page", "Parent": "2 0 R", "MediaBox": f"[{box}]", "Resources": resources, "Contents": f"{content} 0 R"}
        self._pages.append(self._object(page))

    def end(self) -> None:
        """Write the rest."""
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        self._object({"Type": "/Pages", "Count": str(len(self._pages)), "Kids": f"[{kids}]"}, 2)
        self._object({"Type": "/Catalog", "Pages": "2 0 R"}, 1)
        start = self.file.tell()
        table = "".join(f"{self._offsets[number]:010} 00000 n \n" for number in range(1, self._next))
        self.file.write(f"xref\n0 {self._next}\n0000000000 65535 f \n{table}".encode())
        # A digest of the file's content: the same pictures make the same file.
        name = hashlib.sha256(f"{sorted(self._offsets.items())}{self.page_size}".encode()).hexdigest()[:32]
        trailer = _dictionary({"Size": str(self._next), "Root": "1 0 R", "ID": f"[<{name}> <{name}>]"})
        self.file.write(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())

    def _profile(self, profile: bytes, channels: int) -> int:
        if profile not in self._profiles:
            self._profiles[profile] = self._stream(zlib.compress(profile), {"N": str(channels), "Filter": "/FlateDecode"})
        return self._profiles[profile]

    def _object(self, entries: Entries, number: int = 0) -> int:
        number = self._begin(number)
        self.file.write(f"{_dictionary(entries)}\nendobj\n".encode())
        return number

    def _stream(self, content: bytes | Path, entries: Entries) -> int:
        number = self._begin()
        length = content.stat().st_size if isinstance(content, Path) else len(content)
        self.file.write(f"{_dictionary({**entries, 'Length': str(length)})}\nstream\n".encode())
        self.file.write(content.read_bytes() if isinstance(content, Path) else content)
        self.file.write(b"\nendstream\nendobj\n")
        return number

    def _begin(self, number: int = 0) -> int:
        if not number:
            number, self._next = self._next, self._next + 1
        self._offsets[number] = self.file.tell()
        self.file.write(f"{number} 0 obj\n".encode())
        return number


def _dictionary(entries: Entries) -> str:
    return f"<<{' '.join(f'/{name} {value}' for name, value in entries.items())}>>"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
