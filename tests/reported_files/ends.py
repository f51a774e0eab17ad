"""Files that end early, with and without all of their pixels, and PNGs with a wrong checksum."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
import pyvips
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.reported_files.kinds import ARITHMETIC, quarters
from tests.reported_files.making import Made, Pixels, seen
from tests.unit.imaging.pictures import written

SAID = "lacks the mark of its end"
REFUSED = "truncated"
_END_OF_PNG = 12
JPEGS: Mapping[str, Mapping[str, object]] = {
    "in one scan": {"Q": 100, "subsample_mode": "off"},
    "with smaller colours": {"Q": 100, "subsample_mode": "on"},
    "progressive": {"Q": 100, "subsample_mode": "off", "interlace": True},
    "with restarts": {"Q": 100, "subsample_mode": "off", "restart_interval": 3},
    "progressive with restarts": {"Q": 100, "subsample_mode": "off", "restart_interval": 3, "interlace": True},
}


def jpeg(name: str) -> bytes:
    """A whole one, written by libvips."""
    return bytes(pyvips.Image.new_from_array(seen()).copy(interpretation="srgb").jpegsave_buffer(**JPEGS[name]))


def _read(data: bytes) -> Pixels:
    """By Pillow."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def parts_of(png: bytes) -> list[bytes]:
    """The signature and the chunks of a PNG."""
    found, at = [png[:8]], 8
    while at < len(png):
        end = at + 12 + struct.unpack_from(">I", png, at)[0]
        found.append(png[at:end])
        at = end
    return found


def _in_small_chunks(png: bytes) -> bytes:
    """The same with its samples in chunks of 1,000 bytes."""
    pieces = list[bytes]()
    for part in parts_of(png):
        if part[4:8] != b"IDAT":
            pieces.append(part)
            continue
        for at in range(8, len(part) - 4, 1000):
            content = b"IDAT" + part[at : min(at + 1000, len(part) - 4)]
            pieces.append(struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content)))
    return b"".join(pieces)


def _spoiled(png: bytes, kind: bytes) -> bytes:
    """With a wrong checksum of the first chunk of a kind."""
    parts = parts_of(png)
    at = next(number for number, part in enumerate(parts) if part[4:8] == kind)
    parts[at] = parts[at][:-4] + bytes(byte ^ 0xFF for byte in parts[at][-4:])
    return b"".join(parts)


def files() -> Mapping[str, Made]:
    """All of them."""
    whole = {name: jpeg(name) for name in JPEGS}
    png = written(seen(), "PNG")
    small = _in_small_chunks(png)
    text = PngInfo()
    text.add_text("Title", "Harbour")
    before_last = b"".join(parts_of(small)[:-2])
    found = {f"{name}, without its end": Made("jpg", data[:-2], _read(data), 1, SAID) for name, data in whole.items()}
    found |= {f"{name}, half of its end": Made("jpg", data[:-1], _read(data), 1, SAID) for name, data in whole.items()}
    found |= {f"{name}, three bytes fewer": Made("jpg", data[:-5], None, said=REFUSED) for name, data in whole.items()}
    found |= {f"{name}, half of it": Made("jpg", data[: len(data) // 2], None, said=REFUSED) for name, data in whole.items()}
    restarted = whole["with restarts"]
    last = max(restarted.rfind(bytes((0xFF, marker))) for marker in range(0xD0, 0xD8))
    scan = whole["progressive"].rindex(b"\xff\xda")
    return found | {
        "arithmetic coding, without its end": Made("jpg", ARITHMETIC[:-2], quarters(), 2, SAID),
        "arithmetic coding, three bytes fewer": Made("jpg", ARITHMETIC[:-5], None, said=REFUSED),
        "without what follows the last restart": Made("jpg", restarted[: last + 2], None, said=REFUSED),
        "up to the last restart": Made("jpg", restarted[:last], None, said=REFUSED),
        "without the last scan": Made("jpg", whole["progressive"][:scan], None, said=REFUSED),
        "without its end": Made("png", png[:-_END_OF_PNG], seen(), 0, SAID),
        "a part of its end": Made("png", png[:-5], seen(), 0, SAID),
        "without the last of its samples' chunks": Made("png", before_last, None, said=REFUSED),
        "half of it": Made("png", png[: len(png) // 2], None, said=REFUSED),
        "a wrong checksum of a text": Made("png", _spoiled(written(seen(), "PNG", pnginfo=text), b"tEXt"), seen()),
        "a wrong checksum of samples": Made("png", _spoiled(png, b"IDAT"), None, said=REFUSED),
    }
