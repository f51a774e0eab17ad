"""The main job in a browser: files in, an operation chosen by its picture, results looked at, taken along and gone on with."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import FloatRect, Locator, Route, expect

from tests.stacks import Account, StackUnderTest
from tests.system.console.conftest import SAMPLES
from tests.system.console.console import Console
from tests.system.holding import held
from tests.system.pictures import opened
from tests.system.pilio import Pilio

Photo = Callable[[str], Path]


async def newest_task(pilio: Pilio) -> str:
    return str((await pilio.get("/v1/tasks")).json()["data"]["items"][0]["task_id"])


async def _with_a_place(route: Route) -> None:
    """A result with a notice about a place."""
    response = await route.fetch()
    body = await response.json()
    box = {"x1": 25, "y1": 25, "x2": 50, "y2": 75}
    for each in body["data"].get("items", [{"result": body["data"]}]):
        each["result"]["notices"] = [{"code": "parts_unsure", "message": "Check a part of it.", "boxes": [box]}]
    await route.fulfill(response=response, json=body)


async def shown(dialog: Locator) -> tuple[float, float]:
    """How large a result is shown."""
    box = await dialog.get_by_role("img", name="Result").bounding_box()
    assert box
    return box["width"], box["height"]


async def test_from_a_drop_to_a_download(console: Console, pilio: Pilio, photo: Photo) -> None:
    await console.open()
    await console.drop(photo("red.png"))
    await console.uploaded("red.png")
    settings = await console.pick("Remove the background")
    price = (await pilio.post("/v1/estimate", {"operations": [{"remove_background": {}}], "file_count": 1})).json()["data"]
    await expect(settings.get_by_role("status").filter(has_text=f"{price['credits']} credits")).to_be_visible()
    await console.run()
    await console.finished(1)
    name, content = await console.download(console.newest.get_by_role("button", name="Download", exact=True))
    [file] = (await pilio.result(await newest_task(pilio)))["files"]
    assert (name, content) == (file["name"], (await pilio.http.get(file["download_url"])).content)
    dialog = await console.open_result("red.png")
    await dialog.get_by_role("button", name="Erase and restore").click()
    brush = console.page.get_by_role("dialog", name="Erase and restore")
    area = brush.get_by_role("button", name="Cut-out to paint on")
    await area.press(" ")
    _, erased = await console.download(brush.get_by_role("button", name="Download", exact=True))
    await brush.get_by_text("Restore", exact=True).click()
    await area.press(" ")
    name, restored = await console.download(brush.get_by_role("button", name="Download", exact=True))
    assert name.endswith("-retouched.png")
    middle = [opened(each).convert("RGBA").getpixel((opened(each).width // 2, opened(each).height // 2)) for each in (erased, restored)]
    source = opened(photo("red.png").read_bytes()).convert("RGBA")
    assert middle == [(0, 0, 0, 0), source.getpixel((source.width // 2, source.height // 2))]
    await brush.get_by_role("button", name="Save in the library").click()
    await expect(console.page.get_by_text(f"{name} is in the library.")).to_be_visible()
    [kept] = (await pilio.get("/v1/library")).json()["data"]["items"]
    assert kept["name"] == name


async def test_a_result_beside_what_it_was_made_of(console: Console, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("red.png"))
    settings = await console.pick("Adjust colours")
    await settings.get_by_role("textbox", name="Brightness").fill("40")
    await console.page.route(re.compile(r"/v1/(tasks/[^/]+/result|batches/[^/]+/tasks)(\?|$)"), _with_a_place)
    await console.run()
    await console.finished(1)
    dialog = await console.open_result("red.png")
    outline = dialog.locator(".viewer-place")
    await expect(outline).to_have_count(1)
    await dialog.get_by_role("button", name="Parts to check").click()
    await expect(outline).to_have_count(0)
    for name in ("Result", "Original"):
        await expect(dialog.get_by_role("img", name=name)).to_be_visible()
    divider = dialog.get_by_role("slider", name="Share of the original")
    await expect(divider).to_have_attribute("aria-valuetext", "50% original")
    await divider.press("ArrowRight")
    await expect(divider).to_have_attribute("aria-valuetext", "51% original")
    await divider.press("Home")
    await expect(divider).to_have_attribute("aria-valuetext", "0% original")
    frame = await dialog.locator(".viewer-frame").bounding_box()
    assert frame
    mouse = console.page.mouse
    middle = frame["y"] + frame["height"] / 2
    await mouse.move(frame["x"] + 2, middle)
    await mouse.down()
    await mouse.move(frame["x"] + frame["width"] * 0.8, middle, steps=4)
    await mouse.up()
    await expect(divider).to_have_attribute("aria-valuetext", "80% original")
    before = await shown(dialog)
    await dialog.get_by_role("button", name="Zoom in").click()
    assert (await shown(dialog))[0] > before[0]
    await dialog.get_by_role("group", name="Comparison").press("0")
    assert await shown(dialog) == before
    await dialog.get_by_text("Side by side").click()
    await expect(divider).to_be_hidden()
    await console.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


@pytest.mark.thorough
async def test_a_folder_as_one_archive(console: Console, photo: Photo, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "more/a.png", ".hidden.png"):
        photo("any.png").rename(folder / name)
    await console.open()
    await console.page.get_by_test_id("folder").set_input_files(folder)
    await console.uploaded("b.png", "a.png")
    await expect(console.file("hidden")).to_have_count(0)
    await console.pick("Rotate and mirror")
    await console.run()
    await console.finished(2)
    name, content = await console.download(console.newest.get_by_role("button", name="Download as ZIP"))
    assert re.fullmatch(r"rotate-\d{4}-\d\d-\d\d\.zip", name)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = sorted(Path(each).name for each in archive.namelist())
    assert [each for each in names if each.endswith(".png")] == ["a-rotated.png", "b-rotated.png"]


async def test_limits_are_said_before_anything_is_sent(console: Console, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("red.png"))
    settings = await console.pick("Resize")
    run = settings.get_by_role("button", name="Run")
    await expect(run).to_be_disabled()
    await expect(settings.get_by_text("Set at least one of: Width, Height, Width in %, Height in %.")).to_be_visible()
    width = settings.get_by_role("textbox", name="Width", exact=True)
    for wrong, why in (
        ("0", "Enter 1 or more."),
        ("70000", "Enter 65,535 or less."),
        ("1.5", "Enter a whole number."),
        ("wide", "Enter a number."),
    ):
        await width.fill(wrong)
        await expect(settings.get_by_role("alert")).to_have_text(why)
        await expect(width).to_have_attribute("aria-invalid", "true")
        await expect(run).to_be_disabled()
    await width.fill("40")
    await expect(run).to_be_enabled()
    await settings.get_by_role("button", name="Choose something else").click()
    await console.pick("Compare two pictures")
    await expect(console.page.get_by_text("This operation needs at least 2 files.")).to_be_visible()


async def test_a_double_click_is_one_run_and_the_result_is_where_the_eye_is(console: Console, pilio: Pilio, photo: Photo) -> None:
    page = console.page
    await console.open()
    await console.choose(photo("red.png"))
    await console.uploaded("red.png")
    settings = await console.pick("Rotate and mirror")
    await expect(settings.get_by_text(re.compile("credit"))).to_be_visible()
    # Whoever asks a script to click twice asks before the page has drawn anything.
    busy = await console.run_button.evaluate(
        "async button => { button.click(); button.click(); await new Promise(requestAnimationFrame);"
        " await new Promise(requestAnimationFrame); return button.disabled && button.ariaBusy; }"
    )
    assert busy == "true"
    await expect(console.runs).to_have_count(1)
    await console.finished(1)
    form, result = await settings.bounding_box(), await console.newest.bounding_box()
    assert form and result and result["x"] >= form["x"] + form["width"] and 0 <= result["y"] < 450
    # Another click is another run, on a phone with its result in the first screen.
    await page.set_viewport_size({"width": 390, "height": 844})
    await console.run()
    await console.finished(1)
    await expect(console.newest.locator("img")).to_be_in_viewport(ratio=0.9)
    await expect(console.runs).to_have_count(2)
    assert len((await pilio.get("/v1/tasks")).json()["data"]["items"]) == 2


async def test_what_was_cancelled_is_counted_and_run(
    console: Console, pilio: Pilio, photo: Photo, stack: StackUnderTest, account: Account
) -> None:
    await console.open()
    # The server would refuse it without an operation, and names what it takes in any case.
    (document := photo("red.png").with_name("scan.docx")).write_bytes(b"PK")
    await console.choose(photo("1.png"), photo("2.png"), document)
    await console.uploaded("1.png", "2.png")
    await expect(console.file("scan.docx")).to_contain_text("scan.docx cannot be used. Darkroom takes JPEG, PNG, WebP")
    await console.pick("Rotate and mirror")
    await expect(console.file("scan.docx")).to_contain_text("scan.docx is neither a picture nor a video. Rotate and mirror takes JPEG, PNG")
    tiles = console.page.get_by_role("region", name="Files", exact=True).get_by_role("listitem")
    boxes = [box for tile in await tiles.all() if (box := await tile.bounding_box())]
    assert len(boxes) == 3 and not any(overlap(one, other) for index, one in enumerate(boxes) for other in boxes[:index])
    # The first becomes the last, by keys.
    handle = console.file("1.png").get_by_role("button", name=re.compile("^Move 1.png"))
    await handle.press("ArrowRight")
    await expect(tiles.first).to_contain_text("2.png")
    # The other way by a pointer, and back by keys.
    await console.file("1.png").get_by_role("button", name=re.compile("^Move")).drag_to(console.file("2.png"))
    await expect(tiles.first).to_contain_text("1.png")
    await handle.press("ArrowDown")
    async with held(stack, account):
        await console.run()
        await console.newest.get_by_role("button", name="Cancel the rest").click()
        await expect(console.newest.get_by_role("status").first).to_have_text("0 of 2 done, 2 cancelled")
        assert [await name.inner_text() for name in await console.newest.locator(".file-name").all()] == ["2.png", "1.png"]
        # What went in is not shown as if it were a result.
        await expect(console.newest.locator("img")).to_have_count(0)
    await console.newest.get_by_role("button", name="Run the rest").click()
    await console.finished(2)
    await expect(console.newest.get_by_role("status").first).to_have_text("2 of 2 done")
    await console.button("Remove all").click()
    await expect(tiles).to_have_count(0)
    await console.button("Undo").click()
    await expect(tiles).to_have_count(3)


@pytest.mark.thorough
async def test_a_long_run_says_that_it_has_ended(console: Console, photo: Photo, stack: StackUnderTest, account: Account) -> None:
    page = console.page
    await page.add_init_script(
        "window.shown = []; window.Notification = class { static permission = 'default';"
        " static requestPermission = async () => Notification.permission = 'granted';"
        " constructor(title) { window.shown.push(title); } };"
    )
    await console.open()
    await console.choose(photo("red.png"))
    await console.pick("Rotate and mirror")
    async with held(stack, account):
        await console.run()
        # Nobody is asked before a run takes long.
        await expect(console.button("Notify me when it is done")).to_have_count(0)
        await page.evaluate("const now = Date.now; Date.now = () => now() + 20_000")
        await console.button("Notify me when it is done").click()
        await expect(console.button("Notify me when it is done")).to_have_count(0)
        await page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    await console.finished(1)
    assert await page.evaluate("window.shown") == ["Darkroom: 1 of 1 done"]


def overlap(one: FloatRect, other: FloatRect) -> bool:
    beside = one["x"] >= other["x"] + other["width"] or other["x"] >= one["x"] + one["width"]
    below = one["y"] >= other["y"] + other["height"] or other["y"] >= one["y"] + one["height"]
    return not beside and not below


async def test_recipes_presets_and_saved_settings(console: Console, photo: Photo) -> None:
    page, name = console.page, "Small PNG"
    await console.open()
    await console.choose(photo("red.png"))
    await page.get_by_role("button").filter(has=page.get_by_text("Web-ready", exact=True)).click()
    await console.run()
    await console.finished(1)
    _, content = await console.download(console.newest.get_by_role("button", name="Download", exact=True))
    assert opened(content).format == "WEBP"
    await console.button("Edit the steps").click()
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    await expect(steps.filter(has_text=re.compile("Resize|Convert"))).to_have_count(2)
    await console.open()
    await console.button("Choose something else").click()
    await page.get_by_role("searchbox").fill("jpg to png")
    await console.pick("To PNG")
    work = console.work("Convert")
    await expect(work.get_by_label("Format")).to_have_value("PICTURE_FORMAT_PNG")
    await console.button("Save these settings").click()
    await page.get_by_role("dialog").get_by_label("Name").fill(name)
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await work.get_by_label("Format").select_option("WebP")
    await work.get_by_role("button", name=name).click()
    await expect(work.get_by_label("Format")).to_have_value("PICTURE_FORMAT_PNG")


@pytest.mark.thorough
async def test_again_otherwise_and_on_with_the_results(console: Console, pilio: Pilio, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("red.png"))
    settings = await console.pick("Resize")
    await settings.get_by_role("textbox", name="Width", exact=True).fill("80")
    await console.run()
    await console.finished(1)
    await console.act("Run again with other options")
    await expect(settings.get_by_role("textbox", name="Width", exact=True)).to_have_value("80")
    await settings.get_by_role("textbox", name="Width", exact=True).fill("40")
    await console.run()
    await console.finished(1)
    await console.act("Continue with another operation")
    await expect(console.page.get_by_role("region", name="Files", exact=True)).to_contain_text("1 result of “Resize”")
    border = await console.pick("Border")
    await border.get_by_role("textbox", name="Width", exact=True).fill("5")
    await console.run()
    await console.finished(1)
    _, content = await console.download(console.newest.get_by_role("button", name="Download", exact=True))
    assert opened(content).size == (50, 40)
    await console.act("Keep in the library")
    await expect(console.page.get_by_text("Kept in the library.")).to_be_visible()
    [kept] = (await pilio.get("/v1/library")).json()["data"]["items"]
    assert kept["size"] == len(content)


async def test_marks_are_where_a_box_was_drawn(console: Console, pilio: Pilio, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("marked.png"))
    await console.uploaded("marked.png")
    settings = await console.pick("Remove watermarks")
    await expect(settings.get_by_text("up to 2 credits")).to_be_visible()
    await console.run()
    await console.finished(1)
    await expect(console.newest.get_by_text("Unchanged, 0 credits")).to_be_visible()
    dialog = await console.open_result("marked.png")
    await dialog.get_by_role("button", name="Draw a box around the mark").click()
    await expect(dialog).to_be_hidden()
    # Then nothing moves any more.
    await expect(settings.get_by_text("credits")).to_be_visible()
    picture = settings.get_by_role("img", name="Picture to draw boxes on")
    await picture.scroll_into_view_if_needed()
    area = await picture.bounding_box()
    assert area
    mouse = console.page.mouse
    await mouse.move(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.25)
    await mouse.down()
    await mouse.move(area["x"] + area["width"] * 0.5, area["y"] + area["height"] * 0.75, steps=4)
    await mouse.up()
    box = settings.locator("[data-box='0']")
    await box.press("ArrowRight")
    await box.press("Shift+ArrowDown")
    await settings.get_by_role("button", name="Add a box").click()
    await settings.get_by_role("button", name="Remove box 2").click()
    await console.run()
    await console.finished(1)
    # A format that was not asked for is printed as one that no request may have, so its schema does not fit.
    told = (await pilio.http.get(f"{pilio.url}/v1/tasks/{await newest_task(pilio)}", headers=pilio.headers)).json()["data"]
    [boxes] = [operation["remove_watermark"]["boxes"] for operation in told["parameters"]]
    assert [{side: round(value) for side, value in each.items()} for each in boxes] == [{"x1": 26, "y1": 25, "x2": 51, "y2": 76}]


@pytest.mark.thorough
async def test_several_pictures_become_one_document(console: Console, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("1.png"), photo("2.png"))
    settings = await console.pick("Pictures to PDF")
    await expect(settings.get_by_text("All files are combined into one result.")).to_be_visible()
    await console.run()
    await console.finished(1)
    dialog = await console.open_result("1.png")
    await expect(dialog.get_by_text("PDF").first).to_be_visible()
    _, content = await console.download(dialog.get_by_role("button", name="Download", exact=True))
    assert content.startswith(b"%PDF")


@pytest.mark.thorough
async def test_a_document_is_a_file_like_others(console: Console, photo: Photo) -> None:
    await console.open()
    await console.drop(SAMPLES / "report.pdf", photo("beside.png"))
    await console.uploaded("report.pdf", "beside.png")
    settings = await console.pick("PDF to pictures")
    await expect(settings.get_by_text("beside.png is not a PDF. PDF to pictures takes PDF.")).to_be_visible()
    await settings.get_by_role("textbox", name="DPI").fill("36")
    await console.run()
    await console.finished(1)
    dialog = await console.open_result("report.pdf")
    await expect(dialog.get_by_role("img", name="Result")).to_have_count(3)


@pytest.mark.thorough
async def test_a_box_is_drawn_on_a_page_of_a_document(console: Console, pilio: Pilio) -> None:
    await console.open()
    await console.choose(SAMPLES / "report.pdf")
    await console.uploaded("report.pdf")
    settings = await console.pick("Clean a scanned PDF")
    # Three pages.
    await expect(settings.get_by_text("up to 6 credits")).to_be_visible()
    await settings.get_by_role("button", name="Show the first page to draw on").click()
    picture = settings.get_by_role("img", name="Picture to draw boxes on")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("picture => picture.decode().then(() => picture.naturalHeight > picture.naturalWidth)")
    await settings.get_by_role("button", name="Add a box").click()
    await console.run()
    await console.finished(1)
    told = (await pilio.get(f"/v1/tasks/{await newest_task(pilio)}")).json()["data"]
    [boxes] = [operation["redraw_pdf"]["boxes"] for operation in told["parameters"]]
    assert len(boxes) == 1


@pytest.mark.thorough
async def test_a_tool_without_a_file(console: Console) -> None:
    await console.open()
    settings = await console.pick("Make a QR code")
    await expect(settings.get_by_role("button", name="Create", exact=True)).to_be_disabled()
    await settings.get_by_role("textbox", name="Text").fill("https://example.com")
    await console.run()
    await console.finished(1)
    _, content = await console.download(console.newest.get_by_role("button", name="Download", exact=True))
    assert opened(content).size == (400, 400)


async def test_a_preview_follows_the_settings(console: Console, photo: Photo) -> None:
    await console.open()
    await console.choose(photo("red.png"))
    await console.uploaded("red.png")
    settings = await console.pick("Border")
    preview = settings.get_by_role("region", name="Preview")
    await preview.get_by_role("switch", name="Live preview").click()
    await expect(preview.get_by_text("Result 180 × 140")).to_be_visible()
    await settings.get_by_role("textbox", name="Width", exact=True).fill("30")
    await expect(preview.get_by_text("Result 220 × 180")).to_be_visible()
