"""Pi's vocabulary: ids, states, parameters of generations, and jobs made of tasks."""

from __future__ import annotations

import base64
import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from compat.pi.v1 import images_pb2, jobs_pb2, stored_pb2
from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.operations.v1 import operation_pb2, remove_background_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.json_models import parse
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import render_error
from services.platform.rpc.trace import set_trace_id
from services.platform.rpc.validation import RequestValidator
from services.tasks.model import Task, TaskAttempt, TaskEvent
from services.tasks.model.state import OPEN, TaskState
from services.tasks.surfaces.pi import ids, images, messages, models, replies
from services.tasks.surfaces.pi.states import Status, states_of, status_of

REQUEST = "5f0c2d2e-6f38-4d6e-9c29-6b8a1f1c2d3e"
NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
UPSCALE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))
TASK = Task(
    id=123_456_789,
    account_id=7,
    state=TaskState.QUEUED,
    lane="neural",
    priority=0,
    trace_id="",
    operations=[CUT_OUT.SerializeToString()],
    input_file_ids=[1],
    input_names=["a.jpg"],
    later_inputs=[],
    output_file_ids=[],
    notices=[],
    price_millicredits=0,
    multiplier_permille=1000,
    reserved_millicredits=0,
    charged_millicredits=0,
    unlimited=True,
    expected_outputs=1,
    attempt=0,
    max_attempts=3,
    handed_back=0,
    run_at=None,
    run_id=None,
    lease_until=None,
    progress=0.0,
    progress_message="",
    error_reason=None,
    error_message=None,
    last_sequence=1,
    create_time=NOW,
    update_time=NOW,
    start_time=None,
    end_time=None,
    deadline=None,
    webhook_url=None,
    batch_id=None,
    batch_index=None,
    surface="",
    client_request=b"",
)


@pytest.fixture(autouse=True)
def _request() -> None:
    set_trace_id(f"req_pi_{REQUEST}")


def download(file_id: int, media_type: str) -> files_service_pb2.Download:
    file = file_pb2.File(id=file_id, name=f"{file_id}", media_type=media_type, size_bytes=10)
    if media_type.startswith("image/"):
        file.image.width, file.image.height = 3, 2
    return files_service_pb2.Download(file=file, url=f"https://storage/{file_id}", expire_time=Timestamp(seconds=1_777_723_200))


@pytest.mark.parametrize("number", [1, 123_456_789, 10**15 - 1])
def test_a_job_id_is_a_uuid_that_holds_the_number(number: int) -> None:
    text = ids.job_id(number)
    assert uuid.UUID(text).version == 8
    assert ids.task_id(text) == ids.task_id(text.upper()) == ids.task_id(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "01",
        "x",
        "-1",
        "1e3",
        "9" * 16,
        str(uuid.UUID(int=5)),
        ids.job_id(7).replace("-", ""),
        "351b5943-e140-4dea-9ddb-62993c6d03fc",
        "１２",
    ],
)
def test_other_texts_are_no_jobs(text: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        ids.task_id(text)
    assert refused.value.reason is ErrorReason.TASK_NOT_FOUND
    with pytest.raises(DarkroomError) as refused:
        ids.cursor(text, "starting_after")
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "starting_after")


def test_an_event_belongs_to_its_job() -> None:
    assert ids.event_sequence(ids.event_id(12, 3), 12, "starting_after") == 3
    for text in (ids.event_id(13, 3), "evt_pi_12_0", "evt_pi_12", "3", ""):
        with pytest.raises(DarkroomError, match="must be the id of an event of this job"):
            ids.event_sequence(text, 12, "starting_after")


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("attempt", [0, 1])
def test_a_status_selects_the_states_that_show_as_it(state: TaskState, attempt: int) -> None:
    for status in Status:
        states, attempted = states_of(status)
        selected = state in states and (attempted is None or attempted == (attempt > 0))
        assert selected == (status is status_of(state, attempt))


def test_a_job_never_goes_back_and_a_cancelled_one_failed() -> None:
    assert {status_of(state, 1) for state in OPEN} == {Status.PROCESSING}
    assert status_of(TaskState.CANCELLED, 0) is Status.FAILED


