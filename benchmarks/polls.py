"""Status polls through the edge."""

from __future__ import annotations

from collections import Counter

from benchmarks.load import get_repeatedly
from benchmarks.processor import Spent, each, shares, spending
from benchmarks.table import Section, milliseconds, percentile
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from deploy.local.scratch.stack import ScratchStack

_SECONDS = 8.0


async def measure(stack: ScratchStack) -> Section:
    """GET /v1/tasks/:id/status: Envoy, the authorisation check, transcoding, one query."""
    async with AsyncClient(stack.url, stack.api_key) as client:
        task = await client.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop())])
        await client.wait(task.id)
    section = Section(
        "Status polls through the edge",
        f"`GET /v1/tasks/:id/status` for {_SECONDS:.0f} s with one API key, keep-alive connections; each poll is a check by accounts, "
        "transcoding by Envoy, a signature check and a query by tasks. *Public keys*: `GET /fal/.well-known/jwks.json`, transcoded and "
        "answered by tasks too, but without a key, a check or a query: the least that a call of a service takes. *healthz*: answered by "
        "Envoy alone; shows what the generator itself can do. *Processor*: of all parts for one reply, without the generator.",
        ("request", "connections", "replies/s", "p50", "p99", "processor"),
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}
    status = f"/v1/tasks/{task.id}/status"
    for name, path, headers, connections in (
        ("status", status, key, 1),
        ("status", status, key, 16),
        ("status", status, key, 64),
        ("public keys", "/fal/.well-known/jwks.json", {}, 16),
        ("healthz", "/healthz", {}, 16),
    ):
        spent: Spent = Counter()
        with spending(stack, spent):
            load = await get_repeatedly(stack.url + path, headers, connections, _SECONDS)
        section.rows.append(
            (
                name,
                str(connections),
                f"{load.per_second:.0f}",
                milliseconds(percentile(load.latencies, 0.5)),
                milliseconds(percentile(load.latencies, 0.99)),
                each(spent, len(load.latencies)),
            )
        )
        if connections == 16:
            section.remarks = f"{section.remarks} With 16 connections {name} took: {shares(spent, len(load.latencies))}.".strip()
    return section
