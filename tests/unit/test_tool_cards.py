"""The cards of operations and presets: small, and made with settings that the operations take."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from google.protobuf import json_format
from PIL import Image

from benchmarks.contact_sheet.sheets import sheets as _registered  # noqa: F401 - registers pictures
from benchmarks.contact_sheet.sources import file_of
from benchmarks.tool_cards.cards import Card, cards
from benchmarks.tool_cards.drawing import HEIGHT, WIDTH, draw_lines, encode_card, halves, picture_of
from darkroom.operations.v1 import operation_pb2
from reference.console_forms import forms

FOLDER = Path(__file__).parents[2] / "console" / "public" / "tools"
MOST_BYTES, MOST_IN_ALL = 6 * 1024, 350 * 1024


def test_each_card_is_of_an_operation_or_a_preset_that_the_console_shows() -> None:
    ids = [card.id for card in cards()]
    shown = {each["id"] for form in forms()["operations"] for each in (form, *form["presets"])}
    assert len(ids) == len(set(ids))
    assert set(ids) <= shown
    assert {path.stem for path in FOLDER.iterdir()} == set(ids)


def test_cards_are_small_and_of_one_size() -> None:
    files = list(FOLDER.iterdir())
    assert [path.name for path in files if path.suffix != ".webp" or path.stat().st_size > MOST_BYTES] == []
    assert sum(path.stat().st_size for path in files) <= MOST_IN_ALL
    for path in files:
        with Image.open(path) as card:
            assert (card.format, card.size) == ("WEBP", (WIDTH, HEIGHT)), path.name


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.id)
def test_a_card_is_made_of_what_its_operation_takes(card: Card) -> None:
    for source in (*card.sources, *card.files.values()):
        assert file_of(source)[1]
    settings = dict(card.settings) if card.runs else {"prompt": "a"} if card.id != "colorize" else {}
    json_format.ParseDict({card.operation: settings}, operation_pb2.Operation())


def test_halves_are_of_before_and_after() -> None:
    card = halves(Image.new("RGBA", (60, 40), "#ff0000"), Image.new("RGBA", (600, 400), "#0000ff"))
    assert card.size == (WIDTH, HEIGHT)
    assert (card.getpixel((5, 5)), card.getpixel((WIDTH - 5, 5))) == ((255, 0, 0), (0, 0, 255))


def test_a_card_is_written_as_well_as_fits() -> None:
    photo = picture_of(file_of("photo")[1])
    large, small = encode_card(halves(photo, photo), 1 << 20), encode_card(halves(photo, photo), MOST_BYTES)
    assert len(small) <= MOST_BYTES < len(large)
    assert Image.open(io.BytesIO(encode_card(draw_lines(photo, ["a"] * 20), MOST_BYTES))).size == (WIDTH, HEIGHT)
