"""The metadata of HEIC, HEIF and AVIF files: items of their box `meta` (ISO 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from services.inference.media.errors import damaged_error, unread
from services.inference.tagging.blocks import Blocks
from services.inference.tagging.boxes import Box, DamagedBoxError, Reader, box, boxes

_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The kind of a box `uuid` with content credentials (C2PA 2.2, A.5)."""
_EXIF, _MIME, _XMP = b"Exif", b"mime", b"application/rdf+xml"
_MOST_ITEMS = 100_000


@dataclass(frozen=True, slots=True)
class _Extent:
    index: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Location:
    item: int
    method: int
    reference: int
    base: int
    extents: tuple[_Extent, ...]


@dataclass(slots=True)
class _Meta:
    box: Box
    parts: list[tuple[bytes, bytes]]
    """Kinds and contents of its boxes."""
    primary: int = 0
    items: dict[int, bytes] = field(default_factory=dict)
    """Kinds of the items; `_XMP` for packets."""
    locations: list[_Location] = field(default_factory=list)
    index_size: int = 0

    def content(self, kind: bytes) -> bytes:
        return next((content for each, content in self.parts if each == kind), b"")

    def item(self, kind: bytes) -> _Location | None:
        """The first item of a kind."""
        return next((each for each in self.locations if self.items.get(each.item) == kind), None)


def read(data: bytes) -> Blocks:
    """The file's metadata. Raises `FILE_CORRUPT`."""
    try:
        meta = _meta(data)
        exif, xmp = (_payload(data, meta, kind) for kind in (_EXIF, _XMP))
    except (DamagedBoxError, struct.error) as error:
        raise damaged_error("HEIF") from error
    if exif is not None:
        exif = exif[4 + int.from_bytes(exif[:4], "big") :].removeprefix(b"Exif\0\0")
    return Blocks(exif or None, None, xmp)


def write(data: bytes, before: Blocks, after: Blocks) -> bytes:
    """The file with what is different after, without content credentials: new items are at its end.

    Raises as `read`, and `MEDIA_UNSUPPORTED`.
    """
    try:
        return _written(_without_credentials(data), before, after)
    except (DamagedBoxError, struct.error) as error:
        raise damaged_error("HEIF") from error


def _without_credentials(data: bytes) -> bytes:
    """With an empty box in place of theirs, so that all others stay where they are."""
    changed = bytearray(data)
    for each in boxes(data, 0, len(data)):
        if each.kind == b"uuid" and data.startswith(_CREDENTIALS, each.inside):
            changed[each.start + 4 : each.start + 8] = b"free"
            changed[each.inside : each.end] = bytes(each.end - each.inside)
    return bytes(changed)


def _written(data: bytes, before: Blocks, after: Blocks) -> bytes:
    meta = _meta(data)
    if any(each.kind == b"moov" for each in boxes(data, 0, len(data))):
        raise unread("HEIF", "has tracks besides its pictures")
    changed = bytearray(data)
    new: list[tuple[int, bytes]] = []
    for kind, old, wanted in ((_EXIF, before.exif, after.exif), (_XMP, before.xmp, after.xmp)):
        if wanted == old:
            continue
        location = meta.item(kind)
        if location is not None:
            _erase(changed, meta, location)
        if wanted is None:
            if location is not None:
                _forget(meta, location.item)
            continue
        number = location.item if location is not None else _added(meta, kind)
        # An Exif item begins with the distance of the structure from here.
        new.append((number, b"\0\0\0\6Exif\0\0" + wanted if kind == _EXIF else wanted))
    return _laid_out(bytes(changed), meta, new)


def _laid_out(data: bytes, meta: _Meta, new: list[tuple[int, bytes]]) -> bytes:
    """The rewritten box; everything after it moves, and the places of items with it. New items are behind everything."""
    numbers = {number for number, _ in new}
    kept = [each for each in meta.locations if each.item not in numbers]
    size = len(_box(meta, kept + [_Location(number, 0, 0, 0, (_Extent(0, 0, 0),)) for number in numbers]))
    moved = size - (meta.box.end - meta.box.start)
    locations = [_shifted(each, meta.box.end, moved) for each in kept]
    at = len(data) + moved + 8
    for number, content in new:
        locations.append(_Location(number, 0, 0, 0, (_Extent(0, at, len(content)),)))
        at += len(content)
    tail = box(b"mdat", b"".join(content for _, content in new)) if new else b""
    return _closed(data[: meta.box.start]) + _box(meta, locations) + _closed(data[meta.box.end :]) + tail


