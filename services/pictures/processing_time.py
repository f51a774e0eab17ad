"""How long an operation takes whose time grows with the picture and may come to minutes, and the faster ways in which it may be done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from darkroom.operations.v1.remove_noise_pb2 import NoiseTier, RemoveNoise
from darkroom.operations.v1.restore_photo_pb2 import RESTORE_MODE_HEAVY, RESTORE_MODE_LIGHT, RestorePhoto
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_QUALITY, Upscale
from services.pictures.enlarging import passes, target_of
from services.pictures.operations import spec_of_parameters
from services.pictures.result_size import resize_in, result_size
from services.platform.errors import DarkroomError, ErrorReason

UPSCALE, UPSCALE_QUALITY, RESTORE, FILL, REMOVE_NOISE = "upscale_{}", "upscale_quality", "restore_photo", "fill", "remove_noise_{}"
TIERS = ("quick", "balanced", "quality", "maximum")
"""The tiers of `remove_noise`, the fastest first."""
_EXACT, _MINUTES = 20, 90
"""Seconds up to which each one is given, and from which on minutes are given."""
_TRIVIAL = 5.0
"""Seconds below which nobody needs to know."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Seconds that one core takes for a megapixel: of the picture, or, for `fill`, of what is filled."""

    network: float
    """The part that is shared by all cores, or that a GPU does."""
    rest: float


_GPU = 50.0
"""Times as fast as one core: less than any card that the models fit on."""
_COSTS: Mapping[str, _Cost] = {
    UPSCALE.format(2): _Cost(22.8, 0.5),
    UPSCALE.format(3): _Cost(21.0, 1.1),
    UPSCALE.format(4): _Cost(20.3, 1.7),
    UPSCALE_QUALITY: _Cost(0.0, 9.0),
    RESTORE: _Cost(0.0, 4.0),
    FILL: _Cost(0.0, 220.0),
    REMOVE_NOISE.format("quick"): _Cost(0.0, 0.2),
    REMOVE_NOISE.format("balanced"): _Cost(0.0, 1.2),
    REMOVE_NOISE.format("quality"): _Cost(0.0, 5.4),
    REMOVE_NOISE.format("maximum"): _Cost(0.0, 12.5),
}
"""Measured on one core (benchmarks/results.md), for each kind of work."""
LASTING = Upscale, RemoveNoise, RestorePhoto
"""The parameters of the operations that may take long."""
Rates = Mapping[str, float]
"""Seconds for a megapixel, by kind of work."""


def usual_rates(cores: int, *, gpu: bool) -> dict[str, float]:
    """The rates of a machine on which nothing has been measured."""
    return {kind: cost.network / (_GPU if gpu else cores) + cost.rest for kind, cost in _COSTS.items()}


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work, and the size of what it is done on."""

    kind: str
    megapixels: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do an operation."""

    works: Sequence[Work]
    tier: str = ""
    """The tier of the noise removal in it."""
    quality: bool = False
    """Whether an upscale is enhanced by `quality`."""
    adapts: bool = False
    """Whether it does less where it would take too long, and is therefore never refused."""

    def seconds(self, rates: Rates) -> float:
        """How long it takes; kinds of work that have no rate count nothing."""
        return sum(work.megapixels * rates.get(work.kind, 0.0) for work in self.works)


def ways_of(parameters: Message, width: int, height: int) -> Sequence[Way]:
    """The ways to do an operation on a picture of this size: as requested, and then each faster than the one before. None for an
    operation that is always quick, or whose time does not depend on the size. Raises FIELD_INVALID as `result_size`."""
    if isinstance(parameters, Upscale):
        return _upscaling(parameters, width, height)
    megapixels = width * height / 1e6
    if isinstance(parameters, RemoveNoise):
        name = NoiseTier.Name(parameters.tier).removeprefix("NOISE_TIER_").lower() if parameters.tier else "balanced"
        return [Way([_denoising(tier, megapixels)], tier) for tier in _from(name)]
    if isinstance(parameters, RestorePhoto):
        mending = [Work(RESTORE, megapixels)]
        if parameters.HasField("denoise") and not parameters.denoise:
            return [Way(mending, adapts=True)]
        name = {RESTORE_MODE_LIGHT: "quick", RESTORE_MODE_HEAVY: "quality"}.get(parameters.mode, "balanced")
        return [Way([*mending, _denoising(tier, megapixels)], tier, adapts=tier == TIERS[0]) for tier in _from(name)]
    return ()


def fitting_way(ways: Sequence[Way], rates: Rates, limit: float, width: int, height: int) -> Way:
    """The first that takes at most `limit` seconds. Raises MEDIA_LIMIT_EXCEEDED if none does, for a picture of this size."""
    for way in ways:
        if way.adapts or way.seconds(rates) <= limit:
            return way
    megapixels = width * height / 1e6
    needed = ways[-1].seconds(rates)
    most = math.floor(10 * megapixels * limit / needed) / 10
    raise DarkroomError(
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        f"{width} × {height} pixels would take {in_words(needed)} here, and an operation may take {in_words(limit)} "
        f"(DARKROOM_OPERATION_SECONDS): with these parameters, enough for {most:g} megapixels.",
        allowed=(f"at most {most:g} megapixels",),
    )


def worth_telling(seconds: float) -> int | None:
    """An estimate in whole seconds; None if it is too short to matter."""
    return round(seconds) if seconds >= _TRIVIAL else None


def in_words(seconds: float) -> str:
    """A time as `about 40 s` or `about 3 min`."""
    if seconds >= _MINUTES:
        return f"about {round(seconds / 60)} min"
    return f"about {max(1, round(seconds) if seconds < _EXACT else 5 * round(seconds / 5))} s"


def _from(name: str) -> Sequence[str]:
    return TIERS[TIERS.index(name) :: -1]


def _denoising(tier: str, megapixels: float) -> Work:
    return Work(REMOVE_NOISE.format(tier), megapixels)


def _upscaling(parameters: Upscale, width: int, height: int) -> Sequence[Way]:
    size, target = (width, height), result_size(parameters, width, height)
    if (resize := resize_in(parameters)) is not None:
        change = spec_of_parameters(parameters).size_change
        assert change is not None
        found = target_of(resize, width, height, change.max_factor)
        size, target = found.part, found.size
    factors = passes(*size, *target)
    works = [
        Work(UPSCALE.format(factor), math.prod(factors[:number]) ** 2 * size[0] * size[1] / 1e6) for number, factor in enumerate(factors)
    ]
    plain = Way(works)
    if not factors or ENHANCEMENT_QUALITY not in parameters.enhancements:
        return [plain]
    return [Way([*works, Work(UPSCALE_QUALITY, size[0] * size[1] / 1e6)], quality=True), plain]
