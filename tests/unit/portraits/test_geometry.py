"""Where a head is in a photo, measured in the photo; and copies on a sheet."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image, encode
from services.inference.operations.passport_photo import saving_within
from services.inference.portraits.geometry import PAPERS, Framing, Head, head_within, places, size_of, window
from services.inference.portraits.rendering import SHEET_DPI, render, sheet_of
from services.pictures.passport_photos import COUNTRIES, FRAME_A, CountryPhoto

BACK, SKIN, EYES = (40, 90, 160), (200, 150, 120), (250, 250, 0)
WIDTH, HEIGHT = 900, 1200
HEAD = Head(crown_y=300 / HEIGHT, eyes_y=500 / HEIGHT, chin_y=740 / HEIGHT, center_x=400 / WIDTH)
USUALLY = Framing()


def nothing() -> None:
    """Never cancelled."""


def drawn(scale: int = 1) -> Image:
    """A head as a block between crown and chin, 300 wide, with a line at the eyes; its background is transparent."""
    pixels = np.zeros((HEIGHT * scale, WIDTH * scale, 3), np.uint8)
    pixels[:] = BACK
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    rows, columns = slice(300 * scale, 740 * scale), slice(250 * scale, 550 * scale)
    pixels[rows, columns], alpha[rows, columns] = SKIN, 255
    pixels[498 * scale : 502 * scale, columns] = EYES
    return Image(pixels, alpha)


def photo(country: CountryPhoto, framing: Framing = USUALLY, dpi: int = 300, scale: int = 1) -> np.ndarray:
    size = size_of(country.width_mm, country.height_mm, dpi)
    image = drawn(scale)
    part = window(HEAD, (image.width, image.height), size, country.frame, framing)
    return render(image, part, size, (255, 255, 255), nothing)


def edges(made: np.ndarray, dpi: int) -> tuple[float, float, float, float]:
    """Crown, eyes, chin from the top, and the middle from the left, in millimetres. An edge may be between two pixels."""
    column = made[:, made.shape[1] // 2].astype(float)
    covered = np.clip((255 - column[:, 2]) / (255 - SKIN[2]), 0, 1)
    eyes = np.flatnonzero(column[:, 2] < 60)
    rows = np.flatnonzero(covered > 0.5)
    crown, chin = rows[0] + 1 - covered[rows[0] - 1 : rows[0] + 1].sum() if rows[0] else 0.0, rows[-1] + 1
    across = np.flatnonzero(made[(rows[0] + rows[-1]) // 2, :, 2] < 200)
    return tuple(each * 25.4 / dpi for each in (crown, eyes.mean() + 0.5, chin, (across[0] + across[-1] + 1) / 2))


@pytest.mark.cases(8)
@pytest.mark.parametrize("code", COUNTRIES)
@pytest.mark.parametrize(("dpi", "scale"), [(300, 1), (300, 4), (600, 1)])
def test_the_head_is_where_the_country_wants_it(code: str, dpi: int, scale: int) -> None:
    country = COUNTRIES[code]
    made = photo(country, dpi=dpi, scale=scale)
    assert made.shape[:2] == size_of(country.width_mm, country.height_mm, dpi)[::-1]
    crown, eyes, chin, middle = edges(made, dpi)
    assert country.height_mm - eyes == pytest.approx(country.frame.eyes * country.height_mm, abs=0.1)
    assert chin - crown == pytest.approx((country.frame.least + country.frame.most) / 2 * country.height_mm, abs=0.15)
    assert middle == pytest.approx(country.width_mm / 2, abs=0.1)


def test_zoom_keeps_the_middle_and_moves_are_shares_of_the_photo() -> None:
    country = COUNTRIES["CA"]
    crown, eyes, chin, middle = edges(photo(country), 300)
    small = edges(photo(country, Framing(zoom=0.5)), 300)
    assert small[2] - small[0] == pytest.approx((chin - crown) / 2, abs=0.15)
    assert small[1] - 35 == pytest.approx((eyes - 35) / 2, abs=0.1)
    moved = edges(photo(country, Framing(right=0.1, down=-0.1)), 300)
    assert moved[3] - middle == pytest.approx(-5, abs=0.1)
    assert moved[1] - eyes == pytest.approx(7, abs=0.1)


def test_what_is_outside_of_the_picture_has_the_colour() -> None:
    size = size_of(50, 70, 300)
    part = window(HEAD, (WIDTH, HEIGHT), size, FRAME_A, Framing(0.5, right=3))
    assert (render(drawn(), part, size, (10, 20, 30), nothing) == (10, 20, 30)).all()
    opaque = Image(drawn().pixels)
    part = window(HEAD, (WIDTH, HEIGHT), size, COUNTRIES["CA"].frame, Framing(0.5))
    made = render(opaque, part, size, (10, 20, 30), nothing)
    assert (made[0] == (10, 20, 30)).all()
    assert (made[:, 5] == (10, 20, 30)).all()
    assert (made[size[1] // 2, size[0] // 2 + 200] == BACK).all()


def test_a_head_that_is_cut_is_told() -> None:
    size = size_of(35, 45, 300)
    crown, chin = head_within(HEAD, (WIDTH, HEIGHT), window(HEAD, (WIDTH, HEIGHT), size, FRAME_A, Framing(3)))
    assert crown < 0
    assert chin > 1
    crown, chin = head_within(HEAD, (WIDTH, HEIGHT), window(HEAD, (WIDTH, HEIGHT), size, FRAME_A, Framing(1)))
    assert chin - crown == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("paper", "size", "count"),
    [
        (0, (35, 45), 2 * 3),
        (0, (51, 51), 1 * 2),
        (0, (50, 70), 2 * 2),
        (0, (26, 32), 3 * 4),
        (0, (102, 152), 1),
        (0, (103, 45), 0),
        (1, (35, 45), 5 * 6),
        (1, (51, 51), 4 * 5),
        (1, (50, 70), 4 * 4),
        (1, (103, 148), 2 * 1),
    ],
)
def test_as_many_copies_as_fit_2_mm_apart_in_the_middle(paper: int, size: tuple[float, float], count: int) -> None:
    sheet = PAPERS[paper]
    found = places(sheet, *size)
    assert len(found) == count
    if not found:
        return
    left, right = min(x for x, _ in found), sheet.width_mm - max(x for x, _ in found) - size[0]
    top, bottom = min(y for _, y in found), sheet.height_mm - max(y for _, y in found) - size[1]
    assert (left, top) == pytest.approx((right, bottom))
    assert left >= -1e-6
    assert right < size[0] + 2
    across = sorted({round(x, 6) for x, _ in found})
    assert all(after - before == pytest.approx(size[0] + 2) for before, after in pairwise(across))


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_the_copies_on_a_sheet_are_counted(paper: object) -> None:
    sheet = next(each for each in PAPERS if each is paper)
    made = sheet_of(np.zeros((531, 413, 3), np.uint8), sheet, places(sheet, 35, 45))
    assert made.shape == (*size_of(sheet.width_mm, sheet.height_mm, SHEET_DPI)[::-1], 3)
    dark = (made[..., 0] == 0).astype(int)
    row, column = dark[np.flatnonzero(dark.any(axis=1))[100]], dark[:, np.flatnonzero(dark.any(axis=0))[100]]
    starts = [int((np.diff(line, prepend=0) == 1).sum()) for line in (row, column)]
    assert starts == ([2, 3] if sheet.name == "4x6" else [5, 6])
    assert dark.sum() == 531 * 413 * starts[0] * starts[1]


def test_a_sheet_that_is_filled_exactly() -> None:
    made = sheet_of(np.zeros((size_of(50, 152, 300)[1], size_of(50, 152, 300)[0], 3), np.uint8), PAPERS[0], places(PAPERS[0], 50, 152))
    assert (made[:, :-2] == 0).mean() > 0.97


@pytest.mark.parametrize("most", [20_000, 40_000, 100_000])
def test_a_file_is_as_good_as_its_size_allows(most: int) -> None:
    noise = Image(np.random.default_rng(3).integers(0, 255, (300, 300, 3), dtype=np.uint8))
    saving, enough = saving_within(noise, 300, most)
    assert enough
    content = encode(noise, saving)
    assert len(content) <= most
    assert saving.quality % 5 == 0
    assert PillowImage.open(io.BytesIO(content)).info["dpi"] == pytest.approx((300, 300))


def test_the_quality_is_10_at_least() -> None:
    noise = Image(np.random.default_rng(3).integers(0, 255, (300, 300, 3), dtype=np.uint8))
    saving, enough = saving_within(noise, 72, 1000)
    assert (saving.quality, enough) == (10, False)
    assert saving_within(noise, 72, 0)[0].quality == 95