def _closed(data: bytes) -> bytes:
    """With the size of a last box that went on to the end of the file."""
    last = next(reversed(list(boxes(data, 0, len(data)))), None)
    if last is None or data[last.start : last.start + 4] != bytes(4):
        return data
    if last.end - last.start >= 1 << 32:
        raise DamagedBoxError
    return data[: last.start] + struct.pack(">I", last.end - last.start) + data[last.start + 4 :]


def _shifted(location: _Location, behind: int, moved: int) -> _Location:
    if location.method != 0 or location.reference:
        return location
    extents = tuple(
        replace(each, offset=location.base + each.offset + (moved if location.base + each.offset >= behind else 0))
        for each in location.extents
    )
    return replace(location, base=0, extents=extents)


def _meta(data: bytes) -> _Meta:
    found = next((each for each in boxes(data, 0, len(data)) if each.kind == b"meta"), None)
    if found is None or found.inside + 4 > found.end:
        raise DamagedBoxError
    inside = [(each.kind, data[each.inside : each.end]) for each in boxes(data, found.inside + 4, found.end)]
    meta = _Meta(found, inside)
    primary = meta.content(b"pitm")
    meta.primary = int.from_bytes(primary[4:], "big")
    _read_items(meta)
    _read_locations(meta)
    return meta


def _read_items(meta: _Meta) -> None:
    content = meta.content(b"iinf")
    if not content:
        raise DamagedBoxError
    for entry in boxes(content, 6 if content[0] == 0 else 8, len(content)):
        reader = Reader(content, entry.inside, entry.end)
        version = reader.number(1)
        reader.read(3)
        if entry.kind != b"infe" or version < 2:
            continue
        number = reader.number(2 if version == 2 else 4)
        reader.read(2)
        kind = reader.read(4)
        reader.text()
        meta.items[number] = _XMP if kind == _MIME and reader.text() == _XMP else kind


def _read_locations(meta: _Meta) -> None:
    content = meta.content(b"iloc")
    reader = Reader(content, 0, len(content))
    version = reader.number(1)
    reader.read(3)
    sizes, more = reader.number(1), reader.number(1)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    meta.index_size = index_size = more & 15 if version else 0
    count = reader.number(2 if version < 2 else 4)
    if count > _MOST_ITEMS:
        raise DamagedBoxError
    for _ in range(count):
        number = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reference, base = reader.number(2), reader.number(base_size)
        extents = tuple(
            _Extent(reader.number(index_size), reader.number(offset_size), reader.number(length_size)) for _ in range(reader.number(2))
        )
        meta.locations.append(_Location(number, method, reference, base, extents))


def _erase(data: bytearray, meta: _Meta, location: _Location) -> None:
    """Overwrites an item in the file or, if it is there, in the box's own data."""
    source = data if location.method == 0 else bytearray(meta.content(b"idat"))
    for start, end in _ranges(len(source), meta, location):
        # A file that claims an item to be among its boxes keeps these.
        if source is not data or (start >= meta.box.end or 16 <= start < end <= meta.box.start):
            source[start:end] = bytes(end - start)
    if source is not data and source:
        _replace(meta, b"idat", bytes(source))


def _ranges(size: int, meta: _Meta, location: _Location) -> list[tuple[int, int]]:
    """Where an item is in a source of this many bytes, without what it shares with others."""
    others = [part for each in meta.locations if each.item != location.item and each.method == location.method for part in _parts(each)]
    return [
        (first, last) for first, last in _parts(location) if last <= size and all(last <= other[0] or first >= other[1] for other in others)
    ]


def _parts(location: _Location) -> list[tuple[int, int]]:
    return [(location.base + part.offset, location.base + part.offset + part.length) for part in location.extents]


