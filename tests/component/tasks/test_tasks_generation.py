"""Tasks that make pictures: what is accepted, what it costs, and when there is nobody to do it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from darkroom.operations.v1 import gpt_image_2_pb2, nano_banana_2_pb2, operation_pb2
from darkroom.rest.v1 import generation_pb2
from services.pictures.offers import Offers
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT = 7_001
GPT = operation_pb2.Operation(gpt_image_2={"prompt": "A cup", "count": 4})
PLAIN: dict[str, Any] = {"prompt": "A cup", "aspect_ratio": "3:2"}


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
async def offered(bus: Bus, replica: Replica) -> None:
    """Workers are configured for both operations."""
    await Offers(bus).announce(["gpt_image_2", "nano_banana_2"])


def photos(service: Service, count: int, media_type: str = "image/jpeg") -> list[str]:
    return [str(service.files.add(ACCOUNT, f"{number}.jpg", media_type, size=(640, 480))) for number in range(count)]


async def refusal(call: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    trailers = dict(refused.value.trailing_metadata() or ())
    return int(str(trailers["x-http-status"])), json.loads(str(trailers["x-error-body"]))


async def test_nothing_configured_is_refused_at_creation_and_says_what_to_configure(service: Service, replica: Replica, bus: Bus) -> None:
    me = service.caller(ACCOUNT)
    file_ids = photos(service, 1)
    request = generation_pb2.GPTImage2Request(**PLAIN, image_file_ids=file_ids)
    status, body = await refusal(replica.images.CreateGptImage2(request, metadata=me))
    assert (status, body["code"], body["data"]) == (400, 40009, {"error_code": "operation_unavailable"})
    assert "DARKROOM_OPENAI_API_KEY, or DARKROOM_GPT_IMAGE_2=local" in body["message"]
    assert service.files.pins == {}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.create(me, operations=[operation_pb2.Operation(nano_banana_2={"prompt": "A cup"})])
    reason, _, message = error_of(refused.value)
    assert (reason, "DARKROOM_GEMINI_API_KEY" in message) == ("OPERATION_UNAVAILABLE", True)
    # One of the two is configured, on one of the workers.
    await Offers(bus).announce(["gpt_image_2"])
    assert (await replica.images.CreateGptImage2(request, metadata=me)).data.task_id
    assert (await refusal(replica.images.CreateNanoBanana2(generation_pb2.NanoBanana2Request(**PLAIN), metadata=me)))[1]["code"] == 40009


async def test_a_parameter_that_needs_configuration_is_refused_at_creation(service: Service, replica: Replica, bus: Bus) -> None:
    """At no cost; without the parameter, the operation is there."""
    me, [file_id] = service.caller(ACCOUNT), photos(service, 1)
    signed = operation_pb2.Operation(convert={"format": 2, "content_credentials": True})
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.create(me, int(file_id), operations=[signed])
    reason, _, message = error_of(refused.value)
    assert reason == "OPERATION_UNAVAILABLE" and message.startswith("convert.content_credentials is not available on this installation.")
    assert "DARKROOM_CONTENT_CREDENTIALS_CERTIFICATES_FILE" in message and service.files.pins == {}
    assert (await replica.create(me, int(file_id), operations=[operation_pb2.Operation(convert={"format": 2})])).id
    await Offers(bus).announce(["convert-content_credentials"])
    assert (await replica.create(me, int(file_id), operations=[signed])).id


@pytest.mark.usefixtures("offered")
async def test_gpt_image_2_by_pilios_words(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    file_ids = photos(service, 16)
    request = generation_pb2.GPTImage2Request(
        prompt="A cup",
        negative_prompt="handles",
        image_file_ids=file_ids,
        aspect_ratio="auto",
        output_count=2,
        resolution="2K",
        quality="high",
        preprocess_mode="off",
    )
    task = await replica.get(me, int((await replica.images.CreateGptImage2(request, metadata=me)).data.task_id))
    assert task.operations[0].gpt_image_2 == gpt_image_2_pb2.GptImage2(
        prompt="A cup",
        negative_prompt="handles",
        aspect_ratio="auto",
        count=2,
        resolution="2K",
        quality="high",
        keep_reference_size=True,
        archive=True,
    )
    assert (task.lane, task.price.millicredits, [str(file_id) for file_id in task.input_file_ids]) == ("gpt_image_2", 10_680, file_ids)


@pytest.mark.usefixtures("offered")
async def test_nano_banana_2_by_pilios_words(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    request = generation_pb2.NanoBanana2Request(
        prompt="A cup", aspect_ratio="1:8", output_count=4, resolution="0.5K", preprocess_mode="auto"
    )
    task = await replica.get(me, int((await replica.images.CreateNanoBanana2(request, metadata=me)).data.task_id))
    assert task.operations[0].nano_banana_2 == nano_banana_2_pb2.NanoBanana2(
        prompt="A cup", aspect_ratio="1:8", count=4, resolution="0.5K", archive=True
    )
    assert (task.lane, task.price.millicredits, list(task.input_file_ids)) == ("nano_banana_2", 21_360, [])


@pytest.mark.cases(4)
@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "p" * 32_001}, "prompt"),
        ({"negative_prompt": "p" * 32_001}, "negative_prompt"),
        ({"aspect_ratio": None}, "aspect_ratio"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio"),
        ({"output_count": 0}, "output_count"),
        ({"output_count": 3}, "output_count"),
        ({"output_count": 5}, "output_count"),
        ({"resolution": "8K"}, "resolution"),
        ({"preprocess_mode": "on"}, "preprocess_mode"),
    ],
)
async def test_limits_of_both(service: Service, replica: Replica, changed: dict[str, Any], field: str) -> None:
    fields = {name: value for name, value in (PLAIN | changed).items() if value is not None}
    me = service.caller(ACCOUNT)
    for call in (
        replica.images.CreateGptImage2(generation_pb2.GPTImage2Request(**fields), metadata=me),
        replica.images.CreateNanoBanana2(generation_pb2.NanoBanana2Request(**fields), metadata=me),
    ):
        status, body = await refusal(call)
        assert (status, body["code"], body["data"]["field"]) == (400, 40001, field)


@pytest.mark.usefixtures("offered")
async def test_limits_that_differ(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    long = {"prompt": "p" * 32_000, "negative_prompt": "p" * 32_000}
    files = photos(service, 17)
    gpt, banana = replica.images.CreateGptImage2, replica.images.CreateNanoBanana2
    await gpt(generation_pb2.GPTImage2Request(**long, image_file_ids=files[:16]), metadata=me)
    await banana(generation_pb2.NanoBanana2Request(**long, image_file_ids=files[:14]), metadata=me)
    for call, field in (
        (gpt(generation_pb2.GPTImage2Request(prompt="A cup", image_file_ids=files), metadata=me), "image_file_ids"),
        (banana(generation_pb2.NanoBanana2Request(prompt="A cup", image_file_ids=files[:15]), metadata=me), "image_file_ids"),
        (gpt(generation_pb2.GPTImage2Request(prompt="A cup", aspect_ratio="1:8"), metadata=me), "aspect_ratio"),
        (gpt(generation_pb2.GPTImage2Request(**PLAIN, quality="best"), metadata=me), "quality"),
        (banana(generation_pb2.NanoBanana2Request(prompt="A cup", aspect_ratio="auto"), metadata=me), "aspect_ratio"),
    ):
        status, body = await refusal(call)
        assert (status, body["code"], body["data"]["field"]) == (400, 40001, field)


@pytest.mark.usefixtures("offered")
async def test_references_are_checked_as_other_inputs_are(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    good = photos(service, 1)
    for bad, code in ((["404"], 40401), (photos(service, 1, "image/heic"), 40005), (photos(service, 1, "application/pdf"), 40005)):
        request = generation_pb2.GPTImage2Request(prompt="A cup", image_file_ids=good + bad)
        status, body = await refusal(replica.images.CreateGptImage2(request, metadata=me))
        assert (status, body["code"], body["data"]["field"]) == (400, code, "image_file_ids[1]")
    assert service.files.pins == {}


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(("outputs", "copies"), [([1, 2, 3], 0), ([1, 2, 3, 4], 1)])
async def test_three_of_four_are_charged(service: Service, replica: Replica, outputs: list[int], copies: int) -> None:
    """An archive of the three is no fourth."""
    me, worker = service.caller(ACCOUNT), service.worker()
    task = await replica.create(me, operations=[GPT])
    assert (await replica.started(worker, task.id)).last is False
    await replica.complete(worker, task.id, output_file_ids=outputs, copies=copies)
    task = await replica.get(me, task.id)
    assert (task.price.millicredits, task.price.charged_millicredits) == (21_360, 16_020)


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize("reason", ["CONTENT_REFUSED", "PROVIDER_REJECTED", "OPERATION_UNAVAILABLE"])
async def test_a_refusal_ends_the_task_uncharged(service: Service, replica: Replica, reason: str) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    task = await replica.create(me, operations=[GPT])
    await replica.started(worker, task.id)
    await replica.fail(worker, task.id, reason=ErrorReason(reason).number, message="No.")
    task = await replica.get(me, task.id)
    assert (task.state, task.price.reserved_millicredits, task.price.charged_millicredits) == (5, 0, 0)


@pytest.mark.usefixtures("offered")
async def test_a_provider_that_is_away_is_tried_again_until_the_last_attempt(service: Service, replica: Replica) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    task = await replica.create(me, operations=[GPT])
    lasts = []
    for attempt in range(1, 6):
        lasts.append((await replica.started(worker, task.id)).last)
        await replica.fail(worker, task.id, attempt, reason=ErrorReason.PROVIDER_UNAVAILABLE.number, message="No.")
    task = await replica.get(me, task.id)
    assert (lasts, task.state) == ([False, False, False, False, True], 5)
