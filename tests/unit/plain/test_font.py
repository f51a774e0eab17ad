"""Which characters are drawn, and what becomes of the others."""

from __future__ import annotations

import pytest

from services.inference.plain.font import characters, drawable


@pytest.mark.parametrize(
    "text",
    [
        "Ångström ẞ",
        "Tiếng Việt",
        "Ελληνικά ἀρχαῖος",
        "Привет, Україно",
        "مرحبا بالعالم",
        "فارسی گچپژ",
        "שלום",
        "Հայերեն",
        "ქართული",
        "e\u0301 q\u0307",
        "€ ½ ©",
    ],
)
def test_scripts_of_the_font_are_drawn_as_they_are(text: str) -> None:
    assert drawable(text) == (text, "")


@pytest.mark.parametrize(
    ("text", "drawn", "lacking"),
    [
        ("a 你好 你", "a □□ □", "你好"),
        ("हिन्दी", "□□□", "हिन्दी"),
        ("a\r\nb\rc\u2028d\ve", "a\nb\nc\nd\ne", ""),
        ("a\x00b\x1b\tc\x7f", "ab c", ""),
        ("❤\ufe0f", "❤\ufe0f", ""),
        ("\ufffe\U0010ffff", "□□", "\ufffe\U0010ffff"),
    ],
)
def test_what_the_font_lacks_is_a_box_and_is_named(text: str, drawn: str, lacking: str) -> None:
    found, missing = drawable(text)
    assert found == drawn
    assert sorted(missing) == sorted(set(lacking))


def test_every_box_can_be_drawn() -> None:
    assert ord("□") in characters()
    assert len(characters()) == 5918
