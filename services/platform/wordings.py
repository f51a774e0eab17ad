"""Texts that programs can tell apart: each has a name, and its arguments can be read from it."""

from __future__ import annotations

import re
from collections.abc import Mapping


class Wordings:
    """Texts by their names, with the places of arguments as in `str.format`."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self._patterns = {why: re.compile(_pattern(text), re.DOTALL) for why, text in texts.items()}

    def read(self, text: str) -> dict[str, str]:
        """The text's name as `why`, and its arguments; empty if the text is another one."""
        for why, pattern in self._patterns.items():
            if match := pattern.fullmatch(text):
                return {"why": why, **match.groupdict()}
        return {}


def _pattern(text: str) -> str:
    parts = re.split(r"\{(\w+)\}", text)
    return "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
