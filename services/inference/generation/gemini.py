"""The Gemini API's `generateContent` (https://ai.google.dev/api/generate-content), and how a request is expressed for it."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.inference.contract.provider import GenerationRequest, Reference, UnsupportedOption
from services.inference.generation.exchange import Answer, Exchange
from services.inference.generation.tables import with_negative
from services.platform.errors import DarkroomError

# https://ai.google.dev/api/generate-content#FinishReason
_CONTENT_FINISHES = (
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
)
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

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
    not_applied: tuple[UnsupportedOption, ...]


def gemini_request(request: GenerationRequest) -> GeminiRequest:
    """Look the request up in the table."""
    config = {"imageSize": IMAGE_SIZES[request.resolution or "1K"]}
    if request.aspect_ratio is not None:
        config["aspectRatio"] = ASPECT_RATIOS[request.aspect_ratio]
    left_out: tuple[UnsupportedOption, ...] = ()
    if request.quality is not None:
        left_out = (UnsupportedOption("quality", "one_quality", "This model has one quality."),)
    return GeminiRequest(with_negative(request), config, left_out)


class GeminiImages:
    """One picture a call, in whatever format the model returns."""

    most_at_once = MOST_AT_ONCE

    def __init__(self, exchange: Exchange, model: str) -> None:
        self._exchange, self.model = exchange, model

    async def ready(self) -> bool:
        """Always: it is configured only with a key."""
        return True

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[UnsupportedOption]:
        """See `Provider`."""
        return gemini_request(request).not_applied

    async def make(self, request: GenerationRequest, references: Sequence[Reference], count: int) -> Sequence[bytes]:
        """See `Provider`."""
        said = gemini_request(request)
        parts: list[dict[str, Any]] = [{"text": said.prompt}]
        for reference in references:
            data = base64.b64encode(reference.content).decode()
            parts.append({"inlineData": {"mimeType": reference.media_type, "data": data}})
        body = {
            "contents": [{"role": "user", "parts": parts}],
            "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": dict(said.image_config)},
        }
        answer = await self._exchange.post(f"/models/{self.model}:generateContent", json=body)
        if answer.status != 200:
            raise self._failure(answer)
        return [self._picture(answer)]

    def _picture(self, answer: Answer) -> bytes:
        """The first picture that is not one of the model's thoughts."""
        if block := answer.at("promptFeedback", "blockReason"):
            raise self._exchange.refusal(f"the prompt or a reference ({_word(block)})")
        parts = answer.at("candidates", 0, "content", "parts")
        texts = []
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict) or part.get("thought"):
                continue
            if isinstance(part.get("inlineData"), dict):
                try:
                    return base64.b64decode(part["inlineData"]["data"], validate=True)
                except (KeyError, TypeError, binascii.Error) as error:
                    raise self._exchange.rejection("gave an answer without a picture") from error
            texts.append(str(part.get("text", "")))
        finish = answer.at("candidates", 0, "finishReason")
        if finish in _CONTENT_FINISHES:
            raise self._exchange.refusal(f"the picture that was asked for ({_word(finish)})")
        raise self._exchange.rejection("gave no picture", " ".join(texts).strip() or _word(finish))

    def _failure(self, answer: Answer) -> DarkroomError:
        status, message = answer.at("error", "status"), answer.at("error", "message")
        if status == "FAILED_PRECONDITION" or _detail(answer, _ERROR_INFO).get("reason") in ("API_KEY_INVALID", "API_KEY_EXPIRED"):
            return self._exchange.unusable(answer, "does not serve this installation")
        return self._exchange.failure(answer, self.model, message, answer.retry_after or _retry_delay(answer))


def _detail(answer: Answer, kind: str) -> dict[str, Any]:
    """The error's detail of the given kind; empty if there is none."""
    details = answer.at("error", "details")
    found = (
        detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, dict) and detail.get("@type") == kind
    )
    return next(found, {})


def _retry_delay(answer: Answer) -> int | None:
    """Seconds from `google.rpc.RetryInfo`, written as `23.5s`; rounded up."""
    delay = _detail(answer, _RETRY_INFO).get("retryDelay")
    try:
        return math.ceil(float(str(delay).removesuffix("s")))
    except (ValueError, OverflowError):
        return None


def _word(value: object) -> str:
    """`IMAGE_SAFETY` as `image safety`."""
    return str(value or "no reason given")[:100].replace("_", " ").lower()