def test_a_new_job_is_the_documents_submit_reply() -> None:
    stored = stored_pb2.StoredRequest(client_reference_id="order-17")
    stored.metadata.update({"shop": "north"})
    task = dataclasses.replace(TASK, surface="pi", client_request=stored.SerializeToString())
    reply = MessageToDict(messages.envelope(task, []), preserving_proto_field_name=True)
    job_id = ids.job_id(TASK.id)
    assert reply == {
        "id": f"pi_req_{REQUEST}",
        "object": "job",
        "status": "queued",
        "created_at": 1_777_636_800.0,
        "data": {
            "id": job_id,
            "job_id": job_id,
            "task_id": "123456789",
            "object": "job",
            "type": "remove_background",
            "status": "queued",
            "result_url": None,
            "payload": {},
            "error_log": None,
            "progress": 0.0,
            "metadata": {"shop": "north"},
            "client_reference_id": "order-17",
            "not_applied": [],
            "created_at": "2026-05-01T12:00:00.250Z",
            "updated_at": "2026-05-01T12:00:00.250Z",
        },
    }


def test_what_another_api_kept_is_not_read() -> None:
    task = dataclasses.replace(TASK, surface="claid", client_request=b"\xff\xff not ours")
    job = messages.job(task, [])
    assert (dict(job.metadata), job.client_reference_id.WhichOneof("kind")) == ({}, "null_value")


def test_a_completed_job_has_its_result_under_every_name() -> None:
    task = dataclasses.replace(TASK, state=TaskState.SUCCEEDED, attempt=1, progress=1.0, output_file_ids=[5], end_time=NOW)
    job = messages.job(task, [download(5, "image/png")])
    assert job.result_url.string_value == job.payload.image_url == job.payload.output.files[0].url == "https://storage/5"
    assert job.job_result == job.payload.output
    [file] = job.job_result.files
    assert (file.id, file.media_type, file.size_bytes, file.width, file.height) == ("5", "image/png", 10, 3, 2)
    # The archive of several pictures is the result; the first picture is the picture.
    job = messages.job(task, [download(5, "image/png"), download(6, "image/png"), download(7, "application/zip")])
    assert (job.result_url.string_value, job.payload.image_url) == ("https://storage/7", "https://storage/5")
    job = messages.job(task, [download(5, "application/pdf")])
    assert (job.result_url.string_value, job.payload.HasField("image_url")) == ("https://storage/5", False)
    # Its files have expired.
    job = messages.job(task, [])
    assert (job.result_url.WhichOneof("kind"), job.HasField("job_result"), len(job.job_result.files)) == ("null_value", True, 0)


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        (TaskState.FAILED, ErrorReason.FILE_CORRUPT, "file_corrupt"),
        (TaskState.CANCELLED, ErrorReason.CANCELLED, "cancelled"),
        (TaskState.FAILED, ErrorReason.WORKER_LOST, "worker_lost"),
        (TaskState.FAILED, None, "internal_error"),
    ],
)
def test_a_failed_job_says_why(state: TaskState, reason: ErrorReason | None, code: str) -> None:
    task = dataclasses.replace(TASK, state=state, error_reason=reason, error_message="Because.", end_time=NOW)
    envelope = messages.envelope(task, [])
    assert (envelope.status, envelope.error.code, envelope.error.message) == ("failed", code, "Because.")
    assert envelope.data.error_log.string_value == "Because."


def test_a_job_that_is_tried_again_has_not_failed() -> None:
    task = dataclasses.replace(TASK, attempt=1, error_reason=ErrorReason.WORKER_LOST, error_message="Lost.")
    envelope = messages.envelope(task, [])
    assert (envelope.status, envelope.HasField("error"), envelope.data.error_log.WhichOneof("kind")) == ("processing", False, "null_value")
    event = TaskEvent(TASK.id, 4, TaskState.QUEUED, 1, 0.25, "", ErrorReason.WORKER_LOST, "Lost.", NOW)
    shown = messages.event(event)
    assert (shown.id, shown.type, shown.sequence, shown.error.code) == (f"evt_pi_{TASK.id}_4", "job.processing", 4, "worker_lost")
    assert (shown.created_at, shown.job_id) == (1_777_636_800, ids.job_id(TASK.id))


