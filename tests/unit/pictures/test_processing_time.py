"""How long operations are expected to take, and what is chosen where that is too long."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from darkroom.operations.v1.placement_pb2 import FIT_CROP
from darkroom.operations.v1.remove_noise_pb2 import NOISE_TIER_MAXIMUM, NOISE_TIER_QUICK, RemoveNoise
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.restore_photo_pb2 import RESTORE_MODE_HEAVY, RestorePhoto
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_QUALITY, Upscale
from services.pictures.processing_time import fitting_way, in_words, usual_rates, ways_of, worth_telling
from services.platform.errors import DarkroomError, ErrorReason

RATES = {"upscale_2": 10.0, "upscale_4": 12.0, "upscale_quality": 5.0, "restore_photo": 4.0, "remove_noise_quick": 1.0}
RATES |= {"remove_noise_balanced": 2.0, "remove_noise_quality": 6.0, "remove_noise_maximum": 20.0}


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        (Upscale(factor=2), [20]),
        # The second pass gets four times as many pixels.
        (Upscale(factor=8), [20 + 4 * 24]),
        (Upscale(factor=2, enhancements=[ENHANCEMENT_QUALITY]), [30, 20]),
        (Upscale(width=500), [0]),
        # Half of the picture is kept, and enlarged by two.
        (Upscale(resize=Resize(width=2000, height=2000, fit=FIT_CROP)), [10]),
        (RemoveNoise(), [4, 2]),
        (RemoveNoise(tier=NOISE_TIER_MAXIMUM), [40, 12, 4, 2]),
        (RestorePhoto(mode=RESTORE_MODE_HEAVY), [20, 12, 10]),
        (RestorePhoto(denoise=False), [8]),
        (Resize(width=10), []),
    ],
)
def test_the_ways_of_two_megapixels_are_as_requested_and_then_faster(parameters: Message, seconds: list[float]) -> None:
    assert [way.seconds(RATES) for way in ways_of(parameters, 2000, 1000)] == pytest.approx(seconds)


@pytest.mark.parametrize(("limit", "tier"), [(40, "maximum"), (39, "quality"), (11, "balanced"), (3, "quick")])
def test_the_slowest_way_that_fits_is_taken(limit: float, tier: str) -> None:
    ways = ways_of(RemoveNoise(tier=NOISE_TIER_MAXIMUM), 2000, 1000)
    assert fitting_way(ways, RATES, limit, 2000, 1000).tier == tier


def test_what_no_way_does_in_time_is_refused_with_the_largest_picture() -> None:
    with pytest.raises(DarkroomError) as refused:
        fitting_way(ways_of(RemoveNoise(tier=NOISE_TIER_QUICK), 20000, 10000), RATES, 150, 20000, 10000)
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    assert refused.value.allowed == ("at most 150 megapixels",)
    assert "about 3 min" in refused.value.message


def test_a_restoration_does_less_and_is_never_refused() -> None:
    assert fitting_way(ways_of(RestorePhoto(), 20000, 10000), RATES, 1, 20000, 10000).tier == "quick"


def test_twelve_megapixels_fit_on_two_cores_within_the_default_limit() -> None:
    rates = usual_rates(2, gpu=False)
    for parameters in (Upscale(factor=2), RemoveNoise(tier=NOISE_TIER_MAXIMUM), RestorePhoto(mode=RESTORE_MODE_HEAVY)):
        assert ways_of(parameters, 4000, 3000)[0].seconds(rates) < 300
    assert usual_rates(2, gpu=True)["upscale_2"] < 1


def test_times_are_told_in_steps_and_short_ones_not_at_all() -> None:
    assert [in_words(seconds) for seconds in (0.2, 13.4, 42.4, 170)] == ["about 1 s", "about 13 s", "about 40 s", "about 3 min"]
    assert [worth_telling(seconds) for seconds in (4.9, 5.2)] == [None, 5]
