"""The language in whose forms the Chinese characters of a text are drawn, by its other characters, or by which of them it has."""

from __future__ import annotations

import re

_KANA = re.compile("[ぁ-ゖァ-ヺㇰ-ㇿｦ-ﾝ]")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_BOPOMOFO = re.compile("[\u3105-\u312f\u31a0-\u31bf]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SIMPLIFIED, _TRADITIONAL, _JAPANESE, _KOREAN, _OTHER = "zh-cn", "zh-tw", "ja", "ko", "en"
_SETS = {_SIMPLIFIED: "gb2312", _TRADITIONAL: "big5", _JAPANESE: "shift_jis"}
"""Character sets of the usual characters of a language, the first being preferred."""


def language(text: str) -> str:
    """The tag of a language; that of English where it makes no difference."""
    for characters, tag in ((_KANA, _JAPANESE), (_HANGUL, _KOREAN), (_BOPOMOFO, _TRADITIONAL)):
        if characters.search(text):
            return tag
    han = "".join(_HAN.findall(text))
    return max(_SETS, key=lambda tag: len(han.encode(_SETS[tag], "ignore"))) if han else _OTHER
