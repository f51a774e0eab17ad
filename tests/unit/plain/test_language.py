"""In whose forms Chinese characters are drawn."""

from __future__ import annotations

import pytest

from services.inference.plain.lettering import language


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("你好，世界", "zh-cn"),
        ("发货通知", "zh-cn"),
        ("發貨通知", "zh-tw"),
        ("漢字 ㄅㄆㄇ", "zh-tw"),
        ("漢字かな交じり", "ja"),
        ("ﾊﾝｶｸ 漢字", "ja"),
        ("東京駅", "ja"),
        ("한국 漢字", "ko"),
        ("直", "zh-cn"),
        ("Hello ภาษาไทย", "en"),
        ("", "en"),
    ],
)
def test_other_characters_tell_the_language_or_which_ones_there_are(text: str, tag: str) -> None:
    assert language(text) == tag
