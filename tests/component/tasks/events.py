"""What the tasks service has published."""

from __future__ import annotations

from darkroom.internal.tasks.v1 import events_pb2
from services.platform.bus import EVENTS_STREAM, Bus


async def events_on(bus: Bus) -> list[events_pb2.PublishedEvent]:
    """Every event in EVENTS, in the order of the stream."""
    state = (await bus.jetstream.stream_info(EVENTS_STREAM)).state
    if not state.messages:
        return []
    messages = [await bus.jetstream.get_msg(EVENTS_STREAM, sequence) for sequence in range(state.first_seq, state.last_seq + 1)]
    return [event for message in messages for event in events_pb2.PublishedEvents.FromString(message.data or b"").events]


async def sequences_on(bus: Bus, task_id: int) -> list[int]:
    """The numbers of a task's events in EVENTS."""
    return [each.event.sequence for each in await events_on(bus) if each.event.task_id == task_id]
