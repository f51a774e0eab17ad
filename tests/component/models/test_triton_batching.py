"""Requests that Triton hands over together, that fail, or that nobody waits for. With models of the tests' own."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from deploy.local.scratch.triton import TritonServer, install, running, tensor, wait_until
from tests.component.models.own_models import LIMIT, catalogue_of, fragile, patient

TOGETHER = 8


# What serves them all is started once.
pytestmark = pytest.mark.xdist_group("triton_batching")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("fragile")
    install(folder / "models", "--catalogue", str(catalogue_of(folder, fragile=fragile(), patient=patient())))
    # As on a GPU, where the rows of several requests run together; and so patient that they always meet.
    _edit(
        folder / "models" / "fragile" / "config.pbtxt",
        (r'(key: "execution_batch_size"\s+value \{\s+string_value: )"1"', rf'\1"{TOGETHER}"'),
        ("max_queue_delay_microseconds: 1000", "max_queue_delay_microseconds: 60000000"),
    )
    with running(folder / "models", folder / "triton.log") as server:
        yield server


def _edit(config: Path, *changes: tuple[str, str]) -> None:
    text = config.read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, pattern
    config.write_text(text, encoding="utf-8")


def infer_together(server: TritonServer, levels: list[int]) -> dict[int, np.ndarray | str]:
    """One request for each level, sent so that they meet in one call of the backend: the answer or the error of each."""
    answers: queue.SimpleQueue[tuple[int, object, InferenceServerException | None]] = queue.SimpleQueue()
    for level in levels:
        server.client.async_infer(
            "fragile",
            [tensor(np.full((1, 4, 4, 3), level, dtype=np.uint8))],
            callback=lambda result, error, level=level: answers.put((level, result, error)),
        )
    received: dict[int, np.ndarray | str] = {}
    for _ in levels:
        level, result, error = answers.get(timeout=60)
        received[level] = str(error) if error else result.as_numpy("upscaled")  # type: ignore[attr-defined]
    return received


def executions(server: TritonServer) -> dict[int, int]:
    """How many calls of the backend held how many rows."""
    statistics = server.client.get_inference_statistics("fragile").model_stats[0]
    return {batch.batch_size: batch.compute_infer.count for batch in statistics.batch_stats}


def test_requests_run_as_one_batch_and_each_gets_its_rows(server: TritonServer) -> None:
    before = executions(server).get(TOGETHER, 0)

    answers = infer_together(server, list(range(TOGETHER)))

    # Counted when the call returns, which is after its answers were sent.
    wait_until(lambda: executions(server).get(TOGETHER, 0) == before + 1, f"one call with {TOGETHER} rows")
    for level, answer in answers.items():
        np.testing.assert_array_equal(answer, np.full((1, 4, 4, 3), 255 - level))


def test_a_request_that_fails_leaves_the_others_of_its_batch_alone(server: TritonServer) -> None:
    bad = {LIMIT, LIMIT + 1}

    answers = infer_together(server, [1, LIMIT, 2, 3, LIMIT + 1, 4, 5, 6])

    for level, answer in answers.items():
        if level in bad:
            assert isinstance(answer, str)
            assert "Gather" in answer
        else:
            np.testing.assert_array_equal(answer, np.full((1, 4, 4, 3), 255 - level))


def test_a_run_that_nobody_waits_for_any_more_is_stopped(server: TritonServer) -> None:
    answers: queue.SimpleQueue[InferenceServerException | None] = queue.SimpleQueue()
    endless = np.full((1, 4, 4, 3), 255, dtype=np.uint8)
    process = server.process_of("patient")
    before = process.cpu_times().user
    call = server.client.async_infer("patient", [tensor(endless)], callback=lambda result, error: answers.put(error))
    wait_until(lambda: process.cpu_times().user > before + 0.5, "the run to be under way")

    call.cancel()

    assert answers.get(timeout=60) is not None
    # The only instance is free again, long before the run would have come to its end.
    black = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(server.infer("patient", black), black)
