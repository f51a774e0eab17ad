"""Passport photos of SnapOtter's API (section 10.2 of its contract), through the public port.

The generated networks take discs of one colour for faces (`models.tiny_locating`), and what differs from the border for the subject.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.tiny_locating import SKIN
from services.pictures.passport_photos import COUNTRIES
from tests.stacks import StackUnderTest
from tests.system.pictures import encoded, opened
from tests.system.snapotter import SnapOtter

ROOM, HAIR = (40, 90, 160), (60, 40, 20)
WIDTH, HEIGHT = 900, 1200
TOP, FACE = 240, (450, 500, 150)
"""The row where the hair begins; centre and radius of the face."""
BARE = "/api/v1/tools/passport-photo"
ANALYZE, GENERATE = f"{BARE}/analyze", f"{BARE}/generate"
FAILED = "Passport photo generation failed"
NONE = "9a0ff602-af84-4f12-a62a-0d6dc8c7ea14"
NEEDED = ("jobId", "filename", "countryCode", "landmarks", "imageWidth", "imageHeight")
POINTS = ("leftEye", "rightEye", "eyeCenter", "chin", "forehead", "crown", "nose")


def portrait() -> bytes:
    """Somebody with high hair, whose shoulders are not seen."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), ROOM)
    draw = ImageDraw.Draw(picture)
    x, y, radius = FACE
    draw.rectangle((x - radius, TOP, x + radius, y), fill=HAIR)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=SKIN)
    return encoded(picture, "PNG")


PORTRAIT = portrait()


GIVEN: Mapping[str, Any] = {
    **{"jobId": NONE, "filename": "me.png", "imageWidth": WIDTH, "imageHeight": HEIGHT},
    "landmarks": {
        **{name: {"x": 0.5, "y": 0.2 + 0.05 * number} for number, name in enumerate((*POINTS[2:], *POINTS[:2]))},
        "faceCenterX": 0.5,
    },
}
"""As the first step tells it, of a job that does not exist."""


@pytest.fixture
async def analyzed(person: SnapOtter) -> Mapping[str, Any]:
    """What the first step tells."""
    return await analysis(person, PORTRAIT)


async def analysis(caller: SnapOtter, picture: bytes, name: str = "me.png") -> Mapping[str, Any]:
    reply = await caller.form(ANALYZE, ("file", picture, name))
    assert reply.status_code == 200, reply.text
    found: Mapping[str, Any] = reply.json()
    return found


def asked(analyzed: Mapping[str, Any], country: str = "US", **settings: object) -> dict[str, object]:
    """A body for the second step."""
    return {name: analyzed[name] for name in NEEDED if name in analyzed} | {"countryCode": country} | settings


async def generated(caller: SnapOtter, body: Mapping[str, object]) -> Mapping[str, Any]:
    reply = await caller.post(GENERATE, body)
    assert reply.status_code == 200, reply.text
    found: Mapping[str, Any] = reply.json()
    return found


async def picture_of(caller: SnapOtter, path: str) -> Image.Image:
    return opened(await caller.download(path))


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


async def test_the_bare_route_names_its_steps(person: SnapOtter) -> None:
    wanted = (400, "Use /api/v1/tools/passport-photo/analyze or /generate")
    assert refused(await person.form(BARE, ("file", PORTRAIT, "me.png"))) == wanted
    assert refused(await person.post(BARE, {})) == wanted


