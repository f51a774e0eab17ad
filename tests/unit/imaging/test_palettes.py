"""Files with a palette: without loss where colours are few, dithered where they are many."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image, Limits, Metadata, Saving, decode, encode, indexed, palettes
from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import deep_photo, exif, photo, wide_gamut_profile

COMPACT = Saving(compact=True)


def of_colours(count: int, *, alpha: bool = False, side: int = 40) -> Image:
    """A picture with exactly this many colours, of which many are neighbours of themselves."""
    rng = np.random.default_rng(count)
    colours = np.unique(rng.integers(0, 256, (count * 4, 4), np.uint8), axis=0)[:count]
    if not alpha:
        colours[:, :3] = np.arange(count)[:, None] * 65537 // np.array([65536, 256, 1]) % 256
    numbers = np.sort(np.arange(side * side) % count).reshape(side, side)
    pixels = colours[numbers]
    return Image(np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]) if alpha else None)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 255, 256, 257])
def test_few_colours_are_found_exactly(count: int, alpha: bool) -> None:
    image = of_colours(count, alpha=alpha)
    found = indexed.exact(image.pixels, image.alpha)
    if count > 256:
        assert found is None
        return
    assert found is not None
    assert len(found.colours) == count
    seen = found.colours[found.numbers]
    assert np.array_equal(seen[..., :3], image.pixels)
    assert np.array_equal(seen[..., 3], np.full((40, 40), 255) if image.alpha is None else image.alpha)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 16, 200, 256, 300])
def test_a_compact_png_is_the_same_picture_and_no_larger(count: int, alpha: bool) -> None:
    image = of_colours(count, alpha=alpha)
    compact, usual = encode(image, COMPACT), encode(image)
    back = decode(compact, Limits())
    assert np.array_equal(back.pixels, image.pixels)
    if image.alpha is not None:
        assert back.alpha is not None
        assert np.array_equal(back.alpha, image.alpha)
    assert len(compact) <= len(usual)


@pytest.mark.parametrize("image", [Image(photo()), Image(deep_photo()), Image(photo()[..., :1], icc=None), Image(photo(1, 1))])
def test_a_compact_png_of_many_colours_or_bits_loses_nothing(image: Image) -> None:
    back = decode(encode(image, COMPACT), Limits())
    assert np.array_equal(np.broadcast_to(back.pixels, image.pixels.shape), image.pixels)
    assert back.bit_depth == image.bit_depth


def test_a_flat_picture_takes_next_to_nothing() -> None:
    image = Image(np.full((150, 200, 3), (255, 87, 51), np.uint8))
    assert len(encode(image, COMPACT)) < 250


@pytest.mark.parametrize("colours", [2, 7, 64, 256])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_png_has_no_more_colours_than_asked_for(colours: int, alpha: bool) -> None:
    opacity = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1)) if alpha else None
    content = encode(Image(photo(), opacity), Saving(colours=colours))
    with PillowImage.open(io.BytesIO(content)) as opened:
        assert opened.mode == "P"
        assert len(opened.convert("RGBA").getcolors() or ()) <= colours
    back = decode(content, Limits())
    if colours == 256:
        shown = back.pixels if opacity is None else back.pixels[opacity > 200]
        assert np.abs(shown.astype(int) - (photo() if opacity is None else photo()[opacity > 200])).mean() < 8


def shadowed(side: int = 240) -> Image:
    """A photo in a disc, on a shadow that fades away; what is hidden is green."""
    rows, columns = np.mgrid[:side, :side]
    away = np.hypot(rows - side / 2, columns - side / 2) / side
    solid = away < 0.3
    pixels = np.where(solid[..., None], photo(side, side), 0).astype(np.uint8)
    alpha = np.where(solid, 255, np.clip(180 - (away - 0.3) * 1100, 0, 180)).round().astype(np.uint8)
    pixels[alpha == 0] = (0, 255, 0)
    return Image(pixels, alpha)


@pytest.mark.parametrize("colours", [64, 205, 256])
def test_soft_alpha_has_no_steps(colours: int) -> None:
    image = shadowed()
    assert image.alpha is not None
    back = decode(encode(image, Saving(colours=colours)), Limits())
    assert back.alpha is not None
    away = np.abs(back.alpha.astype(int) - image.alpha)
    assert away.max() <= 12
    assert away.mean() < 1.5
    assert (back.alpha[image.alpha == 255] == 255).all()
    assert (back.alpha[image.alpha == 0] == 0).all()
    shadow = (image.alpha > 20) & (image.alpha < 255)
    assert back.pixels[shadow].max() <= 12
    assert np.abs(back.pixels.astype(int) - image.pixels)[image.alpha == 255].mean() < 10


@pytest.mark.parametrize("colours", [16, 205])
def test_flat_areas_beside_soft_alpha_keep_their_colour(colours: int) -> None:
    image = shadowed()
    assert image.alpha is not None
    image.pixels[90:110, 90:150], image.pixels[110:130, 90:150] = (255, 255, 255), (240, 160, 32)
    made = indexed.reduce_colours(image.pixels, image.alpha, colours)
    seen = made.colours[made.numbers].astype(int)
    assert np.abs(seen[92:108, 92:148] - 255).mean() < 1
    assert np.abs(seen[112:128, 92:148, :3] - (240, 160, 32)).mean() < 2


@pytest.mark.parametrize("colours", [32, 205, 256])
def test_the_ground_of_a_drawing_stays_white(colours: int) -> None:
    pixels = np.full((240, 240, 3), 255, np.uint8)
    pixels[60:180, 60:180] = photo(120, 120)
    made = indexed.reduce_colours(pixels, None, colours)
    seen = made.colours[made.numbers][..., :3]
    assert (seen[:60] == 255).all()
    assert (seen[:, 181:] == 255).all()
    assert np.abs(seen[60:180, 60:180].astype(int) - pixels[60:180, 60:180]).mean() < 10


@pytest.mark.parametrize("colours", [2, 3, 4, 5])
def test_few_colours_with_alpha(colours: int) -> None:
    image = shadowed(60)
    made = indexed.reduce_colours(image.pixels, image.alpha, colours)
    assert len(made.colours) <= colours
    assert (made.colours[made.numbers][image.alpha == 0] == 0).all()
    assert (made.colours[made.numbers][image.alpha == 255, 3] > 0).all()


def test_a_flat_area_with_hardly_any_other_colours_is_split_to_the_end() -> None:
    pixels = np.full((20_000, 4), 255, np.uint8)
    pixels[:, :3] = (240, 160, 32)
    others = np.random.default_rng(0).integers(-3, 4, (400, 3)) + np.array((240, 160, 32))
    for count in (1, 7, 28, 140, 399):
        pixels[:count, :3] = others[:count]
        distinct = len(np.unique(pixels, axis=0))
        assert len(palettes.choose_palette(pixels, 256)) == min(distinct, 256)


def test_a_dot_in_a_large_transparent_picture_stays() -> None:
    alpha = np.zeros((1500, 1500), np.uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
    alpha[701, 700:720] = np.arange(130, 150)
    pixels[701, 700:720] = (200, 30, 40)
    made = indexed.reduce_colours(pixels, alpha, 8)
    seen = made.colours[made.numbers][701, 700:720].astype(int)
    assert np.abs(seen - (200, 30, 40, 140)).max() <= 12


def test_a_palette_keeps_profile_and_metadata() -> None:
    image = Image(photo(), icc=wide_gamut_profile(), metadata=Metadata(exif=exif(1), xmp=b"<x/>", pixels_per_mm=(10, 10)))
    back = decode(encode(image, Saving(colours=32)), Limits())
    assert back.icc == image.icc
    assert back.metadata.xmp == b"<x/>"
    assert back.metadata.exif is not None
    assert back.metadata.pixels_per_mm == pytest.approx((10, 10), rel=0.01)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (120, 160)])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("gray", [False, True])
def test_a_gif_is_near_the_picture(height: int, width: int, deep: bool, gray: bool) -> None:
    pixels = (deep_photo if deep else photo)(height, width)[..., : 1 if gray else 3]
    back = decode(encode(Image(np.ascontiguousarray(pixels)), Saving(MediaFormat.GIF)), Limits())
    assert back.source_format is MediaFormat.GIF
    seen = pixels // 257 if deep else pixels
    assert np.abs(back.pixels.astype(int) - seen).mean() < 6


@pytest.mark.parametrize("count", [1, 2, 255, 256])
def test_a_gif_of_few_colours_is_exact(count: int) -> None:
    image = of_colours(count)
    assert np.array_equal(decode(encode(image, Saving(MediaFormat.GIF)), Limits()).pixels, image.pixels)


def test_a_gif_shows_what_is_opaque_and_hides_the_rest() -> None:
    alpha = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    back = decode(encode(Image(photo(), alpha), Saving(MediaFormat.GIF)), Limits())
    assert back.alpha is not None
    assert np.array_equal(back.alpha, np.where(alpha >= 128, 255, 0))
    shown = alpha >= 128
    assert np.abs(back.pixels.astype(int) - photo())[shown].mean() < 6
    hidden = encode(Image(photo(), np.zeros((120, 160), np.uint8)), Saving(MediaFormat.GIF))
    assert (decode(hidden, Limits()).alpha == 0).all()  # type: ignore[union-attr]


def test_a_gif_has_no_profile_so_its_colours_are_those_of_srgb() -> None:
    image = Image(photo(), icc=wide_gamut_profile())
    back = decode(encode(image, Saving(MediaFormat.GIF)), Limits())
    assert back.icc is None
    assert np.abs(back.pixels.astype(int) - image.srgb()).mean() < 6
