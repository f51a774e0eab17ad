"""Cut-outs: what must not change, what must be clean, and edges measured against known ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.matting.alpha_refinement import denoise, enlarge, refine
from services.inference.matting.foreground import decontaminate
from services.inference.matting.matting import MODEL_SIDE, Cutout, CutoutOptions, crop, model_input, remove_background, visible_box
from services.inference.matting.notices import tell_found
from services.inference.media import Image, decode, encode
from services.inference.media.image import Limits
from tests.unit.imaging.pictures import blend, blob, brown, deep_photo, hair, photo, two_colours, wide_gamut_profile

Pixels8 = npt.NDArray[np.uint8]


def model_of(alpha: npt.NDArray[np.float32]) -> Callable[[Pixels8], Awaitable[Pixels8]]:
    """A model that knows the answer: `alpha` (any size, 0 to 1) at its own resolution."""
    small = cv2.resize(alpha, (MODEL_SIDE, MODEL_SIDE), interpolation=cv2.INTER_AREA)

    async def model(pictures: Pixels8) -> Pixels8:
        assert pictures.shape == (1, MODEL_SIDE, MODEL_SIDE, 3)
        assert pictures.dtype == np.uint8
        return np.round(small * 255).astype(np.uint8)[None, ..., None]

    return model


def nothing() -> None:
    """A check that never cancels."""


async def cut_out_of(image: Image, alpha: npt.NDArray[np.float32], options: CutoutOptions) -> Cutout:
    return await remove_background(image, model_of(alpha), options, progress=lambda share: None, check=nothing)


async def cut(image: Image, alpha: npt.NDArray[np.float32], *, refined: bool = True) -> Image:
    return (await cut_out_of(image, alpha, CutoutOptions(refine=refined))).image


@pytest.mark.cases(3)
@pytest.mark.parametrize("refined", [True, False])
@pytest.mark.parametrize(("height", "width"), [(120, 160), (1500, 1300), (1, 1), (3, 900)])
async def test_solid_pixels_stay_and_empty_ones_are_zero(height: int, width: int, refined: bool) -> None:
    pixels = cv2.resize(photo(), (width, height)).reshape(height, width, 3)
    # A blob of so few pixels is nothing that a model would be sure of.
    shape = blob(height, width) if height > 100 else np.tile(np.linspace(1, 0, width, dtype=np.float32), (height, 1))
    result = await cut(Image(pixels), shape, refined=refined)
    assert result.alpha is not None
    assert result.pixels.shape == pixels.shape
    solid = result.alpha == 255
    assert np.array_equal(result.pixels[solid], pixels[solid])
    assert not result.pixels[result.alpha == 0].any()
    if height > 100:
        assert 0.2 < solid.mean() < 0.5
        assert (result.alpha == 0).mean() > 0.4


async def test_sixteen_bits_profile_and_metadata_pass_through() -> None:
    image = Image(deep_photo(), icc=wide_gamut_profile())
    result = await cut(image, blob(120, 160))
    assert result.alpha is not None
    assert result.alpha.dtype == np.uint16
    assert result.icc == image.icc
    solid = result.alpha == 65535
    assert solid.any()
    assert np.array_equal(result.pixels[solid], image.pixels[solid])


async def test_gray_stays_gray() -> None:
    result = await cut(Image(np.ascontiguousarray(photo()[..., :1])), blob(120, 160))
    assert result.is_gray
    assert decode(encode(result), Limits()).is_gray


@pytest.mark.parametrize("kind", ["two colours", "photo"])
def test_edges_lose_the_background_colour(kind: str) -> None:
    height, width = 480, 640
    alpha, foreground = hair(height, width), brown(height, width)
    background = (
        two_colours(height, width) if kind == "two colours" else cv2.resize(photo(300, 400), (width, height)).astype(np.float32) / 255
    )
    mixed = blend(foreground, background, alpha)

    cleaned = decontaminate(mixed, np.round(alpha * 65535).astype(np.uint16), None, nothing)

    edge = (alpha > 0.02) & (alpha < 0.98)
    error = np.abs([mixed / 255 - foreground, cleaned / 255 - foreground]).mean(axis=-1)[:, edge] * alpha[edge] * 255
    before, after = error.mean(axis=1)
    assert after < before / 3
    assert after < 5


def test_decontamination_is_the_same_across_its_blocks() -> None:
    height, width = 700, 1100
    alpha = np.round(hair(height, width) * 65535).astype(np.uint16)
    mixed = blend(brown(height, width), two_colours(height, width), alpha.astype(np.float32) / 65535)
    whole = decontaminate(mixed, alpha, None, nothing)
    # The border between the blocks at 512 must not show: the window around it, moved into the middle of one block, is the same.
    moved = slice(412, 612)
    shifted = decontaminate(np.roll(mixed, 256, axis=1), np.roll(alpha, 256, axis=1), None, nothing)
    difference = np.abs(whole[:, moved].astype(int) - np.roll(shifted, -256, axis=1)[:, moved])
    assert difference.max() <= 3


SIDE, COARSE_SIDE = 1200, 300


def refined_against(guide: Pixels8) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """The true alpha, and the model's enlarged without and with refinement on `guide`, all 0 to 1."""
    alpha = blob(SIDE, SIDE)
    coarse = known(alpha)
    plain = enlarge(coarse, SIDE, SIDE)
    refined = plain.copy()
    refine(refined, coarse, guide, nothing)
    return alpha, plain / 65535, refined / 65535


