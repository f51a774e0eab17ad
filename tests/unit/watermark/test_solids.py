"""Opaque marks of any colour in a box."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageDraw

from services.inference.media import Image
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.solids import find_solids
from tests.unit.watermark.marked import Pixels, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)
REGION = (slice(150, 230), slice(60, 220))


def region(truth: Pixels) -> np.ndarray:
    inside = np.zeros(truth.shape[:2], np.bool_)
    inside[REGION] = True
    return inside


def compressed(pixels: Pixels) -> Pixels:
    file = io.BytesIO()
    Pil.fromarray(pixels).save(file, "JPEG", quality=85)
    return np.asarray(Pil.open(file))


def label(truth: Pixels) -> tuple[Pixels, np.ndarray]:
    """A yellow plate that says SALE in black, and where it is."""
    picture = Pil.fromarray(truth)
    ImageDraw.Draw(picture).rectangle((80, 165, 199, 214), fill=(250, 210, 40))
    plate = np.zeros(truth.shape[:2], np.bool_)
    plate[165:215, 80:200] = True
    return over(np.asarray(picture), layer(truth.shape, "SALE", 30, (105, 172)), 1.0, 0), plate


def test_a_label_is_found_with_its_letters() -> None:
    truth = photo()
    marked, plate = label(truth)
    found = find_solids(compressed(marked), region(truth))
    assert found is not None
    assert (found & plate).sum() > 0.97 * plate.sum()
    assert (found & ~plate).sum() < 0.05 * plate.sum()


def test_letters_and_a_disc_of_two_colours_are_found_together() -> None:
    truth = photo()
    cover = layer(truth.shape, "Studio", 30, (125, 170))[..., np.newaxis]
    picture = Pil.fromarray(np.round(truth * (1 - cover) + np.array((230, 30, 200)) * cover).astype(np.uint8))
    ImageDraw.Draw(picture).ellipse((70, 170, 110, 210), fill=(20, 90, 220))
    found = find_solids(np.asarray(picture), region(truth))
    assert found is not None
    assert found[cover[..., 0] > 0.95].mean() > 0.9
    assert found[180:200, 80:100].all()


@pytest.mark.parametrize("name", ["coffee.jpg", "portrait.jpg"])
def test_there_is_no_paint_in_a_photograph(name: str) -> None:
    truth = photo(name)
    found = find_solids(truth, region(truth))
    assert found is None or found.sum() < 0.02 * region(truth).sum()


def test_a_plate_in_a_box_is_filled_and_not_what_the_picture_shows_elsewhere() -> None:
    truth = photo()
    marked, plate = label(truth)
    result, report = remove_in_boxes(Image(marked), [Box(60, 150, 220, 230)], None, None, WATCHING)
    [mark] = report.marks
    assert not mark.whole_box
    # Nothing of its colour is left.
    assert (np.abs(result.pixels[plate].astype(int) - (250, 210, 40)).max(axis=1) > 40).mean() > 0.99
    far = region(truth)
    far[155:225, 70:210] = False
    np.testing.assert_array_equal(result.pixels[far], marked[far])
