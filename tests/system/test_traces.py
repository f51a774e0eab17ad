"""One trace from the edge to the result, as a collector gets it from every part."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from functools import partial

import grpc
import httpx
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc
from tests.collector import Collector, Seen
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
EDGE, ACCOUNTS, FILES, TASKS, WORKER, TRITON = (
    f"darkroom-{name}" for name in ("edge", "accounts", "files", "tasks", "inference", "triton")
)
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=20, step_milliseconds=100))
# Exporters drop what a busy collector does not take in time: one trace of three has to be complete.
TRIES = ((20.0, 2), (20.0, 1), (60.0, 0))
ATTEMPTS, STORAGE = "darkroom.internal.tasks.v1.AttemptService", "darkroom.internal.files.v1.StorageService"


def trace_parent(*, sampled: bool) -> tuple[str, str]:
    """A header as a client would send it, and the id of its trace."""
    trace = secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-{'01' if sampled else '00'}", trace


async def call(pilio: Pilio, path: str, body: dict[str, object], parent: str) -> httpx.Response:
    response = await pilio.http.post(pilio.url + path, json=body, headers={**pilio.headers, "traceparent": parent})
    assert response.status_code == 200, response.text
    return response


async def spans_of(collector: Collector, trace: str, *expected: tuple[str, str], seconds: float = 60) -> list[Seen]:
    """The spans of a trace, when those are among them that are expected, by service and name."""

    def complete(found: Sequence[Seen]) -> bool:
        return set(expected) <= {(span.service, span.name) for span in found}

    return await asyncio.to_thread(partial(collector.of, trace, complete, seconds))


def one(spans: Iterable[Seen], service: str, name: str) -> Seen:
    [found] = [span for span in spans if (span.service, span.name) == (service, name)]
    return found


def path_to(spans: Sequence[Seen], span: Seen) -> list[tuple[str, str]]:
    """From the first span of the trace down to one of them."""
    by_id = {each.id: each for each in spans}
    path = [(span.service, span.name)]
    while span.parent in by_id:
        span = by_id[span.parent]
        path.insert(0, (span.service, span.name))
    return path


# The first test of a session may have to wait for the whole stack.
@pytest.mark.timeout(400)
async def test_a_task_is_one_trace_from_the_edge_to_the_model_and_the_result(pilio: Pilio, collector: Collector) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    for seconds, tries_left in TRIES:
        parent, trace = trace_parent(sampled=True)
        reply = await call(pilio, "/v1/images/remove-background", {"image_file_id": file_id}, parent)
        task_id = str(reply.json()["data"]["task_id"])
        assert (await pilio.finish(task_id))["status"] == "Succeeded"
        try:
            spans = await spans_of(
                collector,
                trace,
                (EDGE, "POST darkroom.rest.v1.ImagesService"),
                (ACCOUNTS, "envoy.service.auth.v3.Authorization/Check"),
                (FILES, f"{STORAGE}/PinFiles"),
                (FILES, f"{STORAGE}/FinalizeOutputs"),
                (TASKS, f"{ATTEMPTS}/CompleteAttempt"),
                (WORKER, "process WORK.neural"),
                (TRITON, "compute"),
                (FILES, "process EVENTS"),
                seconds=seconds,
            )
            break
        except AssertionError:
            if not tries_left:
                raise
    edge = one(spans, EDGE, "POST darkroom.rest.v1.ImagesService")
    # The client's span is the parent of ours, and no span hangs in the air.
    assert edge.parent == parent.split("-")[2]
    ids = {span.id for span in spans}
    assert [span.name for span in spans if span is not edge and span.parent not in ids] == []
    assert [span.name for span in spans if span.failed] == []

    accepted = [(EDGE, edge.name), (TASKS, "darkroom.rest.v1.ImagesService/RemoveBackground")]
    pin = next(span for span in spans if span.service == FILES and span.name == f"{STORAGE}/PinFiles")
    assert path_to(spans, pin) == [*accepted, (TASKS, pin.name), (FILES, pin.name)]

    attempt = [*accepted, (TASKS, "send WORK.neural"), (WORKER, "process WORK.neural")]
    assert path_to(spans, one(spans, TRITON, "compute")) == [
        *attempt,
        (WORKER, "remove_background"),
        (WORKER, "infer isnet"),
        (TRITON, "InferRequest"),
        (TRITON, "isnet"),
        (TRITON, "compute"),
    ]
    for service, method, stage in ((FILES, f"{STORAGE}/OpenInputs", "fetch"), (FILES, f"{STORAGE}/FinalizeOutputs", "finalize")):
        assert path_to(spans, one([span for span in spans if span.kind == SERVER], service, method)) == [
            *attempt,
            (WORKER, stage),
            (WORKER, method),
            (FILES, method),
        ]
    completed = one([span for span in spans if span.kind == SERVER], TASKS, f"{ATTEMPTS}/CompleteAttempt")
    assert path_to(spans, completed)[:-2] == attempt

    # What the end of the task sets off elsewhere.
    settled = one(spans, FILES, "process EVENTS")
    assert path_to(spans, settled) == [*accepted, (FILES, "process EVENTS")]
    assert (settled.kind, settled.attributes["darkroom.task_id"]) == (CONSUMER, task_id)

    model = one(spans, WORKER, "infer isnet")
    assert (model.kind, model.attributes["darkroom.model"], model.attributes["darkroom.batch"]) == (CLIENT, "isnet", "1")
    assert one(spans, TASKS, "send WORK.neural").kind == PRODUCER
    worked = one(spans, WORKER, "process WORK.neural")
    assert (worked.kind, worked.attributes["darkroom.task_id"], worked.attributes["darkroom.attempt"]) == (CONSUMER, task_id, "1")
    # By the request id, which the client has, the trace is found, and by either the log lines.
    request_id = reply.headers["x-request-id"]
    assert edge.attributes["guid:x-request-id"] == request_id
    assert completed.attributes["darkroom.request_id"] == request_id


async def test_a_second_attempt_after_a_lost_worker_is_in_the_same_trace(
    native: AsyncClient, account: Account, collector: Collector, stack: StackUnderTest
) -> None:
    parent, trace = trace_parent(sampled=True)
    request = tasks_service_pb2.CreateTaskRequest(operations=[NOOP])
    metadata = (("authorization", f"Bearer {account.api_key}"), ("traceparent", parent))
    async with grpc.aio.insecure_channel(stack.url.removeprefix("http://")) as channel:
        task = (await tasks_service_pb2_grpc.TasksServiceStub(channel).CreateTask(request, metadata=metadata)).task
    async for event in native.watch(task.id):
        if event.state == task_pb2.TASK_STATE_RUNNING:
            break
    await asyncio.to_thread(stack.kill, "inference")
    assert (await native.wait(task.id)).attempt == 2

    def complete(found: Sequence[Seen]) -> bool:
        names = [span.name for span in found]
        return names.count("send WORK.system") == 2 and "process WORK.system" in names

    spans = await asyncio.to_thread(partial(collector.of, trace, complete))
    again = one(spans, WORKER, "process WORK.system")
    assert again.attributes["darkroom.attempt"] == "2"
    offers = [span for span in spans if span.name == "send WORK.system"]
    # The spans of the first attempt died with its worker.
    assert again.parent in {offer.id for offer in offers}
    assert len({offer.parent for offer in offers}) == 1


async def test_what_is_not_sampled_is_not_traced(pilio: Pilio, collector: Collector) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))

    async def upscale(parent: str) -> None:
        reply = await call(pilio, "/v1/images/upscale", {"image_file_id": file_id}, parent)
        assert (await pilio.finish(str(reply.json()["data"]["task_id"])))["status"] == "Succeeded"

    quiet, untraced = trace_parent(sampled=False)
    await upscale(quiet)
    # Exporters send in turn: what was sampled after it has arrived from all, of one trace of three as above.
    expected = (WORKER, "process WORK.neural"), (EDGE, "POST darkroom.rest.v1.ImagesService"), (TRITON, "compute")
    for seconds, tries_left in TRIES:
        loud, traced = trace_parent(sampled=True)
        await upscale(loud)
        try:
            await spans_of(collector, traced, *expected, seconds=seconds)
            break
        except AssertionError:
            if not tries_left:
                raise
    assert untraced not in {span.trace for span in collector.spans}


async def test_no_span_holds_a_signature_or_a_key(pilio: Pilio, collector: Collector) -> None:
    parent, trace = trace_parent(sampled=True)
    content = encoded(disc(64, 64), "PNG")
    item = await pilio.create("disc.png", len(content), "simple")
    response = await pilio.http.put(item["upload_url"], content=content, headers={"traceparent": parent})
    assert response.status_code == 200
    spans = await spans_of(collector, trace, (EDGE, "PUT object"))
    assert one(spans, EDGE, "PUT object").attributes["url.path"] in item["upload_url"]
    for span in collector.spans:
        for value in span.attributes.values():
            assert "X-Amz" not in value
            assert pilio.api_key not in value
