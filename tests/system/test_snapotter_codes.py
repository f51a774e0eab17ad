"""SnapOtter's tools that make and read codes and trace pictures (sections 9.4 and 9.5 of its contract), through the public port."""

from __future__ import annotations

import io
import math
from typing import Any

import httpx
import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from services.inference.media import Limits, decode
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter

QR = "/api/v1/tools/qr-generate"
CODES: dict[str, tuple[Any, str]] = {
    "QRCode": (zxingcpp.BarcodeFormat.QRCode, "https://example.org/a?b=c"),
    "MicroQRCode": (zxingcpp.BarcodeFormat.MicroQRCode, "12345"),
    "DataMatrix": (zxingcpp.BarcodeFormat.DataMatrix, "Darkroom 42"),
    "Aztec": (zxingcpp.BarcodeFormat.Aztec, "Darkroom 42"),
    "PDF417": (zxingcpp.BarcodeFormat.PDF417, "Darkroom 42"),
    "EAN-13": (zxingcpp.BarcodeFormat.EAN13, "4006381333931"),
    "EAN-8": (zxingcpp.BarcodeFormat.EAN8, "40170725"),
    "UPC-A": (zxingcpp.BarcodeFormat.UPCA, "036000291452"),
    "UPC-E": (zxingcpp.BarcodeFormat.UPCE, "01234565"),
    "Code128": (zxingcpp.BarcodeFormat.Code128, "Darkroom-42"),
    "Code39": (zxingcpp.BarcodeFormat.Code39, "DARKROOM42"),
    "Code93": (zxingcpp.BarcodeFormat.Code93, "DARKROOM42"),
    "ITF": (zxingcpp.BarcodeFormat.ITF, "00123456"),
    "Codabar": (zxingcpp.BarcodeFormat.Codabar, "A12345B"),
}


def symbol(kind: str, scale: int = 4) -> Image.Image:
    format_, text = CODES[kind]
    drawn = np.pad(np.array(zxingcpp.create_barcode(text, format_).to_image(scale=scale)), 60, constant_values=255)
    return Image.fromarray(drawn)


def turned(picture: Image.Image, angle: float) -> Image.Image:
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


async def made(caller: SnapOtter, **body: object) -> Image.Image:
    reply = await caller.post(QR, body)
    assert reply.status_code == 200, reply.text
    return opened(await caller.download(reply.json()["downloadUrl"]))


def said(picture: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture.convert("RGB"))]


async def read(caller: SnapOtter, picture: Image.Image, settings: object = None) -> dict[str, Any]:
    reply = await caller.tool("barcode-read", encoded(picture, "PNG"), settings, "codes.png")
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    return str(reply.json()["error"])


# qr-generate


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("style", ["squares", "dots", "rounded"])
async def test_what_is_made_can_be_read(admin: SnapOtter, level: str, style: str) -> None:
    picture = await made(admin, text="https://example.org/ä?b=c", errorCorrection=level, style=style, foreground="#103050")
    assert picture.size == (400, 400)
    assert said(picture) == ["https://example.org/ä?b=c"]


async def test_a_qr_code_is_black_on_white_with_two_modules_around(admin: SnapOtter) -> None:
    picture = (await made(admin, text="hi", size=290)).convert("RGB")
    shown = np.asarray(picture)
    assert {tuple(colour) for colour in shown.reshape(-1, 3)} == {(0, 0, 0), (255, 255, 255)}
    # Version 1: 21 modules, and 2 on each side.
    dark = np.nonzero(shown[..., 0] == 0)
    assert math.isclose(dark[0].min(), 2 * 290 / 25, abs_tol=1)


@pytest.mark.thorough
async def test_colours_and_sizes(admin: SnapOtter) -> None:
    picture = (await made(admin, text="hi", size=1000, foreground="#FF0000", background="#00FF00")).convert("RGB")
    assert picture.size == (1000, 1000)
    assert {tuple(colour) for colour in np.asarray(picture).reshape(-1, 3)} == {(255, 0, 0), (0, 255, 0)}


