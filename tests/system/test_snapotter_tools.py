"""The common picture tools of SnapOtter (section 8 of its contract), through the public port."""

from __future__ import annotations

import json
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, opened, pixels, profiled_jpeg
from tests.system.snapotter import SnapOtter

WIDE = encoded(disc(80, 40), "PNG")
JPEG = encoded(disc(80, 40), "JPEG", quality=95)
EXIF = Image.Exif()
EXIF[0x010E], EXIF[0x013B] = "a red disc", "nobody"
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF", "gif": "GIF"}


async def made(caller: SnapOtter, tool: str, settings: object = None, picture: bytes = WIDE, name: str = "photo.png") -> Image.Image:
    return opened(await caller.result(tool, picture, settings, name))


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) <= {"error", "details"}
    return str(body["error"])


def flat(red: int, green: int, blue: int, alpha: int | None = None, size: tuple[int, int] = (40, 30)) -> bytes:
    return encoded(
        Image.new("RGB" if alpha is None else "RGBA", size, (red, green, blue) if alpha is None else (red, green, blue, alpha)), "PNG"
    )


# resize


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"width": 40}, (40, 20)),
        ({"height": 10}, (20, 10)),
        ({"percentage": 50}, (40, 20)),
        ({"percentage": 50, "width": 7, "height": 7}, (40, 20)),
        ({"percentage": 0.1}, (1, 1)),
        ({"width": 40, "height": 40}, (40, 40)),
        ({"width": 40, "height": 40, "fit": "contain"}, (40, 40)),
        ({"width": 40, "height": 40, "fit": "cover"}, (40, 40)),
        ({"width": 40, "height": 40, "fit": "fill"}, (40, 40)),
        ({"width": 40, "height": 40, "fit": "inside"}, (40, 20)),
        ({"width": 40, "height": 40, "fit": "outside"}, (80, 40)),
        ({"width": 160, "withoutEnlargement": True}, (80, 40)),
        ({"width": 160}, (160, 80)),
    ],
)
async def test_resize(admin: SnapOtter, settings: object, size: tuple[int, int]) -> None:
    assert (await made(admin, "resize", settings)).size == size


async def test_resize_pads_with_opaque_black(admin: SnapOtter) -> None:
    picture = (await made(admin, "resize", {"width": 40, "height": 40}, flat(200, 100, 50, size=(80, 40)))).convert("RGBA")
    assert picture.getpixel((20, 2)) == (0, 0, 0, 255)
    assert picture.getpixel((20, 20)) == (200, 100, 50, 255)


async def test_resize_needs_a_size(admin: SnapOtter) -> None:
    assert refused(await admin.tool("resize", WIDE, {})) == "Invalid settings"
    assert refused(await admin.tool("resize", WIDE)) == "Invalid settings"


async def test_one_pixel_stays_one(admin: SnapOtter) -> None:
    assert (await made(admin, "resize", {"percentage": 1}, flat(1, 2, 3, size=(1, 1)))).size == (1, 1)


# crop


async def test_crop(admin: SnapOtter) -> None:
    picture = await made(admin, "crop", {"left": 10, "top": 5, "width": 30, "height": 20})
    assert np.array_equal(np.asarray(picture.convert("RGB")), pixels(WIDE)[5:25, 10:40])
    half = await made(admin, "crop", {"left": 50, "top": 0, "width": 50, "height": 100, "unit": "percent"})
    assert half.size == (40, 40)


@pytest.mark.parametrize("settings", [{"left": 60, "top": 0, "width": 30, "height": 10}, {"left": 0, "top": 35, "width": 10, "height": 10}])
async def test_crop_beyond_the_edge(admin: SnapOtter, settings: object) -> None:
    assert refused(await admin.tool("crop", WIDE, settings), 422) == "Processing failed"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"left": 0, "top": 0, "width": 0, "height": 9},
        {"left": -1, "top": 0, "width": 9, "height": 9},
        {"left": 0, "top": 0, "width": 9},
    ],
)
async def test_crop_needs_an_area(admin: SnapOtter, settings: object) -> None:
    assert refused(await admin.tool("crop", WIDE, settings)) == "Invalid settings"


