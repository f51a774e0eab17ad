"""Draw a text."""

from __future__ import annotations

from darkroom.operations.v1.draw_text_pb2 import DrawText
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.canvas import rgb_of
from services.inference.plain.captions import Caption, add_caption
from services.inference.plain.font import drawable

_COPIES = 6
"""Copies of the decoded samples: the picture, in colour if it was gray, before and after each of the text's layers, and their masks."""
_USUAL_SIZE = 48.0
_BLACK = "#000000"


def peak_memory(picture: Header, _parameters: DrawText) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: DrawText, step: PlainStep) -> Image:
    """The picture with the text."""
    step.label("text")
    text, lacking = drawable(parameters.text)
    if lacking:
        message = f"The fonts have no characters for {lacking[:100]}, so boxes were drawn instead."
        step.notice("not_drawn", "text", message, {"characters": lacking})
    caption = Caption(
        text=text,
        size=parameters.font_size if parameters.HasField("font_size") else _USUAL_SIZE,
        colour=rgb_of(parameters.color or _BLACK),
        opacity=parameters.opacity / 100 if parameters.HasField("opacity") else 1.0,
        position=parameters.position,
        is_tiled=parameters.tiled,
        degrees=parameters.rotation,
        background=parameters.background,
        shadow=parameters.shadow,
    )
    return add_caption(image, caption)
