"""Tasks and errors as Claid's replies."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from compat.claid.v1 import edits_pb2
from darkroom.operations.v1 import operation_pb2, polish_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from services.platform.json_models import python_of
from services.platform.rpc import catalogue
from services.platform.rpc.origin import ORIGIN_HEADER
from services.platform.rpc.surfaces import ERROR_BODY, HTTP_STATUS, render_error
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.model.state import TaskState
from services.tasks.surfaces.claid import messages
from services.tasks.surfaces.claid.edits import ClaidEdits
from services.tasks.surfaces.claid.kept import RequestBodies
from services.tasks.surfaces.claid.status import Status, status_of
from tests.harness.callers import calling

CLAID = catalogue.surface("claid")
NOW = datetime(2023, 3, 13, 11, 37, 9, 160554, UTC)
POLISH = operation_pb2.Operation(polish=polish_pb2.Polish())
REQUEST = {"input": "https://example.com/1.jpg", "operations": {"restorations": {"polish": True}}}
TASK = Task(
    id=123_456_789,
    account_id=7,
    state=TaskState.QUEUED,
    lane="picture",
    priority=0,
    trace_id="",
    operations=[POLISH.SerializeToString()],
    input_file_ids=[1],
    input_names=["1.jpg"],
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
    surface="claid",
    client_request=RequestBodies(REQUEST).to_bytes(),
)
FAILED = replace(TASK, state=TaskState.FAILED, attempt=1, error_reason=ErrorReason.FILE_CORRUPT, error_message="Damaged.", end_time=NOW)


@pytest.mark.parametrize(
    ("state", "attempt", "status"),
    [
        (TaskState.QUEUED, 0, Status.ACCEPTED),
        (TaskState.QUEUED, 1, Status.PROCESSING),
        (TaskState.RUNNING, 1, Status.PROCESSING),
        (TaskState.SUCCEEDED, 1, Status.DONE),
        (TaskState.FAILED, 1, Status.ERROR),
        (TaskState.CANCELLED, 0, Status.ERROR),
    ],
)
def test_states(state: TaskState, attempt: int, status: Status) -> None:
    assert status_of(replace(TASK, state=state, attempt=attempt)) is status


def test_a_failed_edit() -> None:
    state = messages.edit_state(FAILED, {1: InputFile(1, "1.jpg", "image/jpeg", (30, 20))}, {})
    assert (state.id, state.status, state.created_at) == (123_456_789, "ERROR", "2023-03-13T11:37:09.160554+00:00")
    assert python_of(state.request) == REQUEST
    assert (state.HasField("result"), state.result) == (True, edits_pb2.EditResult())
    [error] = state.errors
    assert (error.error, error.created_at) == ("Damaged.", int(NOW.timestamp()))
    seen = {"ext": "jpeg", "mime": "image/jpeg", "format": "JPEG", "mps": 0.0006, "width": 30, "height": 20}
    assert python_of(error.input_object) == seen
    # One whose input is not known.
    assert python_of(messages.edit_state(FAILED, {}, {}).errors[0].input_object) is None


def test_the_request_of_a_task_of_another_api_is_told() -> None:
    state = messages.edit_state(replace(TASK, surface="", client_request=b"", input_file_ids=[1, 2]), {}, {})
    assert python_of(state.request) == {"input": ["storage://files/1", "storage://files/2"], "operations": [{"polish": {}}]}


class Waited:
    """A task that has not ended by the time that the longest wait is over."""

    def __init__(self, task: Task) -> None:
        self.task, self.sent = task, dict[str, str]()

    async def wait(self, *_: object, known: Task) -> Task:
        return self.task

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return [(ORIGIN_HEADER, "https://media.example.com"), ("x-envoy-original-path", "/v1-beta1/image/edit")]

    async def send_initial_metadata(self, metadata: Any) -> None:
        self.sent = dict(metadata)


async def answered(task: Task) -> tuple[str, dict[str, Any]]:
    waited: Any = Waited(task)
    nothing: Any = None
    with calling(Identity(account_id=7), Client()):
        reply = await ClaidEdits(nothing, nothing, waited, nothing)._finished(TASK, {}, waited)
    assert reply == edits_pb2.EditReply()
    return waited.sent[HTTP_STATUS], json.loads(waited.sent[ERROR_BODY])


async def test_an_edit_that_takes_too_long_goes_on() -> None:
    status, body = await answered(replace(TASK, state=TaskState.RUNNING, attempt=1))
    url = "https://media.example.com/v1-beta1/image/edit/async/123456789"
    message = f"The edit takes longer than 60 seconds and continues. GET {url} for its result."
    assert (status, body) == ("504", {"error_code": "2012", "error_type": "general", "error_message": message, "error_details": {}})


async def test_an_edit_that_fails_is_answered_with_its_error() -> None:
    status, body = await answered(FAILED)
    assert (status, body) == ("400", {"error_code": "3002", "error_type": "image", "error_message": "Damaged.", "error_details": {}})


def test_errors() -> None:
    refused = DarkroomError(ErrorReason.FIELD_INVALID, "padding: must be below 50.", field="padding")
    assert render_error(CLAID, refused) == (
        422,
        {
            "error_code": "9000",
            "error_type": "validation",
            "error_message": "padding: must be below 50.",
            "error_details": {"padding": ["must be below 50."]},
        },
    )
    limited = {"error_code": "2001", "error_type": "general", "error_message": "Slower.", "error_details": {}}
    assert render_error(CLAID, DarkroomError(ErrorReason.RATE_LIMITED, "Slower.")) == (429, {"detail": limited})


def test_every_error_has_one_of_claids_types() -> None:
    types = set()
    for reason in ErrorReason:
        status, body = render_error(CLAID, DarkroomError(reason, "x"))
        error: Any = body["detail"] if status == 429 and "detail" in body else body
        types.add(error["error_type"])
    assert types <= {"auth", "dlvr", "general", "storage", "image", "validation", "billing", "web"}
