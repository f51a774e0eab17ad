"""Tools as batches of tasks on uploaded files, through the public port: `POST /v1/batches` does what a plan says."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, heic, opened
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter

PLAN = "/api/v1/pipeline/plan"
PNG = encoded(disc(160, 120), "PNG")
PHOTO = encoded(disc(160, 120), "JPEG")
LOGO = encoded(Image.new("RGB", (40, 30), "#ff0000"), "PNG")
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10" fill="#00ff00"/></svg>'
_FRAMES = [Image.new("RGB", (30, 20), color) for color in ("#ff0000", "#00ff00")]
Results = Sequence[bytes]


def gif() -> bytes:
    written = io.BytesIO()
    _FRAMES[0].save(written, "GIF", save_all=True, append_images=_FRAMES[1:], duration=100)
    return written.getvalue()


def mask() -> bytes:
    covered = np.zeros((120, 160), np.uint8)
    covered[50:70, 60:90] = 255
    return encoded(Image.fromarray(covered), "PNG")


def said(results: Results) -> Any:
    return json.loads(results[0])


def entries(results: Results) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(results[0])).namelist()


@dataclass(frozen=True)
class Case:
    """A tool, what it gets, and what must come of it."""

    tool: str
    settings: Mapping[str, object]
    files: Sequence[tuple[str, bytes]]
    holds: Callable[[Results], bool]
    beside: Mapping[str, bytes] = field(default_factory=dict)


CASES = [
    Case("resize", {"width": 40}, [("a.jpg", PHOTO)], lambda made: (opened(made[0]).format, opened(made[0]).size) == ("JPEG", (40, 30))),
    Case("convert", {"format": "webp"}, [("a.heic", heic(disc(160, 120)))], lambda made: opened(made[0]).format == "WEBP"),
    Case(
        "watermark-image",
        {"position": "center", "opacity": 100},
        [("a.png", PNG)],
        lambda made: opened(made[0]).convert("RGB").getpixel((80, 60)) == (255, 0, 0),
        {"watermark": LOGO},
    ),
    Case(
        "compose",
        {"x": 0, "y": 0},
        [("a.png", PNG)],
        lambda made: opened(made[0]).convert("RGB").getpixel((2, 2)) == (255, 0, 0),
        {"overlay": LOGO},
    ),
    Case("erase-object", {}, [("a.png", PNG)], lambda made: opened(made[0]).size == (160, 120), {"mask": mask()}),
    Case("compare", {}, [("a.png", PNG), ("b.png", PNG)], lambda made: said(made)["similarity"] == 100),
    Case("find-duplicates", {}, [("a.png", PNG), ("b.jpg", PHOTO)], lambda made: len(said(made)["duplicateGroups"][0]["files"]) == 2),
    Case("stitch", {"gap": 0}, [("a.png", PNG), ("b.png", PNG)], lambda made: opened(made[0]).size == (320, 120)),
    Case("collage", {"templateId": "2-h-equal"}, [("a.png", PNG), ("b.png", LOGO)], lambda made: opened(made[0]).size == (2400, 1800)),
    Case("image-to-pdf", {}, [("a.png", PNG), ("b.jpg", PHOTO)], lambda made: made[0].startswith(b"%PDF-")),
    Case("ocr", {"quality": "fast"}, [("a.png", PNG)], lambda made: said(made).keys() >= {"text", "engine"}),
    Case("qr-generate", {"text": "hello", "size": 200}, [], lambda made: opened(made[0]).size == (200, 200)),
    Case("info", {}, [("a.png", PNG)], lambda made: said(made)["width"] == 160),
    Case("favicon", {}, [("a.png", PNG)], lambda made: "favicon.ico" in entries(made)),
    Case("split", {"columns": 2, "rows": 1}, [("tile.png", PNG)], lambda made: entries(made) == ["tile_r1_c1.png", "tile_r1_c2.png"]),
    Case("svg-to-raster", {"width": 200}, [("a.svg", DRAWING)], lambda made: opened(made[0]).size == (200, 100)),
    Case("vectorize", {}, [("a.png", PNG)], lambda made: b"<svg" in made[0]),
    Case("gif-tools", {"mode": "reverse"}, [("a.gif", gif())], lambda made: opened(made[0]).convert("RGB").getpixel((5, 5)) == (0, 255, 0)),
    Case(
        "bulk-rename", {"pattern": "x-{{index}}"}, [("a.png", PNG), ("b.jpg", PHOTO)], lambda made: entries(made) == ["x-1.png", "x-2.jpg"]
    ),
    Case(
        "remove-background",
        {"backgroundType": "image"},
        [("a.png", PNG)],
        lambda made: opened(made[0]).convert("RGB").getpixel((1, 1)) == (255, 0, 0),
        {"backgroundImage": LOGO},
    ),
]


async def planned(pilio: Pilio, body: Mapping[str, object]) -> Any:
    reply = await pilio.http.post(pilio.url + PLAN, json=body, headers=pilio.headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def results_of(pilio: Pilio, plan: Mapping[str, Any], files: Sequence[str], beside: Mapping[str, str]) -> Results:
    """What a batch of one task makes of the files with these ids."""
    operations = plan["operations"]
    for each in plan["files"]:
        operation, parameter = each["field"].split(".")
        operations[each["operation"]][operation][parameter] = beside[each["part"]]
    body = {"items": [{"file_ids": files}], "operations": operations}
    reply = await pilio.http.post(f"{pilio.url}/v1/batches", json=body, headers=pilio.headers)
    assert reply.status_code == 200, reply.text
    path = f"{pilio.url}/v1/batches/{reply.json()['data']['batch']['batch_id']}"
    ended = (await pilio.http.get(path, params={"wait": 60}, headers=pilio.headers, timeout=90)).json()["data"]
    [task] = (await pilio.http.get(f"{path}/tasks", headers=pilio.headers)).json()["data"]["items"]
    assert ended["succeeded"] == 1, task
    return [(await pilio.http.get(file["download_url"])).content for file in task["result"]["files"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tool)
async def test_a_tool_as_a_task_on_uploaded_files(pilio: Pilio, case: Case) -> None:
    files = [await pilio.upload(*file) for file in case.files]
    beside = {part: await pilio.upload(f"{part}.png", content) for part, content in case.beside.items()}
    names = {"names": [name for name, _ in case.files]} if case.files else {}
    plan = await planned(pilio, {"steps": [{"toolId": case.tool, "settings": case.settings}], "fileCount": len(files)} | names)
    assert {each["part"] for each in plan["files"]} == beside.keys()
    assert case.holds(await results_of(pilio, plan, files, beside))


async def test_pages_of_a_pdf(pilio: Pilio, report: bytes) -> None:
    files = [await pilio.upload("report.pdf", report)]
    told = await results_of(pilio, await planned(pilio, {"steps": [{"toolId": "pdf-to-image-info"}]}), files, {})
    plan = await planned(pilio, {"steps": [{"toolId": "pdf-to-image", "settings": {"dpi": 72, "pages": "1"}}], "fileCount": 1})
    made = await results_of(pilio, plan, files, {})
    assert said(told)["pageCount"] > 1
    assert len(entries(made)) == 1


async def test_many_steps_are_one_task(pilio: Pilio) -> None:
    quarter = {"toolId": "rotate", "settings": {"angle": 90}}
    plan = await planned(pilio, {"steps": [{"toolId": "resize", "settings": {"width": 40}}, *[quarter] * 9], "name": "a.jpg"})
    [made, *_] = await results_of(pilio, plan, [await pilio.upload("a.jpg", PHOTO)], {})
    assert (len(plan["operations"]), opened(made).size) == (20, (30, 40))


async def test_a_person_may_plan_and_nobody_else(person: SnapOtter, visitor: SnapOtter) -> None:
    body = {"steps": [{"toolId": "resize", "settings": {"width": 0}}]}
    refused = await person.post(PLAN, body)
    assert (refused.status_code, refused.json()["error"]) == (400, "Step 1 (resize): Invalid settings")
    assert [each["path"] for each in refused.json()["details"]] == ["width"]
    no_task = await person.post(PLAN, {"steps": [{"toolId": "image-to-base64"}]})
    assert (no_task.status_code, no_task.json()["error"]) == (422, "Step 1 (image-to-base64): Cannot be run as a task")
    assert (await visitor.of("").post(PLAN, body)).status_code == 401
