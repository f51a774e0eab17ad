"""Ending a process between two steps of its work, exactly there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from services.common.process import end


def _anyone(*_: object, **__: object) -> bool:
    return True


class Halt:
    """Whoever calls the method first, of those that `whose` says yes to, goes no further, as if its process had ended there: right before
    the method's work with `before`, else right after it. `reached` tells that it has come there. The others go on, as other processes do.
    """

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        owner: type,
        method: str,
        *,
        before: bool = False,
        whose: Callable[..., bool] = _anyone,
    ) -> None:
        self.reached = asyncio.Event()
        original = getattr(owner, method)

        async def halted(*arguments: Any, **named: Any) -> Any:
            mine = not self.reached.is_set() and whose(*arguments, **named)
            if not (mine and before):
                result = await original(*arguments, **named)
                # Others may have come meanwhile.
                if not mine or self.reached.is_set():
                    return result
            self.reached.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody sets the event")

        patch.setattr(owner, method, halted)

    async def kill(self, process: asyncio.Task[Any], seconds: float = 60) -> None:
        """Let the process come to the point, and end it."""
        waiting = asyncio.ensure_future(self.reached.wait())
        done, _ = await asyncio.wait((waiting, process), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if waiting not in done:
            raise AssertionError("it did not come to the point where it was to end")
        await end(process)
