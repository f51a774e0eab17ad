"""The providers against a server that speaks their wire formats: what they send, and what becomes of every kind of answer."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from PIL import Image
from structlog.testing import capture_logs

from services.inference.contract.provider import GenerationRequest, Provider, Reference
from services.inference.generation.assembly import providers
from services.inference.generation.settings import GenerationSettings
from services.platform.errors import DarkroomError, ErrorReason
from tests.provider_server import KEY, Answering, ProviderServer, Reply, Silence, gemini_error, gemini_parts, inline, openai_error, png

CUP = GenerationRequest("A red cup", aspect_ratio="16:9", resolution="2K", quality=None)
REFERENCES = [Reference(png(8, 8), "image/png", 8, 8), Reference(png(4, 4), "image/jpeg", 4, 4)]
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "23.2s"}
QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as running:
        yield running


async def made_by(server: ProviderServer, operation: str, **changed: object) -> AsyncIterator[Provider]:
    settings = GenerationSettings(
        **{
            "openai_api_key": KEY,
            "openai_base_url": f"{server.url}/v1",
            "gemini_api_key": KEY,
            "gemini_base_url": f"{server.url}/v1beta",
            **changed,
        }
    )
    async with providers(settings, None) as made:
        yield made[operation]


@pytest.fixture
async def openai(server: ProviderServer) -> AsyncIterator[Provider]:
    async for provider in made_by(server, "gpt_image_2"):
        yield provider


@pytest.fixture
async def gemini(server: ProviderServer) -> AsyncIterator[Provider]:
    async for provider in made_by(server, "nano_banana_2"):
        yield provider


async def failure(provider: Provider) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        await provider.make(CUP, [], 1)
    assert KEY not in str(raised.value)
    return raised.value


async def test_openai_makes_pictures_from_a_prompt(server: ProviderServer, openai: Provider) -> None:
    pictures = await openai.make(CUP, [], 4)
    assert [Image.open(io.BytesIO(content)).size for content in pictures] == [(2560, 1440)] * 4
    [request] = server.received
    assert request.path == "/v1/images/generations"
    assert request.fields == {
        "model": "gpt-image-2",
        "prompt": "A red cup",
        "size": "2560x1440",
        "quality": "auto",
        "n": 4,
        "output_format": "png",
    }


async def test_openai_gets_references_as_files(server: ProviderServer, openai: Provider) -> None:
    await openai.make(GenerationRequest("Make it ünreal", quality="high"), REFERENCES, 2)
    [request] = server.received
    assert request.path == "/v1/images/edits"
    assert request.fields == {
        "model": "gpt-image-2",
        "prompt": "Make it ünreal",
        "size": "1024x1024",
        "quality": "high",
        "n": "2",
        "output_format": "png",
    }
    assert request.files == tuple(("image[]", reference.media_type, reference.content) for reference in REFERENCES)


async def test_gemini_makes_one_picture_and_ignores_its_thoughts(server: ProviderServer, gemini: Provider) -> None:
    thought = {**inline(png(2, 2)), "thought": True}
    server.next.append(gemini_parts(thought, {"text": "Here."}, inline(png(3, 3))))
    [content] = await gemini.make(CUP, REFERENCES, 1)
    assert content == png(3, 3)
    [request] = server.received
    assert request.path == "/v1beta/models/gemini-3.1-flash-image:generateContent"
    assert request.fields == {
        "contents": [{"role": "user", "parts": [{"text": "A red cup"}, *(inline(each.content, each.media_type) for each in REFERENCES)]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"imageSize": "2K", "aspectRatio": "16:9"}},
    }
    assert await gemini.make(CUP, [], 1)


BLOCKED = {"moderation_details": {"moderation_stage": "output", "categories": ["sexual", "violence"]}}


@pytest.mark.cases(8)
@pytest.mark.parametrize(
    ("answer", "reason", "says", "retry_after"),
    [
        (openai_error(400, "moderation_blocked", **BLOCKED), "CONTENT_REFUSED", "a picture that the model made (sexual, violence)", None),
        (openai_error(400, "moderation_blocked"), "CONTENT_REFUSED", "the prompt, a reference", None),
        (openai_error(400, "content_policy_violation"), "CONTENT_REFUSED", "content policy", None),
        (
            openai_error(400, "invalid_value", "Unknown size\n9x9."),
            "PROVIDER_REJECTED",
            "rejects the request: Unknown size 9x9.",
            None,
        ),
        (openai_error(400, "billing_hard_limit_reached"), "OPERATION_UNAVAILABLE", "no credit left", None),
        (openai_error(401, "invalid_api_key"), "OPERATION_UNAVAILABLE", "does not accept the key", None),
        (openai_error(403, None), "OPERATION_UNAVAILABLE", "does not accept the key", None),
        (openai_error(404, "model_not_found"), "OPERATION_UNAVAILABLE", "does not have the model gpt-image-2", None),
        (openai_error(429, "insufficient_quota"), "OPERATION_UNAVAILABLE", "no credit left", None),
        (Reply(429, {"error": {"code": "rate_limit_exceeded"}}, {"Retry-After": "17"}), "PROVIDER_UNAVAILABLE", "limits the rate", 17),
        (Reply(429, {"error": {}}, {"Retry-After": "soon"}), "PROVIDER_UNAVAILABLE", "limits the rate", None),
        (Reply(500, content=b"<html>"), "PROVIDER_UNAVAILABLE", "has a failure", None),
        (Reply(503, {}, {"Retry-After": "5"}), "PROVIDER_UNAVAILABLE", "has a failure", 5),
        (Reply(302, {}, {"Location": "https://elsewhere.example/"}), "OPERATION_UNAVAILABLE", "configured address", None),
        (Reply(200, {"data": []}), "PROVIDER_REJECTED", "no picture", None),
        (Reply(200, {"data": [{"url": "https://x.example/"}]}), "PROVIDER_REJECTED", "without pictures", None),
        (Reply(200, {"data": [{"b64_json": "%%%"}]}), "PROVIDER_REJECTED", "without pictures", None),
        (Reply(200, content=b"not json"), "PROVIDER_REJECTED", "without pictures", None),
        (Reply(200, {"data": [{"b64_json": "A" * 4000}]}, cut_after=1000), "PROVIDER_UNAVAILABLE", "cannot be reached", None),
        (Reply(200, {}, cut_after=0), "PROVIDER_UNAVAILABLE", "cannot be reached", None),
    ],
)
async def test_openai_failures(
    server: ProviderServer, openai: Provider, answer: Answering, reason: str, says: str, retry_after: int | None
) -> None:
    server.next.append(answer)
    error = await failure(openai)
    assert (error.reason, error.retry_after) == (ErrorReason(reason), retry_after)
    assert says in error.message


KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.cases(8)
@pytest.mark.parametrize(
    ("answer", "reason", "says", "retry_after"),
    [
        (Reply(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "CONTENT_REFUSED", "(prohibited content)", None),
        (gemini_parts(finish="IMAGE_SAFETY"), "CONTENT_REFUSED", "(image safety)", None),
        (Reply(200, {"candidates": [{"finishReason": "IMAGE_PROHIBITED_CONTENT"}]}), "CONTENT_REFUSED", "prohibited", None),
        (gemini_parts({"text": "I would rather write a poem."}), "PROVIDER_REJECTED", "no picture: I would rather write a poem.", None),
        (gemini_parts(finish="NO_IMAGE"), "PROVIDER_REJECTED", "no picture: no image", None),
        (gemini_parts({"inlineData": {"mimeType": "image/png", "data": "%"}}), "PROVIDER_REJECTED", "without a picture", None),
        (Reply(200, {}), "PROVIDER_REJECTED", "no picture", None),
        (Reply(200, content=b"[]"), "PROVIDER_REJECTED", "no picture", None),
        (gemini_error(400, "INVALID_ARGUMENT", "Bad ratio."), "PROVIDER_REJECTED", "rejects the request: Bad ratio.", None),
        (gemini_error(400, "INVALID_ARGUMENT", "Key.", KEY_INVALID), "OPERATION_UNAVAILABLE", "does not serve this installation", None),
        (gemini_error(400, "FAILED_PRECONDITION", "Enable billing."), "OPERATION_UNAVAILABLE", "does not serve", None),
        (gemini_error(403, "PERMISSION_DENIED"), "OPERATION_UNAVAILABLE", "does not accept the key", None),
        (gemini_error(404, "NOT_FOUND"), "OPERATION_UNAVAILABLE", "does not have the model gemini-3.1-flash-image", None),
        (gemini_error(429, "RESOURCE_EXHAUSTED", "Quota.", QUOTA, RETRY_INFO), "PROVIDER_UNAVAILABLE", "limits the rate", 24),
        (gemini_error(429, "RESOURCE_EXHAUSTED", "Quota.", QUOTA), "PROVIDER_UNAVAILABLE", "limits the rate", None),
        (gemini_error(499, "CANCELLED"), "PROVIDER_UNAVAILABLE", "has a failure", None),
        (gemini_error(500, "INTERNAL"), "PROVIDER_UNAVAILABLE", "has a failure", None),
        (gemini_error(503, "UNAVAILABLE", "Overloaded."), "PROVIDER_UNAVAILABLE", "has a failure", None),
        (gemini_error(504, "DEADLINE_EXCEEDED"), "PROVIDER_UNAVAILABLE", "has a failure", None),
        (Reply(200, {"candidates": ["x" * 4000]}, cut_after=1000), "PROVIDER_UNAVAILABLE", "cannot be reached", None),
    ],
)
async def test_gemini_failures(
    server: ProviderServer, gemini: Provider, answer: Answering, reason: str, says: str, retry_after: int | None
) -> None:
    server.next.append(answer)
    error = await failure(gemini)
    assert (error.reason, error.retry_after) == (ErrorReason(reason), retry_after)
    assert says in error.message


async def test_a_provider_that_is_silent_is_given_up(server: ProviderServer) -> None:
    server.next.append(Silence())
    async for openai in made_by(server, "gpt_image_2", openai_seconds=0.2):
        error = await failure(openai)
        assert (error.reason, error.message) == (ErrorReason.PROVIDER_UNAVAILABLE, "OpenAI took too long to answer. Try again later.")


async def test_a_provider_that_is_not_there(server: ProviderServer) -> None:
    async for gemini in made_by(server, "nano_banana_2", gemini_base_url="http://127.0.0.1:9"):
        error = await failure(gemini)
        assert (error.reason, error.message) == (ErrorReason.PROVIDER_UNAVAILABLE, "Gemini cannot be reached. Try again later.")


async def test_cancelling_stops_waiting(server: ProviderServer, openai: Provider) -> None:
    server.next.append(Silence())
    waiting = asyncio.create_task(openai.make(CUP, [], 1))
    assert await asyncio.to_thread(server.silenced.wait, 20)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_requests_over_the_limit_wait_for_a_place(server: ProviderServer) -> None:
    server.next.append(Silence())
    async for openai in made_by(server, "gpt_image_2", openai_concurrency=1):
        first = asyncio.create_task(openai.make(CUP, [], 1))
        assert await asyncio.to_thread(server.silenced.wait, 20)
        second = asyncio.create_task(openai.make(CUP, [], 1))
        await asyncio.sleep(0.1)
        assert len(server.received) == 1
        first.cancel()
        assert await second


async def test_keys_are_in_no_log_and_no_representation(
    server: ProviderServer, openai: Provider, gemini: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        for provider in (openai, gemini):
            server.next.extend([gemini_error(403, "PERMISSION_DENIED"), Reply(500, {})])
            await failure(provider)
            await failure(provider)
    # Tests that ran before in this process may still have something to say.
    assert [line["event"] for line in logs if line["event"].startswith("provider")] == ["provider_unusable"] * 2
    assert KEY not in str(logs)
    assert KEY not in caplog.text
    assert KEY not in repr(GenerationSettings(openai_api_key=KEY, gemini_api_key=KEY))


async def test_what_is_not_configured_is_not_there() -> None:
    async def names(**settings: object) -> set[str]:
        async with providers(GenerationSettings(**settings), None) as made:
            return set(made)

    assert await names() == set()
    assert await names(openai_api_key="", gemini_api_key=" ") == set()
    assert await names(openai_api_key=KEY) == {"gpt_image_2"}
    assert await names(gemini_api_key=KEY) == {"nano_banana_2"}
    assert await names(openai_api_key=KEY, nano_banana_2="local") == {"gpt_image_2", "nano_banana_2"}
    assert await names(gpt_image_2="local") == {"gpt_image_2"}
