"""Pauses between attempts, and what is tried again."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from services.platform.backoff import Backoff, retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason


@pytest.fixture
def longest_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause is as long as it may be and takes no time; gives the pauses made."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("services.platform.backoff.random.uniform", lambda _least, most: most)
    monkeypatch.setattr("services.platform.backoff.asyncio.sleep", sleep)
    return made


def failing(*errors: DarkroomError) -> Iterator[DarkroomError]:
    return iter(errors)


def unavailable(retry_after: int | None = None) -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Away.", retry_after=retry_after)


@pytest.mark.usefixtures("longest_pauses")
def test_pauses_double_up_to_the_longest() -> None:
    assert [Backoff(0.5, 3.0).pause(failures) for failures in (1, 2, 3, 4, 5, 100_000)] == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


def test_a_pause_is_anything_between_nothing_and_its_bound() -> None:
    pauses = [Backoff(1.0, 8.0).pause(3) for _ in range(500)]
    assert 0 <= min(pauses) < 0.5
    assert 3.5 < max(pauses) <= 4.0


async def test_what_is_unavailable_is_called_until_it_answers(longest_pauses: list[float]) -> None:
    errors = failing(unavailable(), unavailable(retry_after=7), unavailable())

    async def call() -> str:
        for error in errors:
            raise error
        return "answer"

    assert await retry_unavailable(call, math.inf, Backoff(0.5, 3.0)) == "answer"
    assert longest_pauses == [0.5, 7, 2.0]


async def test_other_errors_are_raised_at_once(longest_pauses: list[float]) -> None:
    async def call() -> None:
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "Gone.")

    with pytest.raises(DarkroomError, match="Gone"):
        await retry_unavailable(call, 60)
    assert longest_pauses == []


async def test_a_pause_that_ends_too_late_is_not_begun(longest_pauses: list[float]) -> None:
    async def call() -> None:
        raise unavailable(retry_after=61)

    with pytest.raises(DarkroomError, match="Away"):
        await retry_unavailable(call, 60)
    assert longest_pauses == []
