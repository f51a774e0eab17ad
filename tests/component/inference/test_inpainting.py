"""Marks over detail, filled by a network that a real Triton serves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from deploy.local.scratch.triton import TritonServer, running
from models.building import build_tiny_files
from models.catalogue import load_catalogue
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Task
from tests.component.inference.pictures import opened, png

MODEL = "lama"
BOX = (slice(40, 60), slice(50, 80))
IN_BOX = operation_pb2.Operation(remove_watermark={"boxes": [{"x1": 25, "y1": 40, "x2": 40, "y2": 60}]})


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A Triton with a network of LaMa's name and outside, which fills with the mean of what it is shown."""
    folder = tmp_path_factory.mktemp("inpainting")
    model = load_catalogue().models[MODEL]
    for path, content in build_tiny_files(MODEL, model, "cpu", threads=1, instances=1).items():
        file = folder / "models" / MODEL / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    with running(folder / "models", folder / "triton.log") as server:
        yield server


def noise() -> np.ndarray:
    """Detail everywhere, 100 high and 200 wide."""
    return np.random.default_rng(8).integers(0, 256, (100, 200, 3), dtype=np.uint8)


async def cleaned(world: World, operation: operation_pb2.Operation) -> Task:
    source = await world.files.add("noise.png", "image/png", png(noise()))
    async with world.worker():
        task = await world.submit([operation], source)
        await world.finished(task)
    return task


@pytest.mark.thorough
async def test_what_lies_in_a_box_over_detail_is_filled_by_the_installed_network(world: World, triton: TritonServer) -> None:
    world.use({"triton_address": triton.address, "triton_patience_seconds": 60})
    task = await cleaned(world, IN_BOX)
    assert task.completed is not None, task.failed
    result = opened(await world.files.content(task.completed.output_file_ids[0])).pixels
    outside = np.ones((100, 200), np.bool_)
    outside[BOX] = False
    np.testing.assert_array_equal(result[outside], noise()[outside])
    # Two pixels from its border nothing of the old is mixed in. A window repeats the picture, so the mean is that of what is around.
    inner = result[42:58, 52:78].reshape(-1, 3).astype(int)
    assert np.ptp(inner, axis=0).max() == 0
    assert np.abs(inner[0] - noise()[outside].mean(axis=0)).max() < 3
    used, removed = task.completed.notices
    assert (used.code, json.loads(used.details_json)) == ("model_used", {"model": MODEL, "device": "processor"})
    assert (removed.code, json.loads(removed.details_json)["methods"]) == ("watermark_removed", ["inpainted_neural"])


async def test_a_model_server_that_is_away_is_waited_for_and_reported_as_passing(world: World) -> None:
    task = await cleaned(world, IN_BOX)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    assert "model server" in task.failed.message


async def test_without_networks_structure_is_continued(neural_world: World) -> None:
    neural_world.use({"triton_patience_seconds": 60, "model_paint": ""})
    task = await cleaned(neural_world, IN_BOX)
    assert task.completed is not None, task.failed
    (removed,) = task.completed.notices
    assert json.loads(removed.details_json)["methods"] == ["inpainted_structured"]
