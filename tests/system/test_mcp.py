"""Tools for language models: `darkroom mcp`, and `/mcp` through the public port."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import httpx
import mcp_types as types
import pytest
from mcp.client.client import Client

from darkroom import AsyncClient
from darkroom.tasks.v1 import task_pb2
from services.pictures.operations import specs
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.mcp_clients import MODES, error_of, over_http, over_stdio, result_of, texts
from tests.system.pictures import disc, encoded, opened

LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
BOTH = {"accept": "application/json, text/event-stream"}
Opening = Callable[[], AbstractAsyncContextManager[Client]]
CANCELLED = task_pb2.TASK_STATE_CANCELLED
OUTSIDE = ("../secret.png", "/etc/hostname", "way-out.png", "way-up/secret.png", "missing/../../secret.png", "~/.ssh/id_ed25519")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the user lets the tools see, and beside it what the user does not."""
    (tmp_path / "secret.png").write_bytes(encoded(disc(), "PNG"))
    shown = tmp_path / "pictures"
    shown.mkdir()
    (shown / "disc.png").write_bytes(encoded(disc(64, 48), "PNG"))
    (shown / "way-out.png").symlink_to(tmp_path / "secret.png")
    (shown / "way-up").symlink_to(tmp_path)
    return shown


@pytest.fixture
def stdio(stack: StackUnderTest, account: Account, folder: Path) -> Opening:
    """Opens a client of `darkroom mcp`, in the test itself: its scopes of cancellation belong to one task."""
    return lambda: over_stdio(stack, account.api_key, folder)


async def test_a_tool_for_each_operation(stack: StackUnderTest, account: Account, stdio: Opening) -> None:
    async with stdio() as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(specs()) - {"noop"} < listed.keys()
        crop = listed["crop"]
        assert crop.input_schema["properties"]["area"]["properties"]["width"]["minimum"] == 1
        assert "0.5 credits" in (crop.description or "")
        hints = {name: listed[name].annotations or types.ToolAnnotations() for name in ("crop", "get_task", "cancel_task")}
        assert (hints["crop"].read_only_hint, hints["crop"].destructive_hint) == (False, False)
        assert hints["get_task"].read_only_hint and hints["cancel_task"].destructive_hint
        async with over_http(stack, account.api_key, "?tools=shape,upscale") as chosen:
            fewer = {tool.name for tool in (await chosen.list_tools()).tools}
        assert {"crop", "upscale", "preview", "run_pipeline"} < fewer
        assert not {"convert", "remove_background"} & fewer


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.thorough)])
async def test_results_go_into_the_folder_and_overwrite_nothing(
    stack: StackUnderTest, account: Account, folder: Path, native: AsyncClient, mode: str
) -> None:
    steps: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with over_stdio(stack, account.api_key, folder, mode=mode) as client:
        priced = await result_of(client, "resize", files=["disc.png"], width=32, estimate=True)
        assert (priced["price_credits"], priced["covered"], await native.list_tasks()) == (0.5, True, [])
        arguments = {"files": ["disc.png"], "width": 32}
        answers = [await client.call_tool("resize", arguments, progress_callback=on_progress) for _ in range(2)]
        made = [Path(answer.structured_content["results"][0]["path"]) for answer in answers]
        assert (len(set(made)), {path.parent for path in made}) == (2, {folder})
        assert [opened(path.read_bytes()).width for path in made] == [32, 32]
        assert opened((folder / "disc.png").read_bytes()).width == 64
        assert steps[-1] == 1.0
        assert answers[0].structured_content["charged_credits"] == 0.5
        # By its id, elsewhere, and once more.
        found = await result_of(client, "crop", files=[answers[0].structured_content["results"][0]["file_id"]], aspect_ratio="1:1")
        again = await result_of(client, "download_results", task_id=found["task_id"], save_to="new/square")
        assert Path(again["results"][0]["path"]).parent == folder / "new" / "square"


async def test_several_operations_in_one_task(stdio: Opening, native: AsyncClient) -> None:
    async with stdio() as client:
        steps = [
            {"operation": "resize", "parameters": {"width": 20, "height": 20, "fit": "canvas", "background": "#ff0000"}},
            {"operation": "convert", "parameters": {"format": "jpeg"}},
        ]
        found = await result_of(client, "run_pipeline", files=["disc.png"], operations=steps)
        picture = opened(Path(found["results"][0]["path"]).read_bytes())
        assert (picture.format, picture.size, found["charged_credits"]) == ("JPEG", (20, 20), 1.0)
        task = await native.get_task(int(found["task_id"]))
        saved = await native.pipelines.create("small", task.operations)
        [listed] = (await result_of(client, "list_pipelines"))["pipelines"]
        assert (listed["pipeline_id"], listed["operations"]) == (saved.id, ["resize", "convert"])
        again = await result_of(client, "run_pipeline", files=["disc.png"], pipeline_id=saved.id)
        assert again["results"][0]["media_type"] == "image/jpeg"
        error = await error_of(
            client, "run_pipeline", files=["disc.png"], operations=[{"operation": "crop", "parameters": {"aspect": "1:1"}}]
        )
        assert error["field"] == "operations[0].parameters.aspect"
        assert "aspect_ratio" in error["allowed"]


