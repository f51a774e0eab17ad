"""GIF and WebP: canvases, frames and code streams that lie or do not end."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.hostile_files.wholes import whole

_GRAY = bytes(range(0, 256, 85)) * 3


def _gif(width: int, height: int, *blocks: bytes, flags: int = 0x81) -> bytes:
    table = bytes(12) if flags & 0x80 else b""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + table + b"".join(blocks) + b";"


def _frame(
    width: int = 1, height: int = 1, left: int = 0, top: int = 0, *, least: int = 2, codes: bytes = b"\x02\x44\x01\0", flags: int = 0
) -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, flags) + bytes([least]) + codes


def _control(delay: int = 5, dispose: int = 1) -> bytes:
    return b"!\xf9\x04" + struct.pack("<BHBB", dispose << 2, delay, 0, 0)


def _gifs() -> Mapping[str, bytes]:
    run = b"".join(b"\xff" + b"\x00" * 255 for _ in range(400)) + b"\0"
    data = whole("animated-gif")
    return {
        "canvas of 4 gigapixels": _gif(65_535, 65_535, _frame()),
        "frame of 4 gigapixels": _gif(9, 9, _frame(65_535, 65_535)),
        "frame far outside": _gif(9, 9, _frame(5, 5, 60_000, 60_000)),
        "no canvas": _gif(0, 0, _frame()),
        "frame without pixels": _gif(9, 9, _frame(0, 0)),
        "20,000 frames": _gif(9, 9, *[_control() + _frame()] * 20_000),
        "1,000 frames of 4 megapixels": _gif(2000, 2000, *[_control() + _frame()] * 1000),
        "frames that last for ever": _gif(9, 9, *[_control(65_535) + _frame()] * 50),
        "frames that last no time": _gif(9, 9, *[_control(0, 7) + _frame()] * 50),
        "codes of 0 bits": _gif(9, 9, _frame(9, 9, least=0)),
        "codes of 12 bits": _gif(9, 9, _frame(9, 9, least=12)),
        "codes of 255 bits": _gif(9, 9, _frame(9, 9, least=255)),
        "codes that are not defined": _gif(9, 9, _frame(9, 9, codes=b"\xff" + b"\xff" * 255 + b"\0")),
        "codes that go on": _gif(9, 9, _frame(9, 9, codes=run)),
        "codes without end": _gif(9, 9, _frame(9, 9, codes=b"\xff" + bytes(99))),
        "no colours": _gif(9, 9, _frame(9, 9), flags=0),
        "no frames": _gif(9, 9),
        "comment of 10 MB": _gif(9, 9, b"!\xfe" + (b"\xff" + b"x" * 255) * 40_000 + b"\0", _frame()),
        "block of an unknown kind": _gif(9, 9, b"\x99\x05abcde", _frame()),
        "no end": data[:-1],
        "interlaced, cut": _gif(64, 64, _frame(64, 64, flags=0x40)),
        "noise in the middle": data[: len(data) // 2] + bytes(range(255)) * 9 + data[len(data) // 2 :],
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
    }


def _chunk(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(content) if length is None else length) + content + b"\0" * (len(content) % 2)


def _webp(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def _canvas(width: int, height: int, flags: int = 0) -> bytes:
    return _chunk(b"VP8X", struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


def _animated(width: int, height: int, content: bytes, left: int = 0, duration: int = 40) -> bytes:
    head = [left // 2, 0, width - 1, height - 1, duration]
    return _chunk(b"ANMF", b"".join(each.to_bytes(3, "little") for each in head) + b"\0" + content)


def _webps() -> Mapping[str, bytes]:
    data = whole("webp")
    picture = data[12:]
    begin, loops = _canvas(64, 48, 2), _chunk(b"ANIM", bytes(6))
    return {
        "4 GB announced": data[:4] + b"\xff\xff\xff\xff" + data[8:],
        "no length": data[:4] + bytes(4) + data[8:],
        "canvas of 281 terapixels": _webp(_canvas(1 << 24, 1 << 24), picture),
        "canvas of another size": _webp(_canvas(2000, 2000), picture),
        "picture of 268 megapixels": data[:26] + struct.pack("<HH", 16_383, 16_383) + data[30:],
        "most pixels that are allowed": data[:26] + struct.pack("<HH", 2000, 2000) + data[30:],
        "no picture": _webp(_canvas(64, 48)),
        "animation without frames": _webp(begin, loops),
        "2,000 frames": _webp(begin, loops, *[_animated(64, 48, picture)] * 2000),
        "500 frames on 4 megapixels": _webp(_canvas(2000, 2000, 2), loops, *[_animated(64, 48, picture)] * 500),
        "frame outside": _webp(begin, loops, _animated(64, 48, picture, left=60_000)),
        "frames that last for ever": _webp(begin, loops, *[_animated(64, 48, picture, duration=0xFFFFFF)] * 9),
        "frame that is cut": _webp(begin, loops, _animated(64, 48, picture[:200])),
        "frame of another size": _webp(begin, loops, _animated(16_000, 16_000, picture)),
        "lossless noise": _webp(_chunk(b"VP8L", b"\x2f\x3f\xc0\x0b\0" + bytes(range(255)) * 9)),
        "lossless, of 268 megapixels": _webp(_chunk(b"VP8L", b"\x2f\xff\xff\xff\x0f" + bytes(99))),
        "alpha that is noise": _webp(_canvas(64, 48, 0x10), _chunk(b"ALPH", b"\x01" + bytes(range(200))), picture),
        "EXIF in a circle": _webp(
            _canvas(64, 48, 8), picture, _chunk(b"EXIF", b"II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0")
        ),
        "profile that is noise": _webp(_canvas(64, 48, 0x20), _chunk(b"ICCP", _GRAY * 20), picture),
        "chunk of 4 GB": _webp(_canvas(64, 48), _chunk(b"VP8 ", picture[8:], 0xFFFFFFF0)),
        "10,000 unknown chunks": _webp(_canvas(64, 48), *[_chunk(b"ABCD", b"xx")] * 10_000, picture),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
    }


def tricks() -> Mapping[tuple[str, str], bytes]:
    """By extension and name."""
    gifs = {("gif", name): content for name, content in _gifs().items()}
    return gifs | {("webp", name): content for name, content in _webps().items()}
