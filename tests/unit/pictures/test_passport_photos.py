"""What countries demand, row by row as in the contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from darkroom.operations.v1.passport_photo_pb2 import PassportPhoto
from services.pictures.passport_photos import COUNTRIES, photo_for, pixels
from services.pictures.result_size import result_size
from services.platform.errors import DarkroomError, ErrorReason

A, B, CANADA = (0.70, 0.80, 0.63), (0.50, 0.69, 0.56), (0.44, 0.51, 0.55)
WHITE, GRAY, BLUE, RED = "#FFFFFF", "#D4D4D4", "#BFDBFE", "#EF4444"
USUAL = ("MX", "RU", "IE", "IT", "NL", "PL", "SE", "JP", "KR", "TH", "PH", "SG", "BD", "AU", "NZ", "NG", "ZA")
ROWS: Mapping[str, tuple[tuple[float, float], tuple[float, float, float], tuple[str, ...]]] = {
    **dict.fromkeys(USUAL, ((35, 45), A, (WHITE,))),
    "EU": ((35, 45), A, (WHITE, GRAY)),
    "PK": ((35, 45), A, (WHITE, BLUE)),
    "GB": ((35, 45), A, (GRAY,)),
    "DE": ((35, 45), A, (GRAY,)),
    "FR": ((35, 45), A, (GRAY, BLUE)),
    "US": ((51, 51), B, (WHITE,)),
    "IN": ((51, 51), B, (WHITE,)),
    "BR": ((50, 70), B, (WHITE,)),
    "CA": ((50, 70), CANADA, (WHITE,)),
    "TR": ((50, 60), A, (WHITE,)),
    "VN": ((40, 60), A, (WHITE,)),
    "SA": ((40, 60), A, (WHITE,)),
    "EG": ((40, 60), A, (WHITE,)),
    "ES": ((26, 32), A, (WHITE,)),
    "CN": ((33, 48), A, (WHITE,)),
    "ID": ((30, 40), A, (RED,)),
    "MY": ((35, 50), A, (WHITE,)),
    "AE": ((43, 55), A, (WHITE,)),
}


def test_there_are_these_countries() -> None:
    assert len(ROWS) == 35
    assert COUNTRIES.keys() == ROWS.keys()
    assert len({country.name for country in COUNTRIES.values()}) == 35


@pytest.mark.parametrize("code", ROWS)
def test_a_country(code: str) -> None:
    size, frame, backgrounds = ROWS[code]
    country = COUNTRIES[code]
    assert country.code == code
    assert (country.width_mm, country.height_mm) == size
    assert (country.frame.least, country.frame.most, country.frame.eyes) == frame
    assert tuple(country.backgrounds) == backgrounds


@pytest.mark.parametrize(
    ("millimetres", "dpi", "expected"), [(35, 300, 413), (45, 300, 531), (51, 300, 602), (26, 72, 74), (70, 1200, 3307), (0.01, 72, 1)]
)
def test_millimetres_as_pixels(millimetres: float, dpi: int, expected: int) -> None:
    assert pixels(millimetres, dpi) == expected


def test_a_size_of_ones_own() -> None:
    own = photo_for("de", 40, 0)
    assert own is not None
    assert (own.code, own.name, own.width_mm, own.height_mm) == ("DE", "Germany", 40, 45)
    other = photo_for("XX", 70)
    assert other is not None
    assert (other.code, other.name, other.width_mm, other.height_mm) == ("XX", "Custom", 70, 90)
    assert photo_for("XX") is None
    assert photo_for("XX", 0, 40) is None


def test_the_size_of_a_result_is_known_before_it_is_made() -> None:
    assert result_size(PassportPhoto(country_code="US"), 30, 20) == (602, 602)
    assert result_size(PassportPhoto(country_code="us", dpi=600, height_mm=60), 30, 20) == (1205, 1417)
    with pytest.raises(DarkroomError) as raised:
        result_size(PassportPhoto(country_code="XX"), 30, 20)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "country_code")
