"""Trace a picture."""

from __future__ import annotations

from darkroom.operations.v1.placement_pb2 import FIT_FILL
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.vectorize_pb2 import Vectorize
from services.inference.contract.flow import NewFile, WholeFile
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header
from services.inference.plain.graph import Work
from services.inference.plain.layout import resize_picture
from services.inference.plain.tracing import trace
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

_SIDE = 2048
_COPIES = 3  # of the decoded samples
_TRACING = 512 << 20
"""Bytes that tracing the largest picture takes: its areas, and the text of the drawing."""


def peak_memory(picture: Header, _parameters: Vectorize) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES) + _TRACING


def run(file: WholeFile, parameters: Vectorize, step: PlainStep) -> NewFile:
    """The drawing. Raises as `WholeFile.image`."""
    step.label("traced")
    image, (width, height) = file.image(_traced_size)
    size = _traced_size((image.width, image.height))
    if size is not None:
        image = resize_picture(image, Resize(width=size[0], height=size[1], fit=FIT_FILL), Work(step.folder, step.check))
    step.report(0.2, "Tracing")
    drawing = trace(image, parameters, width, height)
    svg = MediaFormat.SVG
    return NewFile(drawing.encode(), svg.media_type, svg.extension, width=width, height=height)


def _traced_size(size: Size) -> Size | None:
    scale = _SIDE / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))) if scale < 1 else None
