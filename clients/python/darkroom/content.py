"""The content to upload: a path, bytes, an open file, or a URL that the server fetches."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeGuard, cast

from darkroom.naming import sendable

Source = str | os.PathLike[str] | bytes | BinaryIO
"""A path, bytes, or a file opened for reading in binary mode, which is sent from its current position on. A string that begins with http://
or https:// is a URL, from which the server fetches the file."""

_SPOOLED_BYTES = 8 * 1024 * 1024
_HEAD_BYTES = 512
_MAGIC = (
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"\x89PNG", "png"),
    (0, b"%PDF", "pdf"),
    (0, b"GIF8", "gif"),
    (0, b"II*\0\x10\0\0\0CR", "cr2"),
    (0, b"IIRO", "orf"),
    (0, b"IIRS", "orf"),
    (0, b"MMOR", "orf"),
    (0, b"IIU\0", "rw2"),
    (0, b"II*\0", "tif"),
    (0, b"MM\0*", "tif"),
    (0, b"BM", "bmp"),
    (8, b"WEBP", "webp"),
    (4, b"ftypavif", "avif"),
    (4, b"ftyphei", "heic"),
    (4, b"ftyphev", "heic"),
    (4, b"ftypmif1", "heif"),
    (4, b"ftypmsf1", "heif"),
    (0, b"\xff\x0a", "jxl"),
    (0, b"\0\0\0\x0cJXL ", "jxl"),
    (0, b"\0\0\1\0", "ico"),
    (0, b"8BPS", "psd"),
    (0, b"\x76\x2f\x31\x01", "exr"),
    (0, b"#?RADIANCE", "hdr"),
    (0, b"#?RGBE", "hdr"),
    (4, b"ftypqt", "mov"),
    (4, b"moov", "mov"),
    (4, b"wide", "mov"),
    (4, b"ftypiso", "mp4"),
    (4, b"ftypmp4", "mp4"),
    (4, b"ftypavc1", "mp4"),
    (4, b"ftypM4V", "mp4"),
    (4, b"ftypMSNV", "mp4"),
    (4, b"ftypdash", "mp4"),
    (4, b"ftyp3gp", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "webm"),
)


def is_url(source: object) -> TypeGuard[str]:
    """Whether the server fetches it."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def extension_of(head: bytes) -> str | None:
    """The usual extension of a file that begins like this; None where that does not tell, as with TGA and some cameras' files."""
    for offset, magic, extension in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return extension
    # Without the zeros of UTF-16.
    return "svg" if b"<svg" in head[:_HEAD_BYTES].replace(b"\0", b"") else None


class Content:
    """Bytes of known length that can be read in any order, from any thread."""

    def __init__(self, file: BinaryIO, name: str, start: int, size_bytes: int) -> None:
        self.name, self.size_bytes = name, size_bytes
        self._file, self._start = file, start
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on; fewer only at the end."""
        with self._lock:
            self._file.seek(self._start + offset)
            return self._file.read(size)


@contextmanager
def open_content(source: Source, name: str | None = None) -> Iterator[Content]:
    """The source, ready to be read. An open file that cannot be rewound, such as a pipe, is copied to a temporary file first.

    Raises OSError if the path cannot be read, and ValueError if no `name` is given and none can be derived from the source or its content.
    """
    if isinstance(source, bytes):
        yield _content(io.BytesIO(source), name)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield _content(file, name or _with_extension(sendable(Path(source).name), file))
    elif source.seekable():
        yield _content(source, name)
    else:
        with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as copy:
            shutil.copyfileobj(source, copy)
            copy.seek(0)
            yield _content(cast(BinaryIO, copy), name or _name_of(source))


def _with_extension(name: str, file: BinaryIO) -> str:
    """The name, with the extension of the file's type if it has none, since the server takes no name without one."""
    extension = None if Path(name).suffix else extension_of(file.read(_HEAD_BYTES))
    file.seek(0)
    return name if extension is None else f"{name}.{extension}"


def _content(file: BinaryIO, name: str | None) -> Content:
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    return Content(file, name or _name_of(file) or _name_for(file, start), start, size)


def _name_of(file: BinaryIO) -> str | None:
    """The name of an open file: the one on disk, not the number of a descriptor."""
    name = getattr(file, "name", None)
    return sendable(Path(name).name) if isinstance(name, str) and Path(name).suffix else None


def _name_for(file: BinaryIO, start: int) -> str:
    head = file.read(_HEAD_BYTES)
    file.seek(start)
    if (extension := extension_of(head)) is not None:
        return f"upload.{extension}"
    raise ValueError("The type of this file cannot be determined from its name or first bytes: pass a `name` with an extension.")
