"""SnapOtter's forms, names, uploads, downloads and previews (sections 4.1 to 4.6 of its contract), through the public port."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, heic, opened, sideways_jpeg
from tests.system.pilio import Pilio
from tests.system.snapotter import Part, SnapOtter, form_of

PICTURE = encoded(disc(64, 48), "PNG")
RESIZE = "/api/v1/tools/resize"
SETTINGS: Part = ("settings", '{"width": 20, "fit": "inside"}')
FILE: Part = ("file", PICTURE, "photo.png")


def error(reply: httpx.Response, status: int) -> str:
    """The text of a refusal in the surface's form."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) <= {"error", "code", "details"}
    assert "Traceback" not in reply.text
    text: str = body["error"]
    return text


@pytest.mark.parametrize("part", ["file", "files", "image", "x", ""])
async def test_any_part_with_a_file_name_is_the_file(admin: SnapOtter, part: str) -> None:
    assert (await admin.form(RESIZE, (part, PICTURE, "photo.png"), SETTINGS)).status_code == 200


async def test_a_part_named_file_without_a_file_name_is_a_field(admin: SnapOtter) -> None:
    assert error(await admin.form(RESIZE, ("file", "text"), SETTINGS), 400) == "No image file provided"


async def test_settings_may_come_before_the_file_and_the_last_ones_count(admin: SnapOtter) -> None:
    reply = await admin.form(RESIZE, ("settings", "nonsense"), SETTINGS, FILE)
    assert reply.status_code == 200, reply.text
    assert opened(await admin.download(reply.json()["downloadUrl"])).size == (20, 15)


@pytest.mark.parametrize("settings", ["{", "no", '{"width": NaN}'])
async def test_settings_that_are_no_json(admin: SnapOtter, settings: str) -> None:
    assert error(await admin.tool("resize", PICTURE, settings), 400) == "Settings must be valid JSON"


@pytest.mark.parametrize("settings", ["[]", "7", '"x"', "null", '{"width": "7"}', '{"width": null}'])
async def test_settings_of_another_type(admin: SnapOtter, settings: str) -> None:
    reply = await admin.tool("resize", PICTURE, settings)
    assert error(reply, 400) == "Invalid settings"
    assert isinstance(reply.json()["details"], str)


@pytest.mark.parametrize(
    "settings", ['{"width": 1' + "0" * 400 + "}", '{"percentage": 1' + "0" * 400 + "}", '{"width": 1e999}', '{"percentage": 1e999}']
)
async def test_a_number_that_no_number_can_be(admin: SnapOtter, settings: str) -> None:
    reply = await admin.tool("resize", PICTURE, settings)
    assert error(reply, 400) == "Invalid settings"


async def test_a_result_that_would_be_too_large(admin: SnapOtter) -> None:
    reply = await admin.tool("resize", PICTURE, {"percentage": 1e300})
    assert error(reply, 422) == "Processing failed"
    assert "the result would have" in reply.json()["details"]
    assert "input_file" not in reply.text


@pytest.mark.thorough
async def test_two_hundred_files_at_once(admin: SnapOtter) -> None:
    reply = await admin.form("/api/v1/upload", *(("file", PICTURE, f"{number}.png") for number in range(200)))
    assert reply.status_code == 200, reply.text
    assert [file["name"] for file in reply.json()["files"]] == [f"{number}.png" for number in range(200)]


async def test_odd_settings_do_no_harm(admin: SnapOtter) -> None:
    large = json.dumps({"width": 20, "fit": "inside", "note": "x" * 100_000, "__proto__": {"a": 1}, "constructor": 1})
    assert (await admin.tool("resize", PICTURE, large)).status_code == 200
    deep = f'{{"width": 20, "note": {"[" * 50_000}{"]" * 50_000}}}'
    assert (await admin.tool("resize", PICTURE, deep)).status_code == 200
    assert error(await admin.tool("resize", PICTURE, "[" * 50_000), 400) == "Settings must be valid JSON"
    assert (await admin.tool("resize", PICTURE, '{"width": 1e999}')).status_code in (400, 422)


async def test_what_is_no_form(admin: SnapOtter) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"):
        reply = await admin.http.post(admin.url + RESIZE, content=b"{}", headers={**admin.headers, "content-type": kind})
        assert error(reply, 400) == "Failed to parse multipart request", kind
        assert reply.json()["details"]