def known(alpha: npt.NDArray[np.float32]) -> Pixels8:
    """What a perfect model says at its own resolution."""
    return np.round(cv2.resize(alpha, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)


def edge_errors(alpha: npt.NDArray[np.floating], *found: npt.NDArray[np.floating]) -> list[float]:
    soft = ((found[0] > 0.01) & (found[0] < 0.99)).astype(np.uint8)
    edge = cv2.dilate(soft, np.ones((5, 5), np.uint8)) > 0
    return [float(np.abs(one[edge] - alpha[edge]).mean()) for one in found]


def test_refined_edges_follow_the_picture() -> None:
    guide = blend(brown(SIDE, SIDE), two_colours(SIDE, SIDE), blob(SIDE, SIDE))
    alpha, plain, refined = refined_against(guide)
    before, after = edge_errors(alpha, plain, refined)
    assert after < before / 10
    # The model's own alpha is respected.
    coarse = known(blob(SIDE, SIDE)) / 255
    back = cv2.resize(refined, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA)
    unsure = (coarse > 0) & (coarse < 1)
    assert np.abs(back - coarse)[unsure].mean() < 0.005


def test_texture_does_not_leak_into_the_alpha() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    alpha, plain, refined = refined_against(noise)
    before, after = edge_errors(alpha, plain, refined)
    assert after < before * 1.1
    # Two pixels of the model away from its edge, nothing is touched.
    window, size = np.ones((5, 5), np.uint8), (SIDE, SIDE)
    coarse = known(blob(SIDE, SIDE))
    inside = cv2.resize(cv2.erode(coarse, window), size, interpolation=cv2.INTER_NEAREST) == 255
    outside = cv2.resize(cv2.dilate(coarse, window), size, interpolation=cv2.INTER_NEAREST) == 0
    assert (refined[inside] == 1).all()
    assert (refined[outside] == 0).all()


def test_enlarged_alpha_has_no_stair_steps() -> None:
    diagonal = np.tril(np.full((1024, 1024), 255, np.uint8))
    large = enlarge(diagonal, 4096, 4096).astype(np.int64)
    # Along a row, the edge of a straight diagonal moves by one pixel a row; steps would hold it for four rows, then jump.
    crossing = (large > 32767).sum(axis=1)[200:-200]
    assert np.abs(np.diff(crossing) - 1).max() <= 2
    assert len(np.unique(np.diff(crossing).cumsum() - np.arange(1, len(crossing)))) <= 4


def test_haze_is_cleared_and_order_kept() -> None:
    levels = denoise(np.arange(256, dtype=np.uint8)[None])[0].astype(int)
    assert (levels[:9] == 0).all()
    assert (levels[247:] == 255).all()
    assert (np.diff(levels) >= 0).all()


async def test_existing_alpha_is_never_made_more_opaque_nor_counted_twice() -> None:
    shape = blob(240, 320)
    own = np.round(shape * 255).astype(np.uint8)
    pixels = np.full((240, 320, 3), (200, 120, 60), np.uint8)
    pixels[own == 0] = (0, 255, 0)
    result = await cut(Image(pixels, own), shape)
    assert result.alpha is not None
    assert (result.alpha <= own).all()
    # The picture is a clean cut-out already: the model sees the same edge, which gets neither thinner nor another colour.
    edge = (own > 0) & (own < 255)
    assert np.abs(result.alpha[edge].astype(int) - own[edge]).mean() < 12
    assert np.abs(result.pixels[result.alpha > 0].astype(int) - (200, 120, 60)).max() <= 3
    assert not result.pixels[result.alpha == 0].any()


async def test_pixels_that_are_no_more_opaque_than_the_model_says_stay_bit_identical() -> None:
    # On the model's own grid, with soft edges of which the model keeps more than there is.
    shape = blob(MODEL_SIDE, MODEL_SIDE)
    own = np.round(shape**3 * 255).astype(np.uint8)
    image = Image(cv2.resize(photo(), (MODEL_SIDE, MODEL_SIDE)), own)
    result = await cut(image, shape)
    assert np.array_equal(result.alpha, own)
    assert np.array_equal(result.pixels[own > 0], image.pixels[own > 0])


def test_hidden_colour_says_nothing_about_edges() -> None:
    height, width = 200, 300
    ramp = np.broadcast_to(np.linspace(1, 0, 11, dtype=np.float32), (height, 11))
    alpha = np.concatenate([np.ones((height, 130)), ramp, np.zeros((height, width - 141))], axis=1).astype(np.float32)
    foreground = np.full((height, width, 3), 0.3, np.float32)
    mixed = blend(foreground, np.full((height, width, 3), 0.9, np.float32), alpha)
    # Far from visible on the left, in the wide pass's reach of the edge, lies pure green.
    visible = np.full((height, width), 255, np.uint8)
    visible[:, :110] = 0
    mixed[:, :110] = (0, 255, 0)
    cleaned = decontaminate(mixed, np.round(alpha * 65535).astype(np.uint16), visible, nothing)
    edge = (alpha > 0.1) & (alpha < 1)
    assert np.abs(cleaned[edge] / 255 - 0.3).mean() < 0.05


def test_transparent_pictures_are_shown_to_the_model_over_gray() -> None:
    white = Image(np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64), np.uint8))
    assert np.unique(model_input(white)).tolist() == [128]


