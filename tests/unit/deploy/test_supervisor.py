"""What supervisord is told, and what it answers at awkward moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import Layout
from deploy.local.supervisor import Supervisor


class Scripted(Supervisor):
    """A process that has these states, one after the other, whenever its state is asked for."""

    def __init__(self, folder: Path, *states: str) -> None:
        super().__init__(Layout.at(folder))
        self.states, self.stops = list(states), 0

    async def _call(self, method: str, *arguments: object, tolerate: int | None = None) -> Any:
        if method == "stopProcess":
            self.stops += 1
            return None
        return {
            "name": arguments[0],
            "statename": self.states.pop(0),
            "pid": 0,
            "start": 0,
            "stop": 0,
            "now": 0,
            "spawnerr": "",
            "exitstatus": 0,
        }


@pytest.mark.parametrize(
    ("states", "stops"),
    [
        (["STOPPED"], 1),
        (["STOPPING", "STOPPING", "STOPPED"], 1),
        (["FATAL"], 1),
        # It ended by itself just before, and supervisord starts it again.
        (["EXITED", "STOPPING", "STOPPED"], 2),
        (["EXITED", "EXITED", "STARTING", "STOPPED"], 4),
    ],
)
async def test_what_is_stopped_stays_down(tmp_path: Path, states: list[str], stops: int) -> None:
    supervisor = Scripted(tmp_path, *states)
    await supervisor.stop("s3")
    assert (supervisor.stops, supervisor.states) == (stops, [])
