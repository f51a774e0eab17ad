"""Scans of pages with known text: drawn by two producers, and degraded as by a scanner."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import reportlab
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._sentences import sentence
from benchmarks.quality._upscale_inputs import PACKAGES

Pixels = NDArray[np.uint8]

_WIDTH, _HEIGHT, _MARGIN, _GUTTER = 360.0, 260.0, 24.0, 20.0  # points
_VERA = Path(reportlab.__file__).parent / "fonts"
TEXTS = {
    "English": "The harbour was closed for most of the winter, and the survey of 1987 found no more than 42 vessels at the eastern quay. "
    "Repairs to the bridge cost £3,150 (about 12 % of the year's budget); the council's report, however, called them urgent. "
    "Nobody who had seen the damage doubted it.",
    "German": "Die Straße über die Brücke war während des größten Teils des Winters gesperrt. Für die Ausbesserung zahlte die Gemeinde "
    "3.150 € – das sind etwa 12 % der jährlichen Ausgaben. „Niemand hätte früher geprüft“, heißt es im Gutachten, „ob die Pfähle tragfähig "
    "bleiben.“",
    "French": "Le pont était fermé depuis l'été ; la réparation a coûté 3 150 € à la commune, soit près de 12 % du budget annuel. D'après "
    "l'enquête, où l'on relève 42 bateaux amarrés à l'est, personne n'avait vérifié les piliers. Ça n'a guère étonné "
    "les pêcheurs, dont les "
    "bénéfices ont chuté.",
}
HELD_OUT_TEXTS = {
    "English": "Samples were taken at 9:45 and again at noon; each was weighed twice, dried for six hours and weighed "
    "once more. Mr. O'Neill "
    "signed the record (no. 7/B-2048), which lists 316 entries in five columns. The largest value, 18.75 grams, belongs to a sample that "
    "had been kept in the dark.",
    "German": "Öffnungszeiten: dienstags bis sonntags von 10 bis 18 Uhr, außer an Feiertagen. Führungen müssen zwei "
    "Wochen vorher schriftlich "
    "angemeldet werden (höchstens 25 Gäste). Übrigens: Schüler zahlen nur die Hälfte, Kinder unter sechs gar nichts – auch für die "
    "Sonderausstellung „Kälte & Wärme“.",
    "French": "Veuillez agréer, Madame, l'expression de nos sentiments dévoués. Le reçu n° 7/B-2048 a été envoyé le 3 août à votre hôtel ; "
    "s'il ne vous est pas parvenu, prévenez-nous aussitôt. Les frais (18,75 €) seront remboursés dès que le dossier "
    "complété aura été reçu.",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """How a page is drawn and scanned."""

    text: str
    draw: Callable[[Scan], tuple[Pixels, str]]
    font: str
    size: float = 10.0
    """Points."""
    dpi: int = 200
    columns: int = 1
    noise: float = 6.0
    """Levels, standard deviation."""
    skew: float = 0.3
    """Degrees."""
    quality: int = 75
    """Of the JPEG."""
    seed: int = 7
    """Of the noise."""

    def make(self) -> tuple[Pixels, str]:
        """The scan (sRGB, height x width x 3), and its text in reading order, with a space between lines."""
        page, text = self.draw(self)
        return _scanned(page, self), text


def drawn_by_pdfium(scan: Scan) -> tuple[Pixels, str]:
    """A ReportLab page with one of the standard fonts, rendered by PDFium."""
    columns, width = _columns(scan, lambda words: stringWidth(words, scan.font, scan.size))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    canvas.setFont(scan.font, scan.size)
    for number, lines in enumerate(columns):
        for row, line in enumerate(lines):
            canvas.drawString(_MARGIN + number * (width + _GUTTER), _HEIGHT - _MARGIN - (row + 1) * 1.3 * scan.size, line)
    canvas.save()
    with pypdfium2.PdfDocument(buffer.getvalue()) as document:
        picture = document[0].render(scale=scan.dpi / 72).to_pil().convert("L")
    return np.asarray(picture, np.uint8), " ".join(line for lines in columns for line in lines)


def drawn_by_pillow(scan: Scan) -> tuple[Pixels, str]:
    """A page in one of ReportLab's TrueType fonts, or one with a whole path, drawn by Pillow (FreeType)."""
    scale = scan.dpi / 72
    font = ImageFont.truetype(str(_VERA / scan.font), scan.size * scale)
    columns, width = _columns(scan, lambda words: font.getlength(words) / scale)
    page = Image.new("L", (round(_WIDTH * scale), round(_HEIGHT * scale)), 255)
    draw = ImageDraw.Draw(page)
    for number, lines in enumerate(columns):
        for row, line in enumerate(lines):
            place = ((_MARGIN + number * (width + _GUTTER)) * scale, (_MARGIN + row * 1.3 * scan.size) * scale)
            draw.text(place, line, font=font, fill=20)
    return np.asarray(page, np.uint8), " ".join(line for lines in columns for line in lines)


