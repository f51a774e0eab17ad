"""Take frames out of an animation."""

from __future__ import annotations

import zipfile

from darkroom.operations.v1.extract_frames_pb2 import FRAME_FORMAT_WEBP, ExtractFrames
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Saving, encode
from services.inference.plain.animations import checked_frame, memory_for, open_frames
from services.pictures.media_format import MediaFormat


def peak_memory(picture: Header, _parameters: ExtractFrames) -> int:
    """Bytes at the peak."""
    return memory_for(picture)


def run(file: WholeFile, parameters: ExtractFrames, step: PlainStep) -> NewFile:
    """The archive. Raises FIELD_INVALID for a first frame that is not there, and as `open_frames`."""
    count, frame = open_frames(file, step.folder)
    first = checked_frame(count, parameters.first, "first")
    last = min(parameters.last, count - 1) if parameters.HasField("last") else count - 1
    format_ = MediaFormat.WEBP if parameters.format == FRAME_FORMAT_WEBP else MediaFormat.PNG
    saving = Saving(format_, keep_metadata=False, compact=True)
    target = step.folder / "frames.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(first, last + 1):
            step.check()
            step.report((number - first) / (last + 1 - first), f"Frame {number - first + 1} of {last + 1 - first}")
            archive.writestr(zipfile.ZipInfo(f"frame_{number:04d}.{format_.extension}"), encode(frame(number), saving))
    step.label("frames")
    return NewFile(target, "application/zip", "zip")