# rotate


async def test_rotate(admin: SnapOtter) -> None:
    source = pixels(WIDE)
    for angle, expected in (
        (90, np.rot90(source, -1)),
        (180, np.rot90(source, 2)),
        (270, np.rot90(source)),
        (-90, np.rot90(source)),
        (0, source),
    ):
        assert np.array_equal(np.asarray((await made(admin, "rotate", {"angle": angle})).convert("RGB")), expected), angle


async def test_rotate_first_then_mirror(admin: SnapOtter) -> None:
    picture = await made(admin, "rotate", {"angle": 90, "horizontal": True})
    assert np.array_equal(np.asarray(picture.convert("RGB")), np.rot90(pixels(WIDE), -1)[:, ::-1])
    picture = await made(admin, "rotate", {"vertical": True})
    assert np.array_equal(np.asarray(picture.convert("RGB")), pixels(WIDE)[::-1])


async def test_other_angles_enlarge_the_canvas_and_fill_it_with_black(admin: SnapOtter) -> None:
    picture = (await made(admin, "rotate", {"angle": 45}, flat(255, 255, 255, size=(80, 40)))).convert("RGB")
    assert all(abs(side - 84.85) < 2.5 for side in picture.size)
    assert picture.getpixel((0, 0)) == (0, 0, 0)
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == (255, 255, 255)


# convert


@pytest.mark.parametrize("format_", [*FORMATS, "heic", "heif"])
async def test_convert(admin: SnapOtter, format_: str) -> None:
    reply = (await admin.tool("convert", WIDE, {"format": format_}, "photo.bmp")).json()
    assert reply["downloadUrl"].endswith(f"/photo.{format_}")
    content = await admin.download(reply["downloadUrl"])
    if format_ in FORMATS:
        assert (opened(content).format, opened(content).size) == (FORMATS[format_], (80, 40))
    else:
        assert content[4:12] in (b"ftypheic", b"ftypmif1")
    assert ("previewUrl" in reply) == (format_ in ("tiff", "heic", "heif"))
    if "previewUrl" in reply:
        assert reply["previewUrl"].endswith("/preview.webp")
        assert opened(await admin.download(reply["previewUrl"])).format == "WEBP"


async def test_jpeg_is_another_word_for_jpg(admin: SnapOtter) -> None:
    assert (await admin.tool("convert", WIDE, {"format": "jpeg"})).json()["downloadUrl"].endswith("/photo.jpg")


async def test_convert_to_the_same_name(admin: SnapOtter) -> None:
    assert (await admin.tool("convert", JPEG, {"format": "jpg"}, "photo.jpg")).json()["downloadUrl"].endswith("/photo_convert.jpg")


