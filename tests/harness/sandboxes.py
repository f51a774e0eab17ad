"""Sandboxes that services in tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from services.platform.sandbox import Limits, Sandbox


class SharedSandboxes:
    """Called instead of `Sandbox`: services that ask for the same get the same, which stays open. One takes half a second of processor time
    to start, more than most of what a test does."""

    def __init__(self) -> None:
        self._open: dict[object, Sandbox] = {}

    @asynccontextmanager
    async def __call__(
        self,
        *,
        preload: Sequence[str] = (),
        on_demand: Mapping[str, Sequence[str]] = MappingProxyType({}),
        limits: Limits | None = None,
        concurrency: int | None = None,
    ) -> AsyncIterator[Sandbox]:
        key = (tuple(preload), tuple(on_demand.items()), limits, concurrency)
        if key not in self._open:
            self._open[key] = Sandbox(preload=preload, on_demand=on_demand, limits=limits, concurrency=concurrency)
            await self._open[key].start()
        yield self._open[key]

    async def close(self) -> None:
        """End them all."""
        for sandbox in self._open.values():
            await sandbox.aclose()
