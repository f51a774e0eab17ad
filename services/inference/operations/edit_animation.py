"""Change an animation."""

from __future__ import annotations

from darkroom.operations.v1.edit_animation_pb2 import EditAnimation
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, animation
from services.inference.plain.animations import edit_gif, memory_for
from services.pictures.media_format import MediaFormat


def peak_memory(picture: Header, _parameters: EditAnimation) -> int:
    """Bytes at the peak."""
    return memory_for(picture)


def run(file: WholeFile, parameters: EditAnimation, step: PlainStep) -> NewFile:
    """The GIF. Raises as `whole.read` and `written`."""
    content = edit_gif(file, parameters, step)
    made = animation.facts(content, step.result_limits, file.hints)
    step.label("animation")
    return NewFile(content, MediaFormat.GIF.media_type, MediaFormat.GIF.extension, width=made.width, height=made.height)
