"""Runs the worker's operations without a worker: their context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from services.inference.pipeline.product import RunContext
from services.inference.pipeline.stages import Stages


class _Nothing:
    """Keeps nothing for later attempts."""

    async def kept(self, _folder: Path) -> Mapping[str, Path]:
        return {}

    async def keep(self, _key: str, _file: Path, _media_type: str) -> None:
        return


def surroundings(folder: Path) -> RunContext:
    """A context that reports nothing and never cancels."""
    return RunContext(folder, lambda _done, _said: None, lambda: None, lambda *_: None, Stages(), keeping=_Nothing())
