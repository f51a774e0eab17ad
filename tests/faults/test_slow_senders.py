"""Who sends slowly: a form may take as long as an upload, as long as it goes on, and no other body may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter, form_of

CALL_SECONDS, TRANSFER_SECONDS = 6, 25
LIMITS = {"DARKROOM_EDGE_REQUEST_TIMEOUT": str(CALL_SECONDS), "DARKROOM_EDGE_TRANSFER_TIMEOUT": str(TRANSFER_SECONDS)}
RESIZE, CUT = "/api/v1/tools/resize", "/v1/images/remove-background"


@pytest.fixture
def impatient(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    before = stack.configured
    stack.configure({**before, **LIMITS})
    stack.ensure_up()
    yield stack
    stack.configure(before)


async def slowly(content: bytes) -> AsyncIterator[bytes]:
    """In pieces, longer than a call may take."""
    size = len(content) // (CALL_SECONDS + 3) + 1
    for at in range(0, len(content), size):
        yield content[at : at + size]
        await asyncio.sleep(1)


@pytest.mark.thorough
async def test_a_form_may_take_longer_than_a_call_and_nothing_forever(impatient: StackUnderTest) -> None:
    """In one test, since the waits run beside each other."""
    host, _, port = impatient.url.removeprefix("http://").rpartition(":")
    picture, caller = encoded(disc(320, 240), "PNG"), SnapOtter(impatient.url, impatient.api_key)
    form, kind = form_of(("settings", '{"width": 20}'), ("file", picture, "photo.png"))
    cut, cut_kind = form_of(("quality_type", "fast"), ("file", picture, "photo.png"))

    async def status(path: str, kind: str, body: bytes, *, drip: bool) -> int:
        """Of the answer to a body that never ends: a byte at a time, or nothing after a while."""
        async with AsyncExitStack() as opened:
            reader, writer = await asyncio.open_connection(host, int(port))
            opened.callback(writer.close)
            head = [f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {impatient.api_key}", f"content-type: {kind}"]
            writer.write("\r\n".join([*head, "content-length: 100000000", "", ""]).encode() + body)

            async def dripping() -> None:
                while drip:
                    writer.write(b"-")
                    await asyncio.sleep(0.5)

            task = asyncio.create_task(dripping())
            opened.callback(task.cancel)
            async with asyncio.timeout(120):
                return int((await reader.readline()).split()[1])

    # Nobody's forms are not waited for.
    assert await status("/api/auth/login", kind, form[:400], drip=True) == 415
    async with caller.http as http:
        made, task, stalled, endless, json_body = await asyncio.gather(
            http.post(impatient.url + RESIZE, content=slowly(form), headers={**caller.headers, "content-type": kind}),
            http.post(impatient.url + CUT, content=slowly(cut), headers={**caller.headers, "content-type": cut_kind}),
            status(RESIZE, kind, form[:400], drip=False),
            status(RESIZE, kind, form[:400], drip=True),
            status("/api/v1/api-keys", "application/json", b" ", drip=True),
        )
    assert made.status_code == 200, made.text
    assert task.status_code == 200, task.text
    assert (stalled, json_body) == (408, 408)
    # By the edge when the time of a transfer is over, or by the gateway, which has seen too few bytes.
    assert endless in (400, 408)
