"""Page tokens."""

from __future__ import annotations

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.pages import FIRST_PAGE, Listing, before_id, page_token


@pytest.mark.parametrize("task_id", [1, 59_473_731_485_042, 10**15 - 1])
def test_a_token_names_its_position(task_id: int) -> None:
    token = page_token(task_id)
    assert before_id(token) == task_id
    assert str(task_id) not in token
    assert len(token) <= 100


def test_no_token_is_the_first_page() -> None:
    assert before_id("") == FIRST_PAGE


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "dDEu",
        "!!!",
        "12345",
        "dDEuLTU",
        "dDIuMTI",
        "dDEuMTI=x",
        "ü",
        "dDEuMDA3",
        "dDEu2aM",
        page_token(7) + "AA",
        page_token(7, Listing.LEDGER),
    ],
)
def test_a_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        before_id(token)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "page_token")
