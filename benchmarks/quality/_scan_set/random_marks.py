"""Marks and pages that a seed draws: words, fonts, colours and photographs that no other part of the set has."""

from __future__ import annotations

import random
from pathlib import Path

import PIL.Image
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from benchmarks.quality._scan_set.sheets import ROOT, Look
from benchmarks.quality._scan_set.stamps import Stamp

_PACKAGES = ROOT / ".venv-bench" / "lib" / "python3.11" / "site-packages"
_FONTS = {
    "Roboto": "font_roboto/files/Roboto-Regular.ttf",
    "Roboto-Bold": "font_roboto/files/Roboto-Bold.ttf",
    "Caladea": "font_caladea/files/Caladea-Regular.ttf",
    "Caladea-Bold": "font_caladea/files/Caladea-Bold.ttf",
    "Manrope-Bold": "font_manrope/files/Manrope-Bold.ttf",
    "SourceSerif-Bold": "font_source_serif_pro/files/SourceSerifPro-Bold.ttf",
}
_WORDS = ("ARCHIVED", "Not final", "REJECTED", "For review", "RETURNED", "Superseded", "FILED", "NOT VALID", "Test print", "Concept")
_NAMES = ("LYNX", "BALTIC", "REGISTRY", "MUSEUM", "SEALED")
_LINES = (
    "Downloaded by P. Lind on 7 June 2025 from example.net",
    "Licensed to Rowan Archive, order 77120",
    "Provided by Eastmere Library under licence to A. Okoye, 2025-02-11",
)
_TEXT = (
    "De molen draait op maandag en donderdag; wie meer dan zestien rollen (72 kg) wil laten persen, belt vooraf. Hun brief van 3 mei bleef "
    "onbeantwoord, hoewel er drie keer naar gevraagd was. Przesyłka nr 8/C-2047 dotarła w piątek, ale brakowało w niej dziewięciu arkuszy "
    "& dwóch pieczęci. The committee met twice in June, agreed on 41 of 48 points, and left the rest (pp. 12-19) to the treasurer."
)
KINDS = ("slanted",) * 8 + ("level",) * 2 + ("round",) * 4 + ("framed",) * 2 + ("tiled",) * 3 + ("footer",)


def register_fonts() -> None:
    """For the pages and their marks."""
    for name, file in _FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(_PACKAGES / file)))


def _photograph(name: str) -> PIL.Image.Image:
    return PIL.Image.open(_PACKAGES / Path("skimage/data") / name).convert("RGB")


LOOK = Look(
    tuple(_TEXT.split()),
    lambda: _photograph("rocket.jpg"),
    "#14505c",
    "Rowan Archive",
    "Inventory",
    ("#dfe5d0", "#efe2e2"),
    "#bfe3ff",
    "#3a2a12",
)


def draw_marks(seed: int) -> tuple[Stamp, ...]:
    """Twenty marks, as many of each kind as in the other parts."""
    chance, marks = random.Random(seed), []
    kinds = list(KINDS)
    chance.shuffle(kinds)
    for kind in kinds:
        ring = kind in ("round", "framed")
        colour = tuple(chance.randint(20, 200) for _ in range(3)) if ring or chance.random() < 0.4 else (chance.randint(0, 120),) * 3
        if ring and max(colour) - min(colour) < 90:
            colour = chance.choice(((190, 40, 60), (50, 60, 170), (20, 110, 90)))
        opacity = chance.uniform(0.7, 0.9) if ring or kind == "footer" else chance.uniform(0.25, 0.55)
        angle = chance.choice((-1, 1)) * chance.uniform(25, 55) if kind in ("slanted", "tiled") else chance.uniform(8, 30) if ring else 0.0
        place = (chance.uniform(0.35, 0.65), chance.uniform(0.3, 0.6)) if kind != "slanted" else (0.5, 0.5)
        word = chance.choice(_LINES if kind == "footer" else _NAMES if kind == "round" else _WORDS)
        font = "Roboto" if kind == "footer" else chance.choice(tuple(_FONTS))
        marks.append(Stamp(kind, word, font, (colour[0], colour[1], colour[2]), opacity, chance.random() < 0.6, angle, place))
    return tuple(marks)
