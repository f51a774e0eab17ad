"""The limits on requests in replies, in the headers that each surface's clients read.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10 and -11; `RateLimit-Limit`, `RateLimit-Remaining`
and `RateLimit-Reset` those of -06; `X-RateLimit-…` are their predecessors, whose reset is a Unix time or a number of seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from darkroom.common.v1 import surface_pb2
from darkroom.common.v1.surface_pb2 import RATE_LIMIT_HEADERS_UNSPECIFIED, RateLimitHeaders
from services.accounts.domain.rate_limits import Standing
from services.accounts.domain.rate_rules import RateLimit

Fields = Sequence[tuple[str, str]]


def rate_limit_fields(
    standings: Sequence[Standing],
    style: RateLimitHeaders.ValueType = RATE_LIMIT_HEADERS_UNSPECIFIED,
    clock: Callable[[], float] = time.time,
    *,
    exceeded: bool = False,
) -> Fields:
    """Every limit of a request, and what is left of the one that will be reached first; nothing without a limit.

    A limit of `q` requests in `w` seconds is a bucket: what it holds, and how long it takes to fill.
    """
    if not standings:
        return ()
    least = min(standings, key=lambda standing: standing.remaining / standing.limit.burst)
    left = max(0, min(least.remaining, least.limit.burst))
    limits = tuple(standing.limit for standing in standings)
    match style:
        case surface_pb2.RATE_LIMIT_HEADERS_UNIX_TIME | surface_pb2.RATE_LIMIT_HEADERS_X_SECONDS:
            began = math.ceil(clock()) if style == surface_pb2.RATE_LIMIT_HEADERS_UNIX_TIME else 0
            return (
                ("x-ratelimit-limit", str(least.limit.burst)),
                ("x-ratelimit-remaining", str(left)),
                ("x-ratelimit-reset", str(began + least.seconds)),
            )
        case surface_pb2.RATE_LIMIT_HEADERS_SECONDS:
            return (
                ("ratelimit-limit", f"{least.limit.burst}, {_windows(limits)}"),
                # As those have it who used these first.
                ("ratelimit-remaining", "-1" if exceeded else str(left)),
                ("ratelimit-reset", str(least.seconds)),
            )
    return (("ratelimit-policy", _policies(limits)), ("ratelimit", f'"{least.limit.policy}";r={left};t={least.seconds}'))


@lru_cache(maxsize=20_000)
def _policies(limits: Sequence[RateLimit]) -> str:
    return ", ".join(f'"{limit.policy}";q={limit.burst};w={_window(limit)}' for limit in limits)


@lru_cache(maxsize=20_000)
def _windows(limits: Sequence[RateLimit]) -> str:
    return ", ".join(f"{limit.burst};w={_window(limit)}" for limit in limits)


def _window(limit: RateLimit) -> int:
    return max(1, round(limit.burst / limit.rate))
