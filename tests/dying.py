"""Services that die between two steps of their work, exactly there, by SIGKILL: no `finally`, no `except`, no goodbye to anybody.

`dying` runs `python -m services.NAME` in a process of its own through this module, which makes one method of the service the place to die.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from pydantic import SecretStr

from services.platform import log as service_log

REPOSITORY = Path(__file__).resolve().parent.parent

_LAST = "died with "


@dataclass(frozen=True)
class Point:
    """Whoever calls the method first dies: `before` its work, else right after it, unless it was in vain: it could return something, and
    returned nothing, as to a loop that finds nothing to do."""

    owner: type
    method: str
    before: bool = False


class Dying:
    """A process on its way to its point."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log

    async def died(self, seconds: float = 60) -> Mapping[str, Any]:
        """Wait until it has killed itself, and return what its log was bound to at the point."""
        try:
            async with asyncio.timeout(seconds):
                status = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"it did not come to the point where it was to die:\n{self._log.read_text()[-4000:]}") from None
        if status != -signal.SIGKILL:
            raise AssertionError(f"it ended with {status} and not by a kill:\n{self._log.read_text()[-4000:]}")
        # Its children may say something after it.
        [last] = [line for line in self._log.read_text().splitlines() if line.startswith(_LAST)]
        bound: Mapping[str, Any] = json.loads(last.removeprefix(_LAST))
        return bound


@asynccontextmanager
async def dying(service: str, settings: Mapping[str, Any], point: Point, log: Path) -> AsyncIterator[Dying]:
    """`python -m services.SERVICE` with its settings by name. It is gone when the block ends, whether it came to the point or not."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    environment |= {f"DARKROOM_{name.upper()}": _text(value) for name, value in settings.items()}
    where = f"{point.owner.__module__}:{point.owner.__qualname__}"
    command = [sys.executable, "-m", "tests.dying", where, point.method, "before" if point.before else "after", f"services.{service}"]
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, env=environment, stdout=file, stderr=file)
    try:
        yield Dying(process, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return ",".join(f"{key}={one}" for key, one in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _arm(owner: str, method: str, *, before: bool) -> None:
    module, name = owner.split(":")
    target = getattr(import_module(module), name)
    original = getattr(target, method)
    returns_nothing = inspect.signature(original).return_annotation in (None, "None")

    async def last(*arguments: Any, **named: Any) -> Any:
        if before:
            _die()
        result = await original(*arguments, **named)
        if result or returns_nothing:
            _die()
        return result

    setattr(target, method, last)


def _die() -> NoReturn:
    os.write(2, f"\n{_LAST}{json.dumps(service_log.bound_values(), default=str)}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    owner, method, when, module = sys.argv[1:]
    sys.argv = [module]
    _arm(owner, method, before=when == "before")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
