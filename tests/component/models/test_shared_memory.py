"""Tensors through memory that the worker shares with Triton, instead of through the socket."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc.aio
from numpy.typing import NDArray
from structlog.testing import capture_logs

from deploy.local.layout import REPOSITORY
from deploy.local.scratch.triton import TritonServer, install, running
from services.inference.model_server.shared_memory import FOLDER, SharedMemory
from services.inference.model_server.triton import Patience, Triton, connect
from tests.component.models.own_models import catalogue_of, patient
from tests.harness.models import copy_models

pytestmark = pytest.mark.xdist_group("shared_memory")

PATIENCE = Patience(60, 60, 60)
ENOUGH = 64 << 20
SHAPES = {"isnet": (1, 1024, 1024, 3), "realesr_animevideov3_x2": (3, 40, 56, 3), "ppocr_det": (1, 64, 96, 3)}


@pytest.fixture(scope="module")
def repository(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    copy_models(tiny_models, folder / "models", *SHAPES)
    return install(folder / "models", "--catalogue", str(catalogue_of(folder, patient=patient())))


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    with running(repository, tmp_path_factory.mktemp("log") / "triton.log") as server:
        yield server


def picture(model: str) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, SHAPES[model], np.uint8)


def regions(pid: int | None = None) -> set[str]:
    """In this host's memory, of one process: of this one. Others may run beside it."""
    return {path.name for path in FOLDER.glob(f"darkroom-tensors-{pid or os.getpid()}-*")}


def known(server: TritonServer) -> set[str]:
    return set(server.client.get_system_shared_memory_status().regions)


@pytest.mark.cases(1)
@pytest.mark.parametrize("model", SHAPES)
async def test_results_are_the_same_as_through_the_socket(server: TritonServer, model: str) -> None:
    sent = [picture(model), 255 - picture(model), picture(model)[:, :32, :32] if model != "isnet" else picture(model)]
    async with connect(server.address, PATIENCE) as triton:
        expected = [await triton.infer(model, each) for each in sent]

    async with connect(server.address, PATIENCE, ENOUGH) as triton:
        outputs = [await triton.infer(model, each) for each in sent]
        # One after the other, so that the same memory served all but the first, which showed how large answers are.
        (name,) = regions()
        assert name in known(server)

    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output, wanted)
    assert regions() == set()
    assert name not in known(server)


async def test_requests_at_the_same_time_do_not_share_a_region_and_keep_to_the_bound(server: TritonServer) -> None:
    pictures = [np.full((1, 64, 64, 3), level, np.uint8) for level in range(0, 240, 20)]

    async with connect(server.address, PATIENCE, 2 << 20) as triton:
        await triton.infer("realesr_animevideov3_x2", pictures[0])
        outputs = await asyncio.gather(*(triton.infer("realesr_animevideov3_x2", each) for each in pictures))
        assert 1 <= len(regions()) <= 2  # of 1 MiB each; the others went through the socket
        # Larger than any region so far: those make room for it. Larger than all of them together: through the socket.
        for side in (256, 512):
            output = await triton.infer("realesr_animevideov3_x2", np.full((1, side, side, 3), 9, np.uint8))
            assert (output == 9).all()
            assert sum((FOLDER / name).stat().st_size for name in regions()) <= 2 << 20

    assert [int(output.min()) for output in outputs] == [int(output.max()) for output in outputs] == list(range(0, 240, 20))
    assert regions() == set()


async def test_a_server_that_was_started_anew_is_given_the_memory_again(server: TritonServer) -> None:
    async with connect(server.address, PATIENCE, ENOUGH) as triton:
        expected = [await triton.infer("isnet", picture("isnet")) for _ in range(2)][1]
        await asyncio.to_thread(server.kill_and_start)
        assert regions()

        outputs = [await triton.infer("isnet", picture("isnet")) for _ in range(3)]

        assert known(server) == regions()
    for output in outputs:
        np.testing.assert_array_equal(output, expected)


_WORKER = """
import asyncio, sys
import numpy as np
from services.inference.model_server.triton import Patience, connect

async def work():
    async with connect(sys.argv[1], Patience(60, 60, 60), 64 << 20) as triton:
        for _ in range(2):
            await triton.infer("isnet", np.zeros((1, 1024, 1024, 3), np.uint8))
        print("working", flush=True)
        await asyncio.Event().wait()

asyncio.run(work())
"""


async def test_what_a_killed_worker_leaves_is_gone_after_the_next_start(server: TritonServer) -> None:
    command = (sys.executable, "-c", _WORKER, server.address)
    worker = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE)
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"working\n"
    (left,) = regions(worker.pid)
    async with connect(server.address, PATIENCE, ENOUGH) as triton:
        for _ in range(2):
            await triton.infer("isnet", picture("isnet"))
        assert left in regions(worker.pid) & known(server), "another worker's, which runs"

    worker.kill()
    await worker.wait()
    assert left in known(server)
    async with connect(server.address, PATIENCE, ENOUGH) as triton:
        assert regions(worker.pid) == set(), "before anything runs"
        for _ in range(2):
            await triton.infer("isnet", picture("isnet"))
        assert left not in known(server)


async def test_a_server_that_does_not_see_the_memory_is_sent_everything_through_the_socket(server: TritonServer, tmp_path: Path) -> None:
    client = tritonclient.grpc.aio.InferenceServerClient(server.address)
    memory = SharedMemory(client, ENOUGH, tmp_path)
    triton = Triton(client, PATIENCE, memory)
    with capture_logs() as logs:
        outputs = [await triton.infer("isnet", picture("isnet")) for _ in range(3)]
    await memory.close()
    await client.close()

    assert [entry["event"] for entry in logs] == ["shared_memory_not_used"]
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(outputs[0], outputs[2])


async def test_memory_of_a_request_that_nobody_waits_for_is_not_used_again(server: TritonServer) -> None:
    """Its answer may still be written there."""
    async with connect(server.address, PATIENCE, ENOUGH) as triton:
        quick, slow = np.zeros((1, 64, 64, 3), np.uint8), np.full((1, 64, 64, 3), 255, np.uint8)
        await triton.infer("patient", quick)
        waiting = asyncio.create_task(triton.infer("patient", slow))
        while not regions():
            await asyncio.sleep(0.01)
        abandoned = regions()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        outputs = [await triton.infer("patient", quick) for _ in range(2)]

        assert not abandoned & regions()
        assert all((output == 0).all() for output in outputs)