async def test_the_reply_about_a_qr_code(admin: SnapOtter) -> None:
    body = (await admin.post(QR, {"text": "hi"})).json()
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/qrcode.png"
    assert body["originalSize"] == 0
    assert body["processedSize"] == len(await admin.download(body["downloadUrl"]))


async def test_other_names_of_settings(admin: SnapOtter) -> None:
    picture = (await made(admin, data="hello", colorDark="#0000FF", colorLight="#FFFF00", errorCorrectionLevel="H")).convert("RGB")
    assert said(picture) == ["hello"]
    assert {tuple(colour) for colour in np.asarray(picture).reshape(-1, 3)} == {(0, 0, 255), (255, 255, 0)}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 2001},
        {"text": 5},
        {"text": "a", "size": 99},
        {"text": "a", "size": 10001},
        {"text": "a", "errorCorrection": "X"},
        {"text": "a", "foreground": "red"},
        [],
        None,
        "text",
    ],
)
async def test_settings_of_a_qr_code_are_checked(admin: SnapOtter, body: object) -> None:
    reply = await admin.call("POST", QR, b"null" if body is None else body)
    assert refused(reply) == "Invalid settings"
    assert "details" in reply.json()


async def test_a_text_that_is_too_long_for_the_level(admin: SnapOtter) -> None:
    assert said(await made(admin, text="x" * 2000, errorCorrection="L", size=1000)) == ["x" * 2000]
    reply = await admin.post(QR, {"text": "x" * 2000, "errorCorrection": "H"})
    assert refused(reply, 422) == "QR code generation failed"
    assert "too long" in reply.json()["details"]
    assert refused(await admin.post(QR, {"text": "x" * 2000, "errorCorrection": "L", "size": 100}), 422) == "QR code generation failed"


async def test_a_qr_code_takes_json_alone(admin: SnapOtter) -> None:
    assert (await admin.form(QR, ("text", "hi"))).status_code == 415
    assert (await admin.call("POST", QR, b"{")).status_code == 400


# barcode-read


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("change", ["as it is", "turned by 90", "turned by 30", "blurred", "small", "inverted"])
async def test_barcodes_are_read(admin: SnapOtter, kind: str, change: str) -> None:
    picture = symbol(kind)
    match change:
        case "turned by 90":
            picture = turned(picture, 90)
        case "turned by 30":
            picture = turned(picture, 30)
        case "blurred":
            picture = picture.filter(ImageFilter.GaussianBlur(1.6))
        case "small":
            picture = symbol(kind, 2)
        case "inverted":
            picture = Image.eval(picture, lambda sample: 255 - sample)
    body = await read(admin, picture)
    assert [(code["type"], code["text"]) for code in body["barcodes"]] == [(kind, CODES[kind][1])]


async def test_where_codes_are(admin: SnapOtter) -> None:
    sheet = Image.new("L", (800, 900), 255)
    sheet.paste(symbol("QRCode"), (50, 40))
    sheet.paste(symbol("DataMatrix"), (400, 500))
    body = await read(admin, sheet)
    assert body["filename"] == "codes.png"
    assert [code["type"] for code in body["barcodes"]] == ["QRCode", "DataMatrix"]
    first = body["barcodes"][0]["position"]
    assert set(first) == {"topLeft", "topRight", "bottomLeft", "bottomRight"}
    # The picture of the symbol has 4 modules of 4 pixels and 60 pixels around it.
    assert math.dist((first["topLeft"]["x"], first["topLeft"]["y"]), (50 + 76, 40 + 76)) < 5
    assert first["topRight"]["x"] > first["topLeft"]["x"]
    assert first["bottomLeft"]["y"] > first["topLeft"]["y"]
    annotated = opened(await admin.download(body["annotatedUrl"]))
    assert (annotated.size, annotated.format) == ((800, 900), "PNG")
    assert body["annotatedUrl"].endswith("/annotated-codes.png")
    preview = opened(await admin.download(body["previewUrl"]))
    assert (preview.format, preview.size) == ("WEBP", (800, 900))


