"""The service's own transfers while the storage is away."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, NoReturn

import pytest

from services.files import transfers
from services.files.transfers import Transfers
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttpError


class Away:
    def request(self, *_: object) -> NoReturn:
        raise ObjectHttpError("away")


class Urls:
    def put(self, *_: object) -> str:
        return "http://127.0.0.1:9/bucket/key"


async def test_a_failure_to_store_may_be_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has begun to store a file may fail for a reason of its own; then asyncio logs no exception that nobody has looked at."""
    monkeypatch.setattr(transfers, "_PATIENCE_SECONDS", 0.0)
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    http: Any = Away()
    urls: Any = Urls()
    own = Transfers(http, urls, 60)
    storing = own.storing("key", b"content", "image/png")
    await asyncio.wait([storing])
    del storing
    gc.collect()
    assert logged == []
    with pytest.raises(DarkroomError) as raised:
        await own.storing("key", b"content", "image/png")
    assert raised.value.reason is ErrorReason.UNAVAILABLE
