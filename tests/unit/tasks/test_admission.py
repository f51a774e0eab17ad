"""Which tasks an account may create."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.admission import admit_all, admit_each, admit_task
from services.tasks.model.records import AccountState, NewTask


def items(*prices: int) -> list[NewTask]:
    return [
        NewTask(
            id=100 + index,
            index=index,
            lane="system",
            operations=[],
            input_file_ids=[],
            list_price_millicredits=price,
            expected_outputs=1,
        )
        for index, price in enumerate(prices)
    ]


def account(*, open_: int = 0, max_open: int = 100, available: int = 0, unlimited: bool = False, multiplier: int = 1000) -> AccountState:
    return AccountState(open_, max_open, available, unlimited, multiplier)


def refused_whole(prices: Sequence[int], state: AccountState) -> DarkroomError:
    with pytest.raises(DarkroomError) as refused:
        admit_all(items(*prices), state)
    return refused.value


def test_all_fit_up_to_the_last_credit_and_the_last_place() -> None:
    admitted = admit_all(items(3, 4, 5), account(open_=7, max_open=10, available=12)).admitted
    assert [each.price_millicredits for each in admitted] == [3, 4, 5]


def test_one_credit_too_few_refuses_all_with_the_sums() -> None:
    error = refused_whole([3000, 4000, 5000], account(available=11_999))
    assert error.reason is ErrorReason.INSUFFICIENT_CREDITS
    assert error.metadata == {"price_millicredits": "12000", "available_millicredits": "11999", "missing_millicredits": "1"}
    assert error.message == "The batch of 3 tasks costs 12 credits, and the account has 11.999: 0.001 are missing."


def test_one_place_too_few_refuses_all_with_the_numbers() -> None:
    error = refused_whole([0, 0, 0], account(open_=8, max_open=10))
    assert error.reason is ErrorReason.TOO_MANY_TASKS
    assert error.metadata == {"open": "8", "max_open": "10"}


def test_each_price_is_rounded_down_by_itself() -> None:
    admitted = admit_all(items(5, 5, 5), account(available=6, multiplier=500)).admitted
    assert [each.price_millicredits for each in admitted] == [2, 2, 2]


def test_unlimited_credit_needs_no_balance() -> None:
    assert len(admit_all(items(5, 5), account(unlimited=True)).admitted) == 2
    assert len(admit_each(items(5, 5), account(unlimited=True)).admitted) == 2


def test_each_item_fits_or_not_as_if_created_alone_and_in_order() -> None:
    admission = admit_each(items(4, 9, 3, 4, 3), account(available=10))
    assert [each.task.index for each in admission.admitted] == [0, 2, 4]
    assert [(refusal.index, refusal.error.reason) for refusal in admission.refusals] == [
        (1, ErrorReason.INSUFFICIENT_CREDITS),
        (3, ErrorReason.INSUFFICIENT_CREDITS),
    ]
    assert admission.refusals[0].error.metadata["missing_millicredits"] == "3"


def test_as_many_as_there_are_places() -> None:
    admission = admit_each(items(0, 0, 0), account(open_=1, max_open=3))
    assert [each.task.index for each in admission.admitted] == [0, 1]
    assert [(refusal.index, refusal.error.reason) for refusal in admission.refusals] == [(2, ErrorReason.TOO_MANY_TASKS)]
    assert admission.refusals[0].error.metadata == {"open": "3", "max_open": "3"}


def test_one_task_is_refused_in_words_of_its_own() -> None:
    assert [each.price_millicredits for each in admit_task(items(4000), account(available=4000)).admitted] == [4000]
    with pytest.raises(DarkroomError) as refused:
        admit_task(items(4000), account(available=3999, max_open=0))
    assert refused.value.reason is ErrorReason.INSUFFICIENT_CREDITS
    assert refused.value.message == "The task costs 4 credits, and the account has 3.999: 0.001 are missing."
    with pytest.raises(DarkroomError) as refused:
        admit_task(items(0), account(open_=3, max_open=3))
    assert refused.value.reason is ErrorReason.TOO_MANY_TASKS
    assert refused.value.metadata == {"max_open": "3"}
