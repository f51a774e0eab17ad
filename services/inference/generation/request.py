"""What is asked of a provider, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.operations.v1.gpt_image_2_pb2 import GptImage2
from darkroom.operations.v1.nano_banana_2_pb2 import NanoBanana2


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One task's wish, by the words of the operations. None: not said."""

    prompt: str
    negative_prompt: str = ""
    aspect_ratio: str | None = None
    """Such as `16:9`; `auto` is the same as None."""
    resolution: str | None = None
    """0.5K, 1K, 2K or 4K."""
    quality: str | None = None
    """low, medium or high; `auto` is the same as None."""

    @classmethod
    def of(cls, parameters: GptImage2 | NanoBanana2) -> GenerationRequest:
        """From the parameters of an operation."""
        return cls(
            prompt=parameters.prompt,
            negative_prompt=parameters.negative_prompt.strip(),
            aspect_ratio=_said(parameters.aspect_ratio),
            resolution=parameters.resolution or None,
            quality=_said(parameters.quality) if isinstance(parameters, GptImage2) else None,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture to edit or to draw from, encoded for a provider."""

    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NotApplied:
    """A wish that a provider cannot fulfil and that the pictures are made without."""

    parameter: str
    """As the owner of the task knows it, such as `resolution`."""
    message: str


def nearest_ratio(reference: Reference, ratios: Sequence[str]) -> str:
    """The ratio, of those written as `16:9`, that is closest to the shape of a picture."""
    shape = reference.width / reference.height

    def distance(ratio: str) -> float:
        width, height = map(int, ratio.split(":"))
        return max(shape * height / width, width / (shape * height))

    return min(ratios, key=distance)


def with_negative(request: GenerationRequest) -> str:
    """The prompt with what to avoid in its words, for models that take no negative prompt of its own."""
    if not request.negative_prompt:
        return request.prompt
    return f"{request.prompt}\n\nDo not include: {request.negative_prompt}"


def _said(value: str) -> str | None:
    return value if value and value != "auto" else None
