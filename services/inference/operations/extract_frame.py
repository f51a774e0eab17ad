"""Take one frame out of an animation."""

from __future__ import annotations

from darkroom.operations.v1.extract_frame_pb2 import ExtractFrame
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.animations import checked_frame, memory_for, open_frames


def peak_memory(picture: Header, _parameters: ExtractFrame) -> int:
    """Bytes at the peak."""
    return memory_for(picture)


def run(file: WholeFile, parameters: ExtractFrame, step: PlainStep) -> Image:
    """The frame. Raises FIELD_INVALID for one that is not there, and as `open_frames`."""
    count, frame = open_frames(file, step.folder)
    step.check()
    step.label(f"frame{parameters.frame}")
    return frame(checked_frame(count, parameters.frame, "frame"))
