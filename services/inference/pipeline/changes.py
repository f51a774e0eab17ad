"""Whether the operations of a run change its input."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_CMYK, PICTURE_FORMAT_KEPT, Convert
from services.inference.contract.flow import Document, NewFile
from services.inference.media import Image, LazyImage
from services.inference.media.colour import Pixels

_ROWS = 256
"""Compared at a time: two pictures that differ mostly do so early, and what the comparison needs besides them stays small."""
_RECOMPRESSED = 90
"""A quality from here on is a way to write a picture; one below makes a smaller file of it."""
_CHANGING = ("content_credentials", "dpi", "max_bytes", "max_colors", "strip_exif", "strip_location", "strip_profile", "strip_xmp")
"""Parameters of a conversion that change a file, whatever its format is."""
_QUALITIES = ("quality", "webp_quality", "avif_quality")


@dataclass(slots=True)
class Changes:
    """Records whether the operations of a run have changed its input so far."""

    changed: bool = False
    """Whether one has changed it."""
    _tried: bool = False

    @property
    def unchanged(self) -> bool:
        """Whether there was an operation that could have changed it, besides conversions, and none did."""
        return self._tried and not self.changed

    def note(self, parameters: Message, before: object, after: object) -> None:
        """Take in what an operation with these parameters has made of `before`: a medium, or a file."""
        if isinstance(parameters, Convert):
            self.changed = self.changed or not _writes_alike(parameters, after)
        else:
            self.note_same(is_same(before, after))

    def note_same(self, same: bool) -> None:
        """Take in whether an operation other than a conversion has given back what it got."""
        self._tried = True
        self.changed = self.changed or not same


def is_same(before: object, after: object) -> bool:
    """Whether an operation has given back what it got: the samples of a picture, or the bytes of a file."""
    match before, after:
        case _ if before is after:
            return True
        case Image(), Image():
            return before.icc == after.icc and _same_samples(before.alpha, after.alpha) and _same_colours(before, after)
        case Document(), Document():
            return same_bytes(before.path, after.path)
        case Path(), NewFile():
            return same_bytes(before, after.content)
    return False


def same_bytes(file: Path, content: Path | bytes) -> bool:
    """Whether a file has this content, or that of another file."""
    if isinstance(content, Path):
        return filecmp.cmp(file, content, shallow=False)
    return has_size_of(file, content) and file.read_bytes() == content


def has_size_of(file: Path, content: Path | bytes) -> bool:
    """Whether a file is as long as this content, or as another file."""
    return file.stat().st_size == (len(content) if isinstance(content, bytes) else content.stat().st_size)


def _writes_alike(parameters: Convert, after: object) -> bool:
    """Whether a conversion only says again how its input is written."""
    if any(getattr(parameters, name) for name in _CHANGING) or parameters.color_space == COLOR_SPACE_CMYK:
        return False
    if any(0 < getattr(parameters, name) < _RECOMPRESSED for name in _QUALITIES):
        return False
    alike = isinstance(after, Image | LazyImage) and after.saving.format is after.source_format
    return parameters.format == PICTURE_FORMAT_KEPT or alike


def _same_samples(before: Pixels | None, after: Pixels | None) -> bool:
    if before is None or after is None or before is after:
        return before is after
    return _alike(before, after) and all(bool((before[rows] == after[rows]).all()) for rows in _strips(before))


def _same_colours(before: Image, after: Image) -> bool:
    """Whether two pictures with the same alpha look the same: colours of invisible pixels do not count."""
    if before.pixels is after.pixels or before.alpha is None:
        return _same_samples(before.pixels, after.pixels)
    return _alike(before.pixels, after.pixels) and all(
        bool(((before.pixels[rows] == after.pixels[rows]).all(axis=2) | (before.alpha[rows] == 0)).all()) for rows in _strips(before.pixels)
    )


def _alike(before: Pixels, after: Pixels) -> bool:
    return before.shape == after.shape and before.dtype == after.dtype


def _strips(pixels: Pixels) -> Iterator[slice]:
    return (slice(row, row + _ROWS) for row in range(0, pixels.shape[0], _ROWS))
