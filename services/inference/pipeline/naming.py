"""Names of results, from their source and what was done to it, and of the file that an error is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from services.platform.errors import DarkroomError, ErrorReason

_LONGEST = 200
"""Characters; records allow 300, and most file systems 255 bytes."""
_LONGEST_WORDS = 40
_MOST_LABELS = 8


def name_of_words(text: str) -> str:
    """The first words of a text as a file stem: `A red cup, on a table` as `a-red-cup-on-a-table`. `picture` if it has no words."""
    words = re.findall(r"\w+", text.lower())
    stem = words[0][:_LONGEST_WORDS] if words else "picture"
    for word in words[1:]:
        if len(stem) + 1 + len(word) > _LONGEST_WORDS:
            break
        stem += f"-{word}"
    return stem


def result_name(source: str, labels: Sequence[str], extension: str, taken: Collection[str] = ()) -> str:
    """`portrait.jpg` with the labels `cutout` and `2x` as `portrait-cutout-2x.png`; numbered if that is `taken`.

    A source without a name is called `result`. A long name is truncated before the labels, of which there are at most eight.
    """
    stem = PurePosixPath(source).stem.strip() or "result"
    tail = "".join(f"-{label}" for label in labels[:_MOST_LABELS])
    number = 1
    while True:
        ending = f"{tail}{'' if number == 1 else f'-{number}'}.{extension}"
        name = stem[: _LONGEST - len(ending)] + ending
        if name not in taken:
            return name
        number += 1


def with_file_name(error: DarkroomError, name: str) -> DarkroomError:
    """The same error, naming the file that it is about, unless it is not about the file."""
    if error.reason in (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL, ErrorReason.OPERATION_UNAVAILABLE):
        return error
    return DarkroomError(error.reason, f"{name}: {error.message}", field=error.field, allowed=error.allowed, metadata=error.metadata)
