"""Names of the entries of batches."""

from __future__ import annotations

import pytest

from services.gateway.surfaces.snapotter.batches.kinds import distinct, entry_name


@pytest.mark.parametrize(
    ("source", "entry"),
    [("photo.jpeg", "photo_resize.jpeg"), ("a.b.png", "a.b_resize.png"), ("none", "none_resize"), (".png", ".png_resize")],
)
def test_the_extension_stays(source: str, entry: str) -> None:
    assert entry_name(source, "resize") == entry


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.png"] * 3, ["a.png", "a_1.png", "a_2.png"]),
        (["a.png", "a_1.png", "a.png"], ["a.png", "a_1.png", "a_2.png"]),
        (["a_1.png", "a.png", "a.png", "a_1.png"], ["a_1.png", "a.png", "a_2.png", "a_1_1.png"]),
        (["none", "none", ".png", ".png"], ["none", "none_1", ".png", ".png_1"]),
        (["A.png", "a.png"], ["A.png", "a.png"]),
    ],
)
def test_repeats_get_the_next_free_number(names: list[str], expected: list[str]) -> None:
    found = distinct(names)
    assert list(found) == expected
    assert len(set(found)) == len(names)


def test_thousands_of_one_name() -> None:
    assert distinct(["a.png"] * 5000)[-1] == "a_4999.png"
