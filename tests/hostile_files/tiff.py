"""TIFF and the raw formats that are made of it: directories in circles, strips elsewhere, compressions that expand or break."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

from tests.hostile_files.png import zeros
from tests.hostile_files.wholes import HEIGHT, WIDTH, whole

_FORMS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 11: "f", 12: "d"}
_Tag = tuple[int, int, Sequence[float]]


def _tiff(samples: bytes, *tags: _Tag, following: int = 0, without: Sequence[int] = ()) -> bytes:
    """One RGB picture with these tags in place of, or besides, the usual ones. The samples come first."""
    usual: dict[int, _Tag] = {
        each[0]: each
        for each in [
            (256, 4, [WIDTH]),
            (257, 4, [HEIGHT]),
            (258, 3, [8, 8, 8]),
            (259, 3, [1]),
            (262, 3, [2]),
            (273, 4, [8]),
            (277, 3, [3]),
            (278, 4, [HEIGHT]),
            (279, 4, [len(samples)]),
        ]
    }
    usual |= {each[0]: each for each in tags}
    chosen = [usual[number] for number in sorted(usual) if number not in without]
    at = 8 + len(samples) + len(samples) % 2
    extra_at = at + 2 + 12 * len(chosen) + 4
    entries, extra = b"", b""
    for number, kind, values in chosen:
        data = struct.pack(f"<{len(values)}{_FORMS[kind]}", *values)
        count = len(values) // (2 if kind == 5 else 1)
        inline = data.ljust(4, b"\0")
        if len(data) > 4:
            inline, extra = struct.pack("<I", extra_at + len(extra)), extra + data + b"\0" * (len(data) % 2)
        entries += struct.pack("<HHI", number, kind, count) + inline
    head = b"II*\0" + struct.pack("<I", at) + samples + b"\0" * (len(samples) % 2)
    return head + struct.pack("<H", len(chosen)) + entries + struct.pack("<I", following) + extra


def _pages(count: int) -> bytes:
    """So many directories, each of one gray pixel."""
    data = bytearray(b"II*\0\x08\0\0\0")
    for number in range(count):
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 1), (279, 1)]
        data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        data += struct.pack("<I", len(data) + 4 if number < count - 1 else 0)
    return bytes(data)


def _strips(count: int) -> bytes:
    return _tiff(bytes(WIDTH * HEIGHT * 3), (273, 4, [8] * count), (279, 4, [1] * count), (278, 4, [1]), (257, 4, [count]))


def _tiffs() -> Mapping[str, bytes]:
    rgb = bytes(range(256)) * (WIDTH * HEIGHT * 3 // 256)
    at = 8 + len(rgb)
    compressions = (2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34661, 34712, 34887, 34925, 50000, 50001, 50002, 65000)
    noise = {f"compression {each} of noise": _tiff(rgb[:999], (259, 3, [each])) for each in compressions}
    gray_noise = {
        f"fax {each} of noise": _tiff(rgb[:999], (259, 3, [each]), (258, 3, [1]), (277, 3, [1]), (262, 3, [0])) for each in (2, 3, 4)
    }
    return {
        **noise,
        **gray_noise,
        "directory that follows itself": _tiff(rgb, following=at),
        "directory within itself": _tiff(rgb, (330, 4, [at]), (34665, 4, [at]), (34853, 4, [at])),
        "4 gigapixels": _tiff(rgb, (256, 4, [65_535]), (257, 4, [65_535])),
        "2^32 columns": _tiff(rgb, (256, 4, [0xFFFFFFFF])),
        "most pixels that are allowed, of zeros": _tiff(zeros(12), (259, 3, [8]), (256, 4, [2000]), (257, 4, [2000]), (278, 4, [2000])),
        "strip that goes on for 64 MB": _tiff(zeros(64), (259, 3, [8])),
        "run that goes on": _tiff(b"\x81\0" * 50_000, (259, 3, [32773])),
        "strip outside": _tiff(rgb, (273, 4, [0xFFFFFF00])),
        "strip of 4 GB": _tiff(rgb, (279, 4, [0xFFFFFFFF])),
        "no rows in a strip": _tiff(rgb, (278, 4, [0])),
        "100,000 strips": _strips(100_000),
        "255 samples": _tiff(rgb, (277, 3, [255])),
        "65,535 samples": _tiff(rgb, (277, 3, [65_535])),
        "64 bits": _tiff(rgb, (258, 3, [64, 64, 64])),
        "3 bits": _tiff(rgb, (258, 3, [3, 3, 3])),
        "different bits": _tiff(rgb, (258, 3, [8, 16, 1])),
        "floating point": _tiff(rgb, (258, 3, [32, 32, 32]), (339, 3, [3, 3, 3]), (257, 4, [HEIGHT // 4])),
        "not a number": _tiff(b"\xff" * len(rgb), (258, 3, [32, 32, 32]), (339, 3, [3, 3, 3]), (257, 4, [HEIGHT // 4])),
        "complex numbers": _tiff(rgb, (258, 3, [64, 64, 64]), (339, 3, [6, 6, 6]), (257, 4, [HEIGHT // 8])),
        "signed numbers": _tiff(rgb, (339, 3, [2, 2, 2])),
        "tiles of 2^31": _tiff(rgb, (322, 4, [1 << 31]), (323, 4, [1 << 31]), (324, 4, [8]), (325, 4, [9]), without=(273, 278, 279)),
        "tiles of nothing": _tiff(rgb, (322, 4, [0]), (323, 4, [0]), (324, 4, [8]), (325, 4, [9]), without=(273, 278, 279)),
        "tiles outside": _tiff(rgb, (322, 4, [64]), (323, 4, [64]), (324, 4, [1 << 30]), (325, 4, [99]), without=(273, 278, 279)),
        "YCbCr, sampled by nothing": _tiff(rgb, (262, 3, [6]), (530, 3, [0, 0])),
        "YCbCr, sampled by 7": _tiff(rgb, (262, 3, [6]), (530, 3, [7, 7])),
        "palette that is not there": _tiff(rgb, (262, 3, [3]), (258, 3, [8]), (277, 3, [1])),
        "palette of two": _tiff(rgb, (262, 3, [3]), (258, 3, [8]), (277, 3, [1]), (320, 3, [0, 0, 0, 1, 1, 1])),
        "photometry 99": _tiff(rgb, (262, 3, [99])),
        "Lab": _tiff(rgb, (262, 3, [8])),
        "LogLuv of noise": _tiff(rgb, (262, 3, [32845]), (259, 3, [34676])),
        "separate planes that are not there": _tiff(rgb, (284, 3, [2])),
        "predictor of floats": _tiff(zlib.compress(rgb), (259, 3, [8]), (317, 3, [3])),
        "predictor 9": _tiff(zlib.compress(rgb), (259, 3, [8]), (317, 3, [9])),
        "profile that is noise": _tiff(rgb, (34675, 7, [7] * 300)),
        "XMP of nothing but <": _tiff(rgb, (700, 1, [60] * 3000)),
        "orientation 99": _tiff(rgb, (274, 3, [99])),
        "no size": _tiff(rgb, without=(256, 257)),
        "no strips": _tiff(rgb, without=(273, 279)),
        "density of nothing": _tiff(rgb, (282, 5, [0, 0]), (283, 5, [1, 0])),
        "5,000 pages": _pages(5000),
        "65,535 entries": b"II*\0\x08\0\0\0\xff\xff" + bytes(400),
        "directory at 2^63": b"II+\0\x08\0\0\0" + struct.pack("<Q", 1 << 63),
        "BigTIFF with 2^60 entries": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 60) + bytes(400),
    }


def _raws() -> Mapping[str, bytes]:
    data = whole("dng")
    first = 8

    def changed(tag: int, value: int) -> bytes:
        count = struct.unpack("<H", data[first : first + 2])[0]
        for at in range(first + 2, first + 2 + 12 * count, 12):
            if data[at : at + 2] == struct.pack("<H", tag):
                return data[: at + 8] + struct.pack("<I", value) + data[at + 12 :]
        raise KeyError(tag)

    return {
        "4 gigapixels": changed(256, 65_535).replace(struct.pack("<HHII", 257, 4, 1, HEIGHT), struct.pack("<HHII", 257, 4, 1, 65_535)),
        "recording outside": changed(273, 0xFFFFFF00),
        "recording of 4 GB": changed(279, 0xFFFFFFFF),
        "compressed as JPEG, of noise": changed(259, 7),
        "compression 34892": changed(259, 34892),
        "no bits": changed(258, 0),
        "33 bits": changed(258, 33),
        "no rows in a strip": changed(278, 0),
        "pattern of 65,535": changed(33421, 0xFFFFFFFF),
        "white level of nothing": changed(50717, 0),
        "white at nothing": changed(50728, 0),
        "matrix elsewhere": changed(50721, 0xFFFFFF00),
        "photometry 99": changed(262, 99),
        "directory that follows itself": data[: first + 2 + 12 * 22] + struct.pack("<I", first) + data[first + 2 + 12 * 22 + 4 :],
        "recording that is noise": data[:-2000] + bytes(range(250)) * 8,
    }


def tricks() -> Mapping[tuple[str, str], bytes]:
    """By extension and name."""
    found = {("tif", name): content for name, content in _tiffs().items()} | {("dng", name): content for name, content in _raws().items()}
    # The same under the names that other cameras give, and what only their makers write.
    other = {(each, "recording of another camera"): _raws()["4 gigapixels"] for each in ("nef", "arw")}
    makers = {"cr2": b"II*\0\x10\0\0\0CR\2\0", "orf": b"IIRO\x08\0\0\0", "rw2": b"IIU\0\x08\0\0\0"}
    started = {(each, "only a beginning"): start + bytes(range(256)) * 9 for each, start in makers.items()}
    inside = {(each, "another camera's recording"): start + whole("dng")[len(start) :] for each, start in makers.items()}
    return found | other | started | inside
