"""A disk that has little room left, as those see it who upload."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.slow_put import SlowPut, begun

GIB = 2**30
ROOM, LARGEST, MOST = 6 * GIB, 2 * GIB, 15
"""The disk is also that of others, so that there may be more or less room than this when it comes to it."""


@pytest.fixture
def nearly_full(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    before = stack.configured
    reserve = shutil.disk_usage(stack.dir / "data").free - ROOM
    if reserve < 0:
        pytest.skip("the disk has too little left")
    stack.configure({**before, "DARKROOM_DISK_RESERVE_BYTES": str(reserve)})
    stack.ensure_up()
    yield stack
    stack.configure(before)


async def refusal(put: SlowPut) -> tuple[int, str] | None:
    """None for a PUT that goes on."""
    with suppress(TimeoutError):
        return await asyncio.wait_for(put.answer(), 4)
    return None


@pytest.mark.thorough
async def test_a_disk_takes_no_more_uploads_than_it_has_room_for(nearly_full: StackUnderTest) -> None:
    """Each has hardly begun, and counts whole. They take longer than the time between two looks at the disk."""
    pilio = Pilio(nearly_full.url, nearly_full.create_account().api_key)
    urls = [(await pilio.create(f"{number}.png", LARGEST, "simple"))["upload_url"] for number in range(MOST)]
    async with AsyncExitStack() as running:
        puts: list[SlowPut] = []
        for url in urls:
            puts.append(await running.enter_async_context(begun(url, LARGEST, b"-")))
            refused = await refusal(puts[-1])
            if refused is not None:
                break
        assert (refused, len(puts) > 1) == ((503, "DISK_FULL"), True)
        # One that breaks off makes room.
        puts[0].writer.close()
        picture = encoded(disc(), "PNG")
        async with asyncio.timeout(60):
            small = await pilio.create("small.png", len(picture), "simple")
            while (await pilio.http.put(small["upload_url"], content=picture)).status_code != 200:
                await asyncio.sleep(0.5)
    await pilio.http.aclose()
