"""How long a task will take, by what the workers report."""

from __future__ import annotations

from typing import cast

import pytest

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.upscale_pb2 import Upscale
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.forecast import Forecast
from services.tasks.domain.order.workforce import Workforce
from services.tasks.model.media import InputFile
from tests.unit.tasks.test_lane_workers import LANE, NOW, World

TWICE = operation_pb2.Operation(upscale=Upscale(factor=2))
HALF = operation_pb2.Operation(resize=Resize(width_percent=50))


class Known:
    """Stands for the workforce."""

    def __init__(self, rates: dict[str, float]) -> None:
        self._rates = rates

    def rates(self, _lane: str) -> dict[str, float]:
        return self._rates


def forecast(limit: float = 300, **rates: float) -> Forecast:
    return Forecast(cast(Workforce, Known(rates)), limit, 3600)


@pytest.mark.parametrize(
    ("operations", "seconds"),
    [
        ([TWICE], 120),
        ([HALF, TWICE], 30),
        ([TWICE, TWICE], 120 + 480),
        # How much is trimmed is not known before.
        ([TWICE, operation_pb2.Operation(remove_background=RemoveBackground(trim=True)), TWICE], 120),
        ([HALF], None),
    ],
)
def test_operations_take_time_by_the_size_that_they_get(operations: list[operation_pb2.Operation], seconds: int | None) -> None:
    files = [InputFile(image_size=(4000, 3000))]
    assert forecast(1000, upscale_2=10).seconds(operations, files, ["file"], LANE) == seconds


def test_files_add_up_and_one_of_unknown_size_makes_all_unknown() -> None:
    files = [InputFile(image_size=(1000, 1000))] * 3
    assert forecast(upscale_2=10).seconds([TWICE], files, ["a", "b", "c"], LANE) == 30
    assert forecast(upscale_2=10).seconds([TWICE], [*files, InputFile()], ["a", "b", "c", "d"], LANE) is None
    assert forecast().seconds([TWICE], files, ["a", "b", "c"], LANE) is None
    assert forecast(upscale_2=1).seconds([TWICE], files, ["a", "b", "c"], LANE) is None


def test_a_picture_that_would_take_too_long_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(DarkroomError) as refused:
        forecast(100, upscale_2=10).seconds([TWICE], [InputFile(id=7, image_size=(4000, 3000))], ["input_file_ids[0]"], LANE)
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    assert refused.value.message.startswith("input_file_ids[0]: 4000 × 3000 pixels would take about 2 min")
    assert (refused.value.field, refused.value.allowed) == ("input_file_ids[0]", ("at most 10 megapixels",))


def test_pictures_that_would_take_longer_than_an_attempt_are_refused_unless_they_are_only_planned() -> None:
    stored, planned = ([InputFile(id=number, image_size=(4000, 3000))] * 31 for number in (1, 0))
    fields = [f"file_ids[{number}]" for number in range(31)]
    assert forecast(upscale_2=10).seconds([TWICE], planned, fields, LANE) == 31 * 120
    with pytest.raises(DarkroomError, match="file_ids: these 31 pictures would take about 62 min in one task, which may take about 60 min"):
        forecast(upscale_2=10).seconds([TWICE], stored, fields, LANE)


async def test_the_fastest_worker_of_the_lane_counts() -> None:
    world = World()
    world.board.tell("slow", NOW, seconds_per_megapixel={"upscale_2": 20.0, "upscale_4": 20.0})
    world.board.tell("fast", NOW, seconds_per_megapixel={"upscale_2": 2.0})
    world.board.tell("elsewhere", NOW, slots={"document": 1}, seconds_per_megapixel={"upscale_2": 1.0})
    await world.workforce.step()
    assert world.workforce.rates(LANE) == {"upscale_2": 2.0, "upscale_4": 20.0}
