"""One HTTP request to a provider, and the error raised if it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.retry_after import asked_seconds

_LARGEST_ANSWER = 512 << 20
"""Bytes; four pictures of 8 megapixels take up to 140 million in base64."""
_LONGEST_QUOTE = 200
_PASSING = (408, 409, 425, 499)
"""Timeouts, conflicts, and requests that the provider itself gave up on."""

_logger = get_logger()


@asynccontextmanager
async def provider_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client for outside providers: a proxy from the environment is used, and no redirect is followed, since requests carry keys."""
    async with httpx.AsyncClient(trust_env=True, follow_redirects=False, timeout=None) as client:  # noqa: S113 - `Exchange` limits the whole
        yield client


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    body: Any
    """Decoded JSON; None if it is not JSON."""
    retry_after: int | None
    """Seconds, from its header."""

    def at(self, *path: str | int) -> Any:
        """The value in the body at a path of keys and indices; None if there is none."""
        found = self.body
        for step in path:
            if isinstance(step, str):
                found = found.get(step) if isinstance(found, dict) else None
            else:
                found = found[step] if isinstance(found, list) and -len(found) <= step < len(found) else None
        return found


class Exchange:
    """Requests to one provider, limited in number at a time and in seconds for each."""

    def __init__(
        self, client: httpx.AsyncClient, provider: str, base_url: str, headers: Mapping[str, str], seconds: float, concurrency: int
    ):
        self.provider = provider
        self._client, self._base_url = client, base_url.rstrip("/")
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._seconds, self._places = seconds, asyncio.Semaphore(concurrency)

    async def post(self, path: str, **content: Any) -> Answer:
        """POST below the base URL, with httpx's arguments for the body. Raises PROVIDER_UNAVAILABLE if no complete answer comes in time."""
        async with self._places:
            try:
                async with (
                    asyncio.timeout(self._seconds),
                    self._client.stream("POST", self._base_url + path, headers=self._headers, **content) as response,
                ):
                    return Answer(
                        response.status_code, _decoded(await self._read(response)), asked_seconds(response.headers.get("retry-after"))
                    )
            except TimeoutError:
                _logger.warning("provider_timed_out", provider=self.provider, seconds=self._seconds)
                raise self.unavailable("took too long to answer") from None
            except httpx.TransportError as error:
                _logger.warning("provider_unreachable", provider=self.provider, error=repr(error))
                raise self.unavailable("cannot be reached") from error

    async def _read(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self.rejection("gave a compressed answer, which was not asked for")
        async for part in response.aiter_raw():
            size += len(part)
            if size > _LARGEST_ANSWER:
                raise self.rejection("gave an answer that is too large")
            parts.append(part)
        return b"".join(parts)

    def failure(self, answer: Answer, model: str, message: object, pause: int | None) -> DarkroomError:
        """The error for an HTTP status where the body says nothing more specific. `message` is the provider's, for the task's owner,
        and `pause` how many seconds it asks to wait."""
        status = answer.status
        if status in (401, 403):
            return self.unusable(answer, "does not accept the key of this installation")
        if status == 404:
            return self.unusable(answer, f"does not have the model {model}")
        if status == 429:
            return self.unavailable("limits the rate of requests", pause)
        if status in _PASSING or status >= 500:
            return self.unavailable("has a failure", pause)
        if status >= 400:
            return self.rejection("rejects the request", message)
        return self.unusable(answer, "does not answer at the configured address")

    def unavailable(self, what: str, pause: int | None = None) -> DarkroomError:
        """The failure may be temporary."""
        return DarkroomError(ErrorReason.PROVIDER_UNAVAILABLE, f"{self.provider} {what}. Try again later.", retry_after=pause)

    def rejection(self, what: str, quote: object = None) -> DarkroomError:
        """A retry will not help. `quote` is what the provider says about the request, if that is a string."""
        said = f": {_quoted(quote)}" if isinstance(quote, str) and quote.strip() else "."
        return DarkroomError(ErrorReason.PROVIDER_REJECTED, f"{self.provider} {what}{said}")

    def refusal(self, what: str) -> DarkroomError:
        """The provider's content policy forbids it; `what` is the prompt, the pictures made, or the reason."""
        return DarkroomError(ErrorReason.CONTENT_REFUSED, f"{self.provider}'s content policy does not allow {what}.")

    def unusable(self, answer: Answer, what: str) -> DarkroomError:
        """The operator must act: the log has the provider's message, and the task's owner learns that it is not their fault."""
        _logger.error(
            "provider_unusable", provider=self.provider, status=answer.status, problem=what, answer=_quoted(json.dumps(answer.body))
        )
        return DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"{self.provider} {what}; the operator of this installation can fix that.")


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:  # not JSON, or not UTF-8
        return None


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"