@pytest.mark.parametrize(("outcome", "status"), [(None, "processing"), (TaskState.SUCCEEDED, "completed"), (TaskState.CANCELLED, "failed")])
def test_attempts(outcome: TaskState | None, status: str) -> None:
    end = NOW + timedelta(seconds=1) if outcome is not None else None
    shown = messages.attempt(TaskAttempt(TASK.id, 1, uuid.uuid4(), "w", NOW, end, outcome, None, None))
    assert (shown.status, shown.number, shown.HasField("ended_at"), shown.HasField("error")) == (status, 1, outcome is not None, False)


def test_the_type_of_a_job() -> None:
    pictures = images.operations(images_pb2.CreateImageGenerationRequest(prompt="a"))
    for operations, kind in (([UPSCALE], "upscale"), ([CUT_OUT, UPSCALE], "pipeline"), (pictures[:1], "image_generation")):
        task = dataclasses.replace(TASK, operations=[each.SerializeToString() for each in operations])
        assert messages.kind_of(task) == kind


def test_fields_choose_what_a_job_shows() -> None:
    envelope = messages.envelope(TASK, [], fields={"id", "status", "result_url", "brand_id"})
    assert {field.name for field, _ in envelope.data.ListFields()} == {"id", "status", "result_url"}
    assert replies.names_in(["id,status", " result_url ,"], ["id"]) == {"id", "status", "result_url"}


def test_parameters_without_effect_are_named_once() -> None:
    notice = task_pb2.Notice(code="not_applied", subject="quality", message="No.").SerializeToString()
    other = task_pb2.Notice(code="first_frame_only", subject="x").SerializeToString()
    job = messages.job(dataclasses.replace(TASK, notices=[notice, other, notice]), [])
    assert [each.string_value for each in job.not_applied.list_value.values] == ["quality"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({f"k{number}": "" for number in range(17)}, "metadata"),
        ({"k": "x" * 501}, "metadata.k"),
        ({"k": 1}, "metadata.k"),
        ({"k": None}, "metadata.k"),
        ({"k": {"a": "b"}}, "metadata.k"),
    ],
)
def test_metadata_is_sixteen_texts(metadata: dict[str, object], field: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(models.Metadata, metadata, at="metadata")
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)
    parse(models.Metadata, {f"k{number}": "x" * 500 for number in range(16)}, at="metadata")


def generation(**fields: object) -> images_pb2.CreateImageGenerationRequest:
    request = images_pb2.CreateImageGenerationRequest(prompt="A mug", **fields)
    RequestValidator().check(request)
    return request


@pytest.mark.parametrize(
    ("size", "ratio", "resolution"),
    [
        ("256x256", "1:1", "0.5K"),
        ("512x512", "1:1", "0.5K"),
        ("1024x1024", "1:1", "1K"),
        ("1536x1024", "3:2", "1K"),
        ("1024x1536", "2:3", "1K"),
        ("1792x1024", "16:9", "1K"),
        ("1024x1792", "9:16", "1K"),
        ("auto", "", ""),
    ],
)
def test_every_size_fits_every_model(size: str, ratio: str, resolution: str) -> None:
    gpt, nano = images.operations(generation(size=size))
    for operation, parameters in ((gpt, gpt.gpt_image_2), (nano, nano.nano_banana_2)):
        RequestValidator().check(operation)
        assert (parameters.aspect_ratio, parameters.resolution, parameters.count, parameters.archive) == (ratio, resolution, 1, False)


def test_the_documents_example_of_an_output() -> None:
    output = images_pb2.ImageOutput(aspect_ratio="4:5", resolution="1K", thinking_intensity="high")
    request = generation(output=output, n=3, quality="hd")
    gpt, nano = images.operations(request)
    assert (gpt.gpt_image_2.aspect_ratio, gpt.gpt_image_2.resolution, gpt.gpt_image_2.quality) == ("4:5", "1K", "high")
    assert (gpt.gpt_image_2.count, gpt.gpt_image_2.archive) == (3, True)
    assert [each.subject for each in images.without_effect(request, gpt)] == ["output.thinking_intensity"]
    assert [each.subject for each in images.without_effect(request, nano)] == ["output.thinking_intensity", "quality"]


