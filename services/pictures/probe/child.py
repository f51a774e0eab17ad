"""The part of the prober that runs in a child: from a file's first bytes to the parser of its format.

The process that children are forked from imports this, so it imports nothing else.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from services.pictures.media_format import MediaFormat, Use, sniff
from services.pictures.probe import isobmff, jxl, movie, rare_formats, svg, tiff, web_formats, webm
from services.pictures.probe.faults import EMPTY, UNREADABLE, DamagedFileError, unsupported_error
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import BudgetExhausted, RangeFile, ReadRange
from services.platform.errors import DarkroomError, ErrorReason

DEFAULT_MAX_READ_BYTES = 32 << 20
_HEAD_BYTES = 1024
_MOST_FRAMES = (1 << 31) - 1
CHILD_IMPORTS = ("services.pictures.probe.pdf",)


def _parse_pdf(file: RangeFile) -> Probe:
    # With qpdf, 8 MiB that a process without children's work can do without.
    from services.pictures.probe import pdf

    return pdf.parse(file)


_PARSERS: Mapping[MediaFormat, Callable[[RangeFile], Probe]] = {
    MediaFormat.JPEG: web_formats.parse_jpeg,
    MediaFormat.PNG: web_formats.parse_png,
    MediaFormat.WEBP: web_formats.parse_webp,
    MediaFormat.GIF: web_formats.parse_gif,
    MediaFormat.TIFF: tiff.parse,
    MediaFormat.HEIC: isobmff.parse,
    MediaFormat.HEIF: isobmff.parse,
    MediaFormat.AVIF: isobmff.parse,
    MediaFormat.BMP: rare_formats.parse_bmp,
    MediaFormat.JXL: jxl.parse,
    MediaFormat.ICO: rare_formats.parse_ico,
    MediaFormat.PSD: rare_formats.parse_psd,
    MediaFormat.EXR: rare_formats.parse_exr,
    MediaFormat.HDR: rare_formats.parse_radiance,
    MediaFormat.TGA: rare_formats.parse_targa,
    **{each: partial(tiff.parse_raw, format_=each) for each in MediaFormat if Use.DEVELOPED in each.use},
    MediaFormat.MP4: partial(movie.parse, format_=MediaFormat.MP4),
    MediaFormat.MOV: partial(movie.parse, format_=MediaFormat.MOV),
    MediaFormat.WEBM: webm.parse,
    MediaFormat.PDF: _parse_pdf,
    MediaFormat.SVG: svg.parse,
}


def probe(read: ReadRange, size: int, max_read_bytes: int = DEFAULT_MAX_READ_BYTES, head: bytes = b"", name: str = "") -> Probe:
    """The type of the file of `size` bytes behind `read`; fetches at most `max_read_bytes` of it besides `head`, its beginning.

    Its name counts only where `media_format.sniff` needs it. Raises MEDIA_UNSUPPORTED (another kind of content), FILE_CORRUPT (damaged or
    certainly truncated), FILE_ENCRYPTED (a document that needs a password, a video that is encrypted), MEDIA_LIMIT_EXCEEDED (its structure
    takes more bytes to read than allowed). The problem is in the metadata, as `faults` says.
    """
    if size <= 0:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is empty.", metadata=EMPTY)
    file = RangeFile(read, size, max_read_bytes, head)
    try:
        start = file.at(0, _HEAD_BYTES)
        format_ = sniff(start, name)
        if format_ is not None:
            return _checked(_PARSERS[format_](file), size)
        # The root element may come late.
        if svg.matches(start):
            return svg.parse(file)
    except DamagedFileError as error:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, f"The file is damaged: {error}.", metadata=UNREADABLE) from error
    except BudgetExhausted as error:
        raise DarkroomError(
            ErrorReason.MEDIA_LIMIT_EXCEEDED,
            f"The file's structure cannot be read within the limit of {max_read_bytes} bytes.",
            metadata=UNREADABLE,
        ) from error
    raise unsupported_error(start)


def _checked(found: Probe, size: int) -> Probe:
    """Raise DamagedFileError for more frames than there are bytes. The number is kept, so it must fit into a column."""
    if (found.frames or 0) > min(size, _MOST_FRAMES):
        raise DamagedFileError(f"it announces {found.frames} frames")
    return found


def probe_ranges(size: int, max_read_bytes: int, head: bytes, name: str, read: ReadRange) -> dict[str, Any]:
    """The fields of the Probe of the object of this name that begins with `head`, and whose rest `read` reads."""
    return dataclasses.asdict(probe(read, size, max_read_bytes, head, name))


def probe_open(file: int, name: str) -> dict[str, Any]:
    """The same of a whole file, given open."""
    content = os.pread(file, os.fstat(file).st_size, 0)
    return probe_ranges(len(content), 0, content, name, _nothing_more)


def _nothing_more(offset: int, length: int) -> NoReturn:
    raise ValueError(f"nothing is missing, but {length} bytes at {offset} were asked for")