async def test_convert_with_a_quality(admin: SnapOtter) -> None:
    sizes = [len(await admin.result("convert", WIDE, {"format": "jpg", "quality": quality})) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


@pytest.mark.parametrize("settings", [{}, {"format": "bmp"}, {"format": "png", "quality": 0}, {"format": "png", "quality": 101}])
async def test_convert_refuses(admin: SnapOtter, settings: object) -> None:
    assert refused(await admin.tool("convert", WIDE, settings)) == "Invalid settings"


# compress


async def test_compress(admin: SnapOtter, portrait: bytes) -> None:
    usual = await admin.result("compress", portrait, None, "portrait.jpg")
    assert len(usual) < len(portrait)
    assert opened(usual).size == opened(portrait).size
    assert len(await admin.result("compress", portrait, {"quality": 30}, "portrait.jpg")) < len(usual)


@pytest.mark.parametrize("kilobytes", [60, 25, 12.5])
async def test_compress_to_a_size(admin: SnapOtter, portrait: bytes, kilobytes: float) -> None:
    content = await admin.result("compress", portrait, {"mode": "targetSize", "targetSizeKb": kilobytes}, "portrait.jpg")
    assert kilobytes * 1024 * 0.7 < len(content) <= kilobytes * 1024 * 1.05
    assert opened(content).size == opened(portrait).size


async def test_compress_to_less_than_is_possible(admin: SnapOtter, portrait: bytes) -> None:
    content = await admin.result("compress", portrait, {"mode": "targetSize", "targetSizeKb": 0.5}, "portrait.jpg")
    assert opened(content).format == "JPEG"


# optimize-for-web


@pytest.mark.parametrize(("format_", "extension"), [("webp", "webp"), ("jpeg", "jpg"), ("avif", "avif"), ("png", "png")])
async def test_optimize_for_web(admin: SnapOtter, portrait: bytes, format_: str, extension: str) -> None:
    reply = (await admin.tool("optimize-for-web", portrait, {"format": format_, "maxWidth": 100, "maxHeight": 50}, "photo.tiff")).json()
    assert reply["downloadUrl"].endswith(f"/photo.{extension}")
    assert opened(await admin.download(reply["downloadUrl"])).size == (50, 50)


async def test_optimize_for_web_never_enlarges(admin: SnapOtter) -> None:
    picture = await made(admin, "optimize-for-web", {"maxWidth": 1000})
    assert (picture.format, picture.size) == ("WEBP", (80, 40))


async def test_a_preview_of_optimize_for_web_is_the_picture_itself(admin: SnapOtter, portrait: bytes) -> None:
    reply = await admin.form("/api/v1/tools/optimize-for-web/preview", ("file", portrait, "größe.jpg"), ("settings", '{"maxWidth": 64}'))
    assert reply.headers["content-type"] == "image/webp"
    assert (int(reply.headers["x-original-size"]), int(reply.headers["x-processed-size"])) == (len(portrait), len(reply.content))
    assert unquote(reply.headers["x-output-filename"]) == "größe.webp"
    assert opened(reply.content).size == (64, 64)
    nameless = await admin.form("/api/v1/tools/optimize-for-web/preview", ("file", portrait, "noextension"))
    assert nameless.headers["x-output-filename"] == "noextension.webp"
    broken = await admin.form("/api/v1/tools/optimize-for-web/preview", ("file", b"no picture", "a.jpg"))
    assert refused(broken).startswith("Invalid image: ")


# strip-metadata, and what all results leave out


async def test_strip_metadata(admin: SnapOtter) -> None:
    picture = encoded(disc(64, 48), "JPEG", exif=EXIF)
    assert not opened(await admin.result("strip-metadata", picture, None, "a.jpg")).getexif()
    kept = opened(await admin.result("strip-metadata", picture, {"stripAll": False}, "a.jpg"))
    assert kept.getexif()[0x010E] == "a red disc"
    gone = opened(await admin.result("strip-metadata", picture, {"stripAll": False, "stripExif": True}, "a.jpg"))
    assert 0x010E not in gone.getexif()


@pytest.mark.parametrize(("tool", "settings"), [("resize", {"width": 32}), ("rotate", {"angle": 90}), ("compress", {}), ("border", {})])
async def test_results_carry_no_metadata_and_no_profile(admin: SnapOtter, tool: str, settings: object) -> None:
    for picture in (encoded(disc(64, 48), "JPEG", exif=EXIF), profiled_jpeg(disc(64, 48))):
        found = await made(admin, tool, settings, picture, "a.jpg")
        assert not found.getexif()
        assert "icc_profile" not in found.info


# border


async def test_border(admin: SnapOtter) -> None:
    picture = (await made(admin, "border", {"borderWidth": 5, "borderColor": "#112233", "padding": 3}, flat(9, 9, 9))).convert("RGB")
    assert picture.size == (40 + 16, 30 + 16)
    assert picture.getpixel((2, 2)) == (0x11, 0x22, 0x33)
    assert picture.getpixel((6, 6)) == (255, 255, 255)
    assert picture.getpixel((20, 20)) == (9, 9, 9)


async def test_a_border_that_needs_alpha_makes_a_png(admin: SnapOtter) -> None:
    reply = (await admin.tool("border", JPEG, {"cornerRadius": 10}, "photo.jpg")).json()
    assert reply["downloadUrl"].endswith("/photo_border.png")
    assert opened(await admin.download(reply["downloadUrl"])).mode == "RGBA"
    shadow = await made(admin, "border", {"shadow": True, "borderWidth": 0, "shadowBlur": 10, "shadowOffsetX": 4, "shadowOffsetY": -4})
    assert shadow.size == (80 + 40, 40 + 40)


# colours


async def test_neutral_adjustments_change_nothing(admin: SnapOtter) -> None:
    for tool in ("adjust-colors", "brightness-contrast", "saturation", "color-channels", "color-effects", "color-adjustments"):
        reply = (await admin.tool(tool, WIDE, {})).json()
        assert reply["downloadUrl"].endswith(f"/photo_{tool}.png")
        assert np.array_equal(np.asarray(opened(await admin.download(reply["downloadUrl"])).convert("RGB")), pixels(WIDE))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"brightness": 50}, lambda red, green, blue: red > 140 and green > 110 and blue > 80),
        ({"saturation": -100}, lambda red, green, blue: max(red, green, blue) - min(red, green, blue) <= 2),
        ({"effect": "grayscale"}, lambda red, green, blue: red == green == blue),
        ({"effect": "invert"}, lambda red, green, blue: (red, green, blue) == (155, 175, 195)),
        ({"red": 0}, lambda red, green, blue: (red, green, blue) == (0, 80, 60)),
        ({"red": 200}, lambda red, green, blue: (red, green, blue) == (200, 80, 60)),
        ({"temperature": 80}, lambda red, green, blue: red - blue > 40),
        ({"exposure": -60}, lambda red, green, blue: red < 100 and green < 80),
    ],
)
async def test_adjust_colors(admin: SnapOtter, settings: object, says: object) -> None:
    assert callable(says)
    colour = (await made(admin, "adjust-colors", settings, flat(100, 80, 60))).convert("RGB").getpixel((20, 15))
    assert isinstance(colour, tuple)
    assert says(*colour), colour


