"""Headers of TIFF and BigTIFF (TIFF 6.0; BigTIFF according to its de facto specification of 2007), and of the raw formats made of them."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, read_exactly, require_size, whole_file
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import BudgetExhausted, RangeFile

WIDTH, LENGTH, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 262, 274, 277
_EXTRA_SAMPLES = 338
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_KIND, _OLD_KIND = 254, 255
"""NewSubfileType, a set of bits, and SubfileType, which it has replaced."""
_SMALLER, _MASK, _OLD_SMALLER = 1, 4, 2
_PICTURE = (WIDTH, LENGTH, _EXTRA_SAMPLES, *_OFFSETS, *_COUNTS)
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_DIRECTORIES = 10_000
_MAX_ENTRIES = 4_096
_MAX_STRIPS = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order and field widths."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """The form of a position in the file."""
        return "Q" if self.big else "I"

    def unpack(self, form: str, data: bytes) -> tuple[int, ...]:
        """The numbers in the data, as `struct` names their form."""
        return struct.unpack(self.order + form, data)

    def read(self, file: RangeFile, position: int, form: str) -> tuple[int, ...]:
        """The numbers at a position of the file; raises Damaged if it ends first."""
        return self.unpack(form, read_exactly(file, position, struct.calcsize(self.order + form)))


def parse(file: RangeFile) -> Probe:
    """Read the first directory, and count the pages."""
    layout, position = start(file)
    tags, _ = directory(file, layout, position, _PICTURE)
    width, height = (tags[tag][0] if tags.get(tag) else 0 for tag in (WIDTH, LENGTH))
    require_size(width, height)
    require_strips(file, tags)
    # The first picture is whole; what is missing behind it is found when all are read.
    found = pages(file, some=True)
    return Probe(
        media_type=MediaFormat.TIFF.media_type,
        width=width,
        height=height,
        frames=None if found is None else len(found),
        has_alpha=any(sample in (1, 2) for sample in tags.get(_EXTRA_SAMPLES, ())),
    )


def start(file: RangeFile) -> tuple[Layout, int]:
    """How numbers are stored, and the position of the first directory."""
    head = read_exactly(file, 0, 8)
    layout = Layout("<" if head[:2] == b"II" else ">", big=43 in (head[2], head[3]))
    (position,) = layout.read(file, 8 if layout.big else 4, layout.offset)
    return layout, position


def directory(file: RangeFile, layout: Layout, position: int, wanted: Collection[int]) -> tuple[dict[int, tuple[int, ...]], int]:
    """Those of the wanted tags that are there and hold integers, and the position of the next directory (0 if there is none)."""
    count_form, entry_bytes = ("Q", 20) if layout.big else ("H", 12)
    (count,) = layout.read(file, position, count_form)
    if not 0 < count <= _MAX_ENTRIES:
        raise DamagedFileError("its directory is broken")
    position += struct.calcsize("<" + count_form)
    entries = read_exactly(file, position, count * entry_bytes)
    tags = {}
    for start in range(0, len(entries), entry_bytes):
        tag, kind, values = layout.unpack("HH" + layout.offset, entries[start : start + (12 if layout.big else 8)])
        form = _TYPES.get(kind)
        if form is None or tag not in wanted or values > _MAX_STRIPS:
            continue
        inline = entries[start + (12 if layout.big else 8) : start + entry_bytes]
        length = values * struct.calcsize("<" + form)
        data = inline[:length]
        if length > len(inline):
            data = read_exactly(file, layout.unpack(layout.offset, inline)[0], length)
        tags[tag] = layout.unpack(f"{values}{form}", data)
    (following,) = layout.read(file, position + len(entries), layout.offset)
    return tags, following


def require_strips(file: RangeFile, tags: dict[int, tuple[int, ...]]) -> None:
    """Raise Damaged if picture data would lie beyond the end of the file."""
    for offsets, counts in zip(_OFFSETS, _COUNTS, strict=True):
        for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False):
            if offset + count > file.size:
                raise DamagedFileError("it is truncated")


def pages(file: RangeFile, wanted: Collection[int] = (), *, some: bool = False) -> list[tuple[int, dict[int, tuple[int, ...]]]] | None:
    """The places of the directories that hold pages, and what they say of the wanted tags: the first directory, and those that hold no
    smaller copy and no mask of another.

    None if reading all would exceed the budget, or there are more than 10,000. Raises Damaged if the chain leads nowhere; with `some`, the
    pages that come before are returned.
    """
    layout, position = start(file)
    seen, found = set[int](), list[tuple[int, dict[int, tuple[int, ...]]]]()
    try:
        while position and position not in seen:
            if len(seen) == _MAX_DIRECTORIES:
                return None
            tags, following = directory(file, layout, position, (_KIND, _OLD_KIND, *wanted))
            if not seen or not _is_beside(tags):
                found.append((position, tags))
            seen.add(position)
            position = following
    except BudgetExhausted:
        return None
    except DamagedFileError:
        if not some:
            raise
    return found


def with_one_page(content: bytes, position: int) -> bytes:
    """A whole file whose only directory is the one at this place. Raises Damaged."""
    file = whole_file(content)
    layout, _ = start(file)
    count_form, entry_bytes = ("Q", 20) if layout.big else ("H", 12)
    (count,) = layout.read(file, position, count_form)
    following = position + struct.calcsize("<" + count_form) + count * entry_bytes
    layout.read(file, following, layout.offset)
    made = bytearray(content)
    struct.pack_into(layout.order + layout.offset, made, following, 0)
    struct.pack_into(layout.order + layout.offset, made, 8 if layout.big else 4, position)
    return bytes(made)


def _is_beside(tags: dict[int, tuple[int, ...]]) -> bool:
    """Whether a directory holds a smaller copy or a mask of a page."""
    (kind, *_), (old, *_) = tags.get(_KIND) or (0,), tags.get(_OLD_KIND) or (0,)
    return bool(kind & (_SMALLER | _MASK)) or old == _OLD_SMALLER


_MOST_DIRECTORIES = 64
_SENSOR_WIDTH, _SENSOR_HEIGHT, _SUB_DIRECTORIES = 2, 3, 330
_SIDES = ((WIDTH, _SENSOR_WIDTH), (LENGTH, _SENSOR_HEIGHT))
"""The tags of width and height, and those that Panasonic has instead."""
_COUNTS_ELSEWHERE = frozenset({MediaFormat.ORF, MediaFormat.RW2})
"""Their makers put the length of the recording into tags of their own."""


def parse_raw(file: RangeFile, format_: MediaFormat) -> Probe:
    """Read all directories: the largest picture is what the sensor recorded, perhaps with a border that is not shown."""
    layout, position = start(file)
    waiting, seen, largest = [position], set[int](), (0, 0)
    while waiting and len(seen) < _MOST_DIRECTORIES:
        position = waiting.pop(0)
        if not position or position in seen:
            continue
        seen.add(position)
        tags, following = directory(file, layout, position, (*_PICTURE, _SENSOR_WIDTH, _SENSOR_HEIGHT, _SUB_DIRECTORIES))
        waiting += [*tags.get(_SUB_DIRECTORIES, ()), following]
        sides = [tags[one] if one in tags else tags.get(other, (0,)) for one, other in _SIDES]
        width, height = (side[0] if side else 0 for side in sides)
        largest = max(largest, (width, height), key=lambda size: size[0] * size[1])
        if format_ not in _COUNTS_ELSEWHERE:
            require_strips(file, tags)
    if not all(largest):
        raise DamagedFileError("it holds no picture with a size")
    return Probe(media_type=format_.media_type, width=largest[0], height=largest[1], frames=1, has_alpha=False)
