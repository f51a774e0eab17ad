"""Where log lines go."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Generator
from contextvars import copy_context

from services.platform.log import Output, bind


class Stream(io.StringIO):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


async def test_lines_of_some_milliseconds_are_one_write_in_their_order() -> None:
    stream = Stream()
    output = Output(stream)
    for written, lines in enumerate((["first", "second"], ["third"])):
        for line in lines:
            output.write(line)
        assert len(stream.writes) == written
        async with asyncio.timeout(30):
            while len(stream.writes) == written:
                await asyncio.sleep(0)
    assert stream.writes == ["first\nsecond\n", "third\n"]


async def test_a_warning_is_written_at_once_after_the_lines_before_it() -> None:
    stream = Stream()
    output = Output(stream)
    output.info("first")
    output.warning("second")
    assert stream.writes == ["first\nsecond\n"]


async def test_a_line_from_a_thread_is_written_at_once() -> None:
    stream = Stream()
    await asyncio.to_thread(Output(stream).write, "line")
    assert stream.writes == ["line\n"]


async def test_work_goes_on_where_nobody_reads_the_log() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        output = Output(io.TextIOWrapper(pipe, write_through=True))
        output.warning("line")
        await asyncio.to_thread(output.write, "line")


def test_a_generator_that_is_forgotten_in_a_block_ends_quietly() -> None:
    def follow() -> Generator[None, None, None]:
        with bind(task_id=1):
            yield

    following = follow()
    next(following)
    copy_context().run(following.close)