async def test_sharpening(admin: SnapOtter, portrait: bytes) -> None:
    source = pixels(portrait).astype(float)
    for settings in ({}, {"method": "unsharp-mask", "amount": 300}, {"method": "high-pass", "strength": 100}, {"denoise": "strong"}):
        result = pixels(await admin.result("sharpening", portrait, settings, "portrait.jpg")).astype(float)
        assert result.shape == source.shape
        assert np.abs(result - source).mean() > 0.3


async def test_replace_color(admin: SnapOtter) -> None:
    picture = (await made(admin, "replace-color", {"sourceColor": "#D2281E", "targetColor": "#00FF00"})).convert("RGB")
    assert picture.getpixel((40, 20)) == (0, 255, 0)
    assert picture.getpixel((2, 2)) == (30, 60, 150)
    reply = (await admin.tool("replace-color", JPEG, {"sourceColor": "#1E3C96", "makeTransparent": True}, "photo.jpg")).json()
    assert reply["downloadUrl"].endswith("/photo_replace-color.png")
    clear = opened(await admin.download(reply["downloadUrl"])).convert("RGBA").getpixel((2, 2))
    assert isinstance(clear, tuple)
    assert clear[3] < 30


# text


@pytest.mark.parametrize("position", ["center", "top-left", "top-right", "bottom-left", "bottom-right", "tiled"])
async def test_watermark_text(admin: SnapOtter, position: str) -> None:
    blank = flat(255, 255, 255, size=(300, 200))
    dark = (
        np.asarray(
            (
                await made(admin, "watermark-text", {"text": "Ä<b>&amp;", "position": position, "opacity": 100, "fontSize": 20}, blank)
            ).convert("L")
        )
        < 128
    )
    assert dark.shape == (200, 300)
    rows, columns = np.nonzero(dark)
    assert rows.size > 50
    if position == "tiled":
        assert np.ptp(rows) > 100
    else:
        assert ("top" not in position) or rows.mean() < 100
        assert ("bottom" not in position) or rows.mean() > 100
        assert ("left" not in position) or columns.mean() < 150
        assert ("right" not in position) or columns.mean() > 150


@pytest.mark.parametrize(
    "text", ["Grüße", "Привет", "Γειά", "שלום", "مرحبا", "漢字 😀", "' OR 1=1 --", "<span size='1'>x</span>", "\\n\\t%s"]
)
async def test_text_in_any_script_is_taken_literally(admin: SnapOtter, text: str) -> None:
    blank = flat(40, 40, 40, size=(800, 200))
    picture = np.asarray((await made(admin, "text-overlay", {"text": text, "shadow": False}, blank)).convert("L"))
    assert (picture > 150).sum() > 50
    assert (picture[:60] > 150).sum() == 0


