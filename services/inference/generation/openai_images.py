"""OpenAI's images API (https://developers.openai.com/api/reference/resources/images), and how a request is expressed for it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.inference.contract.provider import GenerationRequest, Reference, UnsupportedOption
from services.inference.generation.exchange import Answer, Exchange
from services.inference.generation.tables import nearest_ratio, with_negative
from services.platform.errors import DarkroomError

_CONTENT_CODES = ("moderation_blocked", "content_policy_violation")
_ACCOUNT_CODES = ("insufficient_quota", "billing_hard_limit_reached", "account_deactivated")
_STAGES = {"input": "the prompt or a reference", "output": "a picture that the model made"}

SIZES: Mapping[str, Mapping[str, str]] = {
    "1:1": {"0.5K": "816x816", "1K": "1024x1024", "2K": "2048x2048", "4K": "2880x2880"},
    "3:2": {"0.5K": "1008x672", "1K": "1248x832", "2K": "2496x1664", "4K": "3504x2336"},
    "2:3": {"0.5K": "672x1008", "1K": "832x1248", "2K": "1664x2496", "4K": "2336x3504"},
    "3:4": {"0.5K": "720x960", "1K": "864x1152", "2K": "1728x2304", "4K": "2448x3264"},
    "4:3": {"0.5K": "960x720", "1K": "1152x864", "2K": "2304x1728", "4K": "3264x2448"},
    "4:5": {"0.5K": "768x960", "1K": "896x1120", "2K": "1792x2240", "4K": "2560x3200"},
    "5:4": {"0.5K": "960x768", "1K": "1120x896", "2K": "2240x1792", "4K": "3200x2560"},
    "16:9": {"0.5K": "1280x720", "1K": "1280x720", "2K": "2560x1440", "4K": "3840x2160"},
    "9:16": {"0.5K": "720x1280", "1K": "720x1280", "2K": "1440x2560", "4K": "2160x3840"},
    "21:9": {"0.5K": "1344x576", "1K": "1456x624", "2K": "3024x1296", "4K": "3808x1632"},
}
"""`size` by aspect ratio and resolution. The API takes any size whose sides are multiples of 16 and at most 3,840, whose ratio is at most
3:1, and that has 655,360 to 8,294,400 pixels. These are the largest exact ratios with at most 1, 4 and 7.9 mebipixels, and for 0.5K, which
is below the API's minimum, the smallest."""
RATIO_OF_CHOICE = "auto"
"""`size` where none is specified."""
QUALITIES: Mapping[str | None, str] = {None: "auto", "low": "low", "medium": "medium", "high": "high"}
MOST_AT_ONCE = 4
"""`n`; the API takes up to 10, and a task asks for 4 at most."""
LONGEST_PROMPT = 32_000
"""Characters. The API has no separate negative prompt: it is added to the prompt."""


@dataclass(frozen=True, slots=True)
class OpenAiRequest:
    """The fields of the call, except model, count and references."""

    prompt: str
    size: str
    quality: str
    not_applied: tuple[UnsupportedOption, ...]


def openai_request(request: GenerationRequest, references: Sequence[Reference]) -> OpenAiRequest:
    """Look the request up in the table."""
    left_out = []
    prompt = with_negative(request)
    if len(prompt) > LONGEST_PROMPT:
        prompt = request.prompt
        message = f"Prompt and negative prompt have more than {LONGEST_PROMPT} characters together."
        left_out.append(UnsupportedOption("negative_prompt", "prompt_too_long", message, {"most": LONGEST_PROMPT}))
    ratio = request.aspect_ratio
    if ratio is None and references:
        ratio = nearest_ratio(references[0], tuple(SIZES))
    if ratio is None:
        size = RATIO_OF_CHOICE
        if request.resolution not in (None, "1K"):
            left_out.append(UnsupportedOption("resolution", "size_by_model", "Without an aspect ratio, the model chooses the size."))
    else:
        size = SIZES[ratio][request.resolution or "1K"]
        if request.resolution == "0.5K":
            message = f"The smallest size that the model makes in this shape is {size} pixels."
            left_out.append(UnsupportedOption("resolution", "smallest_size", message, {"size": size}))
    return OpenAiRequest(prompt, size, QUALITIES[request.quality], tuple(left_out))


class OpenAiImages:
    """`/images/generations`, or `/images/edits` where there are references. Pictures come as PNG."""

    most_at_once = MOST_AT_ONCE

    def __init__(self, exchange: Exchange, model: str) -> None:
        self._exchange, self.model = exchange, model

    async def ready(self) -> bool:
        """Always: it is configured only with a key."""
        return True

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[UnsupportedOption]:
        """See `Provider`."""
        return openai_request(request, references).not_applied

    async def make(self, request: GenerationRequest, references: Sequence[Reference], count: int) -> Sequence[bytes]:
        """See `Provider`."""
        said = openai_request(request, references)
        fields = {
            "model": self.model,
            "prompt": said.prompt,
            "size": said.size,
            "quality": said.quality,
            "n": count,
            "output_format": "png",
        }
        if references:
            files = [
                ("image[]", (f"reference-{number}", reference.content, reference.media_type))
                for number, reference in enumerate(references, start=1)
            ]
            answer = await self._exchange.post("/images/edits", data={name: str(value) for name, value in fields.items()}, files=files)
        else:
            answer = await self._exchange.post("/images/generations", json=fields)
        if answer.status != 200:
            raise self._failure(answer)
        return self._pictures(answer)

    def _pictures(self, answer: Answer) -> list[bytes]:
        items = answer.at("data")
        try:
            pictures = [base64.b64decode(item["b64_json"], validate=True) for item in items]
        except (TypeError, KeyError, binascii.Error) as error:
            raise self._exchange.rejection("gave an answer without pictures") from error
        if not pictures:
            raise self._exchange.rejection("gave no picture")
        return pictures

    def _failure(self, answer: Answer) -> DarkroomError:
        code, message = answer.at("error", "code"), answer.at("error", "message")
        if code in _CONTENT_CODES:
            return self._exchange.refusal(_blocked(answer.at("error", "moderation_details")))
        if code in _ACCOUNT_CODES:
            return self._exchange.unusable(answer, "has no credit left for this installation")
        return self._exchange.failure(answer, self.model, message, answer.retry_after)


def _blocked(details: Any) -> str:
    if not isinstance(details, dict):
        return "the prompt, a reference, or the pictures made of them"
    what = _STAGES.get(str(details.get("moderation_stage")), "the prompt, a reference, or the pictures made of them")
    categories = [category for category in details.get("categories") or () if isinstance(category, str)]
    return f"{what} ({', '.join(categories)[:100]})" if categories else what
