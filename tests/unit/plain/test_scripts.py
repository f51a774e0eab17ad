"""Letters of all scripts are drawn as what they are, in the forms of their language, the same on each machine."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from services.inference.media import Limits, decode
from services.inference.plain.font import FOLDER, drawable
from services.inference.plain.lettering import Room, draw_text

LETTERS = {
    "simplified": "你们发书",
    "traditional": "發書體龜",
    "kana": "あのカネ",
    "hangul": "한글을쓰",
    "thai": "กขงญ",
    "devanagari": "कखघञ",
    "bengali": "কখঘঞ",
    "gurmukhi": "ਕਖਘਞ",
    "gujarati": "કખઘઞ",
    "odia": "କଖଘଞ",
    "tamil": "கஙஞண",
    "telugu": "కఖఘఞ",
    "kannada": "ಕಖಘಞ",
    "malayalam": "കഖഘഞ",
    "sinhala": "කඛඝඤ",
    "khmer": "កខឃញ",
    "burmese": "ကခဃည",
    "ethiopic": "አበገደ",
    "emoji": "🚀🥑👍🍕",
    "greek": "αβψω",
}
HOSTILE = """<fontconfig>
  <match target="pattern">
    <edit name="family" mode="prepend" binding="strong"><string>DejaVu Serif</string></edit>
    <edit name="weight" mode="assign"><const>bold</const></edit>
    <edit name="antialias" mode="assign"><bool>false</bool></edit>
  </match>
  <match target="font">
    <edit name="hintstyle" mode="assign"><const>hintfull</const></edit>
    <edit name="autohint" mode="assign"><bool>true</bool></edit>
    <edit name="antialias" mode="assign"><bool>false</bool></edit>
  </match>
</fontconfig>"""
DRAWN = """
import hashlib, sys
import services.inference
from services.inference.plain.lettering import Room, draw_text
mask, size = draw_text("Aé 漢字 ไทย हिन्दी 🚀 ☺", 40, Room((900, 100), 0, 0), "low")
print(mask.width, mask.height, hashlib.sha256(mask.write_to_memory()).hexdigest())
"""


def ink(text: str, size: float = 60) -> np.ndarray:
    """Which pixels of a text have ink, cut to it."""
    mask, _ = draw_text(text, size, Room((4000, 1000), 0, 0), "low")
    assert mask is not None
    return cut(mask.numpy().reshape(mask.height, mask.width) > 127)


def cut(found: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return np.asarray(found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def is_box(drawn: np.ndarray) -> bool:
    """Whether there is a frame around all of it, as Pango draws it for what no font has."""
    return all(side.mean() > 0.8 for side in (drawn[1], drawn[-2], drawn[:, 1], drawn[:, -2]))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool((one == other).all())


def test_a_box_is_known_as_one() -> None:
    assert is_box(ink("□"))
    assert is_box(ink("\U0010fffd"))


@pytest.mark.parametrize("script", LETTERS)
def test_letters_of_a_script_are_no_boxes_and_differ(script: str) -> None:
    assert drawable(LETTERS[script]) == (LETTERS[script], "")
    drawn = [ink(letter) for letter in LETTERS[script]]
    assert not any(map(is_box, drawn))
    assert not any(same(*pair) for pair in combinations(drawn, 2))


@pytest.mark.parametrize(
    ("joined", "apart"),
    [
        ("क्ष", "क्\u200cष"),
        ("ক্ষ", "ক্\u200cষ"),
        ("க்ஷ", "க்\u200cஷ"),
        ("స్త్రీ", "స్\u200cత్\u200cరీ"),
        ("ស្ត្រី", "ស\u17d2\u200cត\u17d2\u200cរី"),
        ("👩\u200d🚀", "👩🚀"),
    ],
)
def test_letters_are_joined(joined: str, apart: str) -> None:
    assert not same(ink(joined), ink(apart))
    assert ink(joined).shape[1] < ink(apart).shape[1]


def test_marks_stand_above_each_other() -> None:
    # Sara i and mai ek above one letter.
    assert ink("ที่").shape[0] > ink("ที").shape[0] > ink("ท").shape[0]


def test_scripts_mix() -> None:
    parts = ["A", "漢", "ไ", "क", "🚀"]
    together = ink("  ".join(parts))
    assert together.shape[1] > sum(ink(part).shape[1] for part in parts)
    first = ink("A")
    assert any((together[at : at + len(first), : first.shape[1]] == first).all() for at in range(len(together) - len(first) + 1))


def test_chinese_characters_have_the_forms_of_their_language() -> None:
    def last(text: str) -> np.ndarray:
        return ink(text)[:, -64:]

    simplified, traditional, japanese = (last(f"{before}  骨") for before in ("们", "們", "の"))
    assert not any(same(*pair) for pair in combinations((simplified, traditional, japanese), 2))


@pytest.mark.parametrize("text", ["漢字", "ที่ปั้น", "कि्षूँ", "ក្រ្ងឹ", "ကြိုး", "அகொ", "Ågj"])
def test_lines_do_not_touch(text: str) -> None:
    one, three = ink(text), ink(f"{text}\n{text}\n{text}")
    spacing = (len(three) - len(one)) / 2
    assert len(one) + 1 <= spacing <= 2.5 * 60


@pytest.mark.parametrize("size", [8, 16, 200])
def test_all_sizes_are_drawn(size: float) -> None:
    assert size * 2.2 < ink("漢字体", size).shape[1] < size * 3.2


def test_an_svg_gets_what_its_font_lacks() -> None:
    def drawn(text: str) -> np.ndarray:
        words = f'<text x="9" y="60" font-size="48" font-family="Arial">{text}</text>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><path fill="#fff" d="M0 0h80v80H0z"/>{words}</svg>'
        return cut(decode(svg.encode(), Limits()).srgb()[..., 0] < 128)

    letters = [drawn(letter) for letter in "漢ไक"]
    assert not any(map(is_box, letters))
    assert not any(same(*pair) for pair in combinations(letters, 2))


@pytest.mark.parametrize("text", ["漢" * 120, "ภาษาไทย" * 40, "हिन्दी" * 60])
def test_a_text_without_spaces_fits(text: str) -> None:
    mask, size = draw_text(text, 40, Room((400, 300), 0, 0), "low")
    assert mask is not None
    assert mask.width <= 408 and mask.height <= 306
    assert size > 8


def test_the_machine_makes_no_difference(tmp_path: Path) -> None:
    own = (FOLDER / "fonts.conf").read_text().replace('<dir prefix="relative">.</dir>', f"<dir>{FOLDER}</dir>")
    (tmp_path / "hostile.conf").write_text(HOSTILE)
    drawn = set()
    for name, include in {"bare": "/nonexistent", "hostile": str(tmp_path / "hostile.conf")}.items():
        file = tmp_path / f"{name}.conf"
        file.write_text(own.replace("/etc/fonts/fonts.conf", include))
        for locale in ("C", "ja_JP.UTF-8"):
            program = DRAWN.replace(
                "import services.inference\n", f"import os, services.inference\nos.environ['FONTCONFIG_FILE'] = {str(file)!r}\n"
            )
            environment = {**os.environ, "LANG": locale, "LC_ALL": locale, "PANGO_LANGUAGE": "ko", "XDG_CACHE_HOME": str(tmp_path / name)}
            done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
            drawn.add(done.stdout)
    assert len(drawn) == 1
