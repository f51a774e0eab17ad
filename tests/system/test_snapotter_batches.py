"""Batches of SnapOtter's API (section 6 of its contract, and pipeline/batch of section 7), through the public port."""

from __future__ import annotations

import asyncio
import json
import secrets
from urllib.parse import unquote

import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_batches import archive, batch, send
from tests.system.snapotter_progress import events_of

PNG, JPEG = encoded(disc(64, 48), "PNG"), encoded(disc(40, 30), "JPEG")
HALF = {"percentage": 50}
STEPS = {"steps": [{"toolId": "resize", "settings": {"width": 20}}, {"toolId": "convert", "settings": {"format": "webp"}}]}


async def test_results_stand_in_the_order_of_the_form(admin: SnapOtter) -> None:
    job = secrets.token_hex(12)
    files = [("b.png", PNG), ("a.jpeg", JPEG), ("ünï 🎉.png", encoded(disc(80, 60), "PNG"))]
    found = archive(await batch(admin, "resize", files, HALF, clientJobId=job))
    assert found.names == ["b_resize.png", "a_resize.jpeg", "ünï 🎉_resize.png"]
    assert [found.picture(name).size for name in found.names] == [(32, 24), (20, 15), (40, 30)]
    assert found.results == dict(zip("012", found.names, strict=True))
    assert found.reply.headers["x-file-results"].isascii()
    assert found.reply.headers["x-job-id"] == job
    assert found.reply.headers["content-disposition"] == f'attachment; filename="batch-resize-{job[:8]}.zip"'
    assert int(found.reply.headers["content-length"]) == len(found.reply.content)


async def test_without_an_id_of_the_client_a_batch_gets_one(admin: SnapOtter) -> None:
    found = archive(await batch(admin, "rotate", [("one.png", PNG)], {"angle": 90}))
    job = found.reply.headers["x-job-id"]
    assert found.reply.headers["content-disposition"] == f'attachment; filename="batch-rotate-{job[:8]}.zip"'
    assert (found.names, found.picture("one_rotate.png").size) == (["one_rotate.png"], (48, 64))


async def test_names_that_stand_there_already_get_numbers(admin: SnapOtter) -> None:
    names = ["a.png", "a.png", "a.png", "a_resize_1.png", "x/a.png", "noextension", "noextension"]
    found = archive(await batch(admin, "resize", [(name, PNG) for name in names], HALF))
    assert found.names[:3] == ["a_resize.png", "a_resize_1.png", "a_resize_2.png"]
    assert found.names[3:5] == ["a_resize_1_resize.png", "a_resize_3.png"]
    assert found.names[5:] == ["noextension_resize", "noextension_resize_1"]


async def test_a_tool_s_own_name_is_the_entry_s(admin: SnapOtter) -> None:
    found = archive(await batch(admin, "convert", [("a.png", PNG), ("a.jpg", JPEG), ("b.webp", PNG)], {"format": "webp"}))
    assert found.names == ["a.webp", "a_1.webp", "b_convert.webp"]
    assert {found.picture(name).format for name in found.names} == {"WEBP"}


async def test_a_picture_that_becomes_a_png_for_its_alpha_is_called_so(admin: SnapOtter) -> None:
    files = [("a.jpg", JPEG), ("a.png", PNG), ("b.jpeg", JPEG), ("noextension", JPEG)]
    found = archive(await batch(admin, "border", files, {"cornerRadius": 8}))
    assert found.names == ["a_border.png", "a_border_1.png", "b_border.png", "noextension_border"]
    assert {found.picture(name).format for name in found.names} == {"PNG"}
    found = archive(await batch(admin, "border", files))
    assert found.names == ["a_border.jpg", "a_border.png", "b_border.jpeg", "noextension_border"]
    steps = {"steps": [{"toolId": "replace-color", "settings": {"makeTransparent": True}}]}
    reply = await send(admin, "/api/v1/pipeline/batch", files, pipeline=json.dumps(steps))
    assert archive(reply).names == ["a.png", "a_1.png", "b.png", "noextension"]


async def test_parts_of_any_name_count_and_empty_ones_do_not(admin: SnapOtter) -> None:
    reply = await admin.form(
        "/api/v1/tools/resize/batch",
        ("file", PNG, "a.png"),
        ("files", b"", "empty.png"),
        ("files", PNG, "b.png"),
        ("settings", '{"width": 1}'),
        ("other", JPEG, "c.jpg"),
        ("settings", '{"percentage": 50}'),
    )
    found = archive(reply)
    assert found.results == {"0": "a_resize.png", "1": "b_resize.png", "2": "c_resize.jpg"}
    # Of fields with one name the last counts.
    assert found.picture("c_resize.jpg").size == (20, 15)


