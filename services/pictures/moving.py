"""Files of several frames or pages: which tasks work on all of them, and how many pictures they count as."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from darkroom.operations.v1 import convert_pb2, extract_frame_pb2, extract_frames_pb2, make_pdf_pb2, remove_background_pb2, upscale_pb2
from services.pictures.media_format import MediaFormat, written_format
from services.pictures.operations import spec_of_parameters

READ_BY_FRAME = frozenset(
    (MediaFormat.GIF, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.MP4, MediaFormat.WEBM, MediaFormat.MOV)
)
"""Formats of which every frame is read."""
WRITTEN_BY_FRAME = READ_BY_FRAME | {MediaFormat.TIFF}
"""Those, and the one whose pages frames can become."""
VIDEOS = frozenset((MediaFormat.MP4, MediaFormat.WEBM, MediaFormat.MOV))
FRAMES_PER_PICTURE = 25
"""So many frames cost as much as one picture."""
_FOLLOW_INPUT = (convert_pb2.PICTURE_FORMAT_UNSPECIFIED, convert_pb2.PICTURE_FORMAT_KEPT)


def works_by_frame(operations: Sequence[Message], format_: MediaFormat, frames: int | None) -> bool:
    """Whether a task with these operations, by their parameters, works on all frames or pages of a file, and not on one alone.

    `frames` is how many the file has; None or 0 if they were not counted.
    """
    if format_ not in WRITTEN_BY_FRAME or (frames == 1 and format_ not in VIDEOS):
        return False
    # The original that comes with a cut-out is one picture.
    keeps_original = any(isinstance(each, remove_background_pb2.RemoveBackground) and each.keep_original for each in operations)
    if is_made_still(operations, format_) or (keeps_original and format_ not in VIDEOS):
        return False
    return all(spec_of_parameters(each).by_frame for each in operations)


def is_made_still(operations: Sequence[Message], source: MediaFormat) -> bool:
    """Whether one picture is asked for: one frame or page, or a format that cannot hold all of them, as only a TIFF holds pages, and as a
    video is no PNG and no TIFF."""
    if chosen_frame(operations):
        return True
    asked = asked_format(operations)
    if asked is None:
        return False
    if source is MediaFormat.TIFF:
        return asked is not MediaFormat.TIFF
    return asked not in WRITTEN_BY_FRAME or (asked in (MediaFormat.PNG, MediaFormat.TIFF) and source in VIDEOS)


def chosen_frame(operations: Sequence[Message]) -> int:
    """The frame or page, counted from 1, that the operations are to work on alone; 0: none is named."""
    return next((each.frame for each in operations if isinstance(each, convert_pb2.Convert) and each.frame), 0)


def reads_pages(operations: Sequence[Message]) -> bool:
    """Whether the first operation takes all pages of its files itself, and makes one document of them, or takes them apart."""
    first = operations[0]
    apart = isinstance(first, extract_frame_pb2.ExtractFrame | extract_frames_pb2.ExtractFrames)
    return apart or (isinstance(first, make_pdf_pb2.MakePdf) and not first.first_page_only)


def asked_format(operations: Sequence[Message]) -> MediaFormat | None:
    """The format that the operations ask for; None: that of the input."""
    asking = [each.format for each in operations if isinstance(each, convert_pb2.Convert | upscale_pb2.Upscale)]
    formats = [each for each in asking if each not in _FOLLOW_INPUT]
    return written_format(formats[-1], None) if formats else None


def pictures_of_frames(frames: int) -> int:
    """How many pictures so many frames cost as much as: one for every 25, rounded up."""
    return -(-max(1, frames) // FRAMES_PER_PICTURE)
