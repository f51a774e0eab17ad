"""`/v1/pipelines`, from saving one to its results."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio, check_reply

PICTURE = encoded(disc(64, 48), "PNG")
SHOP: list[dict[str, Any]] = [
    {"remove_background": {}},
    {"fill_background": {"color": "#ffffff"}},
    {"resize": {"width": 80, "height": 80, "fit": "FIT_CANVAS", "background": "#ffffff"}},
    {"convert": {"format": "PICTURE_FORMAT_WEBP"}},
]


async def picture(pilio: Pilio, data: dict[str, Any]) -> tuple[str, str | None, tuple[int, int], bool]:
    """Name, format and size of a task's one result, and whether it is white in the corner."""
    [file] = data["files"]
    image = Image.open(io.BytesIO((await pilio.http.get(file["download_url"])).content))
    return file["name"], image.format, image.size, min(image.convert("RGB").crop((0, 0, 4, 4)).tobytes()) > 250


async def test_saved_changed_and_run_on_files_and_on_a_batch(pilio: Pilio) -> None:
    asked = {"name": "Shop photo", "description": "For the page", "operations": SHOP}
    [saved, again] = [(await pilio.post("/v1/pipelines", asked)).json()["data"] for _ in range(2)]
    assert saved["id"] != again["id"]
    assert (saved["name"], saved["description"], saved["updated_at"]) == ("Shop photo", "For the page", saved["created_at"])
    assert saved["operations"] == SHOP
    path = f"/v1/pipelines/{saved['id']}"
    assert (await pilio.get(path)).json()["data"] == saved
    assert [each["id"] for each in (await pilio.get("/v1/pipelines?page_size=50")).json()["data"]["items"]] == [again["id"], saved["id"]]

    form = {"files": {"file": ("photo.png", PICTURE)}, "headers": pilio.headers | {"idempotency-key": "run"}}
    runs = [await pilio.http.post(f"{pilio.url}{path}/run?wait=60", **form) for _ in range(2)]
    for run in runs:
        check_reply("post", f"{path}/run", run)
    [first, second] = [run.json()["data"] for run in runs]
    assert first["status"] == "Succeeded", first
    assert await picture(pilio, first) == ("photo-cutout-filled-80x80.webp", "WEBP", (80, 80), True)
    assert second["task_id"] == first["task_id"]
    [uploaded] = [file for file in (await pilio.get("/v1/files")).json()["data"]["items"] if file["origin"] == "upload"]

    changed = await pilio.http.put(
        pilio.url + path, json={"name": "Small", "operations": [{"resize": {"width": 32}}]}, headers=pilio.headers
    )
    check_reply("put", path, changed)
    assert (changed.json()["data"]["name"], changed.json()["data"].get("description")) == ("Small", None)
    batch = {"pipeline_id": saved["id"], "items": [{"file_ids": [uploaded["id"]]}] * 2}
    created = (await pilio.post("/v1/batches", batch)).json()["data"]
    for task in created["tasks"]:
        await pilio.finish(task["task_id"])
        assert (await picture(pilio, await pilio.result(task["task_id"])))[2] == (32, 24)
    one = await pilio.post("/v1/tasks", {"pipeline_id": saved["id"], "file_ids": [uploaded["id"]], "wait": 60})
    assert (await picture(pilio, one.json()["data"]))[2] == (32, 24)

    assert (await pilio.delete(path)).status_code == 200
    missing = await pilio.post(f"{path}/run", {"file_ids": [uploaded["id"]]})
    assert (missing.status_code, missing.json()["code"], missing.json()["data"]["field"]) == (404, 40475, "id")
    wrong = await pilio.post("/v1/pipelines", asked | {"operations": [{"resize": {"width": 70_000}}]})
    assert (wrong.status_code, wrong.json()["data"]["field"]) == (400, "operations[0].resize.width")
