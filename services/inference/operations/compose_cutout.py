"""Give a subject that has been cut out a background, a shadow or an outline."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.compose_cutout_pb2 import ComposeCutout
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.matting.effects import apply_effects
from services.inference.media import Header, Image
from services.inference.plain.graph import Work

_COPIES = 12  # of the decoded samples: the cut-out, the original, layers and the result


def peak_memory(picture: Header, _parameters: ComposeCutout) -> int:
    """Bytes at the peak, except for the original background."""
    return copies_of_samples(picture, _COPIES, _COPIES)


async def run(image: Image, parameters: ComposeCutout, step: Step) -> Image:
    """The cut-out with what is asked for. Raises FIELD_INVALID as `effects.completed`, and as `Step.auxiliary`."""
    step.label("composed")
    original = await step.auxiliary(parameters.original_file_id) if parameters.original_file_id else None
    behind = await step.auxiliary(parameters.background_file_id) if parameters.background_file_id else None
    work = Work(step.folder, step.check)
    return await asyncio.to_thread(apply_effects, image, original, parameters.background_color, behind, parameters.effects, work)
