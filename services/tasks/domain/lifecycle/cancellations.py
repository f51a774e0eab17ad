"""The word to a worker that its task has ended without it."""

from __future__ import annotations

import nats

from services.common.bus import Bus, cancel_subject
from services.common.log import get_logger

_logger = get_logger()


async def tell_worker(bus: Bus, task_id: int) -> None:
    """Ask whoever runs the task to stop. If that is lost, the answer to the next heartbeat says it."""
    try:
        await bus.client.publish(cancel_subject(task_id))
    except nats.errors.Error as error:
        _logger.warning("cancel_not_announced", task_id=task_id, error=repr(error))
