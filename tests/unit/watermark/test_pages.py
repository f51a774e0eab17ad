"""Marks on scanned pages go whole, and what a page has of its own stays."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from services.inference.media import Image
from services.inference.watermark import page_tiles
from services.inference.watermark.box import Box
from services.inference.watermark.page_search import page_in
from services.inference.watermark.removal import Watching, remove_found, remove_on_page
from services.inference.watermark.report import Kind, Report
from services.inference.watermark.strokes import Pixels8

_HEIGHT, _WIDTH = 1754, 1240
_FONT = "services/inference/fonts/DejaVuSans.ttf"
_WATCHING = Watching(lambda _: None, lambda: None)
_GRAY, _RED = (128, 128, 128), (200, 40, 50)

Draw = Callable[[ImageDraw.ImageDraw], None]


def page(*, shaded: bool = False) -> Pixels8:
    """Lines of text, below them a table, on white."""
    sheet = PillowImage.new("RGB", (_WIDTH, _HEIGHT), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.truetype(_FONT, 22)
    for line in range(30):
        draw.text(
            (110, 120 + 36 * line),
            f"{line} The harbour was closed for most of the winter, and the survey found",
            fill=(20, 20, 20),
            font=font,
        )
    for row in range(8):
        fill = (225, 225, 225) if shaded and row % 2 else None
        draw.rectangle((110, 1250 + 46 * row, 1120, 1296 + 46 * row), outline=(110, 110, 110), fill=fill, width=2)
        draw.text((130, 1260 + 46 * row), f"Entry {row}", fill=(20, 20, 20), font=font)
    return np.asarray(sheet)


def marked(sheet: Pixels8, draw: Draw, angle: float, colour: tuple[int, int, int], opacity: float) -> tuple[Pixels8, np.ndarray]:
    """The page under ink, and where it is."""
    layer = PillowImage.new("L", (_WIDTH, _HEIGHT), 0)
    draw(ImageDraw.Draw(layer))
    cover = np.asarray(layer.rotate(angle, PillowImage.Resampling.BICUBIC), np.float32) / 255
    ink = 1 - opacity * cover[..., np.newaxis] * (1 - np.array(colour, np.float32) / 255)
    return np.round(sheet * ink).astype(np.uint8), cover


def scanned(sheet: Pixels8) -> Pixels8:
    """On uneven paper that is not white, out of focus, with noise."""
    light = np.linspace(1, 0.94, _WIDTH, dtype=np.float32)[np.newaxis, :, np.newaxis] * np.array((240, 238, 231), np.float32) / 255
    noise = np.random.default_rng(1).normal(0, 3, sheet.shape)
    return (cv2.GaussianBlur(sheet, (0, 0), 0.7) * light + noise).clip(0, 255).astype(np.uint8)


def cleaned(seen: Pixels8) -> tuple[Pixels8, Report]:
    result, report = remove_found(Image(seen), seen, None, None, _WATCHING)
    return np.asarray(result.pixels, np.uint8), report


def word(text: str, size: int) -> Draw:
    font = ImageFont.truetype(_FONT, size)
    return lambda draw: draw.text((_WIDTH / 2, _HEIGHT / 2), text, fill=255, font=font, anchor="mm", stroke_width=size // 30)


def ring(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((480, 700, 760, 980), outline=255, width=6)
    draw.ellipse((530, 750, 710, 930), outline=255, width=4)
    draw.text((620, 840), "PAID", fill=255, font=ImageFont.truetype(_FONT, 44), anchor="mm", stroke_width=2)


def frame(draw: ImageDraw.ImageDraw) -> None:
    """As wide as four tenths of the page."""
    draw.rounded_rectangle((370, 780, 870, 920), radius=10, outline=255, width=9)
    draw.text((620, 850), "RETURNED", fill=255, font=ImageFont.truetype(_FONT, 76), anchor="mm", stroke_width=2)


def tiles(draw: ImageDraw.ImageDraw) -> None:
    font = ImageFont.truetype(_FONT, 40)
    for row in range(-2, 12):
        for column in range(-1, 5):
            draw.text((340 * column + 120 * (row % 2), 190 * row), "NO COPY", fill=255, font=font)


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("draw", "angle", "colour", "opacity", "kind"),
    [
        (word("DRAFT", 280), 40, _GRAY, 0.5, Kind.TEXT),
        (word("SAMPLE", 240), -35, _RED, 0.4, Kind.TEXT),
        (word("DRAFT", 280), 0, _GRAY, 0.5, Kind.TEXT),
        (ring, 10, _RED, 0.9, Kind.TEXT),
        (frame, 12, _RED, 0.8, Kind.TEXT),
        (tiles, 30, _GRAY, 0.5, Kind.TILED),
    ],
    ids=["slanted", "coloured", "level", "stamp", "frame", "tiles"],
)
def test_a_mark_goes_whole_and_print_stays(draw: Draw, angle: float, colour: tuple[int, int, int], opacity: float, kind: Kind) -> None:
    sheet = page(shaded=True)
    on_sheet, cover = marked(sheet, draw, angle, colour, opacity)
    seen, truth = scanned(on_sheet), scanned(sheet)
    result, report = cleaned(seen)
    assert [mark.kind for mark in report.removed_marks] == [kind]
    inside = cover > 0.3
    before, after = (np.abs(cv2.blur(each, (15, 15)).astype(int) - cv2.blur(truth, (15, 15)))[inside].mean() for each in (seen, result))
    assert after < 0.2 * before
    print_ = inside & (cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY) < 90)
    assert np.percentile(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)[print_], 75) < 140
    away = cv2.dilate((cover > 0.01).astype(np.uint8), np.ones((31, 31), np.uint8)) == 0
    assert (np.abs(result.astype(int) - seen)[away] > 20).mean() < 0.002


@pytest.mark.thorough
def test_print_under_a_stamp_is_as_dark_as_beside_it() -> None:
    sheet = page()
    on_sheet, cover = marked(sheet, ring, 10, _RED, 0.9)
    truth, result = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(int) for each in (scanned(sheet), cleaned(scanned(on_sheet))[0]))
    print_ = (cover > 0.3) & (truth < 110)
    assert print_.sum() > 200
    assert abs(int(np.median(result[print_])) - int(np.median(truth[print_]))) < 20


def test_a_stamp_that_hides_print_is_kept_and_told_until_a_box_asks_for_it() -> None:
    sheet = page()
    cover = marked(sheet, frame, 12, _RED, 1.0)[1][..., np.newaxis]
    seen = scanned(np.round(sheet * (1 - 0.95 * cover) + 0.95 * cover * np.array(_RED)).astype(np.uint8))
    kept, report = cleaned(seen)
    assert [mark.why for mark in report.marks] == ["hides_print"]
    assert (kept == seen).all()
    result, report = remove_on_page(Image(seen), [Box(330, 680, 910, 1020)], None, None, _WATCHING)
    assert [mark.why for mark in report.marks] == ["removed"]
    assert (result.pixels != seen).any()


@pytest.mark.thorough
def test_shading_under_a_mark_stays() -> None:
    sheet = PillowImage.fromarray(page())
    ImageDraw.Draw(sheet).rectangle((100, 760, 1140, 830), fill=(236, 216, 190))
    shaded = np.asarray(sheet)
    on_sheet, cover = marked(shaded, word("DRAFT", 280), 40, _GRAY, 0.5)
    truth, (result, report) = scanned(shaded), cleaned(scanned(on_sheet))
    assert report.removed_marks
    under = cover > 0.9
    under[:770] = under[820:] = False
    assert under.sum() > 1000
    assert (np.abs(np.median(result[under], axis=0) - np.median(truth[under], axis=0)) < 6).all()


def with_photograph(left: int, top: int) -> Pixels8:
    sheet = PillowImage.fromarray(page())
    sheet.paste(PillowImage.open("samples/coffee.jpg"), (left, top))
    return np.asarray(sheet)


@pytest.mark.parametrize("place", [(0, 50), (76, 50), (50, 0), (50, 86), (120, 50), (50, 120)])
def test_a_word_of_tiles_that_would_be_off_the_page_is_not_there(place: tuple[int, int]) -> None:
    seen = page_tiles._Seen(np.ones((100, 100), np.float32), np.ones((100, 100), np.float32), 0.5)
    assert page_tiles._best(*place, seen, np.ones((10, 20), np.float32)) is None


@pytest.mark.thorough
def test_tiles_go_from_a_picture_on_the_page_as_well() -> None:
    sheet = with_photograph(300, 600)
    on_sheet, cover = marked(sheet, tiles, 30, _GRAY, 0.5)
    truth, seen = scanned(sheet), scanned(on_sheet)
    result, report = cleaned(seen)
    assert [mark.kind for mark in report.removed_marks] == [Kind.TILED]
    inside = np.zeros(cover.shape, np.bool_)
    inside[620:980, 320:880] = cover[620:980, 320:880] > 0.3
    before, after = (np.abs(cv2.blur(each, (15, 15)).astype(int) - cv2.blur(truth, (15, 15)))[inside].mean() for each in (seen, result))
    assert after < 0.5 * before


@pytest.mark.thorough
def test_a_mark_that_goes_on_in_a_picture_is_left_whole_and_told() -> None:
    seen = scanned(marked(with_photograph(620, 180), word("DRAFT", 280), 40, _GRAY, 0.5)[0])
    result, report = cleaned(seen)
    assert [(mark.in_part, mark.methods, mark.why) for mark in report.marks] == [(True, (), "part_would_remain")]
    assert (result == seen).all()


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.parametrize("shaded", [False, True])
def test_a_page_without_a_mark_stays_as_it_is(shaded: bool) -> None:
    seen = scanned(page(shaded=shaded))
    result, report = cleaned(seen)
    assert not report.removed_marks
    assert (result == seen).all()


@pytest.mark.thorough
def test_a_logo_at_the_head_of_a_page_is_no_stamp() -> None:
    def logo(draw: ImageDraw.ImageDraw) -> None:
        draw.ellipse((110, 20, 200, 110), outline=255, width=5)
        draw.ellipse((130, 40, 180, 90), fill=255)

    seen = scanned(marked(page(), logo, 0, _RED, 0.9)[0])
    result, report = cleaned(seen)
    assert not report.marks
    assert (result == seen).all()


@pytest.mark.thorough
def test_a_signature_is_no_mark() -> None:
    def signature(draw: ImageDraw.ImageDraw) -> None:
        draw.line([(600 + 4 * x, 1150 + 0.8 * x - 60 * np.sin(x / 5)) for x in range(100)], fill=255, width=4)

    seen = scanned(marked(page(), signature, 0, (30, 50, 150), 0.9)[0])
    assert not cleaned(seen)[1].removed_marks


def test_a_photograph_is_no_page() -> None:
    rows, columns = np.mgrid[0:400, 0:600]
    landscape = np.stack([rows / 2, columns / 3, 255 - rows / 2], axis=2).astype(np.uint8)
    assert page_in(landscape, lambda: None) is None


def test_a_box_bounds_what_is_removed_from_a_page() -> None:
    sheet = scanned(page())
    seen, cover = marked(sheet, ring, 12, _RED, 0.7)
    rows, columns = np.nonzero(cover > 0.1)
    box = Box(int(columns.min()) - 30, int(rows.min()) - 30, int(columns.max()) + 30, int(rows.max()) + 30)
    result, report = remove_on_page(Image(seen), [box], None, None, _WATCHING)
    assert report.removed_marks
    ink = cover > 0.5
    assert np.abs(result.pixels.astype(float) - sheet)[ink].mean() < 0.25 * np.abs(seen.astype(float) - sheet)[ink].mean()
    outside = np.ones(cover.shape, np.bool_)
    outside[box.window] = False
    assert (result.pixels == seen)[outside].all()


@pytest.mark.thorough
def test_a_box_with_nothing_but_print_changes_nothing() -> None:
    sheet = scanned(page())
    result, report = remove_on_page(Image(sheet), [Box(90, 110, 1150, 400)], None, None, _WATCHING)
    assert not report.removed_marks
    assert (result.pixels == sheet).all()


@pytest.mark.parametrize("size", [(64, 48), (299, 200), (2000, 60), (300, 15)])
def test_what_is_too_small_to_read_stays_as_it_is(size: tuple[int, int]) -> None:
    small = np.asarray(PillowImage.fromarray(page(shaded=True)).resize(size))
    result, report = cleaned(small)
    np.testing.assert_array_equal(result, small)
    assert not report.removed_marks


def test_a_box_in_the_foot_is_emptied_where_there_is_something() -> None:
    own = scanned(page())
    sheet = PillowImage.fromarray(page())
    ImageDraw.Draw(sheet).text((300, 1700), "Licensed to Ann Lee, order 1234", fill=(60, 60, 60), font=ImageFont.truetype(_FONT, 18))
    box = Box(280, 1690, 700, 1730)
    result, report = remove_on_page(Image(scanned(np.asarray(sheet))), [box], None, None, _WATCHING)
    assert len(report.removed_marks) == 1
    left = np.abs(cv2.blur(np.asarray(result.pixels, np.uint8), (5, 5)).astype(int) - cv2.blur(own, (5, 5)))
    assert left.max() < 16
    kept, report = remove_on_page(Image(own), [box], None, None, _WATCHING)
    assert not report.removed_marks
    assert (np.asarray(kept.pixels) == own).all()


def test_a_photograph_before_a_plain_wall_is_no_page() -> None:
    photograph = np.full((800, 800, 3), (160, 205, 205), np.uint8)
    cv2.fillConvexPoly(photograph, np.array([(0, 560), (320, 300), (560, 300), (799, 560), (799, 799), (0, 799)], np.int32), (120, 95, 40))
    assert page_in(photograph, lambda: None) is None


def test_a_page_with_a_dark_border_of_the_scanner_is_a_page() -> None:
    sheet = scanned(page())
    sheet[:20] = sheet[:, :15] = 12
    assert page_in(sheet, lambda: None) is not None