def _payload(data: bytes, meta: _Meta, kind: bytes) -> bytes | None:
    location = meta.item(kind)
    if location is None or location.method not in (0, 1) or location.reference:
        return None
    source = data if location.method == 0 else meta.content(b"idat")
    pieces = []
    for extent in location.extents:
        start = location.base + extent.offset
        end = start + extent.length if extent.length else len(source)
        if end > len(source):
            raise DamagedBoxError
        pieces.append(source[start:end])
        if sum(map(len, pieces)) > len(source):
            raise DamagedBoxError
    return b"".join(pieces)


def _added(meta: _Meta, kind: bytes) -> int:
    """A new item about the primary one."""
    number = max(meta.items, default=0) + 1
    if number >= 1 << 16:
        raise DamagedBoxError
    entry = struct.pack(">B3xHH", 2, number, 0) + (_MIME if kind == _XMP else kind) + b"\0"
    entry += _XMP + b"\0" if kind == _XMP else b""
    meta.items[number] = kind
    references = meta.content(b"iref") or bytes(4)
    wide = references[0] == 1
    link = struct.pack(">IHI" if wide else ">HHH", number, 1, meta.primary)
    _replace(meta, b"iref", references + box(b"cdsc", link))
    _replace(meta, b"iinf", _counted(meta.content(b"iinf"), 1) + box(b"infe", entry))
    return number


def _forget(meta: _Meta, number: int) -> None:
    """An item, and what refers to it."""
    content = meta.content(b"iinf")
    head = 6 if content[0] == 0 else 8
    kept = [content[each.start : each.end] for each in boxes(content, head, len(content)) if _number_of(content, each) != number]
    _replace(meta, b"iinf", _counted(content, -1)[:head] + b"".join(kept))
    references = meta.content(b"iref")
    if references:
        size = 4 if references[0] == 1 else 2
        links = [
            references[each.start : each.end]
            for each in boxes(references, 4, len(references))
            if int.from_bytes(references[each.inside : each.inside + size], "big") != number
        ]
        _replace(meta, b"iref", references[:4] + b"".join(links))
    meta.locations = [each for each in meta.locations if each.item != number]
    del meta.items[number]


def _number_of(content: bytes, entry: Box) -> int:
    size = 4 if content[entry.inside] >= 3 else 2
    return int.from_bytes(content[entry.inside + 4 : entry.inside + 4 + size], "big")


def _counted(content: bytes, more: int) -> bytes:
    """The list of items with another count."""
    size = 2 if content[0] == 0 else 4
    count = int.from_bytes(content[4 : 4 + size], "big") + more
    return content[:4] + count.to_bytes(size, "big") + content[4 + size :]


def _replace(meta: _Meta, kind: bytes, content: bytes) -> None:
    if any(each == kind for each, _ in meta.parts):
        meta.parts = [(each, content if each == kind else old) for each, old in meta.parts]
    else:
        meta.parts.append((kind, content))


def _box(meta: _Meta, locations: list[_Location]) -> bytes:
    parts = b"".join(box(kind, _iloc(meta, locations) if kind == b"iloc" else content) for kind, content in meta.parts)
    version_and_flags = bytes(4)
    return box(b"meta", version_and_flags + parts)


def _iloc(meta: _Meta, locations: list[_Location]) -> bytes:
    """With places of 8 bytes only where they are needed: the size must not depend on what moves."""
    old = meta.content(b"iloc")
    wide = old[4] >> 4 == 8 or old[4] & 15 == 8
    size = 8 if wide else 4
    version = max(old[0], 1)
    # Without bases where there are none: the library that signs content credentials takes them for something else.
    base_size = size if any(each.base for each in locations if each.method or each.reference) else 0
    written = struct.pack(">B3xBB", version, size << 4 | size, base_size << 4 | meta.index_size)
    counted = 2 if version < 2 else 4
    written += len(locations).to_bytes(counted, "big")
    for each in locations:
        written += each.item.to_bytes(counted, "big") + struct.pack(">HH", each.method, each.reference)
        written += (each.base if base_size else 0).to_bytes(base_size, "big") + struct.pack(">H", len(each.extents))
        for extent in each.extents:
            written += extent.index.to_bytes(meta.index_size, "big")
            written += extent.offset.to_bytes(size, "big") + extent.length.to_bytes(size, "big")
    return written
