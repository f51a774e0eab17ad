"""The meaning of an error from object storage: retry, refusal, or a wrong clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from services.platform.log import get_logger
from services.platform.object_http import Answer

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,100})\s*</Code>")
_REPLY_BYTES = 64 << 10
# Storage says these with a status that otherwise means that the request is wrong.
_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "OperationAborted", "ConditionalRequestConflict", "ServiceUnavailable"})
SKEW_SECONDS = 300.0
"""A difference between clocks that is no longer a matter of the network. S3 refuses from 15 minutes on."""
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than the one that was hoped for."""

    status: int
    code: str
    """The storage's word for it, such as `SlowDown`; empty if there is none, as for HEAD."""

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        if self.status == HTTPStatus.NOT_IMPLEMENTED:
            return False
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.code in _PASSING

    def __str__(self) -> str:
        return f"{self.status} {self.code}".rstrip()


async def refusal_of(answer: Answer) -> Refusal:
    """The content of an answer, which is read to its end."""
    found = _CODE.search(await answer.read(_REPLY_BYTES))
    refusal = Refusal(answer.status, found[1].decode() if found else "")
    tell_clock(answer.status, answer.headers)
    return refusal


def tell_clock(status: int, headers: Mapping[str, str]) -> None:
    """Log that the clocks differ, if that may be why a signature was refused."""
    ahead = clock_ahead(headers) if status == HTTPStatus.FORBIDDEN else None
    if ahead is not None and abs(ahead) > SKEW_SECONDS:
        advice = "synchronize the clocks of this machine and of the storage (NTP): signatures of another time are refused"
        _logger.error("storage_clock_differs", seconds_ahead=round(ahead), advice=advice)


def clock_ahead(headers: Mapping[str, str]) -> float | None:
    """By how many seconds this machine's clock is ahead of that of the server that has just answered; None if it does not say."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
