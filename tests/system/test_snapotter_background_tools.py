"""Tools of SnapOtter's API that tell a subject from its background (section 10 of its contract), through the public port."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_progress import result_of, result_of_tool

SIZE = (120, 90)
PICTURE = encoded(disc(*SIZE), "PNG")
EFFECTS = "/api/v1/tools/remove-background/effects"
BEHIND = encoded(Image.new("RGB", (40, 40), (10, 200, 30)), "PNG")


@pytest.fixture
async def cut(person: SnapOtter) -> Mapping[str, Any]:
    """The result of a first step."""
    return await result_of_tool(person, "remove-background", PICTURE)


async def effects(caller: SnapOtter, cut: Mapping[str, Any], settings: Mapping[str, object], *parts: Part) -> npt.NDArray[np.uint8]:
    """What the second step makes: height x width x 4."""
    said = {"jobId": cut["jobId"], "filename": cut["filename"], **settings}
    reply = await caller.form(EFFECTS, *parts, ("settings", json.dumps(said)))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body.keys() == {"jobId", "downloadUrl", "processedSize"}
    assert body["downloadUrl"].endswith("/photo_nobg.png")
    content = await caller.download(body["downloadUrl"])
    assert len(content) == body["processedSize"]
    return np.asarray(opened(content).convert("RGBA"))


async def test_the_first_step_gives_the_subject_and_the_picture(person: SnapOtter, cut: Mapping[str, Any]) -> None:
    assert cut.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "maskUrl", "originalUrl", "filename", "model"}
    assert (cut["filename"], cut["model"], cut["originalSize"]) == ("photo.png", "isnet", len(PICTURE))
    assert cut["downloadUrl"] == cut["maskUrl"] == f"/api/v1/download/{cut['jobId']}/photo_mask.png"
    assert cut["originalUrl"] == f"/api/v1/download/{cut['jobId']}/photo_original.png"
    subject = opened(await person.download(cut["maskUrl"])).convert("RGBA")
    assert subject.size == SIZE
    alpha = np.asarray(subject)[..., 3]
    assert (alpha[0, 0], alpha[45, 60]) == (0, 255)
    original = np.asarray(opened(await person.download(cut["originalUrl"])).convert("RGB"))
    assert (original == np.asarray(opened(PICTURE).convert("RGB"))).all()


async def test_the_first_step_leaves_effects_to_the_second(person: SnapOtter) -> None:
    settings = {"model": "birefnet-general", "backgroundType": "color", "backgroundColor": "#ff0000", "shadowEnabled": True}
    result = await result_of_tool(person, "remove-background", PICTURE, settings)
    assert np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGBA"))[0, 0, 3] == 0
    assert result["model"] == "isnet"


async def test_a_picture_for_the_background_is_not_the_picture(person: SnapOtter) -> None:
    reply = await person.form("/api/v1/tools/remove-background", ("file", PICTURE, "photo.png"), ("backgroundImage", BEHIND, "b.png"))
    assert reply.status_code == 202, reply.text
    assert (await result_of(person, reply.json()["jobId"]))["filename"] == "photo.png"
    only = await person.form("/api/v1/tools/remove-background", ("backgroundImage", BEHIND, "b.png"))
    assert (only.status_code, only.json()["error"]) == (400, "No image file provided")


async def test_a_picture_without_a_subject_stays_as_it_is(person: SnapOtter) -> None:
    result = await result_of_tool(person, "remove-background", encoded(Image.new("RGB", SIZE, (250, 250, 250)), "PNG"))
    assert opened(await person.download(result["downloadUrl"])).size == SIZE
    again = await effects(person, result, {"backgroundType": "blur", "shadowEnabled": True})
    assert again.shape == (*SIZE[::-1], 4)


async def test_nothing_behind(person: SnapOtter, cut: Mapping[str, Any]) -> None:
    for kind in ({}, {"backgroundType": "transparent"}, {"backgroundType": "image"}):
        alpha = (await effects(person, cut, kind))[..., 3]
        assert (alpha[0, 0], alpha[45, 60]) == (0, 255)


@pytest.mark.thorough
async def test_a_colour_behind(person: SnapOtter, cut: Mapping[str, Any]) -> None:
    made = await effects(person, cut, {"backgroundType": "color", "backgroundColor": "#3366CC"})
    assert made[0, 0].tolist() == [0x33, 0x66, 0xCC, 255]
    assert (await effects(person, cut, {"backgroundType": "color"}))[0, 0].tolist() == [255] * 4


@pytest.mark.parametrize(("angle", "first", "last"), [(180, (0, 60), (89, 60)), (90, (45, 0), (45, 119)), (0, (89, 60), (0, 60))])
async def test_a_gradient_behind(
    person: SnapOtter, cut: Mapping[str, Any], angle: float, first: tuple[int, int], last: tuple[int, int]
) -> None:
    settings = {"backgroundType": "gradient", "gradientColor1": "#FF0000", "gradientColor2": "#0000FF", "gradientAngle": angle}
    made = await effects(person, cut, settings)
    assert made[first][0] > 240
    assert made[last][2] > 240
    assert (made[..., 3] == 255).all()


@pytest.mark.thorough
async def test_what_was_behind_is_blurred(person: SnapOtter) -> None:
    picture = disc(*SIZE)
    picture.paste((30, 60, 170), (0, 0, 8, 8))
    cut = await result_of_tool(person, "remove-background", encoded(picture, "PNG"))
    soft = await effects(person, cut, {"backgroundType": "blur", "blurIntensity": 100})
    assert (soft[..., 3] == 255).all()
    assert 150 < soft[2, 2, 2] < 167
    sharp = await effects(person, cut, {"backgroundType": "blur", "blurIntensity": 0})
    assert np.abs(sharp[..., :3].astype(int) - np.asarray(picture).astype(int)).max() < 40
    assert soft[45, 60].tolist() == np.asarray(picture.convert("RGBA"))[45, 60].tolist()
    assert (await effects(person, cut, {"blurEnabled": True, "blurIntensity": 100}) == soft).all()


async def test_a_picture_behind(person: SnapOtter, cut: Mapping[str, Any]) -> None:
    part: Part = ("backgroundImage", BEHIND, "b.png")
    made = await effects(person, cut, {"backgroundType": "image"}, part)
    assert made[0, 0].tolist() == [10, 200, 30, 255]
    striped = Image.new("RGB", SIZE, (255, 255, 255))
    striped.paste((0, 0, 0), (0, 0, 12, 90))
    edge: Part = ("backgroundImage", encoded(striped, "PNG"), "b.png")
    sharp = await effects(person, cut, {"backgroundType": "image"}, edge)
    soft = await effects(person, cut, {"backgroundType": "image", "blurEnabled": True, "blurIntensity": 100}, edge)
    assert (sharp[3, 10, 0], sharp[3, 14, 0]) == (0, 255)
    assert 30 < soft[3, 10, 0] < 200


async def test_a_shadow(person: SnapOtter, cut: Mapping[str, Any]) -> None:
    light, dark = [await effects(person, cut, {"shadowEnabled": True, "shadowOpacity": each}) for each in (20, 90)]
    plain = await effects(person, cut, {})
    below = plain[..., 3] == 0
    assert (light[below, 3] <= dark[below, 3]).all()
    assert dark[below, 3].max() > light[below, 3].max() > 10
    assert (dark[plain[..., 3] == 255] == plain[plain[..., 3] == 255]).all()
    assert (await effects(person, cut, {"shadowOpacity": 90}) == plain).all()


@pytest.mark.parametrize(
    ("settings", "status", "error"),
    [
        (None, 400, "No settings provided"),
        ("{", 400, "Settings must be valid JSON"),
        ("[]", 400, "Invalid settings"),
        ({"filename": "a.png"}, 400, "Invalid settings"),
        ({"jobId": "x"}, 400, "Invalid settings"),
        ({"jobId": "", "filename": ""}, 400, "Invalid settings"),
        ({"jobId": "x", "filename": "a.png", "backgroundType": "stars"}, 400, "Invalid settings"),
        ({"jobId": "x", "filename": "a.png", "backgroundColor": "red"}, 400, "Invalid settings"),
        ({"jobId": "x", "filename": "a.png", "shadowOpacity": 101}, 400, "Invalid settings"),
        ({"jobId": "x", "filename": "a.png", "blurIntensity": "1"}, 400, "Invalid settings"),
        ({"jobId": "x", "filename": "a.png"}, 422, "Background effects failed"),
        ({"jobId": "9a0ff602-af84-4f12-a62a-0d6dc8c7ea14", "filename": "a.png"}, 422, "Background effects failed"),
    ],
)
async def test_what_the_second_step_refuses(person: SnapOtter, settings: object, status: int, error: str) -> None:
    said = settings if isinstance(settings, str) else json.dumps(settings)
    reply = await person.form(EFFECTS, *([] if settings is None else [("settings", said)]))
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_the_second_step_is_for_subjects_of_the_same_account(
    visitor: SnapOtter, person: SnapOtter, cut: Mapping[str, Any], stack: StackUnderTest
) -> None:
    other = visitor.of(stack.create_account("other").api_key)
    said = json.dumps({"jobId": cut["jobId"], "filename": "a.png"})
    assert (await other.form(EFFECTS, ("settings", said))).status_code == 422
    resized = (await person.tool("resize", PICTURE, {"width": 20})).json()["jobId"]
    assert (await person.form(EFFECTS, ("settings", json.dumps({"jobId": resized, "filename": "a.png"})))).status_code == 422
    bad: Part = ("backgroundImage", b"no picture", "b.png")
    reply = await person.form(EFFECTS, bad, ("settings", said))
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid image: Unrecognized image format")


@pytest.mark.thorough
async def test_in_batches_and_pipelines_effects_are_applied_at_once(person: SnapOtter) -> None:
    settings = {"backgroundType": "color", "backgroundColor": "#00FF00"}
    batch = await person.form(
        "/api/v1/tools/remove-background/batch",
        ("file", PICTURE, "a.png"),
        ("file", PICTURE, "b.jpg"),
        ("settings", json.dumps(settings)),
    )
    assert batch.status_code == 200, batch.text
    with zipfile.ZipFile(io.BytesIO(batch.content)) as archive:
        assert archive.namelist() == ["a_nobg.png", "b_nobg.png"]
        assert np.asarray(opened(archive.read("a_nobg.png")).convert("RGB"))[0, 0].tolist() == [0, 255, 0]
    steps = [{"toolId": "remove-background", "settings": settings}, {"toolId": "resize", "settings": {"width": 60}}]
    reply = await person.form("/api/v1/pipeline/execute", ("file", PICTURE, "a.jpg"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    assert reply.json()["downloadUrl"].endswith("/a_nobg.png")
    assert np.asarray(opened(await person.download(reply.json()["downloadUrl"])).convert("RGB"))[0, 0].tolist() == [0, 255, 0]
