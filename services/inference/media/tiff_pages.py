"""The pages of a TIFF, each of which can be read as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.inference.media.errors import damaged_error
from services.inference.media.header import Header
from services.pictures.media_format import MediaFormat
from services.pictures.probe import tiff
from services.pictures.probe.faults import DamagedFileError, whole_file

_FACTS = (tiff.WIDTH, tiff.LENGTH, tiff.BITS, tiff.PHOTOMETRIC, tiff.ORIENTATION, tiff.SAMPLES)
_PALETTE, _RGB, _MOST_CHANNELS = 3, 3, 4
_TURNED_BY_A_QUARTER = range(5, 9)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a TIFF."""

    position: int
    """Where its directory begins in the file, in bytes."""
    header: Header


def pages_of(data: bytes) -> Sequence[Page] | None:
    """The pages in order, as `probe.tiff.pages` finds them, with their sizes once upright; None if there are more than 10,000.

    Raises `FILE_CORRUPT` for a file without any, for a page without a size, and where pages are missing.
    """
    try:
        found = tiff.pages(whole_file(data), _FACTS)
    except DamagedFileError as error:
        raise damaged_error(MediaFormat.TIFF) from error
    if found is None:
        return None
    if not found:
        raise damaged_error(MediaFormat.TIFF)
    return [Page(position, _header(tags)) for position, tags in found]


def page_alone(data: bytes, position: int) -> bytes:
    """A file of the page whose directory is there alone. Raises `FILE_CORRUPT`."""
    try:
        return tiff.with_one_page(data, position)
    except DamagedFileError as error:
        raise damaged_error(MediaFormat.TIFF) from error


def _header(tags: dict[int, tuple[int, ...]]) -> Header:
    """By the standard's defaults for what a page does not say. Raises `FILE_CORRUPT` for one without a size."""
    width, height = (tags.get(tag) or (0,) for tag in (tiff.WIDTH, tiff.LENGTH))
    size = width[0], height[0]
    if not all(size):
        raise damaged_error(MediaFormat.TIFF)
    orientation, photometric, samples = (tags.get(tag) or (1,) for tag in (tiff.ORIENTATION, tiff.PHOTOMETRIC, tiff.SAMPLES))
    channels = _RGB if photometric[0] == _PALETTE else min(max(samples[0], 1), _MOST_CHANNELS)
    wide = max(tags.get(tiff.BITS) or (1,)) > 8
    return Header(MediaFormat.TIFF, *(size[::-1] if orientation[0] in _TURNED_BY_A_QUARTER else size), channels, wide)