def _columns(scan: Scan, width_of: Callable[[str], float]) -> tuple[list[list[str]], float]:
    """The lines of each column, in columns of equal height, and the width of one."""
    width = (_WIDTH - 2 * _MARGIN - (scan.columns - 1) * _GUTTER) / scan.columns
    lines: list[str] = []
    for word in scan.text.split(" "):
        if lines and width_of(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    rows = -(-len(lines) // scan.columns)
    return [lines[at : at + rows] for at in range(0, len(lines), rows)], width


def _scanned(page: Pixels, scan: Scan) -> Pixels:
    """The page on grey paper, slightly askew and out of focus, with noise, as JPEG."""
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), scan.skew, 1.0)
    turned = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255,))
    soft = cv2.GaussianBlur(turned, (0, 0), 0.6 * scan.dpi / 200).astype(np.float32)
    gray = 30 + soft * (205 / 255) + np.random.default_rng(scan.seed).normal(0, scan.noise, page.shape)
    encoded = cv2.imencode(".jpg", gray.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, scan.quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


PARTS: Mapping[str, tuple[Mapping[str, str], Callable[[Scan], tuple[Pixels, str]], Sequence[str]]] = {
    "seen": (TEXTS, drawn_by_pdfium, ("Helvetica", "Times-Roman", "Courier")),
    "once held out": (HELD_OUT_TEXTS, drawn_by_pillow, ("Vera.ttf", "VeraBd.ttf", "VeraIt.ttf")),
    "held out": (
        dict.fromkeys(TEXTS, ""),
        drawn_by_pillow,
        tuple(
            str(PACKAGES / package / "files" / file)
            for package, file in (
                ("font_hanken_grotesk", "HankenGrotesk-Regular.otf"),
                ("font_source_serif_pro", "SourceSerifPro-It.ttf"),
                ("font_caladea", "Caladea-Bold.ttf"),
            )
        ),
    ),
}
"""Texts, which the seed draws for those held out, who draws them, and in what fonts."""
SEED = 534155
"""First used for this table."""
_SENTENCES = 5


def groups() -> dict[tuple[str, str], Sequence[Scan]]:
    """Scans by part and topic."""
    made: dict[tuple[str, str], Sequence[Scan]] = {}
    for part, (texts, draw, fonts) in PARTS.items():
        usual = Scan(texts["English"], draw, fonts[0])
        made[part, "fonts"] = [replace(usual, font=font) for font in fonts]
        made[part, "8 points, 150 dpi"] = [replace(usual, size=8, dpi=150)]
        made[part, "8 points, 300 dpi"] = [replace(usual, size=8, dpi=300)]
        made[part, "14 points, 150 dpi"] = [replace(usual, size=14, dpi=150)]
        made[part, "noise, coarse JPEG"] = [replace(usual, noise=22, quality=40)]
        made[part, "askew by 2°"] = [replace(usual, skew=2), replace(usual, skew=-2)]
        made[part, "two columns"] = [replace(usual, columns=2, size=9), replace(usual, columns=2, size=9, dpi=300)]
        made[part, "two columns, askew by 2°"] = [replace(usual, columns=2, size=9, skew=2), replace(usual, columns=2, size=9, skew=-2)]
        made[part, "8 points, 150 dpi, noise, coarse JPEG"] = [replace(usual, size=8, dpi=150, noise=22, quality=40)]
        made[part, "German"] = [replace(usual, text=texts["German"])]
        made[part, "French"] = [replace(usual, text=texts["French"])]
    chance = np.random.default_rng(SEED)
    return {
        (part, about): [_varied(scan, about, chance) for scan in scans] if part == "held out" else scans
        for (part, about), scans in made.items()
    }


def _varied(scan: Scan, about: str, chance: np.random.Generator) -> Scan:
    """With sentences and damage by chance."""
    language = {"German": "de", "French": "fr"}.get(about, "en")
    text = " ".join(line for _ in range(_SENTENCES) for line in sentence(language, chance))
    noise, skew, quality = (scan.noise, scan.skew, scan.quality) * chance.uniform(0.75, 1.25, 3)
    return replace(scan, text=text, noise=noise, skew=skew, quality=round(quality), seed=int(chance.integers(1 << 31)))