async def test_trim_crops_to_what_is_visible() -> None:
    # On the model's own grid, where no resampling moves the box, and not refined: the picture has no edges where the box has.
    alpha = np.zeros((MODEL_SIDE, MODEL_SIDE), np.float32)
    alpha[100:250, 200:500] = 1
    image = Image(cv2.resize(photo(), (MODEL_SIDE, MODEL_SIDE)))
    whole = await cut(image, alpha, refined=False)
    result = crop(whole, visible_box(whole))
    assert (whole.width, whole.height) == (MODEL_SIDE, MODEL_SIDE)
    assert np.array_equal(result.pixels, image.pixels[100:250, 200:500])
    assert result.alpha is not None
    assert (result.alpha == 255).all()


@pytest.mark.parametrize("haze", [0, 0.3])
async def test_a_picture_without_a_subject_is_reported_and_left_as_it_is(haze: float) -> None:
    image = Image(photo())
    cutout = await cut_out_of(image, np.full((120, 160), haze, np.float32), CutoutOptions(shadow=True))
    assert cutout.segmentation.nothing
    assert not cutout.cut
    assert not cutout.anything
    assert cutout.image is image


async def test_a_picture_that_is_cut_out_already_keeps_its_alpha() -> None:
    shape = blob(240, 320)
    own = np.round(shape * 255).astype(np.uint8)
    # The model loses a part of the subject.
    seen = shape.copy()
    seen[:, :110] = 0
    image = Image(cv2.resize(photo(), (320, 240)), own)
    cutout = await cut_out_of(image, seen, CutoutOptions())
    assert cutout.kept_alpha
    assert np.array_equal(cutout.image.alpha, own)
    assert np.array_equal(cutout.image.pixels[own > 0], image.pixels[own > 0])
    # A round vignette has a background still.
    y, x = np.mgrid[:240, :320]
    vignette = ((np.hypot(x - 160, y - 120) < 115) * 255).astype(np.uint8)
    framed = await cut_out_of(Image(image.pixels, vignette), blob(240, 320) * (np.hypot(x - 160, y - 120) < 50), CutoutOptions())
    assert framed.cut
    assert framed.image.alpha is not None
    assert (framed.image.alpha > 0).sum() < (vignette > 0).sum() / 2


async def test_subjects_are_told_apart_and_described() -> None:
    alpha = np.zeros((400, 800), np.float32)
    alpha[100:300, 80:240] = 1
    alpha[100:200, 480:640] = 1
    alpha[390:392, 700:702] = 1
    found = (await cut_out_of(Image(cv2.resize(photo(), (800, 400))), alpha, CutoutOptions())).segmentation
    assert [(subject.x1, subject.x2) for subject in found.subjects] == [pytest.approx((10, 30), abs=0.3), pytest.approx((60, 80), abs=0.3)]
    assert found.subjects[0].share == pytest.approx(10, abs=0.3)
    assert found.confidence > 0.99
    assert not found.unsure


