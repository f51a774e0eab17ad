"""Making pictures through the worker: real queue, storage and sandbox, and a provider that speaks the public wire formats."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator

import pytest

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from services.inference.generation import making
from services.inference.generation.assembly import SIGNING
from services.inference.media import Image, Saving, encode
from services.inference.worker.client import AttemptClient
from services.pictures.media_format import MediaFormat
from services.pictures.offers import Offers
from services.pictures.operations import Need, specs
from services.platform.bus import OFFERS_STREAM
from services.platform.errors import DarkroomError
from services.platform.sandbox import SandboxLost
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Completed, Task
from tests.component.inference.pictures import disc, opened, png
from tests.component.inference.test_worker_crashes import killed_worker
from tests.dying import Point
from tests.provider_server import KEY, ProviderServer, Reply, Silence, gemini_error, gemini_parts, inline, openai_error, pictures
from tests.provider_server import png as made_png
from tests.signing_certificate import make_signing

GPT = operation_pb2.Operation(gpt_image_2={"prompt": "A red cup, seen from above", "aspect_ratio": "3:2", "count": 2})
BANANA = operation_pb2.Operation(nano_banana_2={"prompt": "A red cup", "aspect_ratio": "1:1", "resolution": "0.5K", "count": 4})
UPSCALE = operation_pb2.Operation(upscale={"factor": 2})
REFUSED = Reply(200, {"promptFeedback": {"blockReason": "SAFETY"}})


@pytest.fixture
def provider(world: World) -> Iterator[ProviderServer]:
    """What both operations of the world's workers are served by."""
    with ProviderServer() as server:
        world.use(
            {
                "openai_api_key": KEY,
                "openai_base_url": f"{server.url}/v1",
                "gemini_api_key": KEY,
                "gemini_base_url": f"{server.url}/v1beta",
                "gemini_concurrency": 1,
            }
        )
        yield server


async def done(world: World, *operations: operation_pb2.Operation, inputs: tuple[int, ...] = ()) -> Task:
    """A task after its first attempt."""
    async with world.worker():
        task = await world.submit(operations, *inputs)
        await world.finished(task)
    return task


async def once_more(world: World, task: Task, *, last: bool = False) -> None:
    """Another attempt, by another worker."""
    task.again(last=last)
    async with world.worker():
        world.tasks.queue(specs()[task.operations[0].WhichOneof("operation") or ""].lane, task)
        await world.finished(task)


def report(task: Task) -> Completed:
    """How a task has succeeded."""
    assert task.completed is not None, task.failed
    return task.completed


def outputs(world: World, task: Task) -> list[str]:
    """The names of what a task has delivered."""
    stored = [world.files.files[file_id] for file_id in report(task).output_file_ids]
    assert all(file.finalized and file.kept is None for file in stored)
    return [file.record.name for file in stored]


async def test_pictures_are_delivered_as_they_came_and_called_after_the_prompt(world: World, provider: ProviderServer) -> None:
    task = await done(world, GPT)
    assert outputs(world, task) == ["a-red-cup-seen-from-above.png", "a-red-cup-seen-from-above-2.png"]
    for file_id in report(task).output_file_ids:
        record = world.files.files[file_id].record
        assert (record.media_type, record.image.width, record.image.height) == ("image/png", 1248, 832)
        assert await world.files.content(file_id) == made_png(1248, 832)
    assert len(provider.received) == 1
    assert world.files.kept_by(task.id) == ["picture-0", "picture-1"]


async def test_several_pictures_come_once_more_in_one_archive(world: World, provider: ProviderServer) -> None:
    task = await done(world, operation_pb2.Operation(gpt_image_2={"prompt": "A cup", "count": 2, "archive": True}))
    assert outputs(world, task) == ["a-cup.png", "a-cup-2.png", "a-cup.zip"]
    assert report(task).copies == 1
    *pictures, archive = [await world.files.content(file_id) for file_id in report(task).output_file_ids]
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        assert packed.namelist() == ["a-cup.png", "a-cup-2.png"]
        assert [packed.read(name) for name in packed.namelist()] == pictures
    single = await done(world, operation_pb2.Operation(gpt_image_2={"prompt": "A cup", "archive": True}))
    assert (outputs(world, single), report(single).copies) == (["a-cup.png"], 0)


async def test_options_for_what_is_not_there_are_named(world: World, provider: ProviderServer) -> None:
    wishes = {"prompt": "A cup", "aspect_ratio": "1:1", "keep_reference_size": True, "archive": True}
    task = await done(world, operation_pb2.Operation(gpt_image_2=wishes))
    notices = [(notice.code, notice.subject) for notice in report(task).notices]
    assert notices == [("not_applied", "keep_reference_size"), ("not_applied", "archive")]


async def test_references_are_sent_without_what_they_tell_beside_their_pixels(world: World, provider: ProviderServer) -> None:
    inputs = [await world.files.add(f"{number}.png", "image/png", png(disc(size))) for number, size in enumerate((3000, 40))]
    await done(world, GPT, inputs=tuple(inputs))
    [request] = provider.received
    assert request.path == "/v1/images/edits"
    assert [(kind, opened(content).width) for _, kind, content in request.files] == [("image/jpeg", 2048), ("image/jpeg", 40)]


async def test_a_jpeg_stays_one(world: World, provider: ProviderServer) -> None:
    jpeg = encode(Image(disc(64)), Saving(MediaFormat.JPEG))
    provider.next.append(gemini_parts(inline(jpeg, "image/png")))
    task = await done(world, operation_pb2.Operation(nano_banana_2={"prompt": "!"}))
    assert outputs(world, task) == ["picture.jpg"]
    assert await world.files.content(report(task).output_file_ids[0]) == jpeg


