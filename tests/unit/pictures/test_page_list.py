"""Lists of pages as people write them."""

from __future__ import annotations

import pytest

from services.pictures.page_list import BadPageList, pages_of, ranges_of


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("all", [1, 2, 3, 4, 5]),
        ("", [1, 2, 3, 4, 5]),
        (" ALL ", [1, 2, 3, 4, 5]),
        ("3", [3]),
        ("1,3-5", [1, 3, 4, 5]),
        (" 4 - 5 , 1", [1, 4, 5]),
        ("2,2,1-2", [1, 2]),
        ("5-5", [5]),
    ],
)
def test_pages(text: str, pages: list[int]) -> None:
    assert pages_of(text, 5) == pages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "Invalid page range format"),
        ("1,,2", "Invalid page range format"),
        ("1-2-3", "Invalid page range format"),
        ("-1", "Invalid page range format"),
        ("1.5", "Invalid page range format"),
        ("١", "Invalid page range format"),
        ("1" * 30, "Invalid page range format"),
        ("1\0", "Invalid page range format"),
        ("0", "Page numbers must be positive"),
        ("0-3", "Page numbers must be positive"),
        ("3-1", "Invalid page range: start exceeds end"),
    ],
)
def test_what_is_no_list_is_told_without_a_document(text: str, message: str) -> None:
    with pytest.raises(BadPageList) as raised:
        ranges_of(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("7", "7"),
        ("4-7,9", "6, 7, 9"),
        ("1-999999999999999999", "6, 7, 8, 9, 10, 11, 12, 13, 14, 15, …"),
    ],
)
def test_pages_that_do_not_exist_are_named(text: str, listed: str) -> None:
    with pytest.raises(BadPageList) as raised:
        pages_of(text, 5)
    assert str(raised.value) == f"Page(s) {listed} out of range (document has 5 pages)"
