"""The turns of phrase to avoid, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tic:
    """A turn of phrase, and what a native writer would use."""

    name: str
    pattern: re.Pattern[str]
    suggestion: str


def _tic(name: str, pattern: str, suggestion: str) -> Tic:
    return Tic(name, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), suggestion)


TICS = (
    _tic("told", r"told", "say who knows, gets or receives it"),
    _tic("tells", r"tells|tell of", "says, reports, shows or lists"),
    _tic(
        "as it is",
        r"(?<!soon )(?<!long )(?<!far )(?<!often )(?<!much )as it is(?! (?:\w+ed|then|now|read|seen|set|sent|made|drawn|written)\b)",
        "unchanged, or as is",
    ),
    _tic("beside", r"beside", "next to, besides, or along with"),
    _tic("but for", r"but for", "except, or apart from"),
    _tic("none of", r"none of", "no …, not any …, or not … any"),
    _tic("anew", r"anew", "again"),
    _tic("as it has to be", r"as (?:it has|they have) to be", "valid, correct, or as required"),
    _tic("mend", r"mend(?:s|ed|ing)?", "fix, repair or correct"),
    _tic("no such … as", r"no such [\w-]+(?: [\w-]+)? as", "X is not a valid …, or … X does not exist"),
)

# A statement; a question may open so.
_OPENER = re.compile(r"(?:What|Who|Whoever|Whatever|Whichever|Of)\b(?! course\b)")
OPENER = Tic("relative opener", _OPENER, "start with the subject: who or what does something")

_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_]*[A-Z])")

ALL = (*TICS, OPENER)


def matches(text: str) -> Iterator[tuple[Tic, int, str]]:
    """Each tic in a text, with the offset and the words that it was recognised by."""
    for tic in TICS:
        for match in tic.pattern.finditer(text):
            yield tic, match.start(), match[0]
    for offset, sentence in sentences(text):
        opening = _OPENER.match(sentence)
        if opening and not sentence.rstrip("\"')*_ \n").endswith("?"):
            yield OPENER, offset, " ".join(sentence.split()[:4])


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a text, with their offsets."""
    start = 0
    for end in [*_END.finditer(text), None]:
        sentence = text[start : end.start() if end else len(text)]
        bare = sentence.lstrip("\"'(*_ \n")
        yield start + len(sentence) - len(bare), bare
        start = end.end() if end else start
