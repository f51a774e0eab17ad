"""Take one frame out of an animation."""

from __future__ import annotations

from darkroom.operations.v1.extract_frame_pb2 import ExtractFrame
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, animation
from services.inference.moving.reading import whole
from services.inference.plain.animations import checked_frame, memory_for


def peak_memory(picture: Header, _parameters: ExtractFrame) -> int:
    """Bytes at the peak."""
    return memory_for(picture)


def run(file: WholeFile, parameters: ExtractFrame, step: PlainStep) -> Image:
    """The frame. Raises FIELD_INVALID for one that is not there, and as `whole.read`."""
    frames = whole.read(file.content, file.limits, file.hints, step.folder)
    for note in frames.notes:
        file.note(note)
    step.check()
    step.label(f"frame{parameters.frame}")
    return animation.frame_of(frames, checked_frame(frames, parameters.frame, "frame"))