async def test_a_file_that_fails_stops_no_other(admin: SnapOtter) -> None:
    job = secrets.token_hex(8)
    files = [("ok.png", PNG), ("text.png", b"no picture"), ("nul.png", bytes(200)), ("cut.png", PNG[:60]), ("ok.png", JPEG)]
    found = archive(await batch(admin, "resize", files, {"width": 20}, clientJobId=job))
    assert found.results == {"0": "ok_resize.png", "4": "ok_resize_1.png"}
    [final] = await events_of(admin, job)
    assert (final["jobId"], final["type"], final["status"]) == (job, "batch", "completed")
    assert (final["totalFiles"], final["completedFiles"], final["failedFiles"]) == (5, 5, 3)
    errors = final["errors"]
    assert [each["filename"] for each in errors] == ["text.png", "nul.png", "cut.png"]
    assert [each["error"] for each in errors[:2]] == [
        "Invalid image: Unrecognized image format",
        "Invalid image: File contains no image data",
    ]
    assert errors[2]["error"]


async def test_if_all_fail_the_errors_are_the_reply(admin: SnapOtter) -> None:
    job = secrets.token_hex(8)
    files = [("a.png", PNG), ("text.txt", b"no picture"), ("b.png", JPEG)]
    reply = await batch(admin, "crop", files, {"left": 60, "top": 0, "width": 30, "height": 9}, clientJobId=job)
    assert (reply.status_code, reply.json()["error"]) == (422, "All files failed processing")
    assert [each["filename"] for each in reply.json()["errors"]] == ["a.png", "text.txt", "b.png"]
    assert all(each["error"] for each in reply.json()["errors"])
    [final] = await events_of(admin, job)
    assert (final["status"], final["failedFiles"], final["errors"]) == ("failed", 3, reply.json()["errors"])


@pytest.mark.parametrize("tool", ["nothing", "info", "color-palette", "strip-metadata-inspect", "Resize", "%00", "a" * 3000])
async def test_tools_that_take_no_batch_are_not_found(admin: SnapOtter, visitor: SnapOtter, tool: str) -> None:
    reply = await batch(admin, tool, [("a.png", PNG)])
    assert (reply.status_code, reply.json()["error"]) == (404, f'Tool "{unquote(tool)}" not found')
    # Before anything of the form is looked at, but not before who calls.
    assert (await admin.post(f"/api/v1/tools/{tool}/batch", {})).status_code == 404
    assert (await visitor.form(f"/api/v1/tools/{tool}/batch", ("file", PNG, "a.png"))).status_code == 401


@pytest.mark.parametrize(
    ("files", "settings", "error"),
    [
        ([], {"width": 9}, "No image files provided"),
        ([("empty.png", b"")], {"width": 9}, "No image files provided"),
        ([], "{", "No image files provided"),
        ([("a.png", PNG)], "{", "Settings must be valid JSON"),
        ([("a.png", PNG)], '{"width": NaN}', "Settings must be valid JSON"),
        ([("a.png", PNG)], [], "Invalid settings"),
        ([("a.png", PNG)], {"width": "9"}, "Invalid settings"),
        ([("a.png", PNG)], None, "Invalid settings"),
        ([("no.png", b"no picture")], {"width": -1}, "Invalid settings"),
    ],
)
async def test_refused_as_a_whole(admin: SnapOtter, files: list[tuple[str, bytes]], settings: object, error: str) -> None:
    job = secrets.token_hex(8)
    reply = await batch(admin, "resize", files, settings, clientJobId=job)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    [final] = await events_of(admin, job)
    assert (final["type"], final["status"]) == ("batch", "failed")
    assert final["errors"][0]["error"].startswith(error)


async def test_what_is_no_form_is_refused(admin: SnapOtter) -> None:
    reply = await admin.post("/api/v1/tools/resize/batch", {"width": 9})
    assert (reply.status_code, reply.json()["error"]) == (400, "Failed to parse multipart request")
    reply = await admin.http.post(
        f"{admin.url}/api/v1/tools/resize/batch", content=b"x", headers={**admin.headers, "content-type": "multipart/form-data; boundary=b"}
    )
    assert (reply.status_code, reply.json()["error"]) == (400, "Failed to parse multipart request")


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_other_verbs_lead_nowhere(admin: SnapOtter, verb: str) -> None:
    assert (await admin.call(verb, "/api/v1/tools/resize/batch")).status_code == 404


