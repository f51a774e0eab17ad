"""Pi's jobs, as the service answers the edge."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from compat.pi.v1 import images_pb2, images_pb2_grpc, job_pb2, jobs_pb2, jobs_pb2_grpc, refused_pb2, refused_pb2_grpc
from darkroom.rest.v1 import tasks_pb2
from services.pictures.offers import Offers
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from tests.component.tasks.service import Replica, Service

ACCOUNT, OTHER = 7_001, 7_002
NOOP: dict[str, Any] = {"operations": [{"noop": {"steps": 1}}]}


class Pi:
    """An account's calls."""

    def __init__(self, service: Service, replica: Replica, account_id: int = ACCOUNT) -> None:
        self.jobs = jobs_pb2_grpc.JobsServiceStub(replica.public)
        self.images = images_pb2_grpc.ImagesServiceStub(replica.public)
        self.refused = refused_pb2_grpc.RefusedServiceStub(replica.public)
        self.me = service.caller(account_id)

    async def create(self, key: str = "", **fields: Any) -> job_pb2.JobEnvelope:
        request = ParseDict({**NOOP, **fields}, jobs_pb2.CreateJobRequest())
        call = self.jobs.CreateJob(request, metadata=self.me + ((("idempotency-key", key),) if key else ()))
        reply = await call
        assert dict(await call.initial_metadata())["x-http-status"] == "202"
        return reply

    async def get(self, job_id: str, **fields: Any) -> job_pb2.JobEnvelope:
        return await self.jobs.GetJob(jobs_pb2.GetJobRequest(id=job_id, **fields), metadata=self.me)

    async def list(self, **fields: Any) -> job_pb2.JobList:
        return (await self.jobs.ListJobs(jobs_pb2.ListJobsRequest(**fields), metadata=self.me)).data

    async def cancel(self, job_id: str) -> job_pb2.JobEnvelope:
        return await self.jobs.CancelJob(jobs_pb2.CancelJobRequest(id=job_id), metadata=self.me)

    async def events(self, job_id: str, *headers: tuple[str, str], **fields: Any) -> tuple[str, bytes]:
        """Media type and body."""
        call = self.jobs.ListJobEvents(jobs_pb2.ListJobEventsRequest(id=job_id, **fields), metadata=self.me + headers)
        chunks = [chunk async for chunk in call]
        return chunks[0].content_type, b"".join(chunk.data for chunk in chunks)


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def pi(service: Service, replica: Replica) -> Pi:
    return Pi(service, replica)


