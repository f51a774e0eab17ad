"""Languages, and how signs are written in them."""

from __future__ import annotations

import pytest

from services.inference.ocr.languages import EAST_ASIAN, LATIN, localize, require
from services.platform.errors import DarkroomError, ErrorReason


@pytest.mark.parametrize("language", ["", "auto", "de", "en", "es", "fr", "ja", "zh"])
def test_what_can_be_read(language: str) -> None:
    require(language)


@pytest.mark.parametrize("language", ["ko", "ru", "ar", "vi", "xx"])
def test_what_cannot_is_named_with_what_can(language: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        require(language)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "language")
    assert refused.value.message.startswith(f"language: {language} cannot be read")
    assert all(f"{known}" in refused.value.message for known in EAST_ASIAN | LATIN)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Tea，（milk）！", "en", "Tea,(milk)!"),
        ("Tea，（milk）！", "auto", "Tea,(milk)!"),
        ("茶，（奶）！", "auto", "茶，（奶）！"),
        ("Tea，", "zh", "Tea，"),
        ("Ｈ２Ｏ。", "de", "H2O."),
        ("½ ﬁ …", "fr", "½ ﬁ …"),
    ],
)
def test_signs_are_narrow_in_latin_text(text: str, language: str, expected: str) -> None:
    assert localize(text, language) == expected
