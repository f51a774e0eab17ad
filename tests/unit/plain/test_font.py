"""Which characters are drawn, and what becomes of the others."""

from __future__ import annotations

import re

import pytest

from services.inference.plain.font import FOLDER, characters, drawable, files


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
        "简体字、繁體字：「漢」",
        "ひらがな カタカナ ﾊﾝｶｸ 葛\U000e0100",
        "한국어 ᄒ",
        "ภาษาไทย",
        "हिन्दी क्\u200dष ।",
        "বাংলা ਪੰਜਾਬੀ ગુજરાતી ଓଡ଼ିଆ தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල",
        "ខ្មែរ မြန်မာ አማርኛ ລາວ",
        "😀 🚀 👩\u200d🚀 👍🏽 🇫🇷 1\ufe0f\u20e3",
    ],
)
def test_scripts_of_the_fonts_are_drawn_as_they_are(text: str) -> None:
    assert drawable(text) == (text, "")


@pytest.mark.parametrize(
    ("text", "drawn", "lacking"),
    [
        ("a 𓀀𓀁 𓀀", "a □□ □", "𓀀𓀁"),
        ("བོད", "□□", "བོད"),
        ("a\r\nb\rc\u2028d\ve", "a\nb\nc\nd\ne", ""),
        ("a\x00b\x1b\tc\x7f", "ab c", ""),
        ("❤\ufe0f", "❤\ufe0f", ""),
        ("\ufffe\U0010ffff", "□□", "\ufffe\U0010ffff"),
    ],
)
def test_what_the_fonts_lack_is_a_box_and_is_named(text: str, drawn: str, lacking: str) -> None:
    found, missing = drawable(text)
    assert found == drawn
    assert sorted(missing) == sorted(set(lacking))


def test_every_box_can_be_drawn() -> None:
    assert ord("□") in characters(FOLDER / "DejaVuSans.ttf")


def test_each_font_is_there_and_has_what_its_map_says() -> None:
    counts = {file.stem: len(characters(file)) for file in files()}
    assert (counts["DejaVuSans"], counts["NotoSansCJKjp-Regular"], counts["NotoSansThai-Regular"]) == (5918, 44810, 426)
    # "Noto Sans CJK JP" is of the file NotoSansCJKjp-Regular.
    listed = re.findall("<string>Darkroom (.+)</string>", (FOLDER / "fonts.conf").read_text())
    assert sorted(name.replace(" ", "").lower() for name in listed) == sorted(name.removesuffix("-Regular").lower() for name in counts)
