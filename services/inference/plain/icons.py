"""Icons of a website."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence

from darkroom.operations.v1.placement_pb2 import FIT_CROP
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.media import Image, Saving, encode
from services.inference.plain.graph import Work
from services.inference.plain.layout import resize_picture
from services.pictures.media_format import MediaFormat

PNGS: Mapping[str, int] = {
    "favicon-16x16.png": 16,
    "favicon-32x32.png": 32,
    "favicon-48x48.png": 48,
    "apple-touch-icon.png": 180,
    "android-chrome-192x192.png": 192,
    "android-chrome-512x512.png": 512,
}
"""Sides in pixels."""
_IN_ICO = (16, 32, 48)
_MANIFEST_ICONS = ("android-chrome-192x192.png", "android-chrome-512x512.png")
_SNIPPET = """<link rel="icon" type="image/png" sizes="16x16" href="/favicon-16x16.png">
<link rel="icon" type="image/png" sizes="32x32" href="/favicon-32x32.png">
<link rel="icon" type="image/png" sizes="48x48" href="/favicon-48x48.png">
<link rel="apple-touch-icon" sizes="180x180" href="/apple-touch-icon.png">
<link rel="manifest" href="/manifest.json">
"""
_COMPACT_SIDE = 192
"""Largest icon that is written as small as can be: that saves a tenth of it, of larger ones half as much, and takes longest for them."""


def icons_of(image: Image, name: str, work: Work) -> Mapping[str, bytes]:
    """The files of a website called `name`, by their names."""
    sizes = {side: encode(_square(image, side, work), _saving(side)) for side in sorted({*PNGS.values(), *_IN_ICO})}
    return {
        **{file: sizes[side] for file, side in PNGS.items()},
        "favicon.ico": ico([(side, sizes[side]) for side in _IN_ICO]),
        "manifest.json": _manifest(name),
        "favicon-snippet.html": _SNIPPET.encode(),
    }


def ico(pictures: Sequence[tuple[int, bytes]]) -> bytes:
    """An icon file of PNGs with their sides, at most 256 pixels (Microsoft's ICONDIR; PNG since Windows Vista)."""
    offset = 6 + 16 * len(pictures)
    directory, content = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for side, png in pictures:
        directory += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, 32, len(png), offset + len(content))
        content += png
    return directory + content


def _saving(side: int) -> Saving:
    return Saving(MediaFormat.PNG, keep_metadata=False, compact=side <= _COMPACT_SIDE)


def _square(image: Image, side: int, work: Work) -> Image:
    return resize_picture(image, Resize(width=side, height=side, fit=FIT_CROP), work)


def _manifest(name: str) -> bytes:
    icons = [{"src": f"/{file}", "sizes": f"{PNGS[file]}x{PNGS[file]}", "type": "image/png"} for file in _MANIFEST_ICONS]
    colours = {"theme_color": "#ffffff", "background_color": "#ffffff"}
    said = {"name": name, "short_name": name, "icons": icons, **colours, "display": "standalone"}
    return json.dumps(said, ensure_ascii=False, indent=2).encode() + b"\n"
