"""Faces restored by a network that an operator has installed, through the public port."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.enhance_faces_pb2 import FACE_MODEL_CODEFORMER, FACE_MODEL_GFPGAN, EnhanceFaces
from models.__main__ import main as models
from models.tiny_retouching import tiny_face_network
from tests.harness.parts import ensure_up
from tests.stacks import StackUnderTest
from tests.system.conftest import SAMPLES
from tests.system.pictures import encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

pytestmark = pytest.mark.alone

ENTRY = """
[archives.{name}]
kind = "file"
path = "{name}.onnx"
sha256 = "{sha256}"

[models.{name}]
version = 1
summary = "Faces, generated"
upstream = "https://example.org/{name}"
licence = {{ spdx = "Apache-2.0", stated = "generated" }}
sets = ["default", "full"]
job = "restore_face"
subtract = [127.5, 127.5, 127.5]
divide = [127.5, 127.5, 127.5]
serving = {{ max_batch_size = 1, preferred_batch_sizes = [1], max_queue_delay_us = 0, warmup = [512, 512] }}

[[models.{name}.sources]]
archive = "{name}"
format = "onnx"
{fidelity}
files.onnx.sha256 = "{sha256}"
"""


def install(folder: Path, repository: Path, *names: str) -> None:
    """Generated networks under the names of those that they stand for, as an operator installs theirs; `codeformer` with fidelity."""
    text = ""
    for name in names:
        with_fidelity = name == "codeformer"
        content = tiny_face_network(fidelity=with_fidelity).SerializeToString()
        (folder / f"{name}.onnx").write_bytes(content)
        fidelity = 'fidelity = "w"' if with_fidelity else ""
        text += ENTRY.format(name=name, sha256=hashlib.sha256(content).hexdigest(), fidelity=fidelity)
    catalogue = folder / "faces.toml"
    catalogue.write_text(text, encoding="utf-8")
    assert models(["install", "--catalogue", str(catalogue), "--dest", str(repository)]) == 0


@pytest.fixture
def own_models(stack: StackUnderTest, tiny_models: Path, few_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tiny models; afterwards the stack has its own again."""
    folder = tmp_path_factory.mktemp("models") / "models"
    shutil.copytree(tiny_models, folder)
    yield folder
    stack.use_models(few_models)
    ensure_up(stack)


def portrait() -> Image.Image:
    return Image.open(SAMPLES / "portrait.jpg").convert("RGB")


async def samples(caller: SnapOtter, address: str) -> np.ndarray:
    return np.asarray(opened(await caller.download(address)).convert("RGB"), float)


@pytest.mark.thorough
async def test_what_is_installed_restores_and_is_named(
    stack: StackUnderTest, own_models: Path, admin: SnapOtter, native: AsyncClient, tmp_path: Path
) -> None:
    install(tmp_path, own_models, "gfpgan", "codeformer")
    stack.use_models(own_models)
    ensure_up(stack)
    picture = encoded(portrait(), "PNG")
    before = np.asarray(portrait(), float)

    results = {}
    for asked, used in (("auto", "gfpgan"), ("gfpgan", "gfpgan"), ("codeformer", "codeformer")):
        result = await result_of_tool(admin, "enhance-faces", picture, {"model": asked, "strength": 1}, "a.png")
        assert (result["model"], result["facesDetected"]) == (used, 1)
        results[asked] = await samples(admin, result["downloadUrl"])
        [face] = result["faces"]
        outside = np.ones(before.shape[:2], np.bool_)
        outside[face["y"] : face["y"] + face["h"], face["x"] : face["x"] + face["w"]] = False
        assert (results[asked][outside] == before[outside]).all()
        assert results[asked][~outside].std() > 1.05 * before[~outside].std()
    np.testing.assert_array_equal(results["auto"], results["gfpgan"])
    # With half of the fidelity it changes half as much.
    changes = {asked: np.abs(result - before).sum() for asked, result in results.items()}
    assert changes["codeformer"] < 0.75 * changes["gfpgan"]

    settings = {"scratchRemoval": False, "denoise": False}
    restored = await result_of_tool(admin, "restore-photo", picture, settings, "a.png")
    assert (restored["steps"], restored["facesEnhanced"]) == (["face_enhancement"], 1)

    upload = await native.upload(picture, name="a.png")
    kept = EnhanceFaces(strength=1, model=FACE_MODEL_CODEFORMER, fidelity=1)
    task = await native.wait((await native.create_task([upload.id], [operation_pb2.Operation(enhance_faces=kept)])).id)
    assert [notice.code for notice in task.notices] == ["model_used"]


@pytest.mark.thorough
async def test_what_is_not_installed_is_not_claimed(
    stack: StackUnderTest, own_models: Path, admin: SnapOtter, native: AsyncClient, tmp_path: Path
) -> None:
    install(tmp_path, own_models, "codeformer")
    stack.use_models(own_models)
    ensure_up(stack)
    picture = encoded(portrait(), "PNG")
    result = await result_of_tool(admin, "enhance-faces", picture, {"model": "gfpgan"}, "a.png")
    assert result["model"] == "codeformer"
    upload = await native.upload(picture, name="a.png")
    wanted = operation_pb2.Operation(enhance_faces=EnhanceFaces(model=FACE_MODEL_GFPGAN))
    task = await native.wait((await native.create_task([upload.id], [wanted])).id)
    notices = {notice.code: notice for notice in task.notices}
    assert notices.keys() == {"not_applied", "model_used"}
    assert "no model gfpgan: faces were enhanced by codeformer" in notices["not_applied"].message
    assert notices["not_applied"].subject == "model"