@pytest.mark.parametrize(
    "job", ["any text ü 🎉", 'a"b\\c; d', "../../etc", "x\r\nSet-Cookie: y=1", "tab\there", "100% <b>", "n" * 5000, "ü" * 10_000]
)
async def test_any_text_is_an_id(admin: SnapOtter, job: str) -> None:
    reply = await batch(admin, "resize", [("a.png", PNG)], HALF, clientJobId=job)
    assert archive(reply).names == ["a_resize.png"]
    assert "set-cookie" not in reply.headers
    if len(job) < 10_000:
        assert unquote(reply.headers["x-job-id"]) == job
    else:
        assert "x-job-id" not in reply.headers
    disposition = reply.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="batch-resize-') and '.zip"' in disposition
    assert not {"\\", "\r", "/"} & set(disposition)


@pytest.mark.parametrize(
    "name", ["../../evil.png", "a\\b\\c.png", "x\0y.png", "n" * 5000 + ".png", "\u202egnp.png", "<script>'\".png", ".png"]
)
async def test_no_name_misleads(admin: SnapOtter, name: str) -> None:
    [entry] = archive(await batch(admin, "resize", [(name, PNG)], HALF)).names
    assert not {"/", "\\", "\0"} & set(entry)
    assert ".." not in entry
    assert len(entry.encode()) < 250


@pytest.mark.thorough
async def test_more_names_than_a_header_takes_cost_the_header(admin: SnapOtter) -> None:
    files = [(f"{number:03}{'界' * 60}.png", PNG) for number in range(110)]
    found = archive(await batch(admin, "resize", files, {"width": 2}))
    assert found.names == [f"{number:03}{'界' * 60}_resize.png" for number in range(110)]
    assert "x-file-results" not in found.reply.headers


async def test_strip_metadata_gets_the_file_as_it_is(admin: SnapOtter) -> None:
    one = await admin.result("strip-metadata", JPEG, {}, "a.jpg")
    found = archive(await batch(admin, "strip-metadata", [("a.jpg", JPEG)]))
    assert found.zip.read("a_strip-metadata.jpg") == one


async def test_a_batch_is_told_of_in_order(admin: SnapOtter) -> None:
    job, count = secrets.token_hex(8), 6
    opened = asyncio.Event()
    watching = asyncio.create_task(events_of(admin, job, opened))
    await opened.wait()
    files = [(f"{number}.png", PNG) for number in range(count - 1)] + [("bad.png", b"x")]
    archive(await batch(admin, "resize", files, {"width": 9}, clientJobId=job))
    events = await asyncio.wait_for(watching, 30)
    assert {(each["jobId"], each["type"], each["totalFiles"]) for each in events} == {(job, "batch", count)}
    assert [each["status"] for each in events] == ["processing"] * (len(events) - 1) + ["completed"]
    completed = [each["completedFiles"] for each in events]
    assert completed == sorted(completed)
    assert (completed[0], completed[-1]) == (0, count)
    assert {each["currentFile"] for each in events if "currentFile" in each} == {name for name, _ in files}
    assert all(each["failedFiles"] == len(each["errors"]) for each in events)


