"""POST /v1/images/remove-background and /v1/images/upscale, through the public port, with tiny models in the real Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.system.pictures import disc, encoded, heic, opened, pixels, profiled_jpeg, sideways_jpeg
from tests.system.pilio import Pilio

CUT, UPSCALE, CLEAN = "/v1/images/remove-background", "/v1/images/upscale", "/v1/images/remove-watermark"


async def test_a_cut_out_has_the_size_of_its_input_and_no_hidden_colour(pilio: Pilio) -> None:
    source = encoded(disc(), "PNG")
    result = pixels(await pilio.run(CUT, {"image_file_id": await pilio.upload("disc.png", source)}))
    alpha = result[..., 3]
    assert result.shape == (240, 320, 4)
    assert (alpha[0, 0], alpha[120, 160]) == (0, 255)
    assert not result[alpha == 0].any()
    kept = alpha == 255
    assert np.array_equal(result[kept][:, :3], pixels(source)[kept])


async def test_trimmed_to_what_is_visible(pilio: Pilio) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(), "PNG"))
    result = opened(await pilio.run(CUT, {"image_file_id": file_id, "trim_transparent_background": True}))
    assert result.width < 320
    assert result.height < 240
    assert result.getchannel("A").getbbox() == (0, 0, *result.size)


async def asked_for(pilio: Pilio, path: str, body: dict[str, object]) -> tuple[dict[str, Any], bytes]:
    """What a task that succeeds is asked for, as its details tell, and its one result."""
    task_id = await pilio.start(path, body)
    status = await pilio.finish(task_id)
    assert status["status"] == "Succeeded", status
    # Not held against the document, which says that the ids of files in parameters are integers.
    details = await pilio.http.get(f"{pilio.url}/v1/tasks/{task_id}", headers=pilio.headers)
    [parameters] = details.json()["data"]["parameters"]
    [file] = (await pilio.result(task_id))["files"]
    return parameters, (await pilio.http.get(file["download_url"])).content


@pytest.mark.thorough
@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("industry", "subject"),
    [
        *(("portrait", "PORTRAIT"), ("product", "PRODUCT"), ("human", "PORTRAIT"), ("person", "PORTRAIT"), ("humanv2", "PORTRAIT")),
        *(("goods", "PRODUCT"), ("commodity", "PRODUCT"), ("productv2", "PRODUCT"), ("general", "GENERAL")),
    ],
)
async def test_industry_types(pilio: Pilio, industry: str, subject: str) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    parameters, result = await asked_for(pilio, CUT, {"image_file_id": file_id, "industry_type": industry})
    assert parameters["remove_background"]["subject"] == f"SUBJECT_{subject}"
    assert pixels(result)[..., 3].any()


@pytest.mark.parametrize("quality", ["original", "fast", "speed", "draft", "preview", "low"])
async def test_quality_types(pilio: Pilio, quality: str) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    parameters, _ = await asked_for(pilio, CUT, {"image_file_id": file_id, "quality_type": quality})
    assert parameters["remove_background"]["quality"] == f"CUTOUT_QUALITY_{'BEST' if quality == 'original' else 'FAST'}"


async def test_options_of_a_cut_out_change_its_edges(pilio: Pilio) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(64, 64), "PNG"))
    options: list[dict[str, object]] = [{}, {"industry_type": "product"}, {"quality_type": "fast"}]
    alphas = [pixels(await pilio.run(CUT, {"image_file_id": file_id, **option}))[..., 3] for option in options]
    # The fast quality refines none.
    partly = [int(((alpha > 0) & (alpha < 255)).sum()) for alpha in alphas]
    assert len(set(partly)) == 3, partly


@pytest.mark.cases(2)
@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.png", "a.webp", "a.heic"])
async def test_input_formats(pilio: Pilio, name: str) -> None:
    formats = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
    suffix = name.rpartition(".")[2]
    content = heic(disc()) if suffix == "heic" else encoded(disc(), formats[suffix])
    file_id = await pilio.upload(name, content)
    assert pixels(await pilio.run(CUT, {"image_file_id": file_id})).shape == (240, 320, 4)
    assert opened(await pilio.run(UPSCALE, {"image_file_id": file_id})).size == (640, 480)


async def test_orientation_is_applied(pilio: Pilio) -> None:
    upright = disc(120, 200)
    marked = Image.new("RGB", upright.size)
    marked.paste(upright)
    marked.paste((255, 255, 0), (0, 0, 120, 20))
    result = opened(await pilio.run(UPSCALE, {"image_file_id": await pilio.upload("a.jpg", sideways_jpeg(marked))}))
    assert result.size == (240, 400)
    assert result.getexif().get(0x0112, 1) == 1
    red, green, blue = result.convert("RGB").getpixel((120, 10))
    assert red > 200
    assert green > 200
    assert blue < 90


async def test_colour_profile_is_kept(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.jpg", profiled_jpeg(disc()))
    assert opened(await pilio.run(CUT, {"image_file_id": file_id})).info.get("icc_profile")


@pytest.mark.thorough
@pytest.mark.parametrize(("type_", "factor"), [(None, 2), ("2X", 2), ("2x", 2), ("3X", 3), ("4X", 4), ("8X", 8)])
async def test_upscale_factors(pilio: Pilio, type_: str | None, factor: int) -> None:
    body: dict[str, object] = {"image_file_id": await pilio.upload("a.png", encoded(disc(50, 40), "PNG"))}
    if type_:
        body["type"] = type_
    assert opened(await pilio.run(UPSCALE, body)).size == (50 * factor, 40 * factor)


async def test_upscale_keeps_alpha(pilio: Pilio) -> None:
    source = disc(60, 60).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize((60, 60)))
    result = opened(await pilio.run(UPSCALE, {"image_file_id": await pilio.upload("a.png", encoded(source, "PNG"))}))
    assert result.mode == "RGBA"
    lowest, highest = result.getchannel("A").getextrema()
    assert lowest < 5  # type: ignore[operator]
    assert highest > 250  # type: ignore[operator]


@pytest.mark.parametrize("method", ["ai_super_resolution", "super_resolution", "enhance"])
@pytest.mark.parametrize("preset", ["auto", "hd"])
async def test_methods_and_presets(pilio: Pilio, method: str, preset: str) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(32, 32), "PNG"))
    parameters, result = await asked_for(pilio, UPSCALE, {"image_file_id": file_id, "method": method, "preset": preset})
    more = preset == "hd" or method == "enhance"
    assert parameters["upscale"]["enhancements"] == (["ENHANCEMENT_QUALITY"] if more else [])
    plain = await pilio.run(UPSCALE, {"image_file_id": file_id})
    assert np.array_equal(pixels(result), pixels(plain)) is not more


async def test_enhancements_that_are_not_there_are_named(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(32, 32), "PNG"))
    body: dict[str, object] = {"image_file_id": file_id, "enhance_face": True, "enhance_quality": False, "enhance_text": True}
    task_id = await pilio.start(UPSCALE, body)
    assert (await pilio.finish(task_id))["not_applied"] == ["enhance_face", "enhance_text"]
    assert (await pilio.result(task_id))["not_applied"] == ["enhance_face", "enhance_text"]


async def test_a_mark_in_a_box_goes_and_the_rest_stays(pilio: Pilio) -> None:
    picture = disc()
    ImageDraw.Draw(picture).text((10, 205), "SAMPLE", fill=(255, 255, 255), font=ImageFont.load_default(20))
    source = encoded(picture, "PNG")
    body = {"image_file_id": await pilio.upload("disc.png", source), "mode": "manual", "boxes": [{"x1": 1, "y1": 80, "x2": 40, "y2": 98}]}
    result, before, truth = pixels(await pilio.run(CLEAN, body)), pixels(source), pixels(encoded(disc(), "PNG"))
    np.testing.assert_array_equal(result[:192], before[:192])
    np.testing.assert_array_equal(result[:, 128:], before[:, 128:])
    assert np.abs(result.astype(int) - truth).mean() < 0.1 * np.abs(before.astype(int) - truth).mean()


async def test_a_picture_without_a_mark_comes_back_as_it_was(pilio: Pilio) -> None:
    source = encoded(disc(), "PNG")
    boxes = [{"x1": 1, "y1": 80, "x2": 40, "y2": 98}]  # have no effect in this mode
    body = {"image_file_id": await pilio.upload("disc.png", source), "mode": "auto", "boxes": boxes}
    created = (await pilio.post(CLEAN, body)).json()["data"]
    assert created["not_applied"] == ["boxes"]
    assert "unchanged" not in created
    task_id = created["task_id"]
    status = await pilio.finish(task_id)
    result = await pilio.result(task_id)
    [notice] = [each for each in status["notices"] if each["code"] == "no_watermark_found"]
    assert "its pixels are unchanged" in notice["message"]
    assert "mode manual, with boxes" in notice["message"]
    details = (await pilio.get(f"/v1/tasks/{task_id}")).json()["data"]
    listed = (await pilio.get("/v1/tasks")).json()["data"]["items"][0]
    assert {data["unchanged"] for data in (status, result, details, listed)} == {True}
    assert (details["credits_reserved"], details["credits_charged"], listed["credits"]) == (0, 0, 0)
    assert (result["notices"], status["not_applied"]) == (status["notices"], ["boxes"])
    assert (await pilio.http.get(result["files"][0]["download_url"])).content == source


@pytest.mark.parametrize(
    ("path", "field", "value", "allowed"),
    [
        (CUT, "industry_type", "landscape", "product"),
        (CUT, "quality_type", "ultra", "draft"),
        (UPSCALE, "method", "magic", "super_resolution"),
        (UPSCALE, "preset", "4k", "hd"),
        (UPSCALE, "type", "5X", "4X"),
        (CLEAN, "mode", "magic", "manual"),
    ],
)
async def test_values_that_are_not_allowed(pilio: Pilio, path: str, field: str, value: str, allowed: str) -> None:
    response = await pilio.post(path, {"image_file_id": "1", field: value})
    assert (response.status_code, response.json()["code"]) == (400, 40001), response.text
    assert response.json()["data"]["field"] == field
    assert allowed in response.json()["data"]["allowed"]


async def test_status_and_result_of_a_new_task(pilio: Pilio) -> None:
    file_id = await pilio.upload("disc.png", encoded(disc(), "PNG"))
    response = await pilio.post(CUT, {"image_file_id": file_id, "keep_shadows": True, "Hints": {"a": 1}})
    data = response.json()["data"]
    # Unknown fields are tolerated, but not in silence.
    assert (response.status_code, data["not_applied"]) == (200, ["keep_shadows", "Hints"])
    assert data["notices"][0]["message"] == "keep_shadows: is not a field of this call; did you mean keep_shadow?"
    task_id = data["task_id"]
    assert task_id.isdigit()
    status = await pilio.finish(task_id)
    assert status["status"] == "Succeeded"
    assert status["created_at"].endswith("Z")
    assert status["updated_at"] >= status["created_at"]
    assert "error_type" not in status
    result = await pilio.result(task_id)
    assert result["not_applied"] == status["not_applied"] == ["keep_shadows", "Hints"]
    (file,) = result["files"]
    assert (file["name"], file["type"]) == ("disc-cutout.png", "png")
    downloaded = await pilio.http.get(file["download_url"])
    assert 'attachment; filename="disc-cutout.png"' in downloaded.headers["content-disposition"]
    assert downloaded.headers["content-type"] == "image/png"
    assert downloaded.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in downloaded.headers["content-security-policy"]
