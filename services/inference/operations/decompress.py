"""Remove the artefacts of JPEG compression."""

from __future__ import annotations

from darkroom.operations.v1.decompress_pb2 import (
    DECOMPRESS_STRENGTH_MODERATE,
    DECOMPRESS_STRENGTH_STRONG,
    Decompress,
)
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.compression import compression_of
from services.inference.plain.deblocking import deblock_picture

_VISIBLE = 80
"""The highest quality at which artefacts are worth removing: from about here on, as much is lost as is won."""
_ASSUMED = {DECOMPRESS_STRENGTH_MODERATE: 80, DECOMPRESS_STRENGTH_STRONG: 60}
"""The quality to go by where none is found, such as in pictures that were resized after their compression."""
_DOING = "Removing artefacts"
_COPIES = 3  # of the decoded samples: the picture, with 8 bits, and the result


def peak_memory(picture: Header, _parameters: Decompress) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: Decompress, step: PlainStep) -> Image:
    """The picture without artefacts; with AUTO the very same, and a notice, if it has none that are worth removing."""
    step.label("decompressed")
    step.report(0, _DOING)
    found = compression_of(image.pixels)
    if parameters.strength not in _ASSUMED and (found is None or found.quality > _VISIBLE):
        message = f"{step.source_name} shows no artefacts of JPEG compression that are worth removing, so it was left unchanged."
        step.notice("not_compressed", "", message, {"quality": None if found is None else found.quality})
        return image
    quality = found.quality if found is not None else _ASSUMED[parameters.strength]
    twice = parameters.strength == DECOMPRESS_STRENGTH_STRONG
    return deblock_picture(image, quality, twice=twice, progress=lambda done: step.report(done, _DOING), check=step.check)
