"""Names of files as people have them."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from unicodedata import category

NAMES: Sequence[str] = (
    "a&b=c<d;e f.png",
    "😀 smile.png",
    "it's 100%.png",
    "שלום.png",
    "e\u0301mile.png",
    "x" * 251 + ".png",
    "水" * 83 + ".png",
    "a.b..png",
    'quote"d.png',
)
"""The last but two have 255 and 253 bytes, as many as file systems allow."""


def offered_names(disposition: str) -> tuple[str, str]:
    """The name of a download as old clients read it, and as new ones do."""
    assert disposition.isascii(), disposition
    plain, _, extended = disposition.partition("; filename*=")
    found = []
    for header in (plain, f"attachment; filename*={extended}" if extended else plain):
        message = Message()
        message["Content-Disposition"] = header
        assert message.get_content_disposition() == "attachment", disposition
        found.append(message.get_filename() or "")
    return found[0], found[1]


UPLOAD_NAMES: Sequence[str] = (
    "-rf.png",
    "CON.png",
    "nul.jpg.png",
    "שלום \u200fעולם.png",
    " spaces before and after .png",
    "...png",
    "trailing. .png",
    "水" * 296 + ".png",
    "same.png",
    "SAME.png",
    "'$(id)`|*?.png",
    "two.jpg.png",
)
"""Names that an upload may have; the long one has 892 bytes, as Windows and macOS allow them, and 300 characters."""
REFUSED_NAMES: Sequence[str] = ("../up.png", "a\\b.png", "photo\u202egnp.png", "bell\x07.png", "noextension", "..", ".png", "a.png.exe")
"""Names that an upload by URL may not have."""
LOCAL_NAMES: Sequence[str] = (
    "-rf.png",
    "CON.png",
    "new\nline.png",
    "\x1b[31mred.png",
    "photo\u202egnp.png",
    "noextension",
    "wrong.jpg",
    "archive.tar.png",
    "dots at the end.png..",
    "...png",
    "a\\b.png",
    "x" * 255,
)
"""Names of files on a disk."""
_DEVICES = ("con", "prn", "aux", "nul", "com1", "lpt1")


def is_safe(name: str) -> bool:
    """Whether file systems can take a name, and readers see it as it is."""
    seen = all(character.isprintable() or category(character) == "Cf" for character in name)
    turned = any("\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069" for character in name)
    return seen and not turned and not set(name) & set("/\\") and len(name.encode()) <= 255 and name.strip(". ") != ""


def is_a_device(name: str) -> bool:
    """Whether Windows takes a name for that of a device."""
    return name.partition(".")[0].strip().lower() in _DEVICES
