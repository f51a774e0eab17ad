"""SnapOtter's tool that gives colours (section 10 of its contract), at the public port: without a model for it, and with an operator's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom import AsyncClient, DarkroomFailure
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.colorize_pb2 import Colorize
from tests.harness.models import install_colouring
from tests.harness.parts import ensure_up
from tests.stacks import StackUnderTest
from tests.system.pictures import encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

ROOT = Path(__file__).resolve().parents[2]
ABSENT = {
    "error": "Feature not installed",
    "code": "FEATURE_NOT_INSTALLED",
    "feature": "object-eraser-colorize",
    "featureName": "Object Eraser & Colorize",
    "estimatedSize": "1-2 GB",
}


def gray(width: int = 96, height: int = 64) -> Image.Image:
    """From dark to light."""
    row = np.linspace(40, 200, width).astype(np.uint8)
    return Image.fromarray(np.tile(row, (height, 1)))


PICTURE = encoded(gray(), "PNG")


@pytest.fixture
def with_ddcolor(stack: StackUnderTest, own_models: Path, tmp_path: Path) -> Path:
    """The stack with a network that the operator has installed: the lighter, the redder and the bluer."""
    install_colouring(own_models, tmp_path)
    # As `make up` starts the model server again when the installed models have changed.
    stack.use_models(own_models)
    ensure_up(stack)
    return own_models


async def colours(caller: SnapOtter, settings: object = None) -> np.ndarray[Any, Any]:
    result = await result_of_tool(caller, "colorize", PICTURE, settings)
    return np.asarray(opened(await caller.download(result["downloadUrl"])).convert("RGB"), int)


def _steps(tool: str, settings: Mapping[str, object]) -> str:
    return json.dumps({"steps": [{"toolId": "rotate", "settings": {"angle": 90}}, {"toolId": tool, "settings": settings}]})


async def test_without_a_model_it_answers_501_before_anything_else(person: SnapOtter, visitor: SnapOtter) -> None:
    for path in ("colorize", "colorize/batch"):
        reply = await person.post(f"/api/v1/tools/{path}", {"no": "form"})
        assert (reply.status_code, reply.json()) == (501, ABSENT), path
    part = ("file", PICTURE, "a.png")
    for path in ("execute", "batch"):
        reply = await person.form(f"/api/v1/pipeline/{path}", part, ("pipeline", _steps("colorize", {})))
        said = 'Step 2 (colorize): Feature "Object Eraser & Colorize" is not installed'
        assert (reply.status_code, reply.json()) == (501, {**ABSENT, "error": said}), path
    assert (await visitor.tool("colorize", PICTURE)).status_code == 401


async def test_without_a_model_the_operation_fails_and_says_why(native: AsyncClient) -> None:
    upload = await native.upload(PICTURE, name="gray.png")
    task = await native.create_task([upload.id], [operation_pb2.Operation(colorize=Colorize())])
    with pytest.raises(DarkroomFailure, match="no colourisation model"):
        await native.wait(task.id)


@pytest.mark.thorough
@pytest.mark.alone
async def test_with_an_operator_s_model(admin: SnapOtter, native: AsyncClient, with_ddcolor: Path) -> None:
    assert (with_ddcolor / "ddcolor").is_dir()
    result = await result_of_tool(admin, "colorize", PICTURE, None, "old photo.png")
    assert result.keys() - {"previewUrl"} == {"jobId", "downloadUrl", "originalSize", "processedSize", "width", "height", "method"}
    assert result["downloadUrl"].endswith("/old%20photo_colorized.png")
    assert (result["width"], result["height"], result["method"]) == (96, 64, "ddcolor")
    full, half, none = await asyncio.gather(
        colours(admin), colours(admin, {"intensity": 0.5, "model": "opencv"}), colours(admin, {"intensity": 0, "model": "ddcolor"})
    )
    # The network gives a* of 300 times, and b* of -100 times the level: red, and some blue.
    spread = [float(np.ptp(each[32, 40])) for each in (full, half, none)]
    assert spread[0] > spread[1] > 20
    assert spread[2] <= 2
    assert full[32, 40, 0] > full[32, 40, 2] > full[32, 40, 1]
    # Lightness stays.
    assert np.abs(none.mean(axis=2) - np.asarray(gray(), float)).max() <= 1.5

    jpeg = encoded(gray(), "JPEG")
    kept = await result_of_tool(admin, "colorize", jpeg, {"intensity": 0.3}, "a.jpg")
    assert opened(await admin.download(kept["downloadUrl"])).format == "JPEG"
    for settings, field in (({"intensity": 1.5}, "intensity"), ({"model": "deoldify"}, "model"), ({"intensity": "1"}, "intensity")):
        reply = await admin.tool("colorize", PICTURE, settings)
        assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
        assert field in reply.json()["details"]

    batch = await admin.form("/api/v1/tools/colorize/batch", ("file", PICTURE, "a.png"), ("file", jpeg, "b.jpg"))
    assert (batch.status_code, batch.headers["content-type"]) == (200, "application/zip")
    turned = await admin.form("/api/v1/pipeline/execute", ("file", PICTURE, "a.png"), ("pipeline", _steps("colorize", {})))
    assert turned.status_code == 200, turned.text
    assert opened(await admin.download(turned.json()["downloadUrl"])).size == (64, 96)

    # Old photographs get colours, too, and pictures that have colours keep them.
    restored = await result_of_tool(admin, "restore-photo", PICTURE, {"colorize": True, "denoise": False, "faceEnhancement": False})
    assert (restored["isGrayscale"], restored["colorized"], restored["steps"]) == (True, True, ["colorize"])
    made = np.asarray(opened(await admin.download(restored["downloadUrl"])).convert("RGB"), int)
    assert np.ptp(made[32, 40]) > 40
    bright = np.zeros((64, 96, 3), np.uint8)
    bright[:, :48], bright[:, 48:] = (200, 40, 40), (40, 160, 60)
    own = encoded(Image.fromarray(bright), "PNG")
    restored = await result_of_tool(admin, "restore-photo", own, {"colorize": True, "denoise": False, "faceEnhancement": False})
    assert (restored["isGrayscale"], restored["colorized"]) == (False, False)

    upload = await native.upload(PICTURE, name="gray.png")
    task = await native.wait((await native.create_task([upload.id], [operation_pb2.Operation(colorize=Colorize(intensity=0.7))])).id)
    assert len(task.output_file_ids) == 2