async def test_a_form_without_parts_has_no_file(admin: SnapOtter) -> None:
    content, kind = form_of()
    reply = await admin.http.post(admin.url + RESIZE, content=content, headers={**admin.headers, "content-type": kind})
    assert error(reply, 400) == "No image file provided"


async def test_an_empty_file_is_none(admin: SnapOtter) -> None:
    assert error(await admin.tool("resize", b"", {"width": 20}), 400) == "No image file provided"


async def test_one_picture_at_a_time(admin: SnapOtter) -> None:
    text = error(await admin.form(RESIZE, FILE, ("other", PICTURE, "b.png"), SETTINGS), 400)
    assert "one image at a time" in text
    assert "/batch" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bytes(1000), "File contains no image data"),
        (b"nothing that anybody knows" * 10, "Unrecognized image format"),
        (PICTURE[:20], "Failed to read image metadata"),
        (b"%PDF-1.7\n1 0 obj\n", ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), ""),
    ],
)
async def test_a_file_that_is_no_picture(admin: SnapOtter, content: bytes, reason: str) -> None:
    text = error(await admin.tool("resize", content, {"width": 20}), 400)
    assert text.startswith("Invalid image: ")
    assert text.removeprefix("Invalid image: ").startswith(reason)


async def test_the_checks_come_in_the_order_of_the_contract(admin: SnapOtter) -> None:
    broken: Part = ("file", b"no picture", "photo.png")
    bad: Part = ("settings", "{")
    assert "one image at a time" in error(await admin.form(RESIZE, broken, broken, bad), 400)
    assert error(await admin.form(RESIZE, ("file", b"", "a.png"), bad), 400) == "No image file provided"
    assert error(await admin.form(RESIZE, bad, broken), 400).startswith("Invalid image")
    assert error(await admin.form(RESIZE, FILE, bad), 400) == "Settings must be valid JSON"


async def test_the_content_decides_about_the_format(admin: SnapOtter) -> None:
    reply = (await admin.tool("resize", PICTURE, {"width": 20}, "really-a-png.jpg")).json()
    assert reply["downloadUrl"].endswith("/really-a-png_resize.png")
    assert opened(await admin.download(reply["downloadUrl"])).format == "PNG"


async def test_the_reply(admin: SnapOtter) -> None:
    reply = await admin.tool("resize", PICTURE, {"width": 20}, "photo.png")
    body = reply.json()
    assert set(body) == {"jobId", "downloadUrl", "originalSize", "processedSize"}
    assert uuid.UUID(body["jobId"]).version == 4
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/photo_resize.png"
    content = await admin.download(body["downloadUrl"])
    assert (body["originalSize"], body["processedSize"]) == (len(PICTURE), len(content))


async def test_a_small_picture_made_smaller_gets_fewer_bytes(admin: SnapOtter) -> None:
    picture = encoded(Image.new("RGB", (200, 150), (200, 30, 30)), "PNG")
    for settings in ({"width": 100}, {"percentage": 50}, {"width": 100, "height": 100, "fit": "cover"}):
        assert len(await admin.result("resize", picture, settings)) < len(picture) < 600


async def test_orientation_is_applied(admin: SnapOtter) -> None:
    assert opened(await admin.result("resize", sideways_jpeg(disc(64, 48)), {"percentage": 100}, "a.jpg")).size == (64, 48)


async def test_heic_becomes_png(admin: SnapOtter) -> None:
    reply = (await admin.tool("resize", heic(disc(64, 48)), {"percentage": 50}, "photo.heic")).json()
    assert reply["downloadUrl"].endswith("/photo_resize.png")
    assert opened(await admin.download(reply["downloadUrl"])).format == "PNG"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "a\tb\n.png",
        "n" * 5000 + ".png",
        'q"uote;$(x)<script>.png',
        "😀 \u202egnp.exe.png",
        "",
        "..",
        ".png",
        "noextension",
        "a.png.php",
    ],
)
async def test_hostile_names(admin: SnapOtter, name: str) -> None:
    reply = await admin.tool("resize", PICTURE, {"width": 20}, name)
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 200:
        path = reply.json()["downloadUrl"]
        assert ".." not in path
        assert "\\" not in path
        assert re.fullmatch(r"/api/v1/download/[0-9a-f-]{36}/[!-~]+", path)
        assert await admin.download(path)


