"""Bundles of models: what is installed, who may change it, and changing it while the system works, with the real model server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom import AsyncClient, DarkroomFailure
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from models.bundles import load_bundles
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_progress import result_of, result_of_tool

LIST, ADMIN = "/api/v1/features", "/api/v1/admin/features"
NAMES = {
    "background-removal": ("Background Removal", "4-5 GB", ["remove-background", "passport-photo", "transparency-fixer"]),
    "face-detection": ("Face Detection", "200-300 MB", ["blur-faces", "red-eye-removal", "smart-crop"]),
    "object-eraser-colorize": ("Object Eraser & Colorize", "1-2 GB", ["erase-object", "colorize"]),
    "upscale-enhance": ("Upscale & Enhance", "4-5 GB", ["upscale", "enhance-faces", "noise-removal"]),
    "photo-restoration": ("Photo Restoration", "800 MB - 1 GB", ["restore-photo"]),
    "ocr": ("OCR", "3-4 GB", ["ocr"]),
}
CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
INSTALLED = {"background-removal", "face-detection", "upscale-enhance", "ocr"}


async def bundles(caller: SnapOtter) -> Mapping[str, Mapping[str, Any]]:
    """The list, by id."""
    reply = await caller.get(LIST)
    assert reply.status_code == 200, reply.text
    return {one["id"]: one for one in reply.json()["bundles"]}


async def ended(caller: SnapOtter, bundle: str) -> Mapping[str, Any]:
    """A bundle once it is not being installed any more."""
    async with asyncio.timeout(120):
        while (one := (await bundles(caller))[bundle])["status"] == "installing":
            assert set(one["progress"]) == {"percent", "stage"}
            await asyncio.sleep(0.2)
    return one


async def events(caller: SnapOtter, job_id: str) -> list[Mapping[str, Any]]:
    """All that is told of a job."""
    async with caller.http.stream("GET", f"{caller.url}/api/v1/jobs/{job_id}/progress") as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        return [json.loads(line[6:]) async for line in reply.aiter_lines() if line.startswith("data: ")]


async def test_all_bundles_with_names_sizes_and_tools(person: SnapOtter) -> None:
    found = await bundles(person)
    assert {name: (one["name"], one["estimatedSize"], one["enablesTools"]) for name, one in found.items()} == NAMES
    for name, one in found.items():
        assert one.keys() == {
            *("id", "name", "description", "status", "installedVersion", "estimatedSize", "enablesTools", "progress", "error"),
        }
        assert one["description"]
        assert one["status"] == ("installed" if name in INSTALLED else "not_installed")
        assert bool(one["installedVersion"]) == (name in INSTALLED)
        assert one["progress"] is None
        assert one["error"] is None


async def test_the_list_is_for_those_who_are_signed_in(visitor: SnapOtter) -> None:
    assert (await visitor.get(LIST)).status_code == 401


@pytest.mark.parametrize(
    ("verb", "path"), [("POST", "ocr/install"), ("POST", "ocr/uninstall"), ("GET", "disk-usage"), ("POST", "nothing/install")]
)
async def test_changes_need_the_permission(visitor: SnapOtter, person: SnapOtter, verb: str, path: str) -> None:
    assert (await visitor.call(verb, f"{ADMIN}/{path}")).status_code == 401
    refused = await person.call(verb, f"{ADMIN}/{path}")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


async def test_an_account_without_people_changes_nothing(visitor: SnapOtter, stack: StackUnderTest) -> None:
    other = visitor.of(stack.create_account("other").api_key)
    assert set(await bundles(other)) == set(NAMES)
    assert (await other.post(f"{ADMIN}/ocr/uninstall")).status_code == 403


@pytest.mark.parametrize("action", ["install", "uninstall"])
@pytest.mark.parametrize("bundle", ["nothing", "OCR", "a%00b", "x" * 5000, "%F0%9F%98%80"])
async def test_an_unknown_bundle(admin: SnapOtter, action: str, bundle: str) -> None:
    refused = await admin.post(f"{ADMIN}/{bundle}/{action}")
    assert refused.status_code == 404
    assert refused.json()["error"].startswith("Unknown bundle: ")
    assert refused.json().keys() == {"error"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ocr/install", 'Bundle "ocr" is already installed'),
        ("photo-restoration/uninstall", 'Bundle "photo-restoration" is not installed'),
    ],
)
async def test_what_is_so_already(admin: SnapOtter, path: str, text: str) -> None:
    refused = await admin.post(f"{ADMIN}/{path}")
    assert (refused.status_code, refused.json()) == (409, {"error": text})


async def test_the_usage_is_that_of_the_files(admin: SnapOtter, stack: StackUnderTest, tiny_models: Path) -> None:
    reply = await admin.get(f"{ADMIN}/disk-usage")
    assert reply.status_code == 200
    models = sum(path.stat().st_size for path in tiny_models.glob("*/*/*"))
    assert reply.json()["totalBytes"] >= models > 0


async def cut_out(native: AsyncClient) -> str:
    """Why a picture cannot be cut out; empty if it can."""
    try:
        upload = await native.upload(encoded(disc(), "PNG"), name="disc.png")
        await native.wait((await native.create_task([upload.id], [CUT])).id)
    except DarkroomFailure as failure:
        return str(failure)
    return ""


@pytest.fixture
async def without_faces(admin: SnapOtter) -> AsyncIterator[None]:
    """The stack, which has few models, finds no faces, before the test and after it."""
    yield
    await admin.post(f"{ADMIN}/face-detection/uninstall")


@pytest.mark.alone
@pytest.mark.usefixtures("without_faces")
async def test_a_tool_works_once_its_bundle_is_installed_and_until_it_is_removed(admin: SnapOtter, stack: StackUnderTest) -> None:
    processes = {part: stack.pid(part) for part in ("triton", "inference")}

    async def assert_missing() -> None:
        reply = await admin.tool("blur-faces", encoded(disc(), "PNG"))
        assert (reply.status_code, reply.json()["code"], reply.json()["feature"]) == (501, "FEATURE_NOT_INSTALLED", "face-detection")

    await assert_missing()
    assert (await admin.post(f"{ADMIN}/face-detection/install")).status_code == 202
    assert (await ended(admin, "face-detection"))["status"] == "installed"
    await result_of_tool(admin, "blur-faces", encoded(disc(), "PNG"))
    assert (await admin.post(f"{ADMIN}/face-detection/uninstall")).status_code == 200
    await assert_missing()
    assert processes == {part: stack.pid(part) for part in processes}


@pytest.mark.thorough
@pytest.mark.alone
async def test_a_bundle_is_removed_and_installed_while_the_system_works(admin: SnapOtter, stack: StackUnderTest, own_models: Path) -> None:
    processes = {part: stack.pid(part) for part in ("triton", "inference")}
    before = (await admin.get(f"{ADMIN}/disk-usage")).json()["totalBytes"]
    at_work = asyncio.create_task(_resized(admin, 20))

    removed = await admin.post(f"{ADMIN}/upscale-enhance/uninstall")
    assert (removed.status_code, removed.json()) == (200, {"ok": True})
    found = (await bundles(admin))["upscale-enhance"]
    assert (found["status"], found["installedVersion"]) == ("not_installed", None)
    assert not list(own_models.glob("real*"))
    assert (await admin.get(f"{ADMIN}/disk-usage")).json()["totalBytes"] < before
    assert (await admin.post(f"{ADMIN}/upscale-enhance/uninstall")).status_code == 409

    began = await admin.post(f"{ADMIN}/upscale-enhance/install")
    assert began.status_code == 202
    job_id = began.json()["jobId"]
    other = await admin.post(f"{ADMIN}/photo-restoration/install")
    assert (other.status_code, other.json()) == (409, {"error": "Another install is already in progress"})
    told = await events(admin, job_id)
    assert told[-1]["phase"] == "complete"
    assert {one["jobId"] for one in told} == {job_id}
    assert (await bundles(admin))["upscale-enhance"]["status"] == "installed"
    assert len(list(own_models.glob("real*"))) == 4

    await at_work
    assert processes == {part: stack.pid(part) for part in processes}


async def _resized(caller: SnapOtter, times: int) -> None:
    for _ in range(times):
        reply = await caller.tool("resize", encoded(disc(), "PNG"), {"width": 32})
        assert reply.status_code == 200, reply.text


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.alone
@pytest.mark.parametrize("bundle", sorted(INSTALLED))
async def test_without_its_models_a_tool_answers_501_before_anything_else(admin: SnapOtter, own_models: Path, bundle: str) -> None:
    installed = load_bundles()[bundle]
    refusing = {tool for tool in installed.tools if installed.needs.get(tool, True)}
    assert refusing
    assert (await admin.post(f"{ADMIN}/{bundle}/uninstall")).status_code == 200
    name, size, _ = NAMES[bundle]
    body = {
        "error": "Feature not installed",
        "code": "FEATURE_NOT_INSTALLED",
        "feature": bundle,
        "featureName": name,
        "estimatedSize": size,
    }
    for tool in refusing:
        for path in (tool, f"{tool}/batch") if TOOLS[tool].pipeline else (tool,):
            # Not even a form.
            reply = await admin.post(f"/api/v1/tools/{path}", {"no": "form"})
            assert (reply.status_code, reply.json()) == (501, body), path
        if TOOLS[tool].pipeline:
            steps = {"steps": [{"toolId": "rotate", "settings": {"angle": 90}}, {"toolId": tool, "settings": {}}]}
            part = ("file", encoded(disc(), "PNG"), "a.png")
            for path in ("execute", "batch"):
                reply = await admin.form(f"/api/v1/pipeline/{path}", part, ("pipeline", json.dumps(steps)))
                said = f'Step 2 ({tool}): Feature "{name}" is not installed'
                assert (reply.status_code, reply.json()) == (501, {**body, "error": said}), path
    for tool in installed.needs.keys() & TOOLS.keys() - refusing:
        assert (await admin.post(f"/api/v1/tools/{tool}", {"no": "form"})).status_code != 501, tool
    assert (await admin.of("nobody").post(f"/api/v1/tools/{tool}", {})).status_code == 401
    assert (await admin.post(f"{ADMIN}/{bundle}/install")).status_code == 202
    assert (await ended(admin, bundle))["status"] == "installed"
    for tool in refusing:
        assert (await admin.post(f"/api/v1/tools/{tool}", {"no": "form"})).status_code == 400, tool


@pytest.mark.thorough
@pytest.mark.alone
async def test_what_erases_is_the_network_from_when_it_is_there(admin: SnapOtter, own_models: Path) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    hole = np.zeros((64, 96), np.uint8)
    hole[20:44, 30:66] = 255
    parts: list[Part] = [
        ("file", encoded(Image.fromarray(picture), "PNG"), "photo.png"),
        ("mask", encoded(Image.fromarray(hole), "PNG"), "m.png"),
        ("quality", "100"),
    ]

    async def erased() -> tuple[str, np.ndarray[Any, Any]]:
        reply = await admin.form("/api/v1/tools/erase-object", *parts)
        assert reply.status_code == 202, reply.text
        result = await result_of(admin, reply.json()["jobId"])
        return result["method"], np.asarray(opened(await admin.download(result["downloadUrl"])).convert("RGB"))

    assert (await bundles(admin))["object-eraser-colorize"]["status"] == "not_installed"
    method, patches = await erased()
    assert method == "patches"
    assert (await admin.post(f"{ADMIN}/object-eraser-colorize/install")).status_code == 202
    assert (await ended(admin, "object-eraser-colorize"))["status"] == "installed"
    assert (own_models / "migan").is_dir()
    method, network = await erased()
    assert method == "migan"
    # The tiny network fills with the mean of what it is shown, which no patch of noise is.
    inner = network[24:40, 34:62].reshape(-1, 3).astype(int)
    assert np.ptp(inner, axis=0).max() == 0
    assert np.ptp(patches[24:40, 34:62].reshape(-1, 3).astype(int), axis=0).min() > 50
    np.testing.assert_array_equal(network[hole == 0], picture[hole == 0])
    # It restores photographs, too, and goes with the last bundle that has it.
    assert (await admin.post(f"{ADMIN}/object-eraser-colorize/uninstall")).status_code == 200
    assert (await admin.post(f"{ADMIN}/object-eraser-colorize/uninstall")).status_code == 409
    states = await bundles(admin)
    assert [states[name]["status"] for name in ("object-eraser-colorize", "photo-restoration")] == ["not_installed", "installed"]
    assert (await erased())[0] == "migan"
    assert (await admin.post(f"{ADMIN}/photo-restoration/uninstall")).status_code == 200
    assert (await erased())[0] == "patches"


@pytest.mark.thorough
@pytest.mark.alone
async def test_a_model_that_was_removed_is_named_until_it_is_back(admin: SnapOtter, native: AsyncClient, own_models: Path) -> None:
    assert (await admin.post(f"{ADMIN}/background-removal/uninstall")).status_code == 200
    assert "background-removal" in await cut_out(native)
    for path in ("passport-photo", "passport-photo/analyze", "passport-photo/batch"):
        # Before the body is read.
        reply = await admin.post(f"/api/v1/tools/{path}", {})
        assert (reply.status_code, reply.json()["code"], reply.json()["feature"]) == (501, "FEATURE_NOT_INSTALLED", "background-removal")
    assert (await admin.post("/api/v1/tools/passport-photo/generate", {})).json()["error"] == "Invalid settings"
    assert (await admin.post(f"{ADMIN}/background-removal/install")).status_code == 202
    assert (await ended(admin, "background-removal"))["status"] == "installed"
    assert await cut_out(native) == ""


@pytest.mark.thorough
@pytest.mark.alone
async def test_an_installation_whose_worker_was_killed_can_be_repeated(admin: SnapOtter, stack: StackUnderTest, own_models: Path) -> None:
    assert (await admin.post(f"{ADMIN}/upscale-enhance/uninstall")).status_code == 200
    began = await admin.post(f"{ADMIN}/upscale-enhance/install")
    await asyncio.to_thread(stack.kill, "inference")
    await asyncio.to_thread(stack.wait_ready, "inference")
    found = await ended(admin, "upscale-enhance")
    assert found["status"] == "error"
    assert "Install it again" in found["error"]
    assert (await events(admin, began.json()["jobId"]))[-1]["phase"] == "failed"
    assert (await admin.post(f"{ADMIN}/upscale-enhance/install")).status_code == 202
    assert (await ended(admin, "upscale-enhance"))["status"] == "installed"


@pytest.mark.thorough
@pytest.mark.alone
async def test_tools_that_find_faces_need_their_bundle_and_smart_crop_does_not(admin: SnapOtter, own_models: Path) -> None:
    assert (await admin.post(f"{ADMIN}/face-detection/uninstall")).status_code == 200
    for tool in ("blur-faces", "red-eye-removal"):
        reply = await admin.tool(tool, encoded(disc(), "PNG"))
        assert (reply.status_code, reply.json()["code"], reply.json()["feature"]) == (501, "FEATURE_NOT_INSTALLED", "face-detection")
    lent = await admin.tool("passport-photo/analyze", encoded(disc(), "PNG"))
    assert (lent.status_code, lent.json()["code"], lent.json()["feature"]) == (501, "FEATURE_NOT_INSTALLED", "face-detection")
    cropped = await admin.tool("smart-crop", encoded(disc(), "PNG"), {"mode": "face", "width": 30, "height": 30})
    assert cropped.status_code == 200, cropped.text
    assert (await admin.post(f"{ADMIN}/face-detection/install")).status_code == 202
    assert (await ended(admin, "face-detection"))["status"] == "installed"
    assert (await admin.tool("blur-faces", encoded(disc(), "PNG"))).status_code == 202
