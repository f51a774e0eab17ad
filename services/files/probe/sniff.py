"""From a file's first bytes to the parser of its format."""

from __future__ import annotations

from collections.abc import Callable

from services.common.errors import DarkroomError, ErrorReason
from services.files.probe import bmp, gif, isobmff, jpeg, pdf, png, svg, tiff, webp
from services.files.probe.faults import Damaged, unsupported
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile, ReadRange

DEFAULT_MAX_READ_BYTES = 32 << 20

#: PDF readers accept a header anywhere in the first 1,024 bytes (ISO 32000-1, annex H, note 13 of Adobe's readers).
_HEAD_BYTES = 1024

_PARSERS: tuple[tuple[Callable[[bytes], bool], Callable[[RangeFile], Probe]], ...] = (
    (jpeg.matches, jpeg.parse),
    (png.matches, png.parse),
    (webp.matches, webp.parse),
    (gif.matches, gif.parse),
    (tiff.matches, tiff.parse),
    (isobmff.matches, isobmff.parse),
    (bmp.matches, bmp.parse),
    (pdf.matches, pdf.parse),
    (svg.matches, svg.parse),
)


def probe(read: ReadRange, size: int, max_read_bytes: int = DEFAULT_MAX_READ_BYTES) -> Probe:
    """What the file of `size` bytes behind `read` is; fetches at most `max_read_bytes` of it.

    Raises MEDIA_UNSUPPORTED (another kind of content), FILE_CORRUPT (damaged or certainly truncated), FILE_ENCRYPTED (a
    document that needs a password), MEDIA_LIMIT_EXCEEDED (its structure takes more bytes to read than allowed).
    """
    if size <= 0:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, "The file is empty.")
    file = RangeFile(read, size, max_read_bytes)
    try:
        head = file.at(0, _HEAD_BYTES)
        for matches, parse in _PARSERS:
            if matches(head):
                return parse(file)
    except Damaged as error:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, f"The file is damaged: {error}.") from error
    except BudgetExhausted as error:
        raise DarkroomError(
            ErrorReason.MEDIA_LIMIT_EXCEEDED,
            f"The file's structure cannot be read within the limit of {max_read_bytes} bytes.",
        ) from error
    raise unsupported()
