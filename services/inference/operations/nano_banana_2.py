"""Make pictures with the provider configured for Nano Banana 2."""

from __future__ import annotations

from darkroom.operations.v1.nano_banana_2_pb2 import NanoBanana2
from services.inference.contract.flow import GeneratedPicture, References
from services.inference.contract.step import Step
from services.inference.generation.making import make_pictures


async def run(references: References, parameters: NanoBanana2, step: Step) -> list[GeneratedPicture]:
    """The pictures, one to `count`."""
    return await make_pictures(references, parameters, step.tools.provider("nano_banana_2"), step)