@pytest.mark.parametrize(("model", "name"), [("gpt-image-2", "gpt_image_2"), ("nano_banana_2", "nano_banana_2")])
def test_a_model_by_name(model: str, name: str) -> None:
    assert [each.WhichOneof("operation") for each in images.operations(generation(model=model))] == [name]


def test_a_model_without_the_aspect_ratio_is_not_chosen() -> None:
    wide = images_pb2.ImageOutput(aspect_ratio="8:1")
    [operation] = images.operations(generation(output=wide))
    RequestValidator().check(operation)
    assert operation.WhichOneof("operation") == "nano_banana_2"
    with pytest.raises(DarkroomError, match=r"output\.aspect_ratio: 8:1 is not an aspect ratio of gpt-image-2"):
        images.operations(generation(output=wide, model="gpt-image-2"))
    with pytest.raises(DarkroomError, match=r"size: cannot be given together with output\.aspect_ratio"):
        images.operations(generation(output=wide, size="auto"))


def test_every_aspect_ratio_is_one_of_the_models() -> None:
    field = images_pb2.ImageOutput.DESCRIPTOR.fields_by_name["aspect_ratio"]
    for ratio in getattr(field.GetOptions().Extensions[validate_pb2.field].string, "in"):
        for operation in images.operations(generation(output=images_pb2.ImageOutput(aspect_ratio=ratio))):
            RequestValidator().check(operation)


@pytest.mark.parametrize(
    ("picture", "media_type"),
    [(b"\xff\xd8\xff\xe0" + b"x" * 20, "image/jpeg"), (b"\x89PNG\r\n", "image/png"), (b"RIFFxxxxWEBP", "image/webp")],
)
def test_references_as_urls_and_as_base64(picture: bytes, media_type: str) -> None:
    text = base64.b64encode(picture).decode()
    assert images.reference_urls(["https://example.com/a.png", text]) == {
        "reference_images[0]": "https://example.com/a.png",
        "reference_images[1]": f"data:{media_type};base64,{text}",
    }


@pytest.mark.parametrize("text", ["hello", "aGVsbG8=", "%%%%", ""])
def test_other_references_are_refused(text: str) -> None:
    with pytest.raises(DarkroomError, match=r"reference_images\[0\]: must be an https URL, a data: URI, or base64"):
        images.reference_urls([text])


def test_errors_are_stripes() -> None:
    """400 for what is missing or unknown, 422 for what is there and wrong; a code for each kind of refusal."""
    pi = catalogue.surface("pi")

    def refusal(error: DarkroomError) -> tuple[int, dict[str, Any]]:
        status, body = render_error(pi, error, f"req_pi_{REQUEST}")
        inner: Any = body["error"]
        assert inner.pop("request_id") == f"req_pi_{REQUEST}"
        return status, inner

    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(jobs_pb2.CreateJobRequest())
    status, error = refusal(refused.value)
    assert (status, error["type"], error["code"], error["param"]) == (400, "invalid_request_error", "parameter_missing", "operations")
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(jobs_pb2.CreateJobRequest(operations=[CUT_OUT], priority=2000))
    status, error = refusal(refused.value)
    assert (status, error["code"], error["param"]) == (422, "parameter_invalid", "priority")
    for reason, expected in {
        ErrorReason.API_KEY_INVALID: (401, "authentication_error", "invalid_api_key"),
        ErrorReason.TASK_NOT_FOUND: (404, "invalid_request_error", "resource_missing"),
        ErrorReason.IDEMPOTENCY_KEY_MISMATCH: (409, "idempotency_error", "idempotency_key_mismatch"),
        ErrorReason.RATE_LIMITED: (429, "rate_limit_error", "rate_limit_exceeded"),
        ErrorReason.INTERNAL: (500, "api_error", "internal_error"),
        ErrorReason.FILE_NOT_FOUND: (422, "invalid_request_error", "file_missing"),
    }.items():
        status, error = refusal(DarkroomError(reason, "No."))
        assert (status, error["type"], error["code"], error["message"]) == (*expected, "No.")
    status, error = refusal(DarkroomError(ErrorReason.API_KEY_INVALID, "No.", metadata={"kind": "missing"}))
    assert (status, error["code"]) == (401, "missing_authorization_header")
