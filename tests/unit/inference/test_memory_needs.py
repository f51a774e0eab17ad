"""What is reserved for a picture covers what was measured (benchmarks/results.md, "Memory of one picture")."""

import pytest

from darkroom.operations.v1 import operation_pb2
from services.inference.media import Header, Limits
from services.inference.pipeline.memory_needs import needed_memory
from services.inference.pipeline.registry import Registry
from services.pictures.media_format import MediaFormat

CUT = operation_pb2.Operation(remove_background={})
WATERMARK = operation_pb2.Operation(remove_watermark={})
DOUBLE = operation_pb2.Operation(upscale={"factor": 2})
EIGHTFOLD = operation_pb2.Operation(upscale={"factor": 8})


def reserved(operation: operation_pb2.Operation, width: int, height: int, channels: int, wide: bool) -> float:
    """Mebibytes."""
    return needed_memory(Header(MediaFormat.PNG, width, height, channels, wide), Registry().bind([operation]), (), Limits()) / 2**20


@pytest.mark.parametrize(
    ("operation", "width", "height", "channels", "wide", "measured"),
    [
        (CUT, 4000, 3000, 3, False, 367),
        (CUT, 6000, 4000, 3, False, 386),
        (CUT, 6000, 4000, 1, False, 426),
        (CUT, 4000, 3000, 4, True, 474),
        (WATERMARK, 1600, 1200, 3, False, 110),
        (WATERMARK, 4000, 3000, 3, False, 311),
        (WATERMARK, 4000, 3000, 3, False, 561),
        (WATERMARK, 4000, 3000, 3, False, 600),
        (WATERMARK, 4000, 3000, 4, True, 347),
        (DOUBLE, 4000, 3000, 3, False, 229),
        (DOUBLE, 2000, 1500, 3, False, 251),
        (DOUBLE, 4000, 3000, 4, True, 527),
        (DOUBLE, 5774, 4330, 3, False, 441),
        (EIGHTFOLD, 1444, 1083, 3, False, 368),
    ],
)
def test_it_covers_what_was_measured_and_is_not_four_times_as_much(
    operation: operation_pb2.Operation, width: int, height: int, channels: int, wide: bool, measured: int
) -> None:
    assert measured < reserved(operation, width, height, channels, wide) < 4 * measured


def test_what_is_enlarged_twice_needs_as_much_as_what_it_is_in_between() -> None:
    fourfold = operation_pb2.Operation(upscale={"factor": 4})
    assert reserved(EIGHTFOLD, 1444, 1083, 3, False) == reserved(fourfold, 2888, 2166, 3, False)
