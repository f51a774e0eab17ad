"""SnapOtter's tools that take two pictures (section 9.2 of its contract), through the public port."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter

BASE = Image.new("RGB", (200, 150), (100, 150, 200))
MARK = Image.new("RGB", (40, 40), (255, 0, 0))


def png(picture: Image.Image) -> bytes:
    return encoded(picture, "PNG")


async def tool(caller: SnapOtter, name: str, *parts: Part, settings: object = None) -> httpx.Response:
    text = [] if settings is None else [("settings", settings if isinstance(settings, str) else json.dumps(settings))]
    return await caller.form(f"/api/v1/tools/{name}", *parts, *text)


async def laid(
    caller: SnapOtter, name: str, part: str, base: Image.Image, above: Image.Image, settings: object = None
) -> np.ndarray[Any, Any]:
    reply = await tool(caller, name, ("file", png(base), "base.png"), (part, png(above), "above.png"), settings=settings)
    assert reply.status_code == 200, reply.text
    return np.asarray(opened(await caller.download(reply.json()["downloadUrl"])).convert("RGBA")).astype(int)


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    return str(reply.json()["error"])


# watermark-image


@pytest.mark.parametrize(
    ("position", "corner"),
    [("bottom-right", (130, 80)), ("top-left", (20, 20)), ("top-right", (130, 20)), ("bottom-left", (20, 80)), ("center", (75, 50))],
)
async def test_a_watermark_lies_20_pixels_from_the_edges(admin: SnapOtter, position: str, corner: tuple[int, int]) -> None:
    shown = await laid(admin, "watermark-image", "watermark", BASE, MARK, {"position": position, "opacity": 100})
    rows, columns = np.nonzero(shown[..., 0] > 200)
    assert (columns.min(), rows.min()) == corner
    assert (columns.max() - columns.min() + 1, rows.max() - rows.min() + 1) == (50, 50)


async def test_a_watermark_is_half_opaque_at_the_bottom_right_by_default(admin: SnapOtter) -> None:
    shown = await laid(admin, "watermark-image", "watermark", BASE, MARK)
    assert np.abs(shown[100, 150] - (178, 75, 100, 255)).max() <= 1
    assert shown[10, 10].tolist() == [100, 150, 200, 255]


async def test_the_reply_has_the_main_pictures_name_and_sizes(admin: SnapOtter) -> None:
    base = encoded(BASE, "JPEG")
    reply = await tool(admin, "watermark-image", ("watermark", png(MARK), "m.png"), ("anything", base, "My photo.jpg"))
    body = reply.json()
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/My%20photo.jpg"
    result = await admin.download(body["downloadUrl"])
    assert opened(result).format == "JPEG"
    assert (body["originalSize"], body["processedSize"]) == (len(base), len(result))


async def test_a_watermark_that_is_too_high_is_refused(admin: SnapOtter) -> None:
    reply = await tool(admin, "watermark-image", ("file", png(BASE), "a.png"), ("watermark", png(MARK), "b.png"), settings={"scale": 100})
    assert refused(reply, 422) == "Processing failed"


async def test_a_pixel_can_be_marked(admin: SnapOtter) -> None:
    one = Image.new("RGB", (1, 1), (9, 9, 9))
    assert (await laid(admin, "watermark-image", "watermark", one, MARK, {"scale": 50})).shape == (1, 1, 4)


async def test_watermark_checks_main_settings_and_mark_in_this_order(admin: SnapOtter) -> None:
    assert refused(await tool(admin, "watermark-image", settings={"scale": 0})) == "No main image file provided"
    assert refused(await tool(admin, "watermark-image", ("watermark", png(MARK), "b.png"))) == "No main image file provided"
    assert refused(await tool(admin, "watermark-image", ("file", png(BASE), "a.png"), settings={"scale": 0})) == "Invalid settings"
    assert refused(await tool(admin, "watermark-image", ("file", png(BASE), "a.png"))) == "No watermark image provided"


@pytest.mark.parametrize("broken", ["file", "watermark"])
async def test_nothing_is_checked_before_it_is_processed(admin: SnapOtter, broken: str) -> None:
    parts = [(name, b"no picture" if name == broken else png(MARK), "a.png") for name in ("file", "watermark")]
    assert refused(await tool(admin, "watermark-image", *parts), 422) == "Processing failed"


async def test_of_several_main_pictures_the_last_counts(admin: SnapOtter) -> None:
    parts: list[Part] = [("file", png(MARK), "first.png"), ("file", png(BASE), "second.png"), ("watermark", png(MARK), "m.png")]
    reply = await tool(admin, "watermark-image", *parts)
    assert opened(await admin.download(reply.json()["downloadUrl"])).size == BASE.size
    assert reply.json()["downloadUrl"].endswith("/second.png")


# compose


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("over", (255, 0, 0)),
        ("multiply", (100, 0, 0)),
        ("screen", (255, 150, 200)),
        ("overlay", (200, 45, 145)),
        ("darken", (100, 0, 0)),
        ("lighten", (255, 150, 200)),
        ("hard-light", (255, 0, 0)),
        ("soft-light", (160, 88, 157)),
        ("difference", (155, 150, 200)),
        ("exclusion", (155, 150, 200)),
    ],
)
async def test_blend_modes(admin: SnapOtter, mode: str, expected: tuple[int, int, int]) -> None:
    shown = await laid(admin, "compose", "overlay", BASE, MARK, {"x": 10, "y": 5, "blendMode": mode})
    assert np.abs(shown[5:45, 10:50, :3] - expected).max() <= 1
    assert (shown[:, :10, :3] == (100, 150, 200)).all()
    assert (shown[:5, :, :3] == (100, 150, 200)).all()
    assert (shown[45:, :, :3] == (100, 150, 200)).all()


async def test_an_overlay_with_alpha_and_opacity(admin: SnapOtter) -> None:
    faint = Image.new("RGBA", (40, 40), (255, 0, 0, 128))
    shown = await laid(admin, "compose", "overlay", BASE, faint, {"opacity": 50})
    share = 128 / 255 / 2
    assert np.abs(shown[20, 20, :3] - (np.array((100, 150, 200)) * (1 - share) + np.array((255, 0, 0)) * share)).max() <= 1


async def test_what_hangs_over_is_cut_off(admin: SnapOtter) -> None:
    shown = await laid(admin, "compose", "overlay", BASE, MARK, {"x": 190, "y": 140})
    assert shown.shape == (150, 200, 4)
    assert (shown[140:, 190:, 0] == 255).all()
    beyond = await laid(admin, "compose", "overlay", BASE, MARK, {"x": 5000})
    assert (beyond[..., :3] == (100, 150, 200)).all()


async def test_an_overlay_larger_than_the_base_is_refused(admin: SnapOtter) -> None:
    reply = await tool(admin, "compose", ("file", png(MARK), "a.png"), ("overlay", png(BASE), "b.png"))
    assert refused(reply, 422) == "Processing failed"


async def test_the_overlay_may_come_first(admin: SnapOtter) -> None:
    reply = await tool(admin, "compose", ("overlay", png(MARK), "b.png"), ("file", png(BASE), "a.png"))
    assert reply.status_code == 200
    assert reply.json()["downloadUrl"].endswith("/a.png")


async def test_compose_checks_base_overlay_and_settings_in_this_order(admin: SnapOtter) -> None:
    bad = {"opacity": 101}
    assert refused(await tool(admin, "compose", settings=bad)) == "No base image provided"
    assert refused(await tool(admin, "compose", ("file", png(BASE), "a.png"), settings=bad)) == "No overlay image provided"
    both: list[Part] = [("file", png(BASE), "a.png"), ("overlay", png(MARK), "b.png")]
    assert refused(await tool(admin, "compose", *both, settings=bad)) == "Invalid settings"
    assert refused(await tool(admin, "compose", *both, settings="{")) == "Settings must be valid JSON"
    assert refused(await tool(admin, "compose", *both, settings={"blendMode": "burn"})) == "Invalid settings"


# compare


async def compared(caller: SnapOtter, *pictures: Image.Image) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    reply = await tool(caller, "compare", *(("file", png(each), f"{number}.png") for number, each in enumerate(pictures)))
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/diff.png"
    content = await caller.download(body["downloadUrl"])
    assert body["processedSize"] == len(content)
    return body, np.asarray(opened(content).convert("RGBA")).astype(int)


async def test_equal_pictures_are_alike_by_100(admin: SnapOtter) -> None:
    body, difference = await compared(admin, disc(), disc())
    assert (body["similarity"], body["dimensions"]) == (100, {"width": 320, "height": 240})
    assert body["originalSize"] == 2 * len(png(disc()))
    assert (difference[..., :3] == np.asarray(disc())).all()
    assert (difference[..., 3] == 128).all()


async def test_similarity_and_difference_follow_the_formulas(admin: SnapOtter) -> None:
    generator = np.random.default_rng(1)
    one = generator.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    other = np.clip(one.astype(int) + generator.integers(-30, 31, one.shape), 0, 255).astype(np.uint8)
    body, shown = await compared(admin, Image.fromarray(one), Image.fromarray(other))
    mean = np.abs(one.astype(int) - other).sum(axis=2) / 3
    assert body["similarity"] == pytest.approx(100 - mean.mean() / 255 * 100, abs=0.006)
    differs = mean > 10
    assert (shown[differs][:, :3] == (255, 0, 0)).all()
    assert (shown[~differs][:, :3] == one[~differs]).all()
    assert np.abs(shown[differs][:, 3] - np.minimum(255, 3 * mean[differs])).max() <= 1
    assert (shown[~differs][:, 3] == 128).all()


async def test_both_are_stretched_to_the_larger_sides(admin: SnapOtter) -> None:
    body, difference = await compared(admin, Image.new("RGB", (20, 60)), Image.new("RGB", (50, 10), "white"))
    assert (body["similarity"], body["dimensions"]) == (0, {"width": 50, "height": 60})
    assert difference.shape[:2] == (60, 50)


async def test_of_three_pictures_the_first_and_the_last_are_compared(admin: SnapOtter) -> None:
    body, _ = await compared(admin, disc(), Image.new("RGB", (500, 500)), disc())
    assert (body["similarity"], body["dimensions"]["width"]) == (100, 320)


async def test_alpha_is_left_out(admin: SnapOtter) -> None:
    body, _ = await compared(admin, Image.new("RGBA", (9, 9), (10, 20, 30, 255)), Image.new("RGBA", (9, 9), (10, 20, 30, 90)))
    assert body["similarity"] == 100


async def test_comparison_is_refused(admin: SnapOtter) -> None:
    one: Part = ("file", png(MARK), "a.png")
    assert refused(await tool(admin, "compare", one)) == "Two image files are required for comparison"
    assert refused(await tool(admin, "compare", one, ("file", b"no picture", "b.png")), 422) == "Comparison failed"