async def test_a_client_that_goes_cancels_its_batch(admin: SnapOtter, stack: StackUnderTest) -> None:
    account = await asyncio.to_thread(stack.create_account)
    caller = SnapOtter(stack.url, account.api_key)
    large = encoded(disc(3000, 2000), "PNG")
    sending = asyncio.create_task(batch(caller, "convert", [(f"{n}.png", large) for n in range(30)], {"format": "avif"}))
    query = "SELECT state, count(*) AS number FROM task WHERE account_id = $1 GROUP BY state"

    async def states() -> dict[str, int]:
        rows = await asyncio.to_thread(stack.fetch, "tasks", query, int(account.id))
        return {row["state"]: row["number"] for row in rows}

    while not await states():
        await asyncio.sleep(0.1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await caller.http.aclose()
    async with asyncio.timeout(60):
        while {"QUEUED", "RUNNING"} & (await states()).keys():
            await asyncio.sleep(0.2)
    assert sum((await states()).values()) < 30


@pytest.mark.thorough
async def test_calls_side_by_side_never_mix_files(admin: SnapOtter) -> None:
    sizes = [(20 + 4 * number, 16) for number in range(12)]
    pictures = [encoded(disc(*size), "PNG") for size in sizes]
    singles = [admin.tool("rotate", picture, {"angle": 90}) for picture in pictures]
    batches = [batch(admin, "rotate", [("same.png", picture) for picture in pictures[start:]], {"angle": 90}) for start in (0, 6)]
    replies = await asyncio.gather(*singles, *batches)
    bodies = [reply.json() for reply in replies[:12]]
    assert len({body["jobId"] for body in bodies}) == 12
    for body, (width, height) in zip(bodies, sizes, strict=True):
        content = await admin.download(body["downloadUrl"])
        assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (height, width)
    for start, reply in zip((0, 6), replies[12:], strict=True):
        found = archive(reply)
        assert [found.picture(name).size for name in found.names] == [(height, width) for width, height in sizes[start:]]


async def test_a_pipeline_is_done_with_each_file(admin: SnapOtter) -> None:
    job = secrets.token_hex(8)
    files = [("a.png", PNG), ("bad.png", b"x"), ("b.jpeg", JPEG), ("a.jpg", JPEG)]
    found = archive(await send(admin, "/api/v1/pipeline/batch", files, STEPS, field="pipeline", clientJobId=job))
    assert found.results == {"0": "a.webp", "2": "b.webp", "3": "a_1.webp"}
    assert [(one.format, one.size) for one in map(found.picture, found.names)] == [("WEBP", (20, 15))] * 3
    assert found.reply.headers["content-disposition"] == f'attachment; filename="pipeline-batch-{job[:8]}.zip"'
    [final] = await events_of(admin, job)
    assert (final["type"], final["status"], final["failedFiles"]) == ("batch", "completed", 1)


async def test_the_error_of_a_pipeline_names_its_step(admin: SnapOtter) -> None:
    job = secrets.token_hex(8)
    crop = {"left": 30, "top": 0, "width": 30, "height": 9}
    steps = [{"toolId": "rotate"}, {"toolId": "crop", "settings": crop}]
    reply = await send(admin, "/api/v1/pipeline/batch", [("a.png", PNG), ("b.jpg", JPEG)], steps, field="pipeline", clientJobId=job)
    assert archive(reply).results == {"0": "a.png"}
    [final] = await events_of(admin, job)
    [error] = final["errors"]
    assert error["filename"] == "b.jpg"
    assert error["error"].startswith("Step 2 (crop): ")


async def test_what_is_refused_leaves_nothing_behind(visitor: SnapOtter, pilio: Pilio) -> None:
    owner = visitor.of(pilio.api_key)
    refusals = [
        await batch(owner, "resize", [("a.png", PNG), ("b.png", PNG)], "{"),
        await batch(owner, "resize", [("a.png", PNG), ("bad.png", b"x")], {"width": -1}),
        await batch(owner, "crop", [("a.png", PNG), ("b.jpg", JPEG)], {"left": 60, "top": 0, "width": 30, "height": 9}),
        await send(owner, "/api/v1/pipeline/batch", [("a.png", PNG)], "[]", field="pipeline"),
    ]
    assert {reply.status_code for reply in refusals} == {400, 422}
    assert (await pilio.get("/v1/files")).json()["data"]["items"] == []


@pytest.mark.parametrize(
    ("pipeline", "error"),
    [
        (None, "No pipeline definition provided"),
        ("{", "Pipeline must be valid JSON"),
        ({"steps": []}, "Invalid pipeline definition"),
        ({"steps": [{"toolId": "nothing"}]}, 'Step 1: Tool "nothing" not found'),
        ([{"toolId": "rotate"}, {"toolId": "info"}], 'Step 2: Tool "info" not found'),
        ([{"toolId": "resize", "settings": {"width": "9"}}], "Step 1 (resize): Invalid settings"),
    ],
)
async def test_pipelines_that_are_refused(admin: SnapOtter, pipeline: object, error: str) -> None:
    reply = await send(admin, "/api/v1/pipeline/batch", [("a.png", PNG)], pipeline, field="pipeline")
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    reply = await send(admin, "/api/v1/pipeline/batch", [], pipeline, field="pipeline")
    assert (reply.status_code, reply.json()["error"]) == (400, "No image files provided")
