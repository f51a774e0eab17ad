"""Animations and videos, as people and programs give them to the command line and to the APIs that know pictures alone."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest
from mcp import types

from darkroom import AsyncClient, PictureUrls
from tests.stacks import Account, StackUnderTest
from tests.system.claid import claid
from tests.system.clips import Moving, animation, looked_at, video
from tests.system.fal import Fal
from tests.system.mcp_clients import over_stdio
from tests.system.pictures import disc, encoded, opened
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    (tmp_path / "a.gif").write_bytes(animation())
    (tmp_path / "clip.mp4").write_bytes(video())
    (tmp_path / "photo.png").write_bytes(encoded(disc(160, 120), "PNG"))
    return Shell(stack, account, tmp_path)


async def test_a_folder_with_videos_among_pictures(shell: Shell) -> None:
    status, out, err = await shell.run("resize", ".", "--width", "80", "--output", "small")
    assert status == 0, out + err
    made = {path.suffix: looked_at(path.read_bytes()) for path in (shell.folder / "small").iterdir()}
    assert made == {".gif": Moving(6, 80, 60), ".mp4": Moving(6, 80, 60), ".png": Moving(1, 80, 60)}
    status, out, err = await shell.run("inspect-picture", ".", "--output", "facts")
    assert (status, len(list((shell.folder / "facts").iterdir()))) == (0, 2), out + err


async def test_the_name_of_a_result_chooses_its_format(shell: Shell) -> None:
    status, out, err = await shell.run("convert", "a.gif", "--output", "a.webm")
    assert status == 0, out + err
    assert looked_at((shell.folder / "a.webm").read_bytes()) == Moving(6, 160, 120)
    status, out, err = await shell.run("convert", "clip.mp4", "--format", "webp", "--frame", "1", "--output", "poster.webp")
    assert status == 0, out + err
    assert looked_at((shell.folder / "poster.webp").read_bytes()) == Moving(1, 160, 120)
    status, out, err = await shell.run("remove-background", "clip.mp4", "--output", "cut.webm")
    assert status == 0, out + err
    assert looked_at((shell.folder / "cut.webm").read_bytes()) == Moving(6, 160, 120)
    status, _, err = await shell.run("read-text", "clip.mp4")
    assert status != 0
    assert "a video, not a picture; read-text takes jpg, " in " ".join(err.split())


async def test_a_tool_shows_a_video_and_its_result_in_one_picture(stack: StackUnderTest, account: Account, shell: Shell) -> None:
    async with over_stdio(stack, account.api_key, shell.folder) as client:
        resized = await client.call_tool("resize", {"files": ["clip.mp4"], "width": 80})
        assert not resized.is_error, resized.content
        [result] = resized.structured_content["results"]
        assert (result["width"], result["frames"], result["duration_seconds"]) == (80, 6, 0.6)
        shown = await client.call_tool("preview", {"file": result["file_id"], "before": "clip.mp4"})
        assert not shown.is_error, shown.content
        [picture] = [each for each in shown.content if isinstance(each, types.ImageContent)]
        assert opened(base64.b64decode(picture.data)).format == "JPEG"


async def test_pictures_by_url_move_if_they_are_animations(stack: StackUnderTest, native: AsyncClient) -> None:
    key, secret = await native.picture_keys.create("shop")
    urls = PictureUrls(stack.url, key.id, secret)
    ids = [(await native.upload(content, name=name, permanent=True)).id for content, name in ((animation(), "a.gif"), (video(), "a.mp4"))]
    async with httpx.AsyncClient(timeout=60, headers={"accept": "image/avif,image/webp,*/*;q=0.8"}) as http:
        moving, poster = [await http.get(urls.url(number, "resize:width=80")) for number in ids]
    assert (moving.status_code, moving.headers["content-type"]) == (200, "image/webp"), moving.text
    assert looked_at(moving.content) == Moving(6, 80, 60)
    assert (poster.status_code, poster.headers["content-type"]) == (200, "image/avif"), poster.text
    assert looked_at(poster.content) == Moving(1, 80, 60)


async def test_claid_gives_the_first_frame_and_refuses_videos(stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    uris = [
        f"storage://files/{(await native.upload(content, name=name)).id}" for content, name in ((animation(), "a.gif"), (video(), "a.mp4"))
    ]
    async with claid(stack.url, account.api_key) as client:
        made, refused = [await client.post("image/edit", {"input": uri, "operations": {}, "output": {"format": "webp"}}) for uri in uris]
    assert made.status_code == 200, made.text
    assert "the first of 6 frames" in made.headers["x-notices"]
    async with httpx.AsyncClient() as http:
        content = (await http.get(made.json()["data"]["output"]["tmp_url"])).content
    assert looked_at(content) == Moving(1, 160, 120)
    assert refused.status_code == 400
    assert "the file is video/mp4; accepted are jpg, " in refused.text


async def test_a_model_of_fals_takes_a_video(stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    client = Fal(stack.url, account.api_key)
    async with client.http:
        asked = await client.submit("darkroom/resize", {"file_id": str((await native.upload(video(), name="a.mp4")).id), "width": 80})
        await client.finish(asked)
        result = await client.result(asked)
    assert (result["file"]["content_type"], result["file"]["width"]) == ("video/mp4", 80)


async def test_snapotter_gives_the_first_frame_and_knows_no_videos(admin: SnapOtter) -> None:
    reply = await admin.tool("resize", animation(), {"width": 80}, "a.gif")
    assert reply.status_code == 200
    assert "the first of 6 frames" in reply.headers["X-Notices"]
    made = await admin.result("resize", animation(), {"width": 80}, "a.gif")
    assert looked_at(made) == Moving(1, 80, 60)
    refused = await admin.tool("resize", video(), {"width": 80}, "clip.mp4")
    assert (refused.status_code, "Unrecognized image format" in refused.text) == (400, True)
