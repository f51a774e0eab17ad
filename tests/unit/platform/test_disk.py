"""When new work is refused for lack of room."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from services.platform.config import DiskSettings
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason


async def test_new_work_waits_until_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 999}
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free["bytes"]))
    guard = DiskGuard(DiskSettings(disk_path=Path("/"), disk_reserve_bytes=1000))
    with pytest.raises(DarkroomError) as refused:
        guard.check()
    assert refused.value.reason is ErrorReason.DISK_FULL
    free["bytes"] = 1000
    assert await guard.step() is False
    guard.check()
    free["bytes"] = 0
    await guard.step()
    with pytest.raises(DarkroomError):
        guard.check()


async def test_uploads_that_have_begun_take_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1100))
    guard = DiskGuard(DiskSettings(disk_path=Path("/"), disk_reserve_bytes=1000))
    assert [guard.admit(size) for size in (101, 60, 41, 40, 1)] == [False, True, False, True, False]
    # There is room for small work still; the next look says what is left.
    guard.check()
    await guard.step()
    assert guard.admit(100)


async def test_without_a_folder_nothing_is_looked_at() -> None:
    guard = DiskGuard(DiskSettings(disk_reserve_bytes=10**18))
    await guard.step()
    guard.check()
    assert guard.admit(10**18)