async def test_a_name_without_extension(admin: SnapOtter) -> None:
    path = (await admin.tool("resize", PICTURE, {"width": 20}, "noextension")).json()["downloadUrl"]
    assert path.endswith("/noextension_resize")
    assert (await admin.http.get(admin.url + path)).headers["content-type"] == "application/octet-stream"


async def test_a_download_needs_no_token_and_is_an_attachment(admin: SnapOtter) -> None:
    path = (await admin.tool("resize", PICTURE, {"width": 20}, "größe.png")).json()["downloadUrl"]
    assert path.endswith("/gr%C3%B6%C3%9Fe_resize.png")
    reply = await admin.http.get(admin.url + path)
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["content-disposition"].startswith("attachment; filename=")
    assert reply.headers["x-content-type-options"] == "nosniff"
    part = await admin.http.get(admin.url + path, headers={"range": "bytes=0-3"})
    assert part.content == reply.content[:4] == b"\x89PNG"


async def test_the_input_of_a_job_can_be_downloaded(admin: SnapOtter) -> None:
    body = (await admin.tool("resize", PICTURE, {"width": 20}, "photo.png")).json()
    assert await admin.download(f"/api/v1/download/{body['jobId']}/photo.png") == PICTURE


@pytest.mark.parametrize(
    ("name", "encoded_name", "disposition"),
    [
        ("photo.png", "photo_resize.png", 'filename="photo_resize.png"'),
        (
            "été (1) 50%.png",
            "%C3%A9t%C3%A9%20(1)%2050%25_resize.png",
            "filename=\"_t_ (1) 50__resize.png\"; filename*=UTF-8''%C3%A9t%C3%A9%20%281%29%2050%25_resize.png",
        ),
    ],
)
async def test_a_download_says_its_name(admin: SnapOtter, name: str, encoded_name: str, disposition: str) -> None:
    path = (await admin.tool("resize", PICTURE, {"width": 20}, name)).json()["downloadUrl"]
    assert path.endswith(f"/{encoded_name}")
    assert (await admin.http.get(admin.url + path)).headers["content-disposition"] == f"attachment; {disposition}"


async def test_a_long_name_is_cut_and_the_result_is_named_after_what_is_left(admin: SnapOtter) -> None:
    body = (await admin.tool("resize", PICTURE, {"width": 20}, "n" * 300 + ".png")).json()
    assert body["downloadUrl"].endswith(f"/{'n' * 196}_resize.png")
    assert opened(await admin.download(body["downloadUrl"])).width == 20
    assert await admin.download(f"/api/v1/download/{body['jobId']}/{'n' * 196}.png") == PICTURE


@pytest.mark.parametrize(("made", "name"), [(heic, "photo.heic"), (lambda picture: encoded(picture, "BMP"), "photo.bmp")])
async def test_an_input_that_was_converted_is_there_as_a_png(admin: SnapOtter, made: Callable[[Image.Image], bytes], name: str) -> None:
    sent = made(disc(64, 48))
    body = (await admin.tool("resize", sent, {"width": 20}, name)).json()
    assert body["originalSize"] == len(sent)
    for _ in range(2):
        reply = await admin.http.get(f"{admin.url}/api/v1/download/{body['jobId']}/photo.png")
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
        assert (opened(reply.content).format, opened(reply.content).size) == ("PNG", (64, 48))
    assert (await admin.http.get(f"{admin.url}/api/v1/download/{body['jobId']}/{name}")).status_code == 404


async def test_a_result_is_never_called_like_its_input(admin: SnapOtter) -> None:
    """Converted to a PNG, HEIC is one already when the tool begins."""
    for sent, name in ((PICTURE, "photo.png"), (heic(disc(64, 48)), "photo.heic")):
        body = (await admin.tool("convert", sent, {"format": "png"}, name)).json()
        assert body["downloadUrl"].endswith("/photo_convert.png")
    assert (await admin.tool("convert", heic(disc(64, 48)), {"format": "heic"}, "photo.heic")).json()["downloadUrl"].endswith("/photo.heic")


@pytest.mark.parametrize("path", ["{job}/..%2Fphoto.png", "{job}/%2e%2e", "{job}/a%00b", "{job}/a%5Cb", "..%2F{job}/photo.png"])
async def test_a_path_that_leads_elsewhere(admin: SnapOtter, path: str) -> None:
    job = (await admin.tool("resize", PICTURE, {"width": 20})).json()["jobId"]
    reply = await admin.http.get(f"{admin.url}/api/v1/download/{path.format(job=job)}")
    assert error(reply, 400) == "Invalid path"


