"""The absent worker that a task waits for, apart from its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.tasks.domain.order.workforce import Workforce
from services.tasks.model import AwayWorker, Task
from services.tasks.model.state import TaskState


@dataclass(frozen=True, slots=True)
class WaitingFor:
    """No connected worker serves the task's lane."""

    machine: AwayWorker | None
    """The one that is expected to come back and serve it; of several, the one that was here last."""


class Waiting:
    """`served` says whether a worker serves a lane."""

    def __init__(self, served: Callable[[str], bool], workforce: Workforce) -> None:
        self._served, self._workforce = served, workforce

    def of(self, task: Task) -> WaitingFor | None:
        """The reason that a QUEUED task waits; None if workers serve its lane, for any other task, and while it is not known."""
        if task.state is not TaskState.QUEUED or not self._workforce.is_known or self._served(task.lane):
            return None
        return WaitingFor(self._workforce.expected_machine(task.lane))
