"""PDF structure, read with qpdf (pikepdf) over ranges."""

from __future__ import annotations

from typing import BinaryIO, cast

import pikepdf

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import RangeFile
from services.platform.errors import DarkroomError, ErrorReason


def parse(file: RangeFile) -> Probe:
    """Page count and encryption. qpdf repairs what it can, and may read the whole file to do so."""
    try:
        with pikepdf.open(cast(BinaryIO, file), access_mode=pikepdf.AccessMode.stream, suppress_warnings=True) as document:
            pages, encrypted = _page_count(document), document.is_encrypted
    except pikepdf.PasswordError as error:
        raise DarkroomError(
            ErrorReason.FILE_ENCRYPTED,
            "The document needs a password to open. Remove the password and upload it again.",
        ) from error
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        if file.fault is not None:
            raise file.fault from error
        raise DamagedFileError("its structure cannot be read as a PDF") from error
    if pages < 1:
        raise DamagedFileError("it has no pages")
    return Probe(media_type=MediaFormat.PDF.media_type, pages=pages, encrypted=encrypted)


def _page_count(document: pikepdf.Pdf) -> int:
    """The page tree's own count where it is plausible, since walking the tree would read most of the file."""
    count: object = document.Root.Pages.get("/Count")
    if isinstance(count, int) and 0 < count < len(document.objects):
        return count
    return len(document.pages)
