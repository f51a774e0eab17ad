"""Make pictures with what serves GPT Image 2."""

from __future__ import annotations

from darkroom.operations.v1.gpt_image_2_pb2 import GptImage2
from services.inference.generation.making import make_pictures
from services.inference.pipeline.step import Made, References, Step


async def run(references: References, parameters: GptImage2, step: Step) -> list[Made]:
    """The pictures, one to `count`."""
    return await make_pictures(references, parameters, step.tools.provider("gpt_image_2"), step)
