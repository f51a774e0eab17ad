"""One trace from the edge to the result, as a collector gets it from every part."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from functools import partial

import httpx
import pytest

from tests.collector import Collector, Seen
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio

SERVER, CLIENT, CONSUMER = 2, 3, 5
EDGE, ACCOUNTS, FILES, TASKS, WORKER, TRITON = (
    f"darkroom-{name}" for name in ("edge", "accounts", "files", "tasks", "inference", "triton")
)
# Triton's exporter sends a batch once and drops it when a busy collector does not take it in time, so that its part of one trace in three
# is asked for. Darkroom's own part has to be whole in each.
TRITON_TRIES = 3
TRITON_SECONDS = 20.0
STORAGE = "darkroom.internal.files.v1.StorageService"


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


async def own_spans(collector: Collector, parent: str, *expected: tuple[str, str]) -> None:
    """Wait until the trace is whole in what Darkroom's own processes add to it: what is expected has arrived, and no span of theirs hangs
    in the air. Fails when it never is."""
    _, trace, client, _ = parent.split("-")

    def whole(found: Sequence[Seen]) -> bool:
        own = [span for span in found if span.service != TRITON]
        above = {span.id for span in own} | {client}
        return set(expected) <= {(span.service, span.name) for span in own} and all(span.parent in above for span in own)

    await asyncio.to_thread(partial(collector.of, trace, whole))


async def with_triton(pilio: Pilio, collector: Collector, path: str, *expected: tuple[str, str]) -> tuple[httpx.Response, str, list[Seen]]:
    """Run a task by a path until Triton's spans have arrived as well: the reply, its `traceparent` and the spans. Darkroom's own have to
    arrive each time."""
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    for tries_left in reversed(range(TRITON_TRIES)):
        parent, trace = trace_parent(sampled=True)
        reply = await call(pilio, path, {"image_file_id": file_id}, parent)
        assert (await pilio.finish(str(reply.json()["data"]["task_id"])))["status"] == "Succeeded"
        await own_spans(collector, parent, *expected)
        try:
            return reply, parent, await spans_of(collector, trace, (TRITON, "compute"), seconds=TRITON_SECONDS)
        except AssertionError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def one(spans: Iterable[Seen], service: str, name: str) -> Seen:
    [found] = every(spans, service, name)
    return found


def every(spans: Iterable[Seen], service: str, name: str) -> Sequence[Seen]:
    """All spans of a name, one at least."""
    found = [span for span in spans if (span.service, span.name) == (service, name)]
    assert found
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
    reply, parent, spans = await with_triton(
        pilio,
        collector,
        "/v1/images/remove-background",
        (EDGE, "POST darkroom.rest.v1.ImagesService"),
        (ACCOUNTS, "envoy.service.auth.v3.Authorization/Check"),
        (FILES, f"{STORAGE}/PinTasks"),
        (FILES, f"{STORAGE}/CreateOutputs"),
        (WORKER, "process neural"),
        (FILES, "process EVENTS"),
    )
    task_id = str(reply.json()["data"]["task_id"])
    edge = one(spans, EDGE, "POST darkroom.rest.v1.ImagesService")
    assert edge.parent == parent.split("-")[2]
    assert [span.name for span in spans if span.failed] == []

    accepted = [(EDGE, edge.name), (TASKS, "darkroom.rest.v1.ImagesService/RemoveBackground")]
    pin = next(span for span in spans if span.service == FILES and span.name == f"{STORAGE}/PinTasks")
    assert path_to(spans, pin) == [*accepted, (TASKS, pin.name), (FILES, pin.name)]

    attempt = [*accepted, (WORKER, "process neural")]
    # The subject is looked at twice; Triton sends what it has of each when it has it.
    for computed in every(spans, TRITON, "compute"):
        assert path_to(spans, computed) == [
            *attempt,
            (WORKER, "remove_background"),
            (WORKER, "infer isnet"),
            (TRITON, "InferRequest"),
            (TRITON, "isnet"),
            (TRITON, "compute"),
        ]
    for service, method, stage in ((FILES, f"{STORAGE}/OpenInputs", "fetch"), (FILES, f"{STORAGE}/CreateOutputs", "store")):
        assert path_to(spans, one([span for span in spans if span.kind == SERVER], service, method)) == [
            *attempt,
            (WORKER, stage),
            (WORKER, method),
            (FILES, method),
        ]
    # What the end of the task sets off elsewhere.
    settled = one(spans, FILES, "process EVENTS")
    assert path_to(spans, settled) == [*accepted, (FILES, "process EVENTS")]
    assert (settled.kind, settled.attributes["darkroom.task_id"]) == (CONSUMER, task_id)

    for model in every(spans, WORKER, "infer isnet"):
        assert (model.kind, model.attributes["darkroom.model"], model.attributes["darkroom.batch"]) == (CLIENT, "isnet", "1")
    worked = one(spans, WORKER, "process neural")
    assert (worked.kind, worked.attributes["darkroom.task_id"], worked.attributes["darkroom.attempt"]) == (CONSUMER, task_id, "1")
    # By the request id, which the client has, the trace is found, and by either the log lines.
    request_id = reply.headers["x-request-id"]
    assert edge.attributes["guid:x-request-id"] == request_id
    assert pin.attributes["darkroom.request_id"] == request_id


async def test_what_is_not_sampled_is_not_traced(pilio: Pilio, collector: Collector) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    quiet, untraced = trace_parent(sampled=False)
    reply = await call(pilio, "/v1/images/upscale", {"image_file_id": file_id}, quiet)
    assert (await pilio.finish(str(reply.json()["data"]["task_id"])))["status"] == "Succeeded"
    # Exporters send in turn: what was sampled after it has arrived from all.
    everyone = (EDGE, "POST darkroom.rest.v1.ImagesService"), (WORKER, "process neural"), (FILES, "process EVENTS")
    await with_triton(pilio, collector, "/v1/images/upscale", *everyone)
    assert untraced not in {span.trace for span in collector.spans}


async def test_no_span_holds_a_signature_or_a_key(pilio: Pilio, collector: Collector) -> None:
    parent, trace = trace_parent(sampled=True)
    content = encoded(disc(64, 64), "PNG")
    item = await pilio.create("disc.png", len(content), "simple")
    response = await pilio.http.put(item["upload_url"], content=content, headers={"traceparent": parent})
    assert response.status_code == 200
    spans = await spans_of(collector, trace, (EDGE, "PUT upload"))
    assert one(spans, EDGE, "PUT upload").attributes["url.path"] in item["upload_url"]
    for span in collector.spans:
        for value in span.attributes.values():
            assert "X-Amz" not in value
            assert pilio.api_key not in value