@pytest.mark.parametrize("tool", ["watermark-text", "text-overlay"])
@pytest.mark.parametrize(
    "settings", [{}, {"text": ""}, {"text": "x" * 501}, {"text": 5}, {"text": "x", "fontSize": 7}, {"text": "x", "color": "red"}]
)
async def test_text_that_is_refused(admin: SnapOtter, tool: str, settings: object) -> None:
    assert refused(await admin.tool(tool, WIDE, settings)) == "Invalid settings"


# info


async def test_info(admin: SnapOtter) -> None:
    picture = encoded(disc(64, 48), "JPEG", exif=EXIF, dpi=(300, 300))
    reply = await admin.form("/api/v1/tools/info", ("a", b"first", "x.png"), ("file", picture, "photo.jpg"))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    histogram = body.pop("histogram")
    assert body == {
        "filename": "photo.jpg",
        "fileSize": len(picture),
        "width": 64,
        "height": 48,
        "format": "jpeg",
        "channels": 3,
        "hasAlpha": False,
        "colorSpace": "srgb",
        "density": 300,
        "isProgressive": False,
        "orientation": None,
        "hasProfile": False,
        "hasExif": True,
        "hasIcc": False,
        "hasXmp": False,
        "bitDepth": body["bitDepth"],
        "pages": 1,
    }
    assert [each["channel"] for each in histogram] == ["red", "green", "blue"]
    values = pixels(picture)
    for number, each in enumerate(histogram):
        assert abs(each["mean"] - values[..., number].mean()) < 1
        assert (each["min"], each["max"]) == (values[..., number].min(), values[..., number].max())


async def test_info_of_nothing_and_of_no_picture(admin: SnapOtter) -> None:
    assert refused(await admin.form("/api/v1/tools/info")) == "No image file provided"
    assert refused(await admin.form("/api/v1/tools/info", ("file", b"", "a.png"))) == "No image file provided"
    assert refused(await admin.form("/api/v1/tools/info", ("file", b"no picture", "a.png")), 422) == "Failed to read image metadata"


@pytest.mark.parametrize("tool", ["info", "strip-metadata/inspect"])
async def test_what_only_reads_has_no_settings(admin: SnapOtter, tool: str) -> None:
    assert (await admin.tool(tool, WIDE, "{")).status_code == 200


# every tool


EVERY = {
    "resize": {"width": 20},
    "crop": {"left": 0, "top": 0, "width": 1, "height": 1},
    "rotate": {"angle": 90},
    "convert": {"format": "png"},
    "compress": {},
    "optimize-for-web": {},
    "strip-metadata": {},
    "adjust-colors": {"contrast": 20},
    "sharpening": {},
    "replace-color": {},
    "watermark-text": {"text": "a"},
    "text-overlay": {"text": "a"},
    "border": {},
}


@pytest.mark.parametrize("tool", EVERY)
async def test_one_pixel_passes_every_tool(admin: SnapOtter, tool: str) -> None:
    await made(admin, tool, EVERY[tool], flat(5, 6, 7, size=(1, 1)))


@pytest.mark.parametrize("tool", EVERY)
async def test_truncated_pictures_are_no_server_error(admin: SnapOtter, tool: str, portrait: bytes) -> None:
    for content in (portrait[: len(portrait) // 2], WIDE[: len(WIDE) // 2]):
        reply = await admin.tool(tool, content, EVERY[tool])
        assert reply.status_code in (200, 400, 422), reply.text


@pytest.mark.parametrize("tool", EVERY)
async def test_every_tool_refuses_bad_settings_in_one_form(admin: SnapOtter, tool: str) -> None:
    for settings in ("{", "[]"):
        assert refused(await admin.tool(tool, WIDE, settings)) in ("Settings must be valid JSON", "Invalid settings")
    assert json.loads((await admin.tool(tool, b"", EVERY[tool])).text) == {"error": "No image file provided"}
