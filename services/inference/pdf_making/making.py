"""A document of pictures: every picture on a page of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyvips

from services.inference.contract.flow import WholeFile
from services.inference.media import Image, Saving
from services.inference.media.encode import as_read_back
from services.inference.pdf_making.drawings import as_jpeg, lossless, of_jpeg
from services.inference.pdf_making.jpeg import embeddable
from services.inference.pdf_making.writer import Drawing, Place, Writer
from services.pictures.media_format import MediaFormat, sniff

LEAST_QUALITY, MOST_QUALITY = 10, 95
_ATTEMPTS = 8
"""Documents that are written to find the best quality, usually."""
HELD_BYTES = 192 << 20
"""Bytes of samples that are kept from one attempt to the next."""
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all pages are like, in points."""

    width: float
    height: float
    margin: float

    def place(self, width: int, height: int) -> Place:
        """Where a picture of this many pixels stands: centred, a pixel being at most a point."""
        free = self.width - 2 * self.margin, self.height - 2 * self.margin
        scale = min(1.0, free[0] / width, free[1] / height)
        shown = width * scale, height * scale
        return Place((self.width - shown[0]) / 2, (self.height - shown[1]) / 2, *shown)


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a document was made to have at most so many bytes."""

    met: bool
    quality: int


OnPicture = Callable[[float, int], None]
"""Told the share of the work that is done, and the picture's number, from 1."""


def written(files: Sequence[WholeFile], sheet: Sheet, target: Path, on_picture: OnPicture) -> None:
    """Write a document that keeps the pictures as they are. Raises as `WholeFile.image`."""
    with _writing(target, sheet) as writer:
        for number, file in enumerate(files, start=1):
            on_picture((number - 1) / len(files), number)
            # Decoded in any case, so that nothing damaged gets into the document.
            flat = _flat(file)
            _add(writer, sheet, _upright_jpeg(file) or lossless(flat))


def written_within(files: Sequence[WholeFile], sheet: Sheet, target: Path, most: int, on_picture: OnPicture) -> Fitted:
    """Write a document of at most so many bytes: with JPEGs of the highest quality, 10 to 95, that allows it, else of 10.

    A temporary file is made beside `target`. Raises as `WholeFile.image`.
    """
    pictures, tried, attempts = _Pictures(files), target.with_name("attempt.pdf"), 0

    def fits(quality: int, limit: int | None = None) -> bool:
        nonlocal attempts
        with _writing(tried, sheet) as writer:
            for number in range(len(files)):
                on_picture(min((attempts + number / len(files)) / _ATTEMPTS, 1.0), number + 1)
                _add(writer, sheet, pictures.drawing(number, quality))
                if limit is not None and writer.size > limit:
                    break
        attempts += 1
        return limit is None or tried.stat().st_size <= limit

    low, high, best, quality = LEAST_QUALITY, MOST_QUALITY, 0, MOST_QUALITY
    while low <= high:
        if fits(quality, most):
            tried.replace(target)
            best, low = quality, quality + 1
        else:
            high = quality - 1
        quality = (low + high + 1) // 2
    if not best:
        fits(LEAST_QUALITY)
        tried.replace(target)
    tried.unlink(missing_ok=True)
    return Fitted(bool(best), best or LEAST_QUALITY)


class _Pictures:
    """Pictures that are encoded again and again; samples of the first ones are kept."""

    def __init__(self, files: Sequence[WholeFile]) -> None:
        self._files, self._kept, self._free = files, dict[int, Image](), HELD_BYTES

    def drawing(self, number: int, quality: int) -> Drawing:
        """A picture as a JPEG of this quality, or as it is if that takes no more."""
        again = as_jpeg(self._flat(number), quality)
        own = _upright_jpeg(self._files[number])
        return own if own is not None and own.size <= again.size else again

    def _flat(self, number: int) -> Image:
        if number in self._kept:
            return self._kept[number]
        flat = _flat(self._files[number])
        if flat.pixels.nbytes <= self._free:
            self._free -= flat.pixels.nbytes
            self._kept[number] = flat
        return flat


@contextmanager
def _writing(target: Path, sheet: Sheet) -> Iterator[Writer]:
    with target.open("wb") as file:
        writer = Writer(file, (sheet.width, sheet.height))
        writer.begin()
        yield writer
        writer.end()


def _add(writer: Writer, sheet: Sheet, drawing: Drawing) -> None:
    writer.add(drawing, sheet.place(drawing.width, drawing.height))


def _flat(file: WholeFile) -> Image:
    """The picture in sRGB or gray, upright and opaque, with 8 bits."""
    image, _ = file.image()
    flat = as_read_back(dataclasses.replace(image, saving=Saving(MediaFormat.JPEG)))
    return Image(flat.pixels if flat.icc is None else flat.srgb())


def _upright_jpeg(file: WholeFile) -> Drawing | None:
    """The file's own JPEG, if a document can hold it as it is."""
    content = file.content
    if sniff(content[:_HEAD]) is not MediaFormat.JPEG:
        return None
    header = pyvips.Image.jpegload_buffer(content)
    turned = header.get_typeof("orientation") and header.get("orientation") not in (0, 1)
    jpeg = None if turned else embeddable(content)
    return None if jpeg is None else of_jpeg(jpeg)
