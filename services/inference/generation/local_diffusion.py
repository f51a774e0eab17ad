"""The local diffusion model, in Triton's python backend (models/diffusion), and how a request is expressed for it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.contract.provider import GenerationRequest, Reference, UnsupportedOption
from services.inference.generation.settings import GenerationSettings
from services.inference.generation.tables import nearest_ratio
from services.inference.media import Image, Limits, decode, encode
from services.inference.media.resampling import resize
from services.inference.model_server.shapes import Picture
from services.inference.model_server.triton import Triton
from services.platform.errors import DarkroomError, ErrorReason

SIZES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "1:1": {"0.5K": (512, 512), "1K": (1024, 1024), "2K": (2048, 2048)},
    "3:2": {"0.5K": (624, 416), "1K": (1248, 832), "2K": (2496, 1664)},
    "2:3": {"0.5K": (416, 624), "1K": (832, 1248), "2K": (1664, 2496)},
    "3:4": {"0.5K": (432, 576), "1K": (864, 1152), "2K": (1728, 2304)},
    "4:3": {"0.5K": (576, 432), "1K": (1152, 864), "2K": (2304, 1728)},
    "4:5": {"0.5K": (448, 560), "1K": (896, 1120), "2K": (1792, 2240)},
    "5:4": {"0.5K": (560, 448), "1K": (1120, 896), "2K": (2240, 1792)},
    "16:9": {"0.5K": (512, 288), "1K": (1280, 720), "2K": (2560, 1440)},
    "9:16": {"0.5K": (288, 512), "1K": (720, 1280), "2K": (1440, 2560)},
    "21:9": {"0.5K": (672, 288), "1K": (1456, 624), "2K": (3024, 1296)},
    "1:4": {"0.5K": (256, 1024), "1K": (512, 2048), "2K": (1024, 4096)},
    "4:1": {"0.5K": (1024, 256), "1K": (2048, 512), "2K": (4096, 1024)},
    "1:8": {"0.5K": (176, 1408), "1K": (352, 2816), "2K": (720, 5760)},
    "8:1": {"0.5K": (1408, 176), "1K": (2816, 352), "2K": (5760, 720)},
}
"""Width and height in pixels by aspect ratio and resolution: the largest exact ratios, with sides that are multiples of 16, as the model's
patches need, with at most 0.25, 1 and 4 mebipixels."""
LARGEST = "2K"
"""Beyond it, the model repeats itself."""
MOST_AT_ONCE = 1
MOST_REFERENCES = 1
"""The model draws over one picture; it does not combine several."""
LEAST_GUIDANCE = 1.0
"""Up to this value, diffusion runs without the unconditional branch, which a negative prompt replaces."""


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """The model's inputs, except the seed and the schedule."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    references: int
    """How many of the references are used."""
    not_applied: tuple[UnsupportedOption, ...]


def local_request(request: GenerationRequest, references: Sequence[Reference], guidance: float) -> LocalRequest:
    """Look the request up in the table, for a model that is run with this guidance scale."""
    left_out = []
    if len(references) > MOST_REFERENCES:
        left_out.append(
            UnsupportedOption("image_file_ids", "one_reference", "The local model uses only one reference; the first was used.")
        )
    ratio = request.aspect_ratio or (nearest_ratio(references[0], tuple(SIZES)) if references else "1:1")
    resolution = request.resolution or "1K"
    if resolution not in SIZES[ratio]:
        resolution = LARGEST
        left_out.append(
            UnsupportedOption("resolution", "size_limit", f"The local model makes pictures of up to {LARGEST}.", {"largest": LARGEST})
        )
    negative = request.negative_prompt if guidance > LEAST_GUIDANCE else ""
    if request.negative_prompt and not negative:
        message = "The local model runs without guidance, so negative prompts have no effect."
        left_out.append(UnsupportedOption("negative_prompt", "no_guidance", message))
    if request.quality is not None:
        left_out.append(UnsupportedOption("quality", "one_quality", "The local model has one quality."))
    width, height = SIZES[ratio][resolution]
    return LocalRequest(request.prompt, negative, width, height, min(len(references), MOST_REFERENCES), tuple(left_out))


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
        self._triton, self.model, self._schedule, self._seconds = triton, model, schedule, seconds
        self._places = asyncio.Semaphore(concurrency)

    async def ready(self) -> bool:
        """Whether Triton has loaded the model."""
        return await self._triton.serves(self.model)

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[UnsupportedOption]:
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
            pixels = await self._triton.draw(self.model, inputs, self._seconds)
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


def of_settings(settings: GenerationSettings, triton: Triton) -> LocalDiffusion:
    """The local model, as the settings have it."""
    schedule = Schedule(settings.generation_steps, settings.generation_guidance, settings.generation_strength)
    return LocalDiffusion(triton, settings.model_generation, schedule, settings.generation_seconds, settings.generation_concurrency)
