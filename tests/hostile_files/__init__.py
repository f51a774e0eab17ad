"""Files that attack what reads them, made anew by each run, the same ones each time: nothing of them is kept, and no one else's is used.

    for file in hostile_files().values():
        ...

There are those that lie or do not end (`tricks`), those that are cut at every twentieth of their length, those under another kind's name,
and those that are nothing. `MEGAPIXELS` is the limit that some of them are just within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from darkroom.operations.v1 import options_pb2
from tests.hostile_files import animations, boxes, jpeg, pdf, png, rare, svg, tiff, videos
from tests.hostile_files.wholes import WHOLE, whole

MEGAPIXELS = 4.0
"""The most pixels that these files are read with: `2000 x 2000` is the largest picture that is allowed."""
_STEPS = range(5, 100, 5)
"""Where files are cut, in per cent of their length."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file, and how it would be sent."""

    id: str
    """Its kind and trick: `png: no width`."""
    extension: str
    content: bytes

    @property
    def name(self) -> str:
        """The name that it is sent under."""
        return f"file.{self.extension}"

    @property
    def kind(self) -> options_pb2.MediaKind.ValueType:
        """The kind of operations that take it."""
        return options_pb2.MEDIA_KIND_PDF if self.extension == "pdf" else options_pb2.MEDIA_KIND_IMAGE


@cache
def hostile_files() -> Mapping[str, HostileFile]:
    """All of them, by id."""
    return {file.id: file for file in (*_tricks(), *_cut(), *_misnamed(), *_nothing())}


def _tricks() -> Iterator[HostileFile]:
    single = {"png": png, "jpg": jpeg, "svg": svg, "pdf": pdf}
    for extension, module in single.items():
        for name, content in module.tricks().items():
            yield HostileFile(f"{extension}: {name}", extension, content)
    for module in (animations, tiff, boxes, rare, videos):
        for (extension, name), content in module.tricks().items():
            yield HostileFile(f"{extension}: {name}", extension, content)


def _cut() -> Iterator[HostileFile]:
    """Every kind, cut at every step. What is one camera's is cut once: they are the same but for the name."""
    for kind, (extension, _) in WHOLE.items():
        if kind in ("heif", "nef", "arw"):
            continue
        data = whole(kind)
        for step in _STEPS:
            yield HostileFile(f"{kind}: cut at {step} %", extension, data[: len(data) * step // 100])


def _misnamed() -> Iterator[HostileFile]:
    """Every kind under the name of the next one."""
    kinds = list(WHOLE.items())
    for (kind, _), (_, (extension, _)) in zip(kinds, (*kinds[1:], kinds[0]), strict=True):
        yield HostileFile(f"{kind}: as .{extension}", extension, whole(kind))


def _nothing() -> Iterator[HostileFile]:
    for extension in ("jpg", "svg", "tga", "pdf"):
        yield HostileFile(f"{extension}: empty", extension, b"")
        yield HostileFile(f"{extension}: zeros", extension, bytes(4096))
        yield HostileFile(f"{extension}: text", extension, b"nothing of that kind\n" * 99)
        yield HostileFile(f"{extension}: an archive", extension, b"PK\3\4" + bytes(99))
        yield HostileFile(f"{extension}: a program", extension, b"\x7fELF" + bytes(999))