async def test_three_of_four_are_delivered_when_one_is_refused(world: World, provider: ProviderServer) -> None:
    provider.next.extend([pictures, REFUSED])
    task = await done(world, BANANA)
    assert len(outputs(world, task)) == 3
    [notice] = report(task).notices
    assert (notice.code, notice.message[:31]) == ("partial", "3 of 4 pictures were made. Gemi")


async def test_a_refusal_of_all_fails_the_task_for_good(world: World, provider: ProviderServer) -> None:
    provider.next.append(openai_error(400, "moderation_blocked"))
    task = await done(world, GPT)
    assert task.failed is not None
    assert task.failed.reason == ErrorReason.ERROR_REASON_CONTENT_REFUSED


async def test_another_attempt_asks_for_what_is_missing_alone(world: World, provider: ProviderServer) -> None:
    provider.next.extend([pictures, gemini_error(503, "UNAVAILABLE"), pictures, gemini_error(503, "UNAVAILABLE")])
    task = await done(world, BANANA)
    assert task.failed is not None
    assert task.failed.reason == ErrorReason.ERROR_REASON_PROVIDER_UNAVAILABLE
    assert len(world.files.kept_by(task.id)) == 2
    provider.received.clear()
    await once_more(world, task)
    assert len(outputs(world, task)) == 4
    assert len(provider.received) == 2
    assert not report(task).notices


async def test_the_last_attempt_delivers_what_there_is(world: World, provider: ProviderServer) -> None:
    provider.next.extend([pictures, *[gemini_error(503, "UNAVAILABLE")] * 3])
    task = await done(world, BANANA)
    assert task.failed is not None
    provider.next.extend([gemini_error(503, "UNAVAILABLE")] * 3)
    await once_more(world, task, last=True)
    assert len(outputs(world, task)) == 1
    assert [notice.code for notice in report(task).notices] == ["partial"]


async def test_a_worker_that_dies_before_it_reports_has_paid_once(world: World, provider: ProviderServer) -> None:
    """From the moment that a picture is kept, nothing that befalls the attempt makes the next one ask for it."""
    task = await world.submit([GPT])
    await killed_worker(world, Point(AttemptClient, "complete", before=True))
    assert (len(world.files.kept_by(task.id)), len(provider.received), task.reported) == (2, 1, False)
    provider.received.clear()
    await once_more(world, task)
    assert len(outputs(world, task)) == 2
    assert provider.received == []


@pytest.mark.thorough
async def test_a_later_step_that_fails_does_not_make_the_next_attempt_pay(neural_world: World, provider: ProviderServer) -> None:
    neural_world.use({"model_upscale_2": "missing"})
    task = await done(neural_world, GPT, UPSCALE)
    assert task.failed is not None
    provider.received.clear()
    neural_world.use({"model_upscale_2": "realesr_animevideov3_x2"})
    await once_more(neural_world, task)
    assert outputs(neural_world, task) == ["a-red-cup-seen-from-above-2x.png", "a-red-cup-seen-from-above-2x-2.png"]
    assert {neural_world.files.files[file_id].record.image.width for file_id in report(task).output_file_ids} == {2496}
    assert provider.received == []


async def test_cancelling_ends_the_request(world: World, provider: ProviderServer) -> None:
    provider.next.append(Silence())
    async with world.worker(lanes={"gpt_image_2": 1}):
        task = await world.submit([GPT])
        assert await asyncio.to_thread(provider.silenced.wait, 60)
        task.current = False
        after = await world.submit([GPT])
        await world.finished(after)
    assert not task.reported
    assert len(outputs(world, after)) == 2


async def test_what_is_no_picture_is_not_delivered(world: World, provider: ProviderServer) -> None:
    provider.next.append(gemini_parts(inline(b"\x89PNG\r\n\x1a\n and nothing more")))
    task = await done(world, operation_pb2.Operation(nano_banana_2={"prompt": "A cup"}))
    assert task.failed is not None
    assert task.failed.reason == ErrorReason.ERROR_REASON_PROVIDER_REJECTED
    assert world.files.kept_by(task.id) == []


async def test_a_worker_that_could_not_read_a_picture_blames_itself(
    world: World, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> None:
        raise SandboxLost("the process that forks children died")

    provider.next += [gemini_parts(inline(made_png(512, 512)))] * 2
    with monkeypatch.context() as patch:
        patch.setattr(making, "read_picture", lost)
        task = await done(world, operation_pb2.Operation(nano_banana_2={"prompt": "A cup"}))
    assert task.failed is not None
    assert task.failed.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
    await once_more(world, task)
    assert len(outputs(world, task)) == 1


async def test_a_worker_offers_what_it_is_configured_for(world: World, provider: ProviderServer) -> None:
    offers = Offers(world.bus)

    async def offered() -> set[str]:
        return {name for name in ("gpt_image_2", "nano_banana_2", SIGNING) if await _offered(offers, name)}

    async with world.worker(openai_api_key="", nano_banana_2="gemini"):
        async with asyncio.timeout(60):
            while await offered() != {"nano_banana_2"}:
                await asyncio.sleep(0.02)
    await _withdraw(world)
    # The local model is offered once Triton has it, and this Triton is not there.
    made = make_signing()
    signing = {"content_credentials_certificates": made.certificates, "content_credentials_key": made.key}
    async with world.worker(gpt_image_2="local", nano_banana_2="gemini", **signing):
        async with asyncio.timeout(60):
            while await offered() != {"nano_banana_2", SIGNING}:
                await asyncio.sleep(0.02)


async def _offered(offers: Offers, name: str) -> bool:
    try:
        await offers.require(name, Need(name, "anything"))
    except DarkroomError:
        return False
    return True


async def _withdraw(world: World) -> None:
    await world.bus.jetstream.purge_stream(OFFERS_STREAM)
