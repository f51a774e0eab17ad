"""A TIFF from frames that come one after the other: each is a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from services.inference.media import Image, Saving, encode
from services.inference.media.page_joining import PageJoining
from services.inference.moving.model import MovingSaving
from services.inference.moving.writing.arriving import Arrived
from services.pictures.media_format import MediaFormat


def write_tiff(target: BinaryIO, frames: Iterable[tuple[Arrived, int]], saving: MovingSaving) -> None:
    """Write all frames, lossless unless a quality is given; then what is transparent is laid over the background."""
    lossless = saving.lossless or saving.quality is None
    page = Saving(MediaFormat.TIFF, quality=saving.quality or 0, lossless=lossless, background=saving.background, keep_metadata=False)
    joining = PageJoining(target)
    for frame, _ in frames:
        joining.add(encode(Image(frame.pixels, frame.alpha), page))
