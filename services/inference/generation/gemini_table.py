"""How a request is expressed for the Gemini API (https://ai.google.dev/gemini-api/docs/image-generation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.inference.contract.provider import GenerationRequest, NotApplied
from services.inference.generation.tables import with_negative

ASPECT_RATIOS: Mapping[str, str] = {
    "1:1": "1:1",
    "2:3": "2:3",
    "3:2": "3:2",
    "3:4": "3:4",
    "4:3": "4:3",
    "4:5": "4:5",
    "5:4": "5:4",
    "9:16": "9:16",
    "16:9": "16:9",
    "21:9": "21:9",
    "1:4": "1:4",
    "4:1": "4:1",
    "1:8": "1:8",
    "8:1": "8:1",
}
"""`imageConfig.aspectRatio`. If omitted, the model uses that of the references, or a square."""
IMAGE_SIZES: Mapping[str, str] = {"0.5K": "512", "1K": "1K", "2K": "2K", "4K": "4K"}
"""`imageConfig.imageSize`."""
MOST_AT_ONCE = 1
"""A call returns one picture, so a task for several makes that many calls at a time. There is no quality option, and no negative prompt:
it is worded into the prompt."""


@dataclass(frozen=True, slots=True)
class GeminiRequest:
    """The prompt and `imageConfig` of the call."""

    prompt: str
    image_config: Mapping[str, str]
    not_applied: tuple[NotApplied, ...]


def gemini_request(request: GenerationRequest) -> GeminiRequest:
    """Look the request up in the table."""
    config = {"imageSize": IMAGE_SIZES[request.resolution or "1K"]}
    if request.aspect_ratio is not None:
        config["aspectRatio"] = ASPECT_RATIOS[request.aspect_ratio]
    left_out: tuple[NotApplied, ...] = ()
    if request.quality is not None:
        left_out = (NotApplied("quality", "This model has one quality."),)
    return GeminiRequest(with_negative(request), config, left_out)