async def refusal(call: Any) -> tuple[int, dict[str, Any]]:
    """HTTP status and error as the edge passes them on."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    trailers = dict(refused.value.trailing_metadata() or ())
    return int(str(trailers["x-http-status"])), json.loads(str(trailers["x-error-body"]))["error"]


async def finish(service: Service, replica: Replica, job: job_pb2.Job, *outputs: int) -> None:
    """Have a worker start and complete a job."""
    await replica.started(service.worker(), int(job.task_id))
    await replica.complete(service.worker(), int(job.task_id), output_file_ids=outputs)


def ids(jobs: Sequence[job_pb2.Job]) -> list[str]:
    return [job.id for job in jobs]


async def test_from_submission_to_result(service: Service, replica: Replica, pi: Pi) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    operations = [{"remove_background": {"trim": True}}, {"upscale": {"factor": 2}}]
    created = await pi.create(
        operations=operations, input_file_ids=[str(photo)], metadata={"shop": "north"}, client_reference_id="order-17", priority=3
    )
    assert (created.object, created.status, created.data.status, created.data.type) == ("job", "queued", "queued", "pipeline")
    job = created.data
    assert created.created_at == job.created_at.seconds
    assert created.id.startswith("pi_req_")
    started = await replica.started(service.worker(), int(job.task_id))
    assert [MessageToDict(each, preserving_proto_field_name=True) for each in started.operations] == operations
    assert (await pi.get(job.job_id)).status == "processing"

    output = service.files.add(ACCOUNT, "photo.png", "image/png", size=(1280, 960))
    await replica.complete(service.worker(), int(job.task_id), output_file_ids=[output])
    ended = await pi.get(job.job_id, wait_for_completion=True)
    assert (ended.status, ended.HasField("error"), ended.data.progress) == ("completed", False, 1.0)
    assert ended.data.result_url.string_value == ended.data.payload.output.files[0].url == f"https://storage/{output}"
    assert (dict(ended.data.metadata), ended.data.client_reference_id.string_value) == ({"shop": "north"}, "order-17")

    # Expansions add to the record, and change nothing of it.
    expand = ["input_files,output_files", "brand,avatar,ad,diagnostics"]
    expanded = (await pi.get(job.job_id, expand=expand, include=["events", "attempts"])).data
    names = [[file.name for file in files.data] for files in (expanded.expanded.input_files, expanded.expanded.output_files)]
    assert names == [["photo.jpg"], ["photo.png"]]
    assert [event.type for event in expanded.expanded.events.data][-1] == "job.completed"
    assert [(attempt.number, attempt.status) for attempt in expanded.expanded.attempts.data] == [(1, "completed")]
    expanded.ClearField("expanded")
    assert expanded == ended.data
    assert not (await pi.get(job.job_id, expand=["brand"])).data.expanded.ListFields()
    few = (await pi.get(job.job_id, fields=["id,status,result_url"])).data
    assert {field.name for field, _ in few.ListFields()} == {"id", "status", "result_url"}

    # Any API of the account sees the same task.
    status = await replica.pilio_tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id=job.task_id), metadata=pi.me)
    assert status.data.status == "Succeeded"


async def test_a_task_of_another_api_is_a_job(service: Service, replica: Replica, pi: Pi) -> None:
    task = await replica.create(pi.me)
    [listed] = (await pi.list()).data
    assert (listed.task_id, listed.type, listed.status) == (str(task.id), "noop", "queued")
    assert (await pi.get(str(task.id))).data.id == listed.id == (await pi.get(listed.id)).data.id
    cancelled = await pi.cancel(listed.id)
    assert (cancelled.status, cancelled.error.code, cancelled.data.error_log.string_value) == (
        "failed",
        "cancelled",
        "Cancelled by its owner.",
    )
    status, error = await refusal(pi.cancel(listed.id))
    assert (status, error["type"], error["code"]) == (409, "invalid_request_error", "job_already_ended")
    assert error["message"] == "The job has already ended: it is failed."


async def test_a_failed_job(service: Service, replica: Replica, pi: Pi) -> None:
    job = (await pi.create()).data
    await replica.started(service.worker(), int(job.task_id))
    await replica.fail(service.worker(), int(job.task_id), reason=ErrorReason.FILE_CORRUPT.number, message="The file is damaged.")
    failed = await pi.get(job.id, wait_for_completion=True, timeout_seconds=1.5)
    assert (failed.status, failed.error.code, failed.error.message) == ("failed", "file_corrupt", "The file is damaged.")
    assert (failed.data.result_url.WhichOneof("kind"), failed.data.error_log.string_value) == ("null_value", "The file is damaged.")


async def test_a_wait_that_is_over_replies_with_the_state(pi: Pi) -> None:
    job = (await pi.create()).data
    assert (await pi.get(job.id, wait_for_completion=True, timeout_seconds=1)).status in ("queued", "processing")


async def test_a_repeated_call_is_the_same_job(pi: Pi) -> None:
    first = (await pi.create("k1", metadata={"a": "1", "b": "2"})).data
    assert (await pi.create("k1", metadata={"b": "2", "a": "1"})).data.id == first.id
    request = ParseDict({**NOOP, "metadata": {"a": "2"}}, jobs_pb2.CreateJobRequest())
    status, error = await refusal(pi.jobs.CreateJob(request, metadata=(*pi.me, ("idempotency-key", "k1"))))
    assert (status, error["type"], error["code"]) == (409, "idempotency_error", "idempotency_key_mismatch")


async def test_jobs_of_others_do_not_exist(service: Service, replica: Replica, pi: Pi) -> None:
    job, other = (await pi.create()).data, Pi(service, replica, OTHER)
    for call in (other.get(job.id), other.cancel(job.id), other.events(job.id), other.get(job.task_id), other.get("nothing")):
        status, error = await refusal(call)
        assert (status, error["type"], error["code"]) == (404, "invalid_request_error", "resource_missing")
        assert error["message"] == "There is no such job."
    assert not (await other.list()).data
    # As a cursor it is a place, which says nothing about it.
    assert not (await other.list(starting_after=job.id)).data
    assert not (await other.list(ending_before=job.id)).data


async def test_pages_stay_where_they_are_while_jobs_arrive(pi: Pi) -> None:
    made = [(await pi.create()).data.id for _ in range(5)][::-1]
    page = await pi.list(limit=2)
    assert (ids(page.data), page.has_more, page.url) == (made[:2], True, "/api/v1/jobs")
    newest = (await pi.create()).data.id
    page = await pi.list(limit=2, starting_after=page.data[-1].id)
    assert (ids(page.data), page.has_more) == (made[2:4], True)
    page = await pi.list(limit=2, starting_after=page.data[-1].id)
    assert (ids(page.data), page.has_more) == (made[4:], False)
    # Back: the page that ends before the first of this one.
    page = await pi.list(limit=2, ending_before=made[4])
    assert (ids(page.data), page.has_more) == (made[2:4], True)
    page = await pi.list(limit=3, ending_before=made[2])
    assert (ids(page.data), page.has_more) == ([newest, *made[:2]], False)
    assert not (await pi.list(ending_before=newest)).data
    await pi.cancel(made[0])
    assert ids((await pi.list(status="failed")).data) == made[:1]
    assert ids((await pi.list(status="queued", ending_before=made[2])).data) == [newest, made[1]]


async def test_events(service: Service, replica: Replica, pi: Pi) -> None:
    job = (await pi.create()).data
    await finish(service, replica, job)
    kind, body = await pi.events(job.id)
    assert b".0" not in body
    envelope = json.loads(body)
    assert (kind, envelope["object"], envelope["status"]) == ("application/json", "list", "completed")
    events = envelope["data"]["data"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"], {event["job_id"] for event in events}) == ("job.queued", "job.completed", {job.id})
    _, body = await pi.events(job.id, limit=1, starting_after=events[0]["id"])
    page = json.loads(body)["data"]
    assert (page["data"], page["has_more"], page["url"]) == (events[1:2], True, f"/api/v1/jobs/{job.id}/events")
    # The same as a stream, on both paths.
    kind, body = await pi.events(job.id, ("accept", "text/event-stream"))
    blocks = [block.split("\n") for block in body.decode().split("\n\n")[1:-1]]
    streamed = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert (kind, streamed) == ("text/event-stream", events)
    stream = pi.jobs.StreamJobEvents(jobs_pb2.StreamJobEventsRequest(id=job.id), metadata=pi.me)
    assert b"".join([chunk.data async for chunk in stream]) == body
    last = (("last-event-id", str(len(events))),)
    ended = pi.jobs.StreamJobEvents(jobs_pb2.StreamJobEventsRequest(id=job.id), metadata=pi.me + last)
    assert [chunk async for chunk in ended] == []
    assert dict(await ended.initial_metadata())["x-http-status"] == "204"
    status, error = await refusal(pi.events(job.id, starting_after="evt_pi_1_1"))
    assert (status, error["param"]) == (422, "starting_after")


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"operations": []}, 400, "parameter_missing", "operations"),
        ({"operations": [{}]}, 400, "parameter_missing", "operations[0]"),
        ({"operations": [{"upscale": {"factor": 99}}], "input_file_ids": ["1"]}, 422, "parameter_invalid", "operations[0].upscale.factor"),
        ({"operations": [{"upscale": {}}]}, 422, "parameter_invalid", "input_file_ids"),
        ({"operations": [{"upscale": {}}], "input_file_ids": ["x"]}, 422, "file_missing", "input_file_ids[0]"),
        ({"operations": [{"upscale": {}}], "input_file_ids": ["999"]}, 422, "file_missing", "input_file_ids[0]"),
        ({"operations": [{"upscale": {}}], "input_urls": ["ftp://a/b.png"]}, 422, "parameter_invalid", "input_urls[0]"),
        ({"priority": 1001}, 422, "parameter_invalid", "priority"),
        ({"deadline": "2020-01-01T00:00:00Z"}, 422, "parameter_invalid", "deadline"),
        ({"webhook_url": "gopher://x"}, 422, "parameter_invalid", "webhook_url"),
        ({"metadata": {f"k{number}": "v" for number in range(17)}}, 422, "parameter_invalid", "metadata"),
        ({"metadata": {"k": "v" * 501}}, 422, "parameter_invalid", "metadata.k"),
        ({"metadata": {"k": 7}}, 422, "parameter_invalid", "metadata.k"),
        ({"client_reference_id": "x" * 201}, 422, "parameter_invalid", "client_reference_id"),
    ],
)
async def test_bad_input(pi: Pi, fields: dict[str, Any], status: int, code: str, param: str) -> None:
    request = ParseDict({**NOOP, **fields}, jobs_pb2.CreateJobRequest())
    got, error = await refusal(pi.jobs.CreateJob(request, metadata=pi.me))
    assert (got, error["type"], error["code"], error["param"]) == (status, "invalid_request_error", code, param), error
    assert error["message"].startswith(f"{param}:") or param in error["message"] or code == "file_missing"


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"limit": 101},
        {"starting_after": "x"},
        {"ending_before": ""},
        {"status": "done"},
        {"starting_after": "1", "ending_before": "2"},
    ],
)
async def test_bad_lists(pi: Pi, fields: dict[str, Any]) -> None:
    status, error = await refusal(pi.list(**fields))
    assert (status, error["code"], error["param"] in fields) == (422, "parameter_invalid", True)


async def test_urls_are_fetched_when_the_job_runs(pi: Pi, service: Service) -> None:
    job = (await pi.create(operations=[{"remove_background": {}}], input_urls=["https://example.com/nothing.png"])).data
    assert job.status == "queued"
    assert service.intake.fetched == []


async def test_pictures_are_made_by_a_model_that_is_configured(bus: Bus, pi: Pi, service: Service) -> None:
    request = images_pb2.CreateImageGenerationRequest(prompt="A mug", output={"aspect_ratio": "4:5", "thinking_intensity": "high"})
    status, error = await refusal(pi.images.CreateImageGeneration(request, metadata=pi.me))
    assert (status, error["code"]) == (422, "operation_unavailable")
    assert "DARKROOM_OPENAI_API_KEY" in error["message"]
    assert "DARKROOM_GEMINI_API_KEY" in error["message"]
    await Offers(bus).announce(["nano_banana_2"])
    call = pi.images.CreateImageGeneration(request, metadata=pi.me)
    reply = await call
    assert dict(await call.initial_metadata())["x-http-status"] == "202"
    assert (reply.object, reply.status, reply.data.type) == ("image.generation", "queued", "image_generation")
    assert [each.string_value for each in reply.data.not_applied.list_value.values] == ["output.thinking_intensity"]
    assert (await pi.get(reply.data.id)).object == "job"
    named = images_pb2.CreateImageGenerationRequest(prompt="A mug", model="gpt-image-2")
    assert (await refusal(pi.images.CreateImageGeneration(named, metadata=pi.me)))[1]["code"] == "operation_unavailable"
    document = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=1)
    wrong = images_pb2.CreateImageGenerationRequest(prompt="A mug", input_file_ids=[str(document)])
    status, error = await refusal(pi.images.CreateImageGeneration(wrong, metadata=pi.me))
    assert (status, error["code"], error["param"]) == (422, "media_unsupported", "input_file_ids[0]")


@pytest.mark.parametrize(
    ("name", "said"), [("RefuseCampaigns", "Campaigns"), ("RefuseBrands", "Brands"), ("RefuseAvatars", "Avatars"), ("RefuseRuns", "Runs")]
)
async def test_what_is_not_offered_says_so(pi: Pi, name: str, said: str) -> None:
    status, error = await refusal(getattr(pi.refused, name)(refused_pb2.RefusedRequest(), metadata=pi.me))
    assert (status, error["type"], error["code"]) == (422, "invalid_request_error", "operation_unavailable")
    assert error["message"].startswith(f"{said} are not offered by this server")