@pytest.mark.parametrize(
    "path", ["{job}/other.png", "{other}/photo_resize.png", "nonsense/photo.png", "{job}/%252e%252e%252fphoto.png", "{job}/a%0Ab.png"]
)
async def test_what_is_not_there(admin: SnapOtter, path: str) -> None:
    job = (await admin.tool("resize", PICTURE, {"width": 20})).json()["jobId"]
    reply = await admin.http.get(f"{admin.url}/api/v1/download/{path.format(job=job, other=uuid.uuid4())}")
    assert error(reply, 404) == "File not found"


async def test_uploads_can_be_downloaded(admin: SnapOtter) -> None:
    other = encoded(disc(32, 32), "JPEG")
    reply = await admin.form("/api/v1/upload", FILE, ("x", b"", "empty.png"), ("y", heic(disc(16, 16)), "b.heic"), ("z", other, "c.jpg"))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert uuid.UUID(body["jobId"]).version == 4
    assert [(each["name"], each["format"]) for each in body["files"]] == [("photo.png", "png"), ("b.heic", "heif"), ("c.jpg", "jpeg")]
    assert body["files"][0]["size"] == len(PICTURE)
    assert await admin.download(f"/api/v1/download/{body['jobId']}/photo.png") == PICTURE
    assert await admin.download(f"/api/v1/download/{body['jobId']}/c.jpg") == other


async def test_one_bad_file_fails_an_upload(admin: SnapOtter) -> None:
    text = error(await admin.form("/api/v1/upload", FILE, ("x", b"no picture", "bad.png")), 400)
    assert text == 'Invalid file "bad.png": Unrecognized image format'


async def test_an_upload_of_nothing(admin: SnapOtter) -> None:
    assert error(await admin.form("/api/v1/upload"), 400) == "No valid files uploaded"
    assert error(await admin.form("/api/v1/upload", ("x", b"", "a.png")), 400) == "No valid files uploaded"


@pytest.mark.parametrize("path", ["/api/v1/upload", "/api/v1/preview"])
async def test_a_body_that_is_no_form_outside_of_tools(admin: SnapOtter, path: str) -> None:
    error(await admin.post(path, {}), 406)


async def test_a_preview_is_a_webp_that_fits(admin: SnapOtter) -> None:
    for size, expected in (((1800, 900), (1200, 600)), ((64, 48), (64, 48))):
        reply = await admin.form("/api/v1/preview", ("file", encoded(disc(*size), "JPEG"), "a.jpg"))
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "image/webp"
        picture = opened(reply.content)
        assert (picture.format, picture.size) == ("WEBP", expected)
    assert error(await admin.form("/api/v1/preview"), 400) == "No file provided"


async def test_jobs_at_once_do_not_mix(admin: SnapOtter) -> None:
    replies = await asyncio.gather(*(admin.tool("resize", PICTURE, {"width": 10 + n, "fit": "inside"}, f"{n}.png") for n in range(16)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["jobId"] for reply in replies}) == 16
    widths = [opened(await admin.download(reply.json()["downloadUrl"])).width for reply in replies]
    assert widths == [10 + n for n in range(16)]


async def test_what_is_refused_leaves_nothing_behind(visitor: SnapOtter, pilio: Pilio) -> None:
    owner = visitor.of(pilio.api_key)
    before = (await pilio.get("/v1/files")).json()["data"]["items"]
    refusals = [
        await owner.form(RESIZE, FILE, ("settings", "{")),
        await owner.form(RESIZE, FILE, ("settings", '{"width": -1}')),
        await owner.form(RESIZE, FILE, FILE, SETTINGS),
        await owner.form(RESIZE, ("file", b"no picture", "a.png"), SETTINGS),
        await owner.form("/api/v1/upload", FILE, ("x", b"no picture", "bad.png")),
        await owner.tool("crop", PICTURE, {"left": 60, "top": 0, "width": 30, "height": 9}),
        await owner.http.post(
            owner.url + RESIZE, content=form_of(FILE, SETTINGS)[0][:-20], headers={**owner.headers, "content-type": form_of()[1]}
        ),
    ]
    assert {reply.status_code for reply in refusals} == {400, 422}
    assert (await pilio.get("/v1/files")).json()["data"]["items"] == before == []
