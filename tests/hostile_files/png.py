"""PNG and APNG: sizes that lie, streams that expand, chunks that are missing, repeated or endless."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import cache

from tests.hostile_files.wholes import HEIGHT, WIDTH, whole
from tests.unit.probe.specimens import chunk, png_bomb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF_CIRCLE = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + struct.pack("<HHIIHHII", 0x8769, 4, 1, 8, 0x8825, 4, 1, 8) + struct.pack("<I", 8)


def _head(width: int = WIDTH, height: int = HEIGHT, depth: int = 8, colour: int = 2, *rest: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(*rest, 0, 0, 0)[:3]))


def _rows(filter_: int = 0, height: int = HEIGHT) -> bytes:
    return zlib.compress((bytes([filter_]) + bytes(range(WIDTH)) * 3) * height)


def _png(*chunks: bytes) -> bytes:
    return _SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def _with(*extra: bytes) -> bytes:
    """A whole picture with more chunks before its samples."""
    return _png(_head(), *extra, chunk(b"IDAT", _rows()))


def _control(width: int, height: int, left: int, top: int, number: int = 0, dispose: int = 0) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, top, 0, 0, dispose, 0))


@cache
def zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros, in a thousandth of that."""
    packer, block = zlib.compressobj(1), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def tricks() -> Mapping[str, bytes]:
    """By name."""
    data = chunk(b"IDAT", _rows())
    animated = [chunk(b"acTL", struct.pack(">II", 5000, 0)), _control(WIDTH, HEIGHT, 0, 0), data]
    for number in range(1, 5000):
        animated += [_control(1, 1, 0, 0, 2 * number - 1), chunk(b"fdAT", struct.pack(">I", 2 * number) + zlib.compress(b"\0abc"))]
    whole_apng = whole("apng")
    return {
        "size without samples": _png(_head(60_000, 60_000)),
        "900 megapixels in 110 kB": png_bomb(),
        "most pixels that are allowed, in 500 B": png_bomb(2000, 2000),
        "no width": _png(_head(0), data),
        "width over the limit of the format": _png(_head(1 << 31), data),
        "one row of 2^31-1": _png(_head((1 << 31) - 1, 1), data),
        "two headers": _png(_head(), _head(9, 9), data),
        "no samples": _png(_head()),
        "20,000 pieces": _png(_head(), *(chunk(b"IDAT", bytes([byte])) for byte in _rows()), *[chunk(b"IDAT", b"")] * 20_000),
        "samples that go on for 64 MB": _png(_head(), chunk(b"IDAT", zeros(64))),
        "half of the rows": _png(_head(), chunk(b"IDAT", _rows(height=HEIGHT // 2))),
        "wrong checksum of the header": _png(_head()[:-1] + b"\0", data),
        "wrong checksum of the samples": _png(_head(), data[:-1] + b"\0"),
        "text of 64 MB": _with(chunk(b"zTXt", b"Comment\0\0" + zeros(64))),
        "profile of 64 MB": _with(chunk(b"iCCP", b"p\0\0" + zeros(64))),
        "XMP of 64 MB": _with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + zeros(64))),
        "XMP with entities": _with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + entities())),
        "10,000 texts": _with(*[chunk(b"tEXt", b"Comment\0x")] * 10_000),
        "a chunk of 4 GB": _SIGNATURE + _head() + b"\xff\xff\xff\xffIDATxxxx",
        "no end": _png(_head(), data)[:-12],
        "an archive after it": _png(_head(), data) + b"PK\3\4" + bytes(1 << 20),
        "no palette": _png(_head(colour=3), data),
        "indexes over the palette": _png(
            _head(colour=3), chunk(b"PLTE", b"abc"), chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * WIDTH) * HEIGHT))
        ),
        "palette of 7 bytes": _png(_head(colour=3), chunk(b"PLTE", b"abcdefg"), data),
        "3 bits a sample": _png(_head(depth=3), data),
        "colour kind 5": _png(_head(colour=5), data),
        "compression 9": _png(_head(WIDTH, HEIGHT, 8, 2, 9), data),
        "interlaced, half of it": _png(_head(WIDTH, HEIGHT, 8, 2, 0, 0, 1), chunk(b"IDAT", _rows(height=9))),
        "filter 9": _png(_head(), chunk(b"IDAT", _rows(9))),
        "samples that are not compressed": _png(_head(), chunk(b"IDAT", bytes(500))),
        "EXIF in a circle": _with(chunk(b"eXIf", _EXIF_CIRCLE)),
        "EXIF that is noise": _with(chunk(b"eXIf", bytes(range(256)) * 99)),
        "no gamma": _with(chunk(b"gAMA", bytes(4)), chunk(b"cHRM", bytes(32))),
        "transparency of a wrong length": _with(chunk(b"tRNS", b"12345")),
        "density of 2^32": _with(chunk(b"pHYs", b"\xff" * 8 + b"\1")),
        "2^31 frames announced": _png(_head(), chunk(b"acTL", struct.pack(">II", (1 << 31) - 1, 0)), _control(WIDTH, HEIGHT, 0, 0), data),
        "2^32 frames announced": _png(_head(), chunk(b"acTL", b"\xff" * 4 + bytes(4)), _control(WIDTH, HEIGHT, 0, 0), data),
        "a frame beyond the canvas": whole_apng.replace(struct.pack(">II", WIDTH, HEIGHT), struct.pack(">II", WIDTH, HEIGHT)[:7] + b"\xff"),
        "5,000 frames": _png(_head(), *animated),
        "no frames": _png(_head(), chunk(b"acTL", bytes(8)), data),
    }


def entities() -> bytes:
    """XMP whose text grows to gigabytes where entities are replaced."""
    levels = b"".join(b'<!ENTITY e%d "%s">' % (number, b"&e%d;" % (number - 1) * 10) for number in range(1, 10))
    packet = b'<!DOCTYPE x [<!ENTITY e0 "lol">' + levels + b']><x:xmpmeta xmlns:x="adobe:ns:meta/"><a>&e9;</a></x:xmpmeta>'
    return b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>' + packet + b'<?xpacket end="w"?>'
