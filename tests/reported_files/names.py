"""Names of files as people have them."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message

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