async def test_nothing_outside_of_the_folders(stdio: Opening, native: AsyncClient, folder: Path) -> None:
    async with stdio() as client:
        for given in OUTSIDE:
            error = await error_of(client, "resize", files=["disc.png", given], width=9)
            assert (error["reason"], error["field"], error["allowed"]) == ("FIELD_INVALID", "files[1]", [str(folder)]), given
            assert (await error_of(client, "upload", file=given))["field"] == "file"
            error = await error_of(client, "resize", files=["disc.png"], width=9, save_to=given.rpartition("/")[0] or given)
            assert error["field"] == "save_to", given
    # The first file was not sent either.
    assert (await native.list_files(), await native.list_tasks()) == ([], [])


async def test_what_is_wrong_is_said(stdio: Opening, native: AsyncClient) -> None:
    async with stdio() as client:
        for arguments, field, allowed in (
            ({"files": ["disc.png"], "width": 1, "save_to": "disc.png/below"}, "save_to", None),
            ({"files": ["disc.png"], "width": -1}, "width", None),
            ({"files": ["disc.png"], "fit": "largest"}, "fit", "bounds"),
            ({"files": ["disc.png"], "wide": 1}, "wide", "width"),
            ({"width": 1}, "files", None),
            ({"files": ["none.png"], "width": 1}, "files[0]", None),
            ({"files": ["disc.png"], "width": 1, "width_percent": 5}, None, None),
        ):
            error = await error_of(client, "resize", **arguments)
            assert (error["reason"], error.get("field")) == ("FIELD_INVALID", field)
            assert allowed is None or allowed in error["allowed"]
        assert "width_percent exclude each other" in error["message"]
        assert "operations[" not in error["message"]
        assert (await error_of(client, "resize", files=["7"], width=1))["reason"] == "FILE_NOT_FOUND"
        assert await native.list_tasks() == []
        # What only the worker sees.
        failed = await error_of(client, "erase", files=["disc.png"])
        assert (failed["reason"], "mask_picture: " in failed["message"]) == ("FIELD_INVALID", True)
        assert (await native.get_task(int(failed["task_id"]))).state == task_pb2.TASK_STATE_FAILED


async def test_pictures_for_the_model(stack: StackUnderTest, account: Account, folder: Path, stdio: Opening) -> None:
    async with stdio() as local:
        noise = os.urandom(1500 * 2000 * 3)
        from PIL import Image

        (folder / "noise.png").write_bytes(encoded(Image.frombytes("RGB", (1500, 2000), noise), "PNG"))
        described = await result_of(local, "describe_picture", file="noise.png", include=["format", "palette"])
        assert (described["width"], described["height"], described["media_type"]) == (1500, 2000, "image/png")
        assert described["format"]["channels"] == 3
        assert described["palette"]["count"] >= 1
        read = await result_of(local, "describe_picture", file="disc.png", include=["text", "faces", "barcodes"])
        assert read["barcodes"] == {"barcodes": []}
        # Where a network is not installed, its part says so, and the others are there.
        assert all(part.get("reason", "OPERATION_UNAVAILABLE") == "OPERATION_UNAVAILABLE" for part in (read["text"], read["faces"]))
        code = await local.call_tool("qr_code", {"text": "https://example.com"})
        assert opened(Path(code.structured_content["results"][0]["path"]).read_bytes()).size[0] > 20
        async with over_http(stack, account.api_key) as remote:
            for client, before in ((local, "disc.png"), (remote, described["file_id"])):
                for more, shown in (({}, "the picture"), ({"before": before}, "before on the left, after on the right")):
                    answer = await client.call_tool("preview", {"file": described["file_id"], **more})
                    assert not answer.is_error, answer.content
                    [picture] = [each for each in answer.content if isinstance(each, types.ImageContent)]
                    content = base64.b64decode(picture.data)
                    assert len(content) <= 300_000
                    assert max(opened(content).size) <= 1024
                    assert (opened(content).format, picture.mime_type) == ("JPEG", "image/jpeg")
                    assert answer.structured_content["shows"] == shown


@pytest.mark.parametrize("mode", MODES)
async def test_tools_over_http(stack: StackUnderTest, account: Account, native: AsyncClient, portrait: bytes, mode: str) -> None:
    file = await native.upload(portrait, name="portrait.jpg")
    progress: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with over_http(stack, account.api_key, mode=mode) as client:
        answer = await client.call_tool("resize", {"files": [str(file.id)], "width": 100}, progress_callback=on_progress)
        [result] = answer.structured_content["results"]
        async with httpx.AsyncClient() as http:
            assert opened((await http.get(result["download_url"])).content).width == 100
        assert progress[-1] == 1.0
        read = await result_of(client, "inspect_picture", files=[str(file.id)])
        assert read["results"][0]["content"]["width"] == 512
        error = await error_of(client, "resize", files=["/etc/hostname"], width=9)
        assert (error["field"], "id of a file" in error["message"]) == ("files[0]", True)
        # The platform's own words, with the tool's parameter.
        error = await error_of(client, "resize", files=[str(file.id)], width=9, width_percent=9)
        assert "exclude each other" in error["message"]
    assert len(await native.list_tasks()) == 2


