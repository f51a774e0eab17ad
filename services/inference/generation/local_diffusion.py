"""The local diffusion model, in Triton's python backend (models/diffusion)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.contract.provider import GenerationRequest, NotApplied, Reference
from services.inference.generation.local_table import MOST_AT_ONCE, local_request
from services.inference.media import Image, Limits, decode, encode
from services.inference.media.resampling import resize
from services.inference.model_server.triton import Picture, Triton
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the model is run."""

    steps: int
    guidance: float
    strength: float
    """How far to depart from the reference, 0 to 1."""


class LocalDiffusion:
    """One picture a call, as PNG. The reference, if any, is fitted to the picture's size and drawn over."""

    most_at_once = MOST_AT_ONCE

    def __init__(self, triton: Triton, model: str, schedule: Schedule, seconds: float, concurrency: int) -> None:
        self._triton, self._model, self._schedule, self._seconds = triton, model, schedule, seconds
        self._places = asyncio.Semaphore(concurrency)

    async def ready(self) -> bool:
        """Whether Triton has loaded the model."""
        return await self._triton.serves(self._model)

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[NotApplied]:
        """See `Provider`."""
        return local_request(request, references, self._schedule.guidance).not_applied

    async def make(self, request: GenerationRequest, references: Sequence[Reference], count: int) -> Sequence[bytes]:
        """See `Provider`; also raises what `Triton.draw` raises."""
        said = local_request(request, references, self._schedule.guidance)
        inputs = {
            "prompt": np.array([said.prompt.encode()], np.object_),
            "negative_prompt": np.array([said.negative_prompt.encode()], np.object_),
            "width": np.array([said.width], np.int32),
            "height": np.array([said.height], np.int32),
            "seed": np.array([secrets.randbits(63)], np.int64),
            "steps": np.array([self._schedule.steps], np.int32),
            "guidance": np.array([self._schedule.guidance], np.float32),
        }
        if said.references:
            inputs["reference"] = await asyncio.to_thread(_pixels, references[0], said.width, said.height)
            inputs["strength"] = np.array([self._schedule.strength], np.float32)
        async with self._places:
            pixels = await self._triton.draw(self._model, inputs, self._seconds)
        if pixels.shape != (said.height, said.width, 3):
            raise DarkroomError(ErrorReason.PROVIDER_REJECTED, "The local model did not return a picture of the requested size.")
        return [await asyncio.to_thread(encode, Image(pixels))]


def _pixels(reference: Reference, width: int, height: int) -> Picture:
    """The reference, scaled and cropped at its middle to height x width x 3."""
    image = decode(reference.content, Limits(reference.width * reference.height / 1e6))
    scale = max(width / image.width, height / image.height)
    scaled = resize(image.srgb(), max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])
