"""The requirements of countries on a passport photo: its size, how large the head is and where the eyes are, and the colours behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOCUMENT_TYPE, DOCUMENT_LABEL = "passport", "Passport"
"""The one kind of document that there is."""
WHITE, GRAY, BLUE, RED = "#FFFFFF", "#D4D4D4", "#BFDBFE", "#EF4444"
"""Backgrounds, in sRGB."""
USUAL_DPI = 300
NO_FACE = "No face detected"
"""The message of a task that finds none."""


@dataclass(frozen=True, slots=True)
class HeadFrame:
    """Where a head is in a photo. All are shares of the photo's height."""

    least: float
    """The height of a head, from the chin to the crown."""
    most: float
    eyes: float
    """Height of the line of the eyes above the lower edge."""

    @property
    def head(self) -> float:
        """The height of a head that is aimed at."""
        return (self.least + self.most) / 2


FRAME_A = HeadFrame(0.70, 0.80, 0.63)
FRAME_B = HeadFrame(0.50, 0.69, 0.56)
_FRAME_CANADA = HeadFrame(0.44, 0.51, 0.55)


@dataclass(frozen=True, slots=True)
class CountryPhoto:
    """The requirements of a country."""

    code: str
    """Two capital letters (ISO 3166-1; `EU` for the photos that ICAO recommends)."""
    name: str
    """In English."""
    width_mm: float
    height_mm: float
    frame: HeadFrame
    backgrounds: Sequence[str] = (WHITE,)
    """The colours that are allowed, as `#` and six digits; the first is the usual one."""


_ALL = (
    CountryPhoto("US", "United States", 51, 51, FRAME_B),
    CountryPhoto("CA", "Canada", 50, 70, _FRAME_CANADA),
    CountryPhoto("MX", "Mexico", 35, 45, FRAME_A),
    CountryPhoto("BR", "Brazil", 50, 70, FRAME_B),
    CountryPhoto("EU", "European Union (ICAO)", 35, 45, FRAME_A, (WHITE, GRAY)),
    CountryPhoto("GB", "United Kingdom", 35, 45, FRAME_A, (GRAY,)),
    CountryPhoto("DE", "Germany", 35, 45, FRAME_A, (GRAY,)),
    CountryPhoto("FR", "France", 35, 45, FRAME_A, (GRAY, BLUE)),
    CountryPhoto("ES", "Spain", 26, 32, FRAME_A),
    CountryPhoto("IT", "Italy", 35, 45, FRAME_A),
    CountryPhoto("NL", "Netherlands", 35, 45, FRAME_A),
    CountryPhoto("PL", "Poland", 35, 45, FRAME_A),
    CountryPhoto("SE", "Sweden", 35, 45, FRAME_A),
    CountryPhoto("IE", "Ireland", 35, 45, FRAME_A),
    CountryPhoto("RU", "Russia", 35, 45, FRAME_A),
    CountryPhoto("TR", "Türkiye", 50, 60, FRAME_A),
    CountryPhoto("IN", "India", 51, 51, FRAME_B),
    CountryPhoto("CN", "China", 33, 48, FRAME_A),
    CountryPhoto("JP", "Japan", 35, 45, FRAME_A),
    CountryPhoto("KR", "South Korea", 35, 45, FRAME_A),
    CountryPhoto("TH", "Thailand", 35, 45, FRAME_A),
    CountryPhoto("VN", "Vietnam", 40, 60, FRAME_A),
    CountryPhoto("PH", "Philippines", 35, 45, FRAME_A),
    CountryPhoto("ID", "Indonesia", 30, 40, FRAME_A, (RED,)),
    CountryPhoto("MY", "Malaysia", 35, 50, FRAME_A),
    CountryPhoto("SG", "Singapore", 35, 45, FRAME_A),
    CountryPhoto("PK", "Pakistan", 35, 45, FRAME_A, (WHITE, BLUE)),
    CountryPhoto("BD", "Bangladesh", 35, 45, FRAME_A),
    CountryPhoto("AU", "Australia", 35, 45, FRAME_A),
    CountryPhoto("NZ", "New Zealand", 35, 45, FRAME_A),
    CountryPhoto("SA", "Saudi Arabia", 40, 60, FRAME_A),
    CountryPhoto("AE", "United Arab Emirates", 43, 55, FRAME_A),
    CountryPhoto("EG", "Egypt", 40, 60, FRAME_A),
    CountryPhoto("NG", "Nigeria", 35, 45, FRAME_A),
    CountryPhoto("ZA", "South Africa", 35, 45, FRAME_A),
)
COUNTRIES: Mapping[str, CountryPhoto] = {each.code: each for each in _ALL}
"""By their codes."""
_USUAL_WIDTH, _USUAL_HEIGHT = 35.0, 45.0


def photo_for(code: str, width_mm: float = 0, height_mm: float = 0) -> CountryPhoto | None:
    """The requirements on a photo for a country, in upper or lower case, or on one with its own size, in millimetres (0: not given).

    A size takes the place of the country's. Where there is no such country, a width is enough: the height is then as for 35 × 45 mm, and
    the head as in frame A; without a width, None.
    """
    country = COUNTRIES.get(code.upper())
    if country is None and not width_mm:
        return None
    if country is None:
        return CountryPhoto(code, "Custom", width_mm, height_mm or width_mm * _USUAL_HEIGHT / _USUAL_WIDTH, FRAME_A)
    wide, high = width_mm or country.width_mm, height_mm or country.height_mm
    return CountryPhoto(country.code, country.name, wide, high, country.frame, country.backgrounds)


def pixels(millimetres: float, dpi: float) -> int:
    """A length in pixels, to the nearest whole one, at least 1."""
    return max(1, int(millimetres / 25.4 * dpi + 0.5))