async def test_the_first_step_tells_the_points_of_the_face(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    assert analyzed.keys() == {
        *("jobId", "filename", "preview", "previewWidth", "previewHeight", "landmarks", "imageWidth", "imageHeight"),
    }
    assert (analyzed["filename"], analyzed["imageWidth"], analyzed["imageHeight"]) == ("me.png", WIDTH, HEIGHT)
    landmarks = analyzed["landmarks"]
    assert landmarks.keys() == {*POINTS, "faceCenterX"}
    x, y, radius = FACE
    assert landmarks["faceCenterX"] == pytest.approx(x / WIDTH, abs=0.01)
    assert landmarks["crown"]["y"] == pytest.approx(TOP / HEIGHT, abs=0.003)
    assert landmarks["chin"]["y"] == pytest.approx((y + radius) / HEIGHT, abs=0.02)
    assert landmarks["crown"]["y"] < landmarks["forehead"]["y"] < landmarks["eyeCenter"]["y"] < landmarks["nose"]["y"]
    assert landmarks["rightEye"]["x"] < landmarks["eyeCenter"]["x"] < landmarks["leftEye"]["x"]


async def test_the_preview_is_the_cut_out_at_most_800_wide(analyzed: Mapping[str, Any]) -> None:
    preview = Image.open(io.BytesIO(base64.b64decode(analyzed["preview"], validate=True)))
    assert (preview.format, preview.mode, preview.width) == ("PNG", "RGBA", 800)
    assert preview.size == (analyzed["previewWidth"], analyzed["previewHeight"])
    assert preview.getpixel((5, 5))[3] == 0
    assert preview.getpixel((400, 440))[3] == 255


@pytest.mark.thorough
async def test_a_turned_picture_is_upright(person: SnapOtter) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(io.BytesIO(PORTRAIT)).transpose(Image.Transpose.ROTATE_90)
    found = await analysis(person, encoded(turned, "JPEG", quality=95, exif=exif), "me.jpg")
    assert (found["imageWidth"], found["imageHeight"], found["filename"]) == (WIDTH, HEIGHT, "me.jpg")
    assert found["landmarks"]["crown"]["y"] == pytest.approx(TOP / HEIGHT, abs=0.01)


async def test_what_the_first_step_refuses(person: SnapOtter) -> None:
    plain = encoded(Image.new("RGB", (200, 200), ROOM), "PNG")
    assert refused(await person.form(ANALYZE, ("file", plain, "a.png"))) == (422, "No face detected")
    assert refused(await person.form(ANALYZE)) == (400, "No image file provided")
    assert refused(await person.form(ANALYZE, ("file", b"", "a.png"))) == (400, "No image file provided")
    status, error = refused(await person.form(ANALYZE, ("file", b"no picture at all\n" * 9, "a.png")))
    assert (status, error) == (400, "Invalid image: Unrecognized image format")
    assert refused(await person.post(ANALYZE, {}))[0] == 400


@pytest.mark.thorough
async def test_the_last_file_counts(person: SnapOtter) -> None:
    plain = encoded(Image.new("RGB", (200, 200), ROOM), "PNG")
    reply = await person.form(ANALYZE, ("file", plain, "a.png"), ("file", PORTRAIT, "b.png"))
    assert reply.json()["filename"] == "b.png"


@pytest.mark.cases(1)
@pytest.mark.parametrize("code", COUNTRIES)
async def test_the_photo_is_as_the_country_wants_it(person: SnapOtter, analyzed: Mapping[str, Any], code: str) -> None:
    country = COUNTRIES[code]
    made = await generated(person, asked(analyzed, code))
    assert made.keys() == {"jobId", "downloadUrl", "dimensions", "spec"}
    assert made["downloadUrl"] == f"/api/v1/download/{made['jobId']}/me_passport.jpg"
    wide, high = (int(side / 25.4 * 300 + 0.5) for side in (country.width_mm, country.height_mm))
    size = {"widthMm": country.width_mm, "heightMm": country.height_mm, "widthPx": wide, "heightPx": high, "dpi": 300}
    assert made["dimensions"] == size
    spec = {"country": country.name, "countryCode": code, "documentType": "passport", "documentLabel": "Passport"}
    assert made["spec"] == spec
    photo = await picture_of(person, made["downloadUrl"])
    assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (wide, high))
    assert photo.info["dpi"] == pytest.approx((300, 300))
    pixels = np.asarray(photo).astype(int)
    assert np.abs(pixels[3, 3] - 255).max() < 4
    assert np.abs(pixels[-4, wide // 2] - 255).max() < 4
    rows = np.flatnonzero(pixels[:, wide // 2, 2] < 180)
    landmarks = analyzed["landmarks"]
    head = landmarks["chin"]["y"] - landmarks["crown"]["y"]
    per_head = (country.frame.least + country.frame.most) / 2 * high
    eyes = (1 - country.frame.eyes) * high
    top = max(0.0, eyes - (landmarks["eyeCenter"]["y"] - landmarks["crown"]["y"]) / head * per_head)
    # A fifth of a millimetre; the chin of the disc is as exact as the network that was generated.
    assert rows[0] == pytest.approx(top, abs=2.4)
    bottom = eyes + ((FACE[1] + FACE[2]) / HEIGHT - landmarks["eyeCenter"]["y"]) / head * per_head
    assert rows[-1] == pytest.approx(bottom, abs=4)
    row = np.flatnonzero(pixels[round(eyes), :, 2] < 180)
    assert (row[0] + row[-1]) / 2 == pytest.approx(wide / 2, abs=0.02 * wide)


@pytest.mark.thorough
async def test_resolution_colour_zoom_and_moves(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    settings = {"dpi": 600, "bgColor": "#d4D4d4", "zoom": 0.5, "adjustX": 0.25, "adjustY": -0.25}
    made = await generated(person, asked(analyzed, "US", **settings))
    assert made["dimensions"] == {"widthMm": 51, "heightMm": 51, "widthPx": 1205, "heightPx": 1205, "dpi": 600}
    photo = await picture_of(person, made["downloadUrl"])
    assert photo.info["dpi"] == pytest.approx((600, 600))
    pixels = np.asarray(photo).astype(int)
    assert np.abs(pixels[5, 5] - 0xD4).max() < 5
    columns, rows = (np.flatnonzero((np.abs(pixels - 0xD4).max(axis=2) > 60).any(axis=axis)) for axis in (0, 1))
    usual = np.asarray(await picture_of(person, (await generated(person, asked(analyzed, "US", dpi=600)))["downloadUrl"])).astype(int)
    before = [np.flatnonzero((np.abs(usual - 255).max(axis=2) > 60).any(axis=axis)) for axis in (0, 1)]
    for span, whole, moved in zip((columns, rows), before, (-0.25, 0.25), strict=True):
        assert span[-1] - span[0] == pytest.approx((whole[-1] - whole[0]) / 2, abs=8)
        middle = (whole[-1] + whole[0]) / 2 - 602
        assert (span[-1] + span[0]) / 2 == pytest.approx(602 + middle / 2 + moved * 1205, abs=8)


@pytest.mark.cases(1)
@pytest.mark.parametrize(("country", "settings", "size", "name"), [
    ("DE", {"customWidthMm": 40}, (40, 45), "Germany"),
    ("DE", {"customWidthMm": 40, "customHeightMm": 60}, (40, 60), "Germany"),
    ("US", {"customHeightMm": 60}, (51, 60), "United States"),
    ("XX", {"customWidthMm": 35}, (35, 45), "Custom"),
    ("Nowhere", {"customWidthMm": 25.4, "customHeightMm": 50.8}, (25.4, 50.8), "Custom"),
])  # fmt: skip
async def test_a_size_of_ones_own(
    person: SnapOtter, analyzed: Mapping[str, Any], country: str, settings: Mapping[str, float], size: tuple[float, float], name: str
) -> None:
    made = await generated(person, asked(analyzed, country, **settings))
    assert (made["dimensions"]["widthMm"], made["dimensions"]["heightMm"]) == size
    assert (made["spec"]["country"], made["spec"]["countryCode"]) == (name, country)
    photo = await picture_of(person, made["downloadUrl"])
    assert photo.size == tuple(int(side / 25.4 * 300 + 0.5) for side in size)


@pytest.mark.thorough
async def test_a_file_is_not_larger_than_it_may_be(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    whole = await person.download((await generated(person, asked(analyzed, "US", dpi=1200)))["downloadUrl"])
    small = await person.download((await generated(person, asked(analyzed, "US", dpi=1200, maxFileSizeKb=80)))["downloadUrl"])
    assert len(small) <= 80 * 1024 < len(whole)
    least = await person.download((await generated(person, asked(analyzed, "US", dpi=1200, maxFileSizeKb=0.1)))["downloadUrl"])
    assert 102 < len(least) <= len(small)


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("country", "layout", "size", "columns", "rows"),
    [("DE", "4x6", (1205, 1795), 2, 3), ("DE", "a4", (2480, 3508), 5, 6), ("US", "4x6", (1205, 1795), 1, 2)],
)
async def test_copies_on_a_sheet(
    person: SnapOtter, analyzed: Mapping[str, Any], country: str, layout: str, size: tuple[int, int], columns: int, rows: int
) -> None:
    made = await generated(person, asked(analyzed, country, bgColor="#EF4444", printLayout=layout, dpi=72))
    assert made["printDownloadUrl"] == f"/api/v1/download/{made['jobId']}/me_passport_print_{layout}.jpg"
    sheet = await picture_of(person, made["printDownloadUrl"])
    assert (sheet.format, sheet.size) == ("JPEG", size)
    assert sheet.info["dpi"] == pytest.approx((300, 300))
    coloured = (np.asarray(sheet).astype(int)[..., 1] < 160).astype(int)
    row, column = coloured.max(axis=0), coloured.max(axis=1)
    assert ((np.diff(row, prepend=0) == 1).sum(), (np.diff(column, prepend=0) == 1).sum()) == (columns, rows)
    for line in (row, column):
        found = np.flatnonzero(line)
        assert found[0] == pytest.approx(line.size - 1 - found[-1], abs=2)
    gap = 2 / 25.4 * 300
    starts, ends = np.flatnonzero(np.diff(column, prepend=0) == 1), np.flatnonzero(np.diff(column, append=0) == -1)
    assert starts[1] - ends[0] - 1 == pytest.approx(gap, abs=2)
    assert (await picture_of(person, made["downloadUrl"])).info["dpi"] == pytest.approx((72, 72), abs=1)


@pytest.mark.thorough
async def test_a_photo_larger_than_its_sheet(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    reply = await person.post(GENERATE, asked(analyzed, "US", customWidthMm=120, printLayout="4x6"))
    assert refused(reply) == (422, FAILED)
    assert "does not fit" in reply.json()["details"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *(({name: None}, name) for name in NEEDED),
        ({"dpi": 71}, "dpi"),
        ({"dpi": 1201}, "dpi"),
        ({"dpi": "300"}, "dpi"),
        ({"zoom": 0.49}, "zoom"),
        ({"zoom": 3.01}, "zoom"),
        ({"bgColor": "white"}, "bgColor"),
        ({"printLayout": "a5"}, "printLayout"),
        ({"maxFileSizeKb": -1}, "maxFileSizeKb"),
        ({"customWidthMm": 0}, "customWidthMm"),
        ({"adjustX": "left"}, "adjustX"),
        ({"documentType": "visa"}, "documentType"),
        ({"imageWidth": 0}, "imageWidth"),
        ({"landmarks": []}, "landmarks"),
    ],
)
async def test_what_the_second_step_refuses(person: SnapOtter, change: Mapping[str, object], named: str) -> None:
    body = {name: value for name, value in (asked(GIVEN) | dict(change)).items() if value is not None}
    reply = await person.post(GENERATE, body)
    assert refused(reply) == (400, "Invalid settings")
    assert named in reply.json()["details"]


@pytest.mark.parametrize("point", [*POINTS, "faceCenterX"])
async def test_all_points_are_needed(person: SnapOtter, point: str) -> None:
    landmarks = {name: place for name, place in GIVEN["landmarks"].items() if name != point}
    reply = await person.post(GENERATE, asked(GIVEN, landmarks=landmarks))
    assert refused(reply) == (400, "Invalid settings")
    assert f"landmarks.{point}" in reply.json()["details"]


async def test_the_country_is_refused_before_the_job_is_looked_up(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    assert refused(await person.post(GENERATE, asked(analyzed, "XX", jobId=NONE))) == (400, "Unknown country code: XX")
    assert refused(await person.post(GENERATE, asked(analyzed, "US", jobId=NONE))) == (422, FAILED)
    assert refused(await person.post(GENERATE, asked(analyzed, "US", jobId="none"))) == (422, FAILED)
    assert refused(await person.post(GENERATE, asked(analyzed, "US", filename="other.png"))) == (422, FAILED)
    resized = (await person.tool("resize", PORTRAIT, {"width": 20}, "me.png")).json()["jobId"]
    assert refused(await person.post(GENERATE, asked(analyzed, "US", jobId=resized))) == (422, FAILED)


async def test_bodies_that_are_no_objects(person: SnapOtter) -> None:
    for body in (b"null", b"[]", b'"text"', b""):
        assert refused(await person.call("POST", GENERATE, body)) == (400, "Invalid settings")
    assert (await person.call("POST", GENERATE, b"{")).status_code == 400
    assert (await person.form(GENERATE, ("jobId", NONE))).status_code == 415


async def test_jobs_are_for_everybody_of_the_house_and_nobody_else(
    visitor: SnapOtter, admin: SnapOtter, analyzed: Mapping[str, Any], stack: StackUnderTest
) -> None:
    assert (await (await admin.person())[1].post(GENERATE, asked(analyzed))).status_code == 200
    other = visitor.of(stack.create_account("other").api_key)
    assert refused(await other.post(GENERATE, asked(analyzed))) == (422, FAILED)
    for path in (BARE, ANALYZE, GENERATE):
        assert (await visitor.post(path, {})).status_code == 401


@pytest.mark.thorough
async def test_in_batches_and_pipelines_the_photo_is_made_at_once(person: SnapOtter, analyzed: Mapping[str, Any]) -> None:
    plain = encoded(Image.new("RGB", (200, 200), ROOM), "PNG")
    batch = await person.form(
        f"{BARE}/batch",
        *(("file", PORTRAIT, "a.png"), ("file", plain, "b.png"), ("file", PORTRAIT, "c.jpg")),
        ("settings", json.dumps({"countryCode": "DE", "bgColor": "#D4D4D4"})),
    )
    assert batch.status_code == 200, batch.text
    with zipfile.ZipFile(io.BytesIO(batch.content)) as archive:
        assert archive.namelist() == ["a_passport.jpg", "c_passport.jpg"]
        made = np.asarray(opened(archive.read("a_passport.jpg"))).astype(int)
    stepwise = await generated(person, asked(analyzed, "DE", bgColor="#D4D4D4"))
    wanted = np.asarray(await picture_of(person, stepwise["downloadUrl"])).astype(int)
    # The points that a reply tells are rounded.
    assert np.abs(made - wanted).max() <= 20
    steps = [{"toolId": "passport-photo", "settings": {"countryCode": "DE"}}, {"toolId": "resize", "settings": {"width": 60}}]
    reply = await person.form("/api/v1/pipeline/execute", ("file", PORTRAIT, "a.png"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    assert (await picture_of(person, reply.json()["downloadUrl"])).width == 60


@pytest.mark.parametrize(("settings", "error"), [({}, "Invalid settings"), ({"countryCode": "DE", "dpi": 1}, "Invalid settings")])
async def test_what_a_batch_refuses(person: SnapOtter, settings: Mapping[str, object], error: str) -> None:
    reply = await person.form(f"{BARE}/batch", ("file", PORTRAIT, "a.png"), ("settings", json.dumps(settings)))
    assert refused(reply) == (400, error)


async def test_a_batch_for_an_unknown_country(person: SnapOtter) -> None:
    reply = await person.form(f"{BARE}/batch", ("file", PORTRAIT, "a.png"), ("settings", json.dumps({"countryCode": "XX"})))
    assert reply.status_code in (400, 422)
    assert "Unknown country code: XX" in reply.text
