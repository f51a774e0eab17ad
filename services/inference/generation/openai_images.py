"""OpenAI's images API: https://developers.openai.com/api/reference/resources/images."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from services.inference.contract.provider import GenerationRequest, Reference, UnsupportedOption
from services.inference.generation.exchange import Answer, Exchange
from services.inference.generation.openai_table import MOST_AT_ONCE, openai_request
from services.platform.errors import DarkroomError

_CONTENT_CODES = ("moderation_blocked", "content_policy_violation")
_ACCOUNT_CODES = ("insufficient_quota", "billing_hard_limit_reached", "account_deactivated")
_STAGES = {"input": "the prompt or a reference", "output": "a picture that the model made"}


class OpenAiImages:
    """`/images/generations`, or `/images/edits` where there are references. Pictures come as PNG."""

    most_at_once = MOST_AT_ONCE

    def __init__(self, exchange: Exchange, model: str) -> None:
        self._exchange, self._model = exchange, model

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
            "model": self._model,
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
        return self._exchange.failure(answer, self._model, message, answer.retry_after)


def _blocked(details: Any) -> str:
    if not isinstance(details, dict):
        return "the prompt, a reference, or the pictures made of them"
    what = _STAGES.get(str(details.get("moderation_stage")), "the prompt, a reference, or the pictures made of them")
    categories = [category for category in details.get("categories") or () if isinstance(category, str)]
    return f"{what} ({', '.join(categories)[:100]})" if categories else what
