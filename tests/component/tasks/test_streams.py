"""The streams of an installation that a version before has made."""

from __future__ import annotations

import asyncio

from nats.js.api import Header, PersistMode, RetentionPolicy, StorageType, StreamConfig

from services.platform.bus import EVENTS_STREAM, WORK_STREAM, Bus, event_subject, former_event_subject, work_subject


async def test_streams_of_a_version_before_become_what_this_one_needs(bus: Bus) -> None:
    for name in (WORK_STREAM, EVENTS_STREAM):
        await bus.jetstream.delete_stream(name)
    await bus.jetstream.add_stream(
        StreamConfig(name=WORK_STREAM, subjects=[work_subject("*")], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE)
    )
    await bus.jetstream.add_stream(StreamConfig(name=EVENTS_STREAM, subjects=["EVENTS.*.*.*"], storage=StorageType.FILE))
    await bus.jetstream.publish(former_event_subject(1, 2, end=True), b"an end")

    # Services start at the same time.
    await asyncio.gather(*(bus.ensure_streams(1) for _ in range(3)))
    # What was told before is still there for who has not read it, and what a replica of the version before says is taken, too.
    assert (await bus.jetstream.stream_info(EVENTS_STREAM)).state.messages == 1
    # With an id, as all that services publish: a NATS whose streams are changed three times at once may see a message twice.
    for subject in (event_subject(1, end=True), event_subject(1, end=False), former_event_subject(1, 3, end=False), work_subject("neural")):
        await bus.jetstream.publish(subject, b"", headers={Header.MSG_ID: subject})
    assert (await bus.jetstream.stream_info(EVENTS_STREAM)).state.messages == 4
    assert (await bus.jetstream.stream_info(WORK_STREAM)).state.messages == 1


async def test_hints_do_not_wait_for_the_disk_unless_they_are_replicated(bus: Bus) -> None:
    assert (await bus.jetstream.stream_info(WORK_STREAM)).config.persist_mode == PersistMode.ASYNC
    # Ends of tasks do.
    assert (await bus.jetstream.stream_info(EVENTS_STREAM)).config.persist_mode in (None, PersistMode.DEFAULT)