async def test_a_picture_without_codes(admin: SnapOtter) -> None:
    body = await read(admin, disc())
    assert body == {"filename": "codes.png", "barcodes": [], "annotatedUrl": None, "previewUrl": None}


async def test_without_trying_harder_turned_codes_are_missed(admin: SnapOtter) -> None:
    picture = turned(symbol("EAN-13"), 40)
    assert [code["text"] for code in (await read(admin, picture))["barcodes"]] == [CODES["EAN-13"][1]]
    assert (await read(admin, picture, {"tryHarder": False}))["barcodes"] == []


async def test_barcode_read_is_refused(admin: SnapOtter) -> None:
    assert refused(await admin.form("/api/v1/tools/barcode-read")) == "No image file provided"
    assert refused(await admin.tool("barcode-read", b"no picture")).startswith("Invalid image: ")
    assert refused(await admin.tool("barcode-read", encoded(disc(), "PNG"), {"tryHarder": "yes"})) == "Invalid settings"


# vectorize


def drawn(svg: bytes) -> np.ndarray[Any, Any]:
    """On white."""
    image = decode(svg, Limits())
    share = np.ones(image.pixels.shape[:2]) if image.alpha is None else image.alpha / 255
    return image.srgb() * share[..., None] + 255 * (1 - share[..., None])


async def test_a_drawing_looks_like_the_picture(admin: SnapOtter) -> None:
    picture = disc()
    svg = await admin.result("vectorize", encoded(picture, "PNG"), {"colorMode": "color"})
    assert svg.lstrip().startswith((b"<?xml", b"<svg"))
    shown = drawn(svg)
    assert shown.shape == (240, 320, 3)
    assert np.abs(shown - np.asarray(picture)).mean() < 6


@pytest.mark.parametrize("mode", ["none", "polygon", "spline"])
@pytest.mark.parametrize("invert", [False, True])
async def test_black_and_white(admin: SnapOtter, mode: str, invert: bool) -> None:
    square = np.full((100, 120, 3), 255, np.uint8)
    square[20:80, 30:90] = 40
    svg = await admin.result("vectorize", encoded(Image.fromarray(square), "PNG"), {"pathMode": mode, "invert": invert})
    dark = drawn(svg)[..., 0] < 128
    assert dark[50, 60] != invert
    assert dark[5, 5] == invert


async def test_a_threshold_makes_a_difference(admin: SnapOtter) -> None:
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (60, 1)))
    sizes = [
        (await admin.tool("vectorize", encoded(ramp, "PNG"), {"threshold": level})).json()["processedSize"] for level in (40, 128, 200)
    ]
    assert len(set(sizes)) > 1


async def test_the_reply_about_a_drawing(admin: SnapOtter) -> None:
    reply = await admin.tool("vectorize", encoded(disc(), "JPEG"), name="logo.jpg")
    body = reply.json()
    assert body["downloadUrl"].endswith("/logo.svg")
    file = await admin.http.get(admin.url + body["downloadUrl"])
    assert file.headers["content-type"].startswith("image/svg+xml")
    assert "previewUrl" not in body


async def test_one_pixel_can_be_traced(admin: SnapOtter) -> None:
    assert (await admin.tool("vectorize", encoded(Image.new("RGB", (1, 1)), "PNG"))).status_code == 200


@pytest.mark.thorough
async def test_a_large_picture_keeps_its_size(admin: SnapOtter) -> None:
    svg = await admin.result("vectorize", encoded(disc(3000, 2000), "JPEG"), {"colorMode": "color"})
    assert b'width="3000" height="2000"' in svg[:400]
    assert Image.open(io.BytesIO(encoded(disc(), "PNG"))).size == (320, 240)


async def test_vectorize_is_refused(admin: SnapOtter) -> None:
    assert refused(await admin.form("/api/v1/tools/vectorize")) == "No image file provided"
    assert refused(await admin.tool("vectorize", b"no picture"), 422) == "Vectorization failed"
    assert refused(await admin.tool("vectorize", b"no picture", {"threshold": 256})) == "Invalid settings"
