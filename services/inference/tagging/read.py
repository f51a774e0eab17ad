"""What a picture file says besides its picture, with IPTC data."""

from __future__ import annotations

from typing import Any

from services.inference.media.header import NO_HINTS, Hints
from services.inference.media.image import Limits
from services.inference.media.metadata_read import metadata_in
from services.inference.tagging import iptc_edit
from services.inference.tagging.edit import iptc_of
from services.pictures.media_format import MediaFormat, sniff
from services.platform.errors import DarkroomError


def all_metadata_in(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """What the message `InspectMetadata` says. Raises as `media.read_header`."""
    found, format_ = metadata_in(data, limits, hints), sniff(data)
    try:
        block = iptc_of(data, format_) if isinstance(format_, MediaFormat) else None
    except DarkroomError:
        # Of a file that libvips reads as far as it goes.
        block = None
    said = iptc_edit.said(block) if block else None
    return found | {"iptc": said} if said else found
