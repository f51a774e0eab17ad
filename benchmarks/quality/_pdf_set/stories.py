"""Text for the documents' pages: no two documents are alike, and each is the same every time it is made."""

from __future__ import annotations

import random

_TEXT = """
the of and a to in is was that for on with as it by at from this be are which an or not were all their one has had more two river
valley engine report market winter county figure method sample result region growth supply effect number office letter water stone
bridge record summer paper member system value measure account harbour quarter margin forest survey station
"""
_WORDS = _TEXT.split()


def paragraph(seed: int, words: int) -> str:
    """Some sentences."""
    chance = random.Random(seed)
    text: list[str] = []
    sentence: list[str] = []
    while len(text) + len(sentence) < words:
        sentence.append(chance.choice(_WORDS))
        if len(sentence) > chance.randint(7, 16):
            text += [sentence[0].capitalize(), *sentence[1:-1], sentence[-1] + "."]
            sentence = []
    return " ".join([*text, *sentence])


def lines(seed: int, count: int, words: int = 11) -> list[str]:
    """Lines of a page."""
    return [" ".join(paragraph(seed * 1000 + number, words).split()[:words]) for number in range(count)]
