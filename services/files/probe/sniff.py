"""From a file's first bytes to the parser of its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.common.errors import DarkroomError, ErrorReason
from services.common.media_format import MediaFormat, sniff
from services.files.probe import bmp, gif, isobmff, jpeg, pdf, png, svg, tiff, webp
from services.files.probe.faults import Damaged, unsupported
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile, ReadRange

DEFAULT_MAX_READ_BYTES = 32 << 20
_HEAD_BYTES = 1024

_PARSERS: Mapping[MediaFormat, Callable[[RangeFile], Probe]] = {
    MediaFormat.JPEG: jpeg.parse,
    MediaFormat.PNG: png.parse,
    MediaFormat.WEBP: webp.parse,
    MediaFormat.GIF: gif.parse,
    MediaFormat.TIFF: tiff.parse,
    MediaFormat.HEIC: isobmff.parse,
    MediaFormat.HEIF: isobmff.parse,
    MediaFormat.AVIF: isobmff.parse,
    MediaFormat.BMP: bmp.parse,
    MediaFormat.PDF: pdf.parse,
    MediaFormat.SVG: svg.parse,
}


def probe(read: ReadRange, size: int, max_read_bytes: int = DEFAULT_MAX_READ_BYTES, head: bytes = b"") -> Probe:
    """What the file of `size` bytes behind `read` is; fetches at most `max_read_bytes` of it besides `head`, its beginning.

    Raises MEDIA_UNSUPPORTED (another kind of content), FILE_CORRUPT (damaged or certainly truncated), FILE_ENCRYPTED (a
    document that needs a password), MEDIA_LIMIT_EXCEEDED (its structure takes more bytes to read than allowed).
    """
    if size <= 0:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is empty.")
    file = RangeFile(read, size, max_read_bytes, head)
    try:
        start = file.at(0, _HEAD_BYTES)
        format_ = sniff(start)
        if format_ is not None:
            return _PARSERS[format_](file)
        # The root element may come late.
        if svg.matches(start):
            return svg.parse(file)
    except Damaged as error:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, f"The file is damaged: {error}.") from error
    except BudgetExhausted as error:
        raise DarkroomError(
            ErrorReason.MEDIA_LIMIT_EXCEEDED,
            f"The file's structure cannot be read within the limit of {max_read_bytes} bytes.",
        ) from error
    raise unsupported()
