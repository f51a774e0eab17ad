"""HEIC, AVIF and JPEG XL: boxes with wrong sizes, items that refer to themselves, grids of anything."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.hostile_files.wholes import HEIGHT, WIDTH, whole


def _box(kind: bytes, *content: bytes, size: int | None = None) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body) if size is None else size) + kind + body


def _full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)


def _found(data: bytes, kind: bytes) -> bytes:
    """The first box of a kind, whole."""
    at = data.index(kind) - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")]


def _ispe(width: int, height: int) -> bytes:
    return _full(b"ispe", struct.pack(">II", width, height))


def _grid(rows: int, columns: int, width: int, height: int) -> bytes:
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)


class Heif:
    """A container with items of our choice: item 1 is the coded picture of a whole AVIF or HEIC."""

    def __init__(self, kind: str = "avif") -> None:
        data = whole(kind)
        self.brand, self.code, config = (b"avif", b"av01", b"av1C") if kind == "avif" else (b"heic", b"hvc1", b"hvcC")
        self.coded = _found(data, b"mdat")[8:]
        self.properties = [_found(data, config), _ispe(WIDTH, HEIGHT), *([_found(data, b"pixi")] if b"pixi" in data else [])]
        self.items: list[tuple[int, bytes]] = [(1, self.code)]
        self.locations: dict[int, bytes] = {}
        """Instead of the usual ones: the whole entries of `iloc`, from their construction method on."""
        self.idat = b""
        self.references: list[bytes] = []
        self.associations: dict[int, Sequence[int]] = {1: range(1, len(self.properties) + 1)}
        self.primary = 1

    def derived(self, item: int, kind: bytes, content: bytes, sources: Sequence[int], width: int, height: int) -> Heif:
        """Add an item made of others, and make it the primary one."""
        self.items.append((item, kind))
        self.locations[item] = struct.pack(">HHHII", 1, 0, 1, len(self.idat), len(content))
        self.idat += content
        self.references.append(_box(b"dimg", struct.pack(">HH", item, len(sources)), *(struct.pack(">H", each) for each in sources)))
        self.properties.append(_ispe(width, height))
        self.associations[item] = [len(self.properties), *([3] if len(self.properties) > 3 else [])]
        self.primary = item
        return self

    def content(self) -> bytes:
        """The file."""
        head = _box(b"ftyp", self.brand, bytes(4), b"mif1", b"miaf", self.brand)
        length = len(self._meta(0))
        return head + self._meta(len(head) + length + 8) + _box(b"mdat", self.coded)

    def _meta(self, data_at: int) -> bytes:
        infos = [_full(b"infe", struct.pack(">HH", item, 0), kind, b"\0", version=2) for item, kind in self.items]
        places = b""
        for item, _ in self.items:
            place = self.locations.get(item) or struct.pack(">HHHII", 0, 0, 1, data_at, len(self.coded))
            places += struct.pack(">H", item) + place
        linked = [struct.pack(">HB", item, len(which)) + bytes(which) for item, which in self.associations.items()]
        properties = _box(b"iprp", _box(b"ipco", *self.properties), _full(b"ipma", struct.pack(">I", len(linked)), *linked))
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", self.primary)),
            _full(b"iloc", b"\x44\0", struct.pack(">H", len(self.items)), places, version=1),
            _full(b"iinf", struct.pack(">H", len(infos)), *infos),
            properties,
            *([_full(b"iref", *self.references)] if self.references else []),
            *([_box(b"idat", self.idat)] if self.idat else []),
        )


def _property(kind: str, *properties: bytes) -> bytes:
    made = Heif(kind)
    made.properties += properties
    made.associations[1] = range(1, len(made.properties) + 1)
    return made.content()


def _placed(kind: str, *place: int, form: str = ">HHHII") -> bytes:
    made = Heif(kind)
    made.locations[1] = struct.pack(form, *place)
    return made.content()


def _of_kind(kind: str) -> Mapping[str, bytes]:
    data, plain = whole(kind), Heif(kind).content()
    ispe, meta, iloc = (data.index(name) for name in (b"ispe", b"meta", b"iloc"))
    coded = data.index(b"mdat")
    config = data.index(b"av1C" if kind == "avif" else b"hvcC")
    sized = Heif(kind)
    sized.properties[1] = _ispe(2000, 2000)
    both = Heif(kind).derived(2, b"grid", _grid(1, 2, 128, 48), [1, 1], 128, 48)
    both.references.append(_box(b"auxl", struct.pack(">HHH", 1, 1, 1)))
    swapped = Heif(kind).derived(2, b"iden", b"", [3], 64, 48).derived(3, b"iden", b"", [2], 64, 48)
    return {
        "made anew": plain,
        "size of 2^31": data[: ispe + 8] + struct.pack(">II", 1 << 31, 1 << 31) + data[ispe + 16 :],
        "size of nothing": data[: ispe + 8] + bytes(8) + data[ispe + 16 :],
        "another size": sized.content(),
        "meta of 4 GB": data[: meta - 4] + b"\xff\xff\xff\xff" + data[meta:],
        "meta of 8 bytes": data[: meta - 4] + b"\0\0\0\x08" + data[meta:],
        "meta of 3 bytes": data[: meta - 4] + b"\0\0\0\x03" + data[meta:],
        "samples of 2^63 bytes": data[: coded - 4] + b"\0\0\0\1mdat" + struct.pack(">Q", 1 << 63) + data[coded + 4 :],
        "no samples": data[: coded - 4],
        "samples that are noise": data[: coded + 4] + bytes(range(256)) * 9,
        "places that are noise": data[: iloc + 8] + bytes(range(40)) + data[iloc + 48 :],
        "configuration that is noise": data[: config + 4] + b"\xff" * 12 + data[config + 16 :],
        "item elsewhere": _placed(kind, 0, 0, 1, 0xFFFFFF00, 999),
        "item of 4 GB": _placed(kind, 0, 0, 1, 0, 0xFFFFFFFF),
        "item in itself": _placed(kind, 2, 0, 1, 0, 999),
        "item in 65,535 parts": _placed(kind, 0, 0, 65_535, 0, 1),
        "item in another file": _placed(kind, 0, 7, 1, 0, 999),
        "item without parts": _placed(kind, 0, 0, 0, form=">HHH"),
        "grid of 65,536 tiles": Heif(kind)
        .derived(2, b"grid", _grid(256, 256, 64 * 256, 48 * 256), [1] * 65_535, 64 * 256, 48 * 256)
        .content(),
        "grid of 4 gigapixels": Heif(kind).derived(2, b"grid", _grid(1, 1, 65_535, 65_535), [1], 65_535, 65_535).content(),
        "grid of most pixels that are allowed": Heif(kind).derived(2, b"grid", _grid(30, 30, 1900, 1400), [1] * 900, 1900, 1400).content(),
        "grid of itself": Heif(kind).derived(2, b"grid", _grid(1, 1, 64, 48), [2], 64, 48).content(),
        "grid of nothing": Heif(kind).derived(2, b"grid", _grid(2, 2, 128, 96), [], 128, 96).content(),
        "grid of items that are not there": Heif(kind).derived(2, b"grid", _grid(1, 2, 128, 48), [8, 9], 128, 48).content(),
        "grid that is cut": Heif(kind).derived(2, b"grid", b"\0\0", [1], 64, 48).content(),
        "grid of grids of grids": _nested(kind),
        "items that are each other": swapped.content(),
        "overlay of 2^31": Heif(kind).derived(2, b"iovl", bytes(10) + struct.pack(">IIii", 1 << 31, 1 << 31, 0, 0), [1], 64, 48).content(),
        "alpha of itself": both.content(),
        "no primary item": plain.replace(_full(b"pitm", struct.pack(">H", 1)), _full(b"pitm", struct.pack(">H", 77))),
        "properties that are not there": plain.replace(b"\0\1" + bytes([len(Heif(kind).properties), 1, 2]), b"\0\1\x03\x7f\x7e"),
        "cut to nothing": _property(kind, _box(b"clap", struct.pack(">8I", 0, 1, 0, 1, 0, 1, 0, 1))),
        "cut by nothing": _property(kind, _box(b"clap", struct.pack(">8I", 64, 0, 48, 0, 0, 0, 0, 0))),
        "cut far outside": _property(kind, _box(b"clap", struct.pack(">8I", 64, 1, 48, 1, 1 << 30, 1, 1 << 30, 1))),
        "turned 200 times": _property(kind, *[_box(b"irot", b"\1")] * 60, *[_box(b"imir", b"\1")] * 60),
        "profile of noise": _property(kind, _box(b"colr", b"prof", bytes(range(200)))),
        "colours 65,535": _property(kind, _box(b"colr", b"nclx", b"\xff" * 7)),
        "1,000 boxes within each other": data[: meta - 4] + _deep(1000) + data[meta - 4 :],
        "10,000 boxes": data[: meta - 4] + _box(b"free") * 10_000 + data[meta - 4 :],
        "a box without end": data + b"\0\0\0\0free" + bytes(99),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 16),
        "only a beginning": data[:meta],
    }


def _nested(kind: str) -> bytes:
    made = Heif(kind)
    for item in range(2, 12):
        made.derived(item, b"grid", _grid(1, 2, WIDTH << (item - 1), HEIGHT), [item - 1, item - 1], WIDTH << (item - 1), HEIGHT)
    return made.content()


def _deep(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = _box(b"moov", data)
    return data


def _sequence() -> bytes:
    """A sequence whose sample table announces 2^32 frames."""
    sizes = _full(b"stsz", struct.pack(">II", 99, 0xFFFFFFFF))
    times = _full(b"stts", struct.pack(">III", 1, 0xFFFFFFFF, 0xFFFFFFFF))
    table = _box(b"stbl", sizes, times)
    track = _box(b"trak", _box(b"mdia", _box(b"minf", table)))
    data = whole("avif")
    return _box(b"ftyp", b"avis", bytes(4), b"avifavismif1miaf") + data[int.from_bytes(data[:4], "big") :] + _box(b"moov", track)


def _jxls() -> Mapping[str, bytes]:
    data = whole("jxl")
    code = data if data.startswith(b"\xff\x0a") else _found(data, b"jxlc")[8:]
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + _box(b"ftyp", b"jxl ", bytes(4), b"jxl ")
    middle = len(code) // 2
    return {
        "noise": code[:2] + bytes(range(256)) * 9,
        "the largest size": b"\xff\x0a" + b"\xff" * 12 + code[14:],
        "noise in the middle": code[:middle] + bytes(range(99)) + code[middle + 99 :],
        "box of 4 GB": head + _box(b"jxlc", code, size=0xFFFFFFFF),
        "no picture in it": head,
        "parts in the wrong order": head
        + _box(b"jxlp", struct.pack(">I", 0x80000001), code[middle:])
        + _box(b"jxlp", bytes(4), code[:middle]),
        "parts that are missing": head + _box(b"jxlp", bytes(4), code[:middle]),
        "EXIF that is compressed noise": head + _box(b"brob", b"Exif", bytes(range(99))) + _box(b"jxlc", code),
        "10,000 boxes": head + _box(b"abcd") * 10_000 + _box(b"jxlc", code),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 16),
    }


def tricks() -> Mapping[tuple[str, str], bytes]:
    """By extension and name."""
    found = {(kind, name): content for kind in ("avif", "heic") for name, content in _of_kind(kind).items()}
    return found | {("jxl", name): content for name, content in _jxls().items()} | {("avif", "2^32 frames announced"): _sequence()}
