"""MP4, MOV and WebM: indexes and elements that lie or do not end."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.hostile_files.wholes import whole
from tests.unit.probe.videos import sound_only, video

_MOST = b"\xff\xff\xff\xff"


def _put(data: bytes, mark: bytes, after: int, content: bytes) -> bytes:
    """With other bytes so many after the end of the first such mark."""
    at = data.index(mark) + len(mark) + after
    return data[:at] + content + data[at + len(content) :]


def _noise(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(range(255)) * 9 + data[len(data) // 2 :]


def _nested(depth: int) -> bytes:
    """Boxes in boxes."""
    head = whole("mp4")[:32]
    return head + b"".join(struct.pack(">I4s", 8 * (depth - each), b"moov") for each in range(depth))


def _indexed() -> Mapping[str, bytes]:
    data = whole("mp4")
    fragments = video("mp4", 12, options=(("movflags", "frag_keyframe+empty_moov+default_base_moof"),))
    return {
        "a billion frames announced": _put(data, b"stsz", 8, struct.pack(">I", 10**9)),
        "a billion frames of one byte": _put(data, b"stsz", 4, struct.pack(">II", 1, 10**9)),
        "no frames": _put(data, b"stsz", 8, bytes(4)),
        "frames that last for ever": _put(data, b"stts", 12, _MOST),
        "frames that last no time": _put(data, b"stts", 12, bytes(4)),
        "no unit of time": _put(data, b"mdhd", 12, bytes(4)),
        "frames beyond the end": _put(data, b"stco", 8, _MOST),
        "frames in the headers": _put(data, b"stco", 8, bytes(4)),
        "frames of 4 GB": _put(data, b"stsz", 12, _MOST),
        "4 gigapixels": _put(data, b"stsd", 40, _MOST),
        "no pixels": _put(data, b"stsd", 40, bytes(4)),
        "an unknown codec": data.replace(b"avc1", b"xyz1"),
        "encrypted": data.replace(b"avc1\0", b"encv\0"),
        "no index": data.replace(b"moov", b"free"),
        "an index of 16 exabytes": _put(data, b"mdat", -8, struct.pack(">I4s", 1, b"mdat") + b"\x7f" + _MOST + b"\xff\xff\xff"),
        "1,000 boxes in boxes": _nested(1000),
        "fragments of a billion frames": _put(fragments, b"trun", 4, struct.pack(">I", 10**9)),
        "fragments that last for ever": _put(fragments, b"tfhd", 8, _MOST * 2),
        "sound alone": sound_only("mp4"),
        "noise in the middle": _noise(data),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
    }


def _elements() -> Mapping[str, bytes]:
    data = whole("webm")
    live = video("webm", 6, sound=True, options=(("live", "1"),))
    cluster = live.index(b"\x1f\x43\xb6\x75")
    return {
        "a duration of for ever": _put(data, b"\x44\x89\x88", 0, struct.pack(">d", float("inf"))),
        "a duration that is no number": _put(data, b"\x44\x89\x88", 0, struct.pack(">d", float("nan"))),
        "a duration before the beginning": _put(data, b"\x44\x89\x88", 0, struct.pack(">d", -5)),
        "no size": _put(data, b"\xb0\x81", 0, b"\0"),
        "another size": _put(data, b"\xb0\x81", 0, b"\xff"),
        "no frames": live[:cluster],
        "clusters in clusters": live[:cluster] + b"\x1f\x43\xb6\x75\xff" * 20_000,
        "groups in groups": live[:cluster] + b"\x1f\x43\xb6\x75\xff\xe7\x81\0" + b"\xa0\xff" * 50_000,
        "an element of 72 petabytes": live[:cluster] + b"\x1f\x43\xb6\x75\xff\xe7\x81\0\xa3\x01" + b"\xff" * 6 + b"\xfe" + bytes(99),
        "an element without end": live[:cluster] + b"\xec\xff" + bytes(999),
        "Matroska": data.replace(b"webm", b"mkvx", 1),
        "as a browser records": live,
        "sound alone": sound_only("webm"),
        "noise in the middle": _noise(data),
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
    }


def tricks() -> Mapping[tuple[str, str], bytes]:
    """By extension and name."""
    mov = whole("mov")
    return {
        **{("mp4", name): content for name, content in _indexed().items()},
        **{("webm", name): content for name, content in _elements().items()},
        ("mov", "a compressed index"): mov.replace(b"trak", b"cmov"),
        ("mov", "padding alone"): struct.pack(">I4s", 8, b"wide") * 5_000,
        ("mov", "samples that are noise"): _put(mov, b"mdat", 40, bytes(range(255)) * 4),
    }
