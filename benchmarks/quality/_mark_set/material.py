"""The photographs, fonts, words, shapes and libraries that pictures are made of, in three parts that share none of the first three."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.quality._mark_set import photographs
from benchmarks.quality._mark_set.drawers import HELD_OUT_FONTS, SEEN_FONTS, TUNED_FONTS, Drawer, pillow, skia_


@dataclass(frozen=True, slots=True)
class Material:
    """One part's. `words` are of marks, `signs` those in pictures without a mark."""

    part: str
    seed: str
    photographs: Sequence[tuple[str, str]]
    fonts: Sequence[str]
    words: Sequence[str]
    dates: Sequence[str]
    signs: Sequence[str]
    emblems: Sequence[str]
    drawers: Sequence[Drawer]


TUNED = Material(
    "tuned on",
    "False",
    photographs.TUNED,
    TUNED_FONTS,
    ("SAMPLE", "PREVIEW", "© Studio North", "www.catphotos.com", "PROOF", "DRAFT", "Shot on M7", "John Smith", "SAMPLE PHOTO"),
    ("2019-05-03", "03/05/2019", "05.03.19 08:12"),
    ("BAKERY", "SPACE", "Open 9 to 5", "EXIT", "No. 47", "Hotel Adler", "FRESH FISH", "Platform 3"),
    ("triangle", "shield", "slash"),
    (pillow,),
)
SEEN = Material(
    "seen",
    "True",
    photographs.SEEN,
    SEEN_FONTS,
    ("EXAMPLE", "COPYRIGHT", "© A. Photographer", "stockpix.net", "WATERMARK", "DO NOT COPY", "@lightroom_lea", "Trial", "Maja Holm"),
    ("2024/07/19", "19.07.2024 14:32", "'98  7 19"),
    ("TEA HOUSE", "CAT", "Zimmer frei", "PHARMACY", "Route 66", "Salon Rosa", "Books & Maps", "STOP"),
    ("star", "cross", "rings"),
    (skia_,),
)


def held_out(seed: int) -> Material:
    """Nothing of it may be looked at before the code is finished: then it is run once with a seed that was not used before."""
    order = list(photographs.HELD_OUT)
    random.Random(seed).shuffle(order)
    return Material(
        "held out",
        str(seed),
        order,
        HELD_OUT_FONTS,
        ("UNLICENSED", "Comp Image", "© 2026 Fjord Media", "imagebay.org", "FOR REVIEW", "Evaluation copy", "@nils.frames", "Demo", "VOID"),
        ("2026-11-02 09:41", "11/02/26", "'04 12 24"),
        ("FLOWERS", "Gate 12", "Cafe Luna", "NO ENTRY", "Museum", "Tickets", "Pizza & Pasta", "EST. 1987"),
        ("triangle", "shield", "slash", "star", "cross", "rings"),
        (pillow, skia_),
    )
