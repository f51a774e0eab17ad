"""The common parts of the tables of several providers."""

from __future__ import annotations

from collections.abc import Sequence

from services.inference.contract.provider import GenerationRequest, Reference


def nearest_ratio(reference: Reference, ratios: Sequence[str]) -> str:
    """The ratio, of those written as `16:9`, that is closest to the shape of a picture."""
    shape = reference.width / reference.height

    def distance(ratio: str) -> float:
        width, height = map(int, ratio.split(":"))
        return max(shape * height / width, width / (shape * height))

    return min(ratios, key=distance)


def with_negative(request: GenerationRequest) -> str:
    """The prompt with what to avoid in its words, for models that take no separate negative prompt."""
    if not request.negative_prompt:
        return request.prompt
    return f"{request.prompt}\n\nDo not include: {request.negative_prompt}"
