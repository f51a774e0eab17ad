"""The fonts that text is drawn with, and which characters they have."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from services.inference.plain.coverage import has

FAMILY = "Darkroom"
"""Which `fonts.conf` resolves."""
FOLDER = Path(__file__).resolve().parent.parent / "fonts"
_BOX = "□"
_BREAK = re.compile(r"\r\n?|[\u2028\u2029\v\f\x85]")


def drawable(text: str) -> tuple[str, str]:
    """The text as it can be drawn, and the characters that a box stands for, each once.

    Line breaks become `\\n`, other control characters go, and a mark on a character that the fonts lack goes with it.
    """
    drawn, lacking = [], []
    boxed = False
    for character in _BREAK.sub("\n", text):
        category = unicodedata.category(character)
        if category == "Cc":
            drawn.append({"\n": "\n", "\t": " "}.get(character, ""))
            boxed = False
        elif category in ("Cf", "Zs") or _has(character):
            drawn.append(character)
            boxed = False
        else:
            lacking.append(character)
            drawn.append("" if boxed and category.startswith("M") else _BOX)
            boxed = True
    return "".join(drawn), "".join(dict.fromkeys(lacking))


@cache
def files() -> tuple[Path, ...]:
    """Those of the fonts."""
    return tuple(sorted(FOLDER.glob("*.[ot]tf")))


def _has(character: str) -> bool:
    """Whether a font has a character, or all that it is composed of. Variation selectors draw nothing."""
    if 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF:
        return True
    parts = [ord(part) for part in unicodedata.normalize("NFD", character)]
    return any(has(file, ord(character)) or all(has(file, part) for part in parts) for file in files())
