"""GIF files as bytes: their delays and repetitions can change while the compressed pixels stay the same; and how libvips opens them.

GIF89a: https://www.w3.org/Graphics/GIF/spec-gif89a.txt; Netscape's extension
says how often they are repeated after they were shown once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyvips

from services.inference.media.errors import damaged_error
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError

_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL = 0xF9
_NETSCAPE = b"\x0bNETSCAPE2.0"
_HEAD_BYTES = 13
_CLEAR_PIXEL = (
    b"\x21\xf9\x04\x01\x00\x00\x00\x00"  # a control: colour 0 is transparent
    b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00"  # 1 x 1, two colours of its own
    b"\x02\x02\x44\x01\x00"
)
"""A frame of one transparent pixel."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a file."""

    kind: int
    """The label of an extension."""
    content: bytes


def load(data: bytes, **options: Any) -> pyvips.Image:
    """As `pyvips.Image.gifload_buffer`, but the canvas is transparent where no frame has covered it yet, and not black."""
    opened = pyvips.Image.gifload_buffer(data, **options)
    if opened.hasalpha() or _covers(data):
        return opened
    # Libvips keeps the canvas's own transparency if any frame has a transparent colour. The one added is not read.
    pages = opened.get("n-pages")
    last = {"n": pages} if options.get("n") == -1 else {}
    opened = pyvips.Image.gifload_buffer(_before_end(data) + _CLEAR_PIXEL + b";", **{**options, **last}).copy()
    opened.set_type(pyvips.GValue.gint_type, "n-pages", pages)
    return opened


def check(data: bytes) -> None:
    """Raises FILE_CORRUPT for a file that was cut off, or is damaged so that parts of it cannot be found."""
    for _ in _blocks(data):
        pass


def _covers(data: bytes) -> bool:
    """Whether the first frame covers the canvas; also of a file that is too damaged to tell."""
    with suppress(DarkroomError):
        for block in _blocks(data):
            if block.kind == _PICTURE:
                return struct.unpack_from("<4H", block.content, 1) == (0, 0, *struct.unpack_from("<HH", data, 6))
    return True


def _before_end(data: bytes) -> bytes:
    with suppress(DarkroomError):
        return data[: len(_head(data)) + sum(len(block.content) for block in _blocks(data))]
    return data


def retime(data: bytes, delay: Callable[[int], int], loop: int) -> bytes:
    """The same frames with other delays, in hundredths of a second, shown so many times (0: forever).

    Comments and foreign application data are left out. Raises FILE_CORRUPT.
    """
    head, blocks = _head(data), list(_blocks(data))
    frames = sum(block.kind == _PICTURE for block in blocks)
    out = [b"GIF89a" + head[6:]]
    if frames > 1 and loop != 1:
        out.append(b"\x21\xff" + _NETSCAPE + b"\x03\x01" + struct.pack("<H", max(0, loop - 1)) + b"\x00")
    control: bytes | None = None
    for block in blocks:
        if block.kind == _CONTROL:
            control = block.content
        elif block.kind == _PICTURE:
            out += [_control(control, delay, several=frames > 1), block.content]
            control = None
    return b"".join([*out, bytes([_TRAILER])])


def has_local_palettes(data: bytes) -> bool:
    """Whether any frame has colours of its own. Raises FILE_CORRUPT."""
    return any(block.kind == _PICTURE and block.content[9] & 0x80 for block in _blocks(data))


END = bytes([_TRAILER])


def piece(data: bytes, begin: int, end: int, *, first: bool) -> bytes:
    """Some frames of a file, from `begin` to before `end`, to follow those of others in one that `END` ends. The first piece has the head.

    Raises FILE_CORRUPT.
    """
    head, colours = _head(data), _palette_bytes(data[10])
    out = [head] if first else []
    number = 0
    waiting: list[bytes] = []
    for block in _blocks(data):
        if block.kind == _PICTURE:
            if begin <= number < end:
                out += [
                    *waiting,
                    block.content if first else _with_palette(block.content, head[_HEAD_BYTES:] if colours else b"", data[10]),
                ]
            number, waiting = number + 1, []
        elif block.kind == _CONTROL:
            waiting = [block.content]
        elif first and not number:
            out.append(block.content)
    return b"".join(out)


def recoloured(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with each palette, three bytes a colour, replaced by one of the same size. Raises FILE_CORRUPT."""
    head = _head(data)
    out = [head[:_HEAD_BYTES], change(head[_HEAD_BYTES:])]
    for block in _blocks(data):
        end = 10 + _palette_bytes(block.content[9]) if block.kind == _PICTURE else 0
        out += [block.content[:10], change(block.content[10:end]), block.content[end:]] if end > 10 else [block.content]
    return b"".join(out) + END


def _with_palette(picture: bytes, colours: bytes, flags: int) -> bytes:
    """A frame with colours of its own, instead of those of the head."""
    if picture[9] & 0x80 or not colours:
        return picture
    return picture[:9] + bytes([picture[9] | 0x80 | (flags & 7)]) + colours + picture[10:]


def _control(control: bytes | None, delay: Callable[[int], int], *, several: bool) -> bytes:
    if control is None:
        return b"\x21\xf9\x04\x00" + struct.pack("<H", min(delay(0), 0xFFFF)) + b"\x00\x00" if several else b""
    [before] = struct.unpack_from("<H", control, 4)
    return control[:4] + struct.pack("<H", min(delay(before), 0xFFFF)) + control[6:]


def _head(data: bytes) -> bytes:
    end = _HEAD_BYTES + _palette_bytes(data[10]) if len(data) >= _HEAD_BYTES else 0
    if not end or len(data) < end:
        raise damaged_error(MediaFormat.GIF)
    return data[:end]


def _blocks(data: bytes) -> Iterator[_Block]:
    """The blocks after the head, up to the end or the first byte that begins nothing."""
    at = len(_head(data))
    while at < len(data) and data[at] in (_EXTENSION, _PICTURE):
        start = at
        try:
            if data[at] == _EXTENSION:
                kind, at = data[at + 1], _after_pieces(data, at + 2)
                if kind == _CONTROL and (data[start + 2] != 4 or at - start != 8):
                    raise damaged_error(MediaFormat.GIF)
            else:
                kind, at = _PICTURE, _after_pieces(data, at + 11 + _palette_bytes(data[at + 9]))
        except IndexError as error:
            raise damaged_error(MediaFormat.GIF) from error
        yield _Block(kind, data[start:at])


def _after_pieces(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
