"""JPEG XL headers (ISO/IEC 18181-1, annex D; the container is ISO/IEC 18181-2)."""

from __future__ import annotations

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, read_exactly, require_size
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import RangeFile

_CODESTREAM = b"\xff\x0a"
_MOST_BOXES = 1_000
_HEADER_BYTES = 128
"""More than the fields that are read take."""
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_ALPHA = 0

# A number is stored as two bits that choose what follows: an offset, and a number of bits whose value is added to it.
_Choice = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
_SIDE: _Choice = ((1, 9), (1, 13), (1, 18), (1, 30))
_PREVIEW_EIGHTHS: _Choice = ((16, 0), (32, 0), (1, 5), (33, 9))
_PREVIEW_SIDE: _Choice = ((1, 6), (65, 8), (321, 10), (1345, 12))
_TICKS: _Choice = ((100, 0), (1000, 0), (1, 10), (1, 30))
_TICK_DIVISOR: _Choice = ((1, 0), (1001, 0), (1, 8), (1, 10))
_LOOPS: _Choice = ((0, 0), (0, 3), (0, 16), (0, 32))
_WHOLE_BITS: _Choice = ((8, 0), (10, 0), (12, 0), (1, 6))
_FLOAT_BITS: _Choice = ((32, 0), (16, 0), (24, 0), (1, 6))
_EXTRA_CHANNELS: _Choice = ((0, 0), (1, 0), (2, 4), (1, 12))
_KIND: _Choice = ((0, 0), (1, 0), (2, 4), (18, 6))


class _Bits:
    """Fields of a header, the lowest bit of each byte first. Raises Damaged where it ends."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise DamagedFileError("it is truncated")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def choose(self, choice: _Choice) -> int:
        offset, bits = choice[self.take(2)]
        return offset + self.take(bits)


def parse(file: RangeFile) -> Probe:
    """Read the size and the start of the metadata, with which the codestream begins."""
    start = _codestream(file)
    head = file.at(start, _HEADER_BYTES)
    if head[:2] != _CODESTREAM:
        raise DamagedFileError("its codestream is broken")
    bits = _Bits(head[2:])
    width, height = _size(bits)
    require_size(width, height)
    animated, has_alpha = _metadata(bits)
    frames = None if animated else 1
    return Probe(media_type=MediaFormat.JXL.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _codestream(file: RangeFile) -> int:
    """Where the codestream begins: at once, or in a box of the container."""
    if file.at(0, 2) == _CODESTREAM:
        return 0
    position = 0
    for _ in range(_MOST_BOXES):
        header = read_exactly(file, position, 8)
        length, body = int.from_bytes(header[:4], "big"), position + 8
        if length == 1:
            length, body = int.from_bytes(read_exactly(file, body, 8), "big"), body + 8
        end = position + length if length else file.size
        if end < body:
            raise DamagedFileError("its boxes are broken")
        if end > file.size:
            raise DamagedFileError("it is truncated")
        if header[4:] == b"jxlc":
            return body
        if header[4:] == b"jxlp":
            return body + 4  # the number of the part
        position = end
    raise DamagedFileError("it holds no picture")


def _size(bits: _Bits) -> tuple[int, int]:
    eighths = bits.take(1)
    height = 8 * (1 + bits.take(5)) if eighths else bits.choose(_SIDE)
    if ratio := _RATIOS.get(bits.take(3)):
        return height * ratio[0] // ratio[1], height
    return 8 * (1 + bits.take(5)) if eighths else bits.choose(_SIDE), height


def _metadata(bits: _Bits) -> tuple[bool, bool]:
    """Whether it is an animation, and whether its first extra channel is alpha."""
    if bits.take(1):  # all as usual
        return False, False
    animated = False
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _size(bits)
        if bits.take(1):
            sides = _PREVIEW_EIGHTHS if bits.take(1) else _PREVIEW_SIDE
            bits.choose(sides)
            if not bits.take(3):
                bits.choose(sides)
        animated = bool(bits.take(1))
        if animated:
            for choice in (_TICKS, _TICK_DIVISOR, _LOOPS):
                bits.choose(choice)
            bits.take(1)
    if bits.take(1):
        bits.choose(_FLOAT_BITS)
        bits.take(4)
    else:
        bits.choose(_WHOLE_BITS)
    bits.take(1)
    return animated, bool(bits.choose(_EXTRA_CHANNELS)) and bool(bits.take(1) or bits.choose(_KIND) == _ALPHA)