async def test_a_model_that_is_not_sure_is_reported() -> None:
    halves = np.full((120, 160), 0.6, np.float32)
    halves[:20] = 1
    found = (await cut_out_of(Image(photo()), halves, CutoutOptions())).segmentation
    assert found.unsure
    assert found.confidence < 0.6


def test_trim_ignores_a_faint_rim() -> None:
    alpha = np.full((100, 100), 4, np.uint8)
    alpha[40:60, 30:70] = 255
    result = crop(image := Image(np.zeros((100, 100, 3), np.uint8), alpha), visible_box(image))
    assert (result.width, result.height) == (40, 20)


async def test_progress_rises_and_a_check_cancels_at_every_step() -> None:
    class Cancelled(Exception):
        pass

    image, alpha = Image(cv2.resize(photo(), (600, 600))), blob(600, 600)
    shares: list[float] = []
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    await remove_background(image, model_of(alpha), CutoutOptions(), progress=shares.append, check=count)
    assert shares == sorted(shares)
    assert calls > 10

    for last in (0, 3, calls - 1):
        left = last

        def cancel() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            await remove_background(image, model_of(alpha), CutoutOptions(), progress=shares.append, check=cancel)


async def test_what_is_neither_kept_nor_taken_away_is_described_and_told() -> None:
    # A man behind a camera that the model takes for background, but for a haze.
    alpha = np.zeros((500, 500), np.float32)
    alpha[100:400, 50:250] = 1
    alpha[200:260, 250:330] = 0.12
    cutout = await cut_out_of(Image(cv2.resize(photo(), (500, 500))), cv2.GaussianBlur(alpha, (0, 0), 1), CutoutOptions())
    (part,) = cutout.segmentation.doubtful
    assert (part.x1, part.x2, part.y1, part.y2) == pytest.approx((50, 66, 40, 52), abs=1)
    assert part.share == pytest.approx(16 * 12 / 100, abs=0.3)
    assert part.opacity == pytest.approx(12, abs=3)
    assert not cutout.segmentation.unsure
    ((code, field, message, details, boxes),) = told(cutout)
    assert (code, field) == ("parts_unsure", "")
    assert boxes == [pytest.approx([details["unsure_parts"][0]["box"][side] for side in ("x1", "y1", "x2", "y2")], abs=0.5)]
    assert message == "A part of man.jpg may not belong to the subject. Check it in the result."
    assert details["unsure_parts"] == [
        {
            "box": {
                "x1": pytest.approx(50, abs=1),
                "x2": pytest.approx(66, abs=1),
                "y1": pytest.approx(40, abs=1),
                "y2": pytest.approx(52, abs=1),
            },
            "share": pytest.approx(1.9, abs=0.3),
            "opacity": pytest.approx(12, abs=3),
        }
    ]


@pytest.mark.cases(1)
@pytest.mark.parametrize("haze", [0, 0.3])
async def test_outlines_and_specks_are_nothing_to_tell(haze: float) -> None:
    alpha = blob(500, 500)
    alpha[20:34, 20:34] = haze
    cutout = await cut_out_of(Image(cv2.resize(photo(), (500, 500))), cv2.GaussianBlur(alpha, (0, 0), 1), CutoutOptions())
    assert not cutout.segmentation.doubtful
    assert "unsure_parts" not in cutout.segmentation.to_dict()
    assert told(cutout) == []


async def test_a_plateau_that_became_solid_is_nothing_to_tell() -> None:
    alpha = np.zeros((500, 500), np.float32)
    alpha[100:400, 100:400] = 1
    alpha[250:400, 100:400] = 0.8
    picture = np.full((500, 500, 3), 210, np.uint8)
    picture[100:400, 100:400] = cv2.resize(photo(), (300, 300))
    cutout = await cut_out_of(Image(picture), cv2.GaussianBlur(alpha, (0, 0), 1), CutoutOptions())
    assert cutout.image.alpha is not None
    assert (cutout.image.alpha[110:390, 110:390] == 255).all()
    assert told(cutout) == []


def told(cutout: Cutout) -> list[tuple[Any, ...]]:
    notices: list[tuple[Any, ...]] = []
    tell_found(cutout, "isnet", "man.jpg", lambda *notice: notices.append(notice), undone="it was not cut out")
    return notices
