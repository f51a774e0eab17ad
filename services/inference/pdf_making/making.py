"""A document of pictures: every picture on a page of its own."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyvips

from services.inference.contract.flow import WholeFile
from services.inference.media import Effort, Image, Saving, encode
from services.inference.media.encode import as_read_back
from services.inference.pdf_making.jpeg import Jpeg, embeddable
from services.inference.pdf_making.writer import Drawing, Place, Writer
from services.pictures.media_format import MediaFormat, sniff

_SPACES = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
_LOSSLESS = Saving(MediaFormat.PNG, effort=Effort.USUAL, keep_metadata=False, compact=True)
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1}
"""By the kind of a PNG."""


def of_jpeg(jpeg: Jpeg) -> Drawing:
    """An unchanged JPEG."""
    entries = {"ColorSpace": _SPACES[jpeg.channels], "BitsPerComponent": "8", "Filter": "/DCTDecode"}
    if jpeg.channels == 4:
        entries["Decode"] = "[1 0 1 0 1 0 1 0]"
    return Drawing(jpeg.content, jpeg.width, jpeg.height, entries, jpeg.profile, jpeg.channels)


def as_jpeg(flat: Image, quality: int) -> Drawing:
    """A picture that `flattened` has made, as a JPEG."""
    jpeg = embeddable(encode(flat, Saving(MediaFormat.JPEG, quality=quality, keep_metadata=False)))
    assert jpeg is not None
    return of_jpeg(jpeg)


def lossless(flat: Image) -> Drawing:
    """A picture that `flattened` has made, with the compression, and perhaps the palette, of a PNG (ISO 32000-2, 7.4.4.4)."""
    png = encode(flat, _LOSSLESS)
    chunks = _chunks(png)
    width, height, bits, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    channels = _CHANNELS[kind]
    space = _SPACES[channels]
    if kind == _PALETTE:
        palette = chunks[b"PLTE"]
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    predictor = f"<</Predictor 15 /Colors {channels} /BitsPerComponent {bits} /Columns {width}>>"
    entries = {"ColorSpace": space, "BitsPerComponent": str(bits), "Filter": "/FlateDecode", "DecodeParms": predictor}
    return Drawing(chunks[b"IDAT"], width, height, entries)


def _chunks(png: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG by their types; those of one type joined."""
    found: dict[bytes, list[bytes]] = {}
    place = 8
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        found.setdefault(kind, []).append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return {kind: b"".join(parts) for kind, parts in found.items()}


LEAST_QUALITY, MOST_QUALITY = 10, 95
_ATTEMPTS = 8
"""Documents that are written to find the best quality, usually."""
HELD_BYTES = 192 << 20
"""Bytes of samples that are kept from one attempt to the next."""
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Sheet:
    """The common layout of all pages, in points."""

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
class FitResult:
    """How a document was made to have at most so many bytes."""

    is_met: bool
    quality: int


OnPicture = Callable[[float, int], None]
"""Receives the share of the work that is done, and the picture's number, from 1."""


def write_document(files: Sequence[WholeFile], sheet: Sheet, target: Path, on_picture: OnPicture) -> None:
    """Write a document that keeps the pictures unchanged. Raises as `WholeFile.image`."""
    with _writing(target, sheet) as writer:
        for number, file in enumerate(files, start=1):
            on_picture((number - 1) / len(files), number)
            # Decoded in any case, so that nothing damaged gets into the document.
            flat = _flat(file)
            _add(writer, sheet, _upright_jpeg(file) or lossless(flat))


def written_within(files: Sequence[WholeFile], sheet: Sheet, target: Path, most: int, on_picture: OnPicture) -> FitResult:
    """Write a document of at most so many bytes: with JPEGs of the highest quality, 10 to 95, that allows it, else of 10.

    A temporary file is made next to `target`. Raises as `WholeFile.image`.
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
    return FitResult(bool(best), best or LEAST_QUALITY)


class _Pictures:
    """Pictures that are encoded again and again; samples of the first ones are kept."""

    def __init__(self, files: Sequence[WholeFile]) -> None:
        self._files, self._kept, self._free = files, dict[int, Image](), HELD_BYTES

    def drawing(self, number: int, quality: int) -> Drawing:
        """A picture as a JPEG of this quality, or unchanged if that takes no more."""
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
    """The file's own JPEG, if a document can embed it unchanged."""
    content = file.content
    if sniff(content[:_HEAD]) is not MediaFormat.JPEG:
        return None
    header = pyvips.Image.jpegload_buffer(content)
    turned = header.get_typeof("orientation") and header.get("orientation") not in (0, 1)
    jpeg = None if turned else embeddable(content)
    return None if jpeg is None else of_jpeg(jpeg)
