"""What an operator sees of a running stack: docs/how-to/monitoring.md."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.topology import SERVICES
from tests.component.stack.test_whole_stack import command
from tests.stacks import StackUnderTest


def get(stack: StackUnderTest, port: str, path: str) -> httpx.Response:
    """By the name of the port in ports.json."""
    return httpx.get(f"http://127.0.0.1:{stack.stack.config.ports.by_name[port]}{path}", trust_env=False, timeout=60)


def values(response: httpx.Response) -> dict[str, float]:
    """Samples without labels, or the sum over them."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_tells_its_metrics(stack: StackUnderTest, service: str) -> None:
    found = values(get(stack, f"metrics_{service}", "/metrics"))
    assert found["darkroom_ready"] == 1
    assert found["grpc_server_handled_total"] > 0
    assert "process_resident_memory_bytes" in found
    own = values(get(stack, f"metrics_{service}", "/metrics/service"))
    assert own["darkroom_ready"] == 1
    assert "process_resident_memory_bytes" not in own


def test_the_queue_is_read_by_tasks(stack: StackUnderTest) -> None:
    found = values(get(stack, "metrics_tasks", "/metrics"))
    assert found["darkroom_gauges_read"] == 1
    assert "darkroom_queue_tasks" in found


def test_workers_tell_their_slots(stack: StackUnderTest) -> None:
    told = get(stack, "metrics_inference", "/metrics").text.splitlines()
    assert 'darkroom_worker_slots{lane="neural"} 2.0' in told
    assert 'darkroom_worker_slots{lane="system"} 8.0' in told


def test_the_edge_serves_its_metrics_and_nothing_else_of_its_administration(stack: StackUnderTest) -> None:
    found = values(get(stack, "metrics_edge", "/stats/prometheus"))
    assert found["envoy_cluster_membership_healthy"] >= 4
    assert get(stack, "metrics_edge", "/ready").text.strip() == "LIVE"
    assert get(stack, "metrics_edge", "/config_dump").status_code == 404
    assert get(stack, "metrics_edge", "/quitquitquit").status_code == 404


def test_the_other_parts_have_theirs_where_the_documentation_says(stack: StackUnderTest) -> None:
    assert "nv_inference_queue_duration_us" in get(stack, "triton_metrics", "/metrics").text


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/stats/prometheus"])
def test_none_of_it_is_public(stack: StackUnderTest, path: str) -> None:
    headers = {"authorization": f"Bearer {stack.api_key}"}
    assert httpx.get(f"{stack.url}{path}", headers=headers, trust_env=False).status_code == 404


@pytest.fixture
def without_nats(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    stack.stop("nats")
    yield stack
    stack.up()


@pytest.mark.thorough
@pytest.mark.alone
async def test_a_service_that_lacks_something_is_alive_and_not_ready(without_nats: StackUnderTest) -> None:
    deadline = time.monotonic() + 90
    while (reply := get(without_nats, "metrics_tasks", "/readyz")).status_code == 200 and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    assert reply.json() == {"ready": False, "problems": {"nats": "not connected"}}
    assert get(without_nats, "metrics_tasks", "/livez").status_code == 200
    # It does without.
    assert get(without_nats, "metrics_accounts", "/readyz").status_code == 200

    shown = {line.split()[1]: line for line in command(without_nats, "status").stdout.splitlines() if line.startswith(("✓", "✗"))}
    assert shown["tasks"].startswith("✗")
    assert "nats: not connected" in shown["tasks"]
    assert shown["accounts"].startswith("✓")
