"""When what is open for a caller has to end."""

from __future__ import annotations

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.revocations import Watcher

REVOKED, AGAIN = ErrorReason.API_KEY_INVALID, ErrorReason.UNAVAILABLE


@pytest.mark.parametrize(
    ("opened_with", "announced", "ends_with"),
    [
        (0, [None], REVOKED),
        (7, [None], REVOKED),
        (0, [7], AGAIN),
        (6, [7], AGAIN),
        (7, [7], None),
        # An announcement of before is late.
        (8, [7], None),
        # A second change, and a second announcement of the first.
        (7, [7, 8], AGAIN),
        (8, [7, 8, 7], None),
        (6, [7, None], REVOKED),
        (6, [None, 7], REVOKED),
    ],
)
def test_what_was_opened_before_a_refresh_ends(opened_with: int, announced: list[int | None], ends_with: ErrorReason | None) -> None:
    watcher = Watcher(opened_with)
    watcher.check()
    for refreshed in announced:
        watcher.notify(refreshed)
    if ends_with is None:
        watcher.check()
        return
    with pytest.raises(DarkroomError) as ended:
        watcher.check()
    assert ended.value.reason is ends_with


async def test_whoever_waits_is_woken() -> None:
    for refreshed in (None, 1):
        watcher = Watcher(0)
        watcher.notify(refreshed)
        await watcher.wait()
