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
    assert [guard.has_room(size) for size in (101, 100)] == [False, True]
    with guard.arriving(60), guard.arriving(40):
        # However often it is looked at: nothing of them may have arrived yet. There is room for small work still.
        await guard.step()
        assert [guard.has_room(size) for size in (1, 0)] == [False, True]
        guard.check()
    # They lie on the disk now, until the next look says what is left.
    assert not guard.has_room(1)
    await guard.step()
    assert guard.has_room(100)


async def test_without_a_folder_nothing_is_looked_at() -> None:
    guard = DiskGuard(DiskSettings(disk_reserve_bytes=10**18))
    await guard.step()
    guard.check()
    assert guard.has_room(10**18)