async def test_who_may_call(stack: StackUnderTest, account: Account, native: AsyncClient, folder: Path) -> None:
    file = await native.upload(encoded(disc(), "PNG"), name="disc.png")
    _, secret = await native.keys.create("reader", ["files:read", "tasks:read"])
    async with AsyncExitStack() as clients:
        for client in (
            await clients.enter_async_context(over_http(stack, secret)),
            await clients.enter_async_context(over_stdio(stack, secret, folder)),
        ):
            assert (await result_of(client, "list_tasks"))["tasks"] == []
            error = await error_of(client, "resize", files=[str(file.id)], width=9)
            assert (error["reason"], "tasks:write" in error["message"]) == ("PERMISSION_DENIED", True)
            assert (await error_of(client, "get_balance"))["reason"] == "PERMISSION_DENIED"
        other = await clients.enter_async_context(over_http(stack, stack.create_account("other").api_key))
        assert (await error_of(other, "describe_picture", file=str(file.id)))["reason"] == "FILE_NOT_FOUND"
    async with httpx.AsyncClient(base_url=stack.url, headers=BOTH) as http:
        key = {"authorization": f"Bearer {account.api_key}"}
        for headers in ({}, {"authorization": "Bearer dk_sk_wrong"}):
            refused = await http.post("/mcp", json=LIST_TOOLS, headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.json()["error"]["code"] == "api_key_invalid"
        assert (await http.post("/mcp", json=LIST_TOOLS, headers=key)).status_code == 200
        # A page that has made a browser believe that this server is its own.
        for origin in ("https://evil.example.com", stack.url):
            refused = await http.post("/mcp", json=LIST_TOOLS, headers={**key, "origin": origin})
            assert (refused.status_code, refused.json()["error"]["field"]) == (403, "Origin")
        for verb in ("GET", "DELETE"):
            refused = await http.request(verb, "/mcp", headers=key)
            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert (await http.post("/mcp/other", json={}, headers=key)).json()["error"]["code"] == "route_not_found"
        assert (await http.post("/mcp?tools=none", json=LIST_TOOLS, headers=key)).json()["error"]["field"] == "tools"
        large = {**LIST_TOOLS, "params": {"text": "x" * (1 << 20)}}
        assert (await http.post("/mcp", json=large, headers=key)).json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    "transport",
    ["stdio", pytest.param("stdio legacy", marks=pytest.mark.thorough), pytest.param("http", marks=pytest.mark.thorough), "http legacy"],
)
async def test_a_cancelled_call_cancels_its_task(
    stack: StackUnderTest, account: Account, native: AsyncClient, folder: Path, transport: str
) -> None:
    file = await native.upload(encoded(disc(), "PNG"), name="disc.png")
    name, _, legacy = transport.partition(" ")
    mode = legacy or "auto"
    opening = over_stdio(stack, account.api_key, folder, mode=mode) if name == "stdio" else over_http(stack, account.api_key, mode=mode)
    async with held(stack, account), opening as client:
        await client.list_tools()
        call = asyncio.create_task(client.call_tool("resize", {"files": [str(file.id)], "width": 9}))
        async with asyncio.timeout(60):
            while not (tasks := await native.list_tasks()):
                await asyncio.sleep(0.05)
            assert tasks[0].state == task_pb2.TASK_STATE_QUEUED
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            while (await native.get_task(tasks[0].id)).state != CANCELLED:
                await asyncio.sleep(0.05)


async def test_a_task_that_takes_longer_goes_on(stack: StackUnderTest, account: Account, native: AsyncClient, stdio: Opening) -> None:
    async with stdio() as client:
        async with held(stack, account):
            found = await result_of(client, "resize", files=["disc.png"], width=9, wait_seconds=0)
            assert (found["state"], "wait_for_task" in found["note"]) == ("queued", True)
            waiting = await result_of(client, "wait_for_task", task_id=found["task_id"], wait_seconds=0)
            assert waiting["state"] == "queued"
            second = await result_of(client, "resize", files=["disc.png"], width=8, wait_seconds=0)
            assert (await result_of(client, "cancel_task", task_id=second["task_id"]))["state"] == "cancelled"
        ended = await result_of(client, "wait_for_task", task_id=found["task_id"])
        assert opened(Path(ended["results"][0]["path"]).read_bytes()).width == 9
        error = await error_of(client, "wait_for_task", task_id=second["task_id"])
        assert (error["reason"], error["task_id"]) == ("CANCELLED", second["task_id"])
        assert (await result_of(client, "get_task", task_id=ended["task_id"]))["operations"] == ["resize"]
        assert texts(await client.call_tool("explain_operation", {"operation": "resize"}))
