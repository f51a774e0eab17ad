"""Which languages the network that reads lines has letters for, and writing its characters as a language does."""

from __future__ import annotations

import unicodedata

from services.platform.errors import DarkroomError, ErrorReason

ANY = frozenset(("", "auto"))
EAST_ASIAN = frozenset(("ja", "zh"))
_LATIN = "af az bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it la lb lt lv ms mt nl no oc pl pt rm ro sk sl sq sv sw tl tr"
LATIN = frozenset(_LATIN.split())
"""By ISO 639-1: those whose letters PP-OCRv6 has, by the list in its file. For Spanish and German it lacks only ¡ and „."""


def require(language: str) -> None:
    """Raise FIELD_INVALID for a language that cannot be read, with those that can."""
    if language not in ANY | EAST_ASIAN | LATIN:
        known = ", ".join(sorted(EAST_ASIAN | LATIN))
        message = f"language: {language} cannot be read on this installation. Use one of: {known}, or auto."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="language")


def localize(text: str, language: str) -> str:
    """A line of text with the forms of signs that its language uses: the network reads `,` and `(` now as wide, now as narrow ones."""
    if language in EAST_ASIAN or (language in ANY and any(_is_east_asian(letter) for letter in text)):
        return text
    return "".join(
        unicodedata.normalize("NFKC", letter) if "\uff01" <= letter <= "\uff5e" else _NARROW.get(letter, letter) for letter in text
    )


_NARROW = {"。": ".", "、": ",", "\u3000": " "}


def _is_east_asian(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or letter > "\U0001ffff"
