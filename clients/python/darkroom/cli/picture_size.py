"""The size of a picture, from the beginning of its file."""

from __future__ import annotations

import struct
from pathlib import Path

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers before the size."""
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Those without a length."""


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels as stored; None for what is neither PNG nor JPEG, or cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(24)
            if start.startswith(b"\x89PNG\r\n\x1a\n") and len(start) == 24:
                width, height = struct.unpack(">II", start[16:])
                return width, height
            if not start.startswith(b"\xff\xd8"):
                return None
            file.seek(2)
            while (marker := file.read(2)) and marker[0] == 0xFF and len(marker) == 2:
                if marker[1] in _BARE:
                    continue
                length, content = struct.unpack(">H", file.read(2))[0], file.tell()
                if marker[1] in _FRAMES:
                    height, width = struct.unpack(">xHH", file.read(5))
                    return width, height
                file.seek(content + length - 2)
    except (OSError, struct.error):
        pass
    return None
