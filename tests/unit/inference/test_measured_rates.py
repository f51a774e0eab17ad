"""What a worker learns about its own speed, and what it says about the time that is left."""

from __future__ import annotations

import pytest

from darkroom.operations.v1.upscale_pb2 import Upscale
from services.inference.contract.progress import TimeLeft, in_parts
from services.inference.contract.rates import MeasuredRates
from services.pictures.processing_time import Work, usual_rates
from services.platform.errors import DarkroomError


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_rates_move_from_the_usual_to_the_measured_and_back() -> None:
    clock, usual = Clock(), usual_rates(2, gpu=False)["upscale_2"]
    rates = MeasuredRates(2, 300, clock)
    assert rates.current["upscale_2"] == usual
    with rates.measuring([Work("upscale_2", 12.0)]):
        clock.time += 12 * usual / 2
    # Four megapixels at the usual rate, and twelve at half of it.
    assert rates.current["upscale_2"] == pytest.approx(usual * (4 + 6) / 16)
    clock.time += 10 * 3600
    assert rates.current["upscale_2"] == pytest.approx(usual, rel=0.01)


def test_neither_small_nor_broken_runs_nor_a_long_pause_make_it_refuse_what_it_can_do() -> None:
    clock = Clock()
    rates = MeasuredRates(2, 300, clock)
    usual = rates.current["upscale_2"]
    with rates.measuring([Work("upscale_2", 0.1)]):
        clock.time += 50
    with pytest.raises(ValueError, match="broken"), rates.measuring([Work("upscale_2", 12.0)]):
        raise ValueError("broken")
    assert rates.current["upscale_2"] == usual
    with rates.measuring([Work("upscale_2", 12.0)]):
        clock.time += 4000
    assert rates.current["upscale_2"] == 2 * usual


def test_the_time_of_several_kinds_is_divided_as_expected() -> None:
    clock = Clock()
    rates = MeasuredRates(2, 300, clock)
    before = rates.current
    works = [Work("upscale_2", 10.0), Work("upscale_quality", 10.0)]
    with rates.measuring(works):
        clock.time += 1.4 * sum(work.megapixels * before[work.kind] for work in works)
    assert [rates.current[work.kind] / before[work.kind] for work in works] == pytest.approx([(4 + 14) / 14] * 2)


def test_a_picture_beyond_the_limit_is_refused_unless_a_gpu_does_it() -> None:
    rates = MeasuredRates(2, 300)
    with pytest.raises(DarkroomError):
        rates.fitting_way(Upscale(factor=2), 10_000, 8_000)
    rates.gpu = True
    rates.fitting_way(Upscale(factor=2), 10_000, 8_000)


def test_tiles_are_told_with_the_time_that_is_left() -> None:
    clock, told = Clock(), list[tuple[float, str]]()
    tell = in_parts(lambda done, message: told.append((done, message)), "Upscaling tile", 20, TimeLeft(100, 7, clock))
    tell(0)
    clock.time += 40
    # Twice as slow as expected, of which the expectation takes a part.
    tell(0.2)
    clock.time += 160
    tell(1)
    assert told == [
        (0, "Upscaling tile 1 of 20, about 2 min left"),
        (0.2, "Upscaling tile 5 of 20, about 2 min left"),
        (1, "Upscaling tile 20 of 20, about 7 s left"),
    ]


def test_without_an_expectation_the_first_tenth_says_nothing_of_the_time() -> None:
    clock, told = Clock(), list[str]()
    tell = in_parts(lambda _done, message: told.append(message), "Denoising tile", 20, TimeLeft(now=clock))
    for done in (0.0, 0.05, 0.1):
        tell(done)
        clock.time += 2
    assert told == ["Denoising tile 1 of 20", "Denoising tile 2 of 20", "Denoising tile 3 of 20, about 35 s left"]
