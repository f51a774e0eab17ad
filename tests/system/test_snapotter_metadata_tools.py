"""Metadata of SnapOtter's API (edit-metadata, section 9.1 of its contract), through the public port."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import numpy as np
import pillow_heif
import pytest
from PIL import Image, IptcImagePlugin

from tests.system.pictures import disc, encoded
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_batches import archive, batch

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
PATH = "/api/v1/tools/edit-metadata"


def tagged(format_: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x013B], exif[0x0132] = "Camera", 6, "Before", "2024:02:28 23:30:00"
    exif.get_ifd(EXIF_IFD).update({0x9003: "2024:02:28 23:30:00", 0x9004: "2024:12:31 22:00:00", 0x927C: b"Maker\0" + bytes(range(99))})
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (47.0, 30.0, 0.0), 3: "W", 4: (8.0, 15.0, 0.0)})
    if format_ == "HEIF":
        pillow_heif.register_heif_opener()
    return encoded(disc(80, 40), format_, exif=exif)


JPEG = tagged()


def tags(data: bytes, directory: int = 0) -> dict[int, Any]:
    with Image.open(io.BytesIO(data)) as image:
        found = image.getexif()
        return dict(found.get_ifd(directory)) if directory else dict(found)


def samples(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).tobytes()


def iptc(data: bytes) -> dict[tuple[int, int], Any]:
    with Image.open(io.BytesIO(data)) as image:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})


async def inspected(caller: SnapOtter, data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    reply = await caller.form(f"{PATH}/inspect", ("file", data, name))
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    assert set(reply.json()) <= {"error", "details"}
    return str(reply.json()["error"])


@pytest.mark.parametrize("settings", [None, {}, {"unknown": 1, "title": "", "keywords": [" "], "fieldsToRemove": ["bad name", "$(x)"]}])
async def test_no_settings_give_the_bytes_back(admin: SnapOtter, settings: object) -> None:
    assert await admin.result("edit-metadata", JPEG, settings, "photo.jpeg") == JPEG


@pytest.mark.parametrize(
    ("settings", "directory", "expected"),
    [
        ({"artist": "A", "author": "B"}, 0, {0x013B: "A"}),
        ({"author": "B"}, 0, {0x013B: "B"}),
        ({"title": "T"}, 0, {0x010E: "T"}),
        ({"title": "T", "imageDescription": "D"}, 0, {0x010E: "D"}),
        ({"copyright": "C", "software": "S"}, 0, {0x8298: "C", 0x0131: "S"}),
        ({"dateTime": "2020:01:02 03:04:05"}, 0, {0x0132: "2020:01:02 03:04:05"}),
        ({"dateTimeOriginal": "2020-01-02T03:04:05"}, EXIF_IFD, {0x9003: "2020:01:02 03:04:05", 0x9004: "2024:12:31 22:00:00"}),
        ({"setAllDates": "2020:01:02 03:04:05"}, 0, {0x0132: "2020:01:02 03:04:05"}),
        ({"setAllDates": "2020:01:02 03:04:05"}, EXIF_IFD, {0x9003: "2020:01:02 03:04:05", 0x9004: "2020:01:02 03:04:05"}),
        ({"dateShift": "+2:30"}, 0, {0x0132: "2024:02:29 02:00:00"}),
        ({"dateShift": "+02:30"}, EXIF_IFD, {0x9003: "2024:02:29 02:00:00", 0x9004: "2025:01:01 00:30:00"}),
        ({"dateShift": "-23:31"}, EXIF_IFD, {0x9003: "2024:02:27 23:59:00", 0x9004: "2024:12:30 22:29:00"}),
        ({"gpsLatitude": -33.5, "gpsLongitude": 151.25}, GPS_IFD, {1: "S", 2: (33, 30, 0), 3: "E", 4: (151, 15, 0)}),
        ({"gpsLatitude": 0, "gpsLongitude": -0.5, "gpsAltitude": -10}, GPS_IFD, {1: "N", 3: "W", 4: (0, 30, 0), 5: b"\x01", 6: 10}),
        ({"gpsLatitude": 1}, GPS_IFD, {2: (47, 30, 0)}),
        ({"gpsLongitude": 1, "gpsAltitude": 5}, GPS_IFD, {2: (47, 30, 0)}),
    ],
)
async def test_exif(admin: SnapOtter, settings: object, directory: int, expected: dict[int, Any]) -> None:
    made = await admin.result("edit-metadata", JPEG, settings, "photo.jpg")
    assert expected.items() <= tags(made, directory).items()
    assert samples(made) == samples(JPEG)
    assert tags(made)[0x010F] == "Camera"
    assert tags(made, EXIF_IFD)[0x927C] == tags(JPEG, EXIF_IFD)[0x927C]


async def test_clear_gps_wins(admin: SnapOtter) -> None:
    made = await admin.result("edit-metadata", JPEG, {"clearGps": True, "gpsLatitude": 1, "gpsLongitude": 2})
    assert tags(made, GPS_IFD) == {}
    assert (await inspected(admin, made))["gps"] is None


async def test_fields_are_removed(admin: SnapOtter) -> None:
    settings = {"fieldsToRemove": ["Artist", "EXIF:Make", "GPSLatitude", "No Such; rm", "../x", "Unknown"]}
    made = await admin.result("edit-metadata", JPEG, settings)
    assert not tags(made).keys() & {0x013B, 0x010F}
    assert 2 not in tags(made, GPS_IFD)
    assert tags(made)[0x0132] == "2024:02:28 23:30:00"


async def test_keywords_and_iptc(admin: SnapOtter) -> None:
    texts = {"iptcTitle": "Name", "iptcHeadline": "Head", "iptcCity": "Köln", "iptcState": "NRW", "iptcCountry": "Land"}
    made = await admin.result("edit-metadata", JPEG, {**texts, "keywords": ["one", " ", "two", "one"]})
    found = iptc(made)
    assert found[2, 25] == [b"one", b"two"]
    assert [found[2, number] for number in (5, 105, 90, 95, 101)] == [b"Name", b"Head", "Köln".encode(), b"NRW", b"Land"]
    assert b"<rdf:li>two</rdf:li>" in made
    added = await admin.result("edit-metadata", made, {"keywords": ["three", "two"]})
    assert (await inspected(admin, added))["keywords"] == ["one", "two", "three"]
    replaced = await admin.result("edit-metadata", added, {"keywords": ["four"], "keywordsMode": "set"})
    assert iptc(replaced)[2, 25] == b"four"
    assert (await inspected(admin, replaced))["keywords"] == ["four"]


@pytest.mark.parametrize(
    ("format_", "name"), [("JPEG", "a.jpeg"), ("PNG", "a.png"), ("WEBP", "a.webp"), ("TIFF", "a.tif"), ("AVIF", "a.avif")]
)
async def test_format_and_name_stay(admin: SnapOtter, format_: str, name: str) -> None:
    picture = tagged(format_)
    reply = await admin.tool("edit-metadata", picture, {"artist": "Ünï"}, name, fileId="x")
    body = reply.json()
    assert reply.status_code == 200, reply.text
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/{name}"
    assert ("previewUrl" in body) == (format_ == "TIFF")
    assert "savedFileId" not in body
    made = await admin.download(body["downloadUrl"])
    assert (body["originalSize"], body["processedSize"]) == (len(picture), len(made))
    assert samples(made) == samples(picture)
    assert Image.open(io.BytesIO(made)).format == format_
    assert (await inspected(admin, made, name))["exif"]["Artist"] == "Ünï"


async def test_heic_stays_heic(admin: SnapOtter) -> None:
    picture = tagged("HEIF")
    reply = await admin.tool("edit-metadata", picture, {"artist": "Me", "title": "T", "keywords": ["k"]}, "IMG_1.HEIC")
    assert reply.json()["downloadUrl"].endswith("/IMG_1.HEIC"), reply.text
    made = await admin.download(reply.json()["downloadUrl"])
    assert made[4:12] == picture[4:12]
    assert samples(made) == samples(picture)
    assert tags(made)[0x013B] == "Me"
    assert (await inspected(admin, made))["keywords"] == ["k"]
    preview = await admin.download(reply.json()["previewUrl"])
    assert preview[8:12] == b"WEBP"


async def test_gif_is_told_in_xmp(admin: SnapOtter) -> None:
    made = await admin.result("edit-metadata", encoded(disc(80, 40), "GIF"), {"artist": "Me", "keywords": ["k"]}, "a.gif")
    assert b"XMP DataXMP" in made
    assert b"<rdf:li>Me</rdf:li>" in made


async def test_the_last_of_several_files_counts(admin: SnapOtter) -> None:
    reply = await admin.form(PATH, ("file", b"no picture", "x.png"), ("other", JPEG, "dir/last.jpg"), ("settings", '{"artist":"Me"}'))
    assert reply.json()["downloadUrl"].endswith("/last.jpg"), reply.text


@pytest.mark.parametrize(
    "settings",
    [
        {"dateShift": "1:00"},
        {"dateShift": "+100:00"},
        {"dateShift": "+1:0"},
        {"dateShift": "+1h"},
        {"dateShift": ""},
        {"gpsLatitude": 91, "gpsLongitude": 0},
        {"gpsLatitude": 0, "gpsLongitude": -181},
        {"gpsLatitude": "1", "gpsLongitude": 0},
        {"keywords": "one"},
        {"keywords": [1]},
        {"keywordsMode": "replace"},
        {"clearGps": 1},
        {"title": 5},
        {"fieldsToRemove": "Artist"},
        [],
        "null",
    ],
)
async def test_settings_that_are_wrong(admin: SnapOtter, settings: object) -> None:
    assert refused(await admin.tool("edit-metadata", JPEG, settings)) == "Invalid settings"


async def test_files_come_before_settings(admin: SnapOtter) -> None:
    bad = ("settings", '{"dateShift":"x"}')
    assert refused(await admin.form(PATH, bad)) == "No image file provided"
    assert refused(await admin.form(PATH, ("file", b"", "a.png"), bad)) == "No image file provided"
    assert refused(await admin.form(PATH, ("file", b"no picture", "a.png"), bad)) == "Invalid image: Unrecognized image format"
    assert refused(await admin.form(PATH, ("file", bytes(99), "a.png"), bad)) == "Invalid image: File contains no image data"
    assert refused(await admin.form(PATH, ("file", JPEG, "a.jpg"), ("settings", "{"))) == "Settings must be valid JSON"


@pytest.mark.parametrize(
    ("picture", "settings"),
    [
        (encoded(disc(80, 40), "BMP"), {"artist": "Me"}),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', {"artist": "Me"}),
        (JPEG, {"dateTime": "yesterday"}),
        (JPEG, {"setAllDates": "2026:02:30 00:00:00"}),
        (JPEG, {"title": "ä" * 10_000, "copyright": "ä" * 10_000, "artist": "ä" * 10_000, "software": "ä" * 10_000}),
    ],
)
async def test_what_cannot_be_edited(admin: SnapOtter, picture: bytes, settings: object) -> None:
    reply = await admin.tool("edit-metadata", picture, settings)
    assert refused(reply, 422) == "Metadata edit failed"
    assert reply.json()["details"]


@pytest.mark.parametrize("text", ["\0", "a\0b", "ä" * 10_000, "<script>&\"'", "\u202e\U0001f600", "\ud800"])
async def test_any_text_is_fine(admin: SnapOtter, text: str) -> None:
    settings = {"title": text, "iptcCity": text, "keywords": [text]}
    reply = await admin.tool("edit-metadata", JPEG, json.dumps(settings))
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 200:
        assert samples(await admin.download(reply.json()["downloadUrl"])) == samples(JPEG)


async def test_in_a_batch_files_are_taken_as_they_are(admin: SnapOtter) -> None:
    files = [("a.jpg", JPEG), ("b.HEIC", tagged("HEIF")), ("c.png", b"none")]
    found = archive(await batch(admin, "edit-metadata", files, {"artist": "Me"}))
    assert found.names == ["a_edit-metadata.jpg", "b_edit-metadata.HEIC"]
    for name, (_, data) in zip(found.names, files, strict=False):
        assert samples(found.zip.read(name)) == samples(data)
        assert tags(found.zip.read(name))[0x013B] == "Me"


@pytest.mark.parametrize(("others", "name"), [([], "b.HEIC"), ([{"toolId": "rotate", "settings": {"angle": 90}}], "b.png")])
async def test_a_pipeline_of_it_alone_leaves_the_file_its_format(admin: SnapOtter, others: list[object], name: str) -> None:
    steps = {"steps": [{"toolId": "edit-metadata", "settings": {"artist": "Me"}}, *others]}
    parts: list[Part] = [("file", tagged("HEIF"), "b.HEIC"), ("pipeline", json.dumps(steps))]
    reply = await admin.form("/api/v1/pipeline/execute", *parts)
    assert reply.json()["downloadUrl"].endswith(f"/{name}"), reply.text
    found = archive(await admin.form("/api/v1/pipeline/batch", *parts))
    assert found.names == [name]
    for made in (await admin.download(reply.json()["downloadUrl"]), found.zip.read(name)):
        assert (made[4:8] == b"ftyp") == (name == "b.HEIC")


async def test_in_a_pipeline(admin: SnapOtter) -> None:
    steps = [{"toolId": "resize", "settings": {"width": 20}}, {"toolId": "edit-metadata", "settings": {"artist": "Me"}}]
    reply = await admin.form("/api/v1/pipeline/execute", ("file", JPEG, "a.jpg"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    made = await admin.download(reply.json()["downloadUrl"])
    assert tags(made)[0x013B] == "Me"
    assert Image.open(io.BytesIO(made)).size[0] == 20
    assert reply.json()["steps"][1]["toolId"] == "edit-metadata"
    steps[1]["settings"] = {"dateShift": "x"}
    reply = await admin.form("/api/v1/pipeline/execute", ("file", JPEG, "a.jpg"), ("pipeline", json.dumps({"steps": steps})))
    assert refused(reply) == "Step 2 (edit-metadata): Invalid settings"


async def test_inspect(admin: SnapOtter) -> None:
    found = await inspected(admin, JPEG)
    assert found.keys() == {"filename", "fileSize", "exif", "iptc", "xmp", "gps", "keywords"}
    assert (found["filename"], found["fileSize"]) == ("photo.jpg", len(JPEG))
    assert {"Make": "Camera", "ModifyDate": "2024:02:28 23:30:00", "CreateDate": "2024:12:31 22:00:00"}.items() <= found["exif"].items()
    assert {"GPSLatitude": 47.5, "GPSLongitude": -8.25}.items() <= found["gps"].items()
    assert (found["iptc"], found["xmp"], found["keywords"]) == (None, None, [])
    edited = await admin.result(
        "edit-metadata",
        JPEG,
        {"title": "T", "keywords": ["a", "b"], "iptcCity": "C", "gpsLatitude": 1, "gpsLongitude": -2, "gpsAltitude": -3.5},
    )
    found = await inspected(admin, edited)
    assert found["xmp"] == {"Title": "T", "Subject": ["a", "b"]}
    assert found["iptc"] == {"City": "C", "Keywords": ["a", "b"]}
    assert found["keywords"] == ["a", "b"]
    assert {"GPSLatitude": 1, "GPSLongitude": -2, "GPSAltitude": -3.5}.items() <= found["gps"].items()


async def test_inspect_of_nothing_and_of_no_picture(admin: SnapOtter) -> None:
    assert refused(await admin.form(f"{PATH}/inspect")) == "No image file provided"
    assert refused(await admin.form(f"{PATH}/inspect", ("file", b"none", "a.png")), 422) == "Failed to read image metadata"
    bare = await inspected(admin, encoded(disc(80, 40), "PNG"))
    assert (bare["exif"], bare["iptc"], bare["xmp"], bare["gps"], bare["keywords"]) == (None, None, None, None, [])
