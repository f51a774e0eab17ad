"""Pipelines of tools that are enabled."""

from __future__ import annotations

from collections.abc import Mapping

from services.gateway.surfaces.snapotter.installation.enabled_tools import EnabledTools
from services.gateway.surfaces.snapotter.pipelines.plans import Pipeline, Unknown, pipeline_tools, read_pipeline, unavailable
from services.gateway.surfaces.snapotter.tools.catalogue import Tool


class PipelineReader:
    """Reads them. With `most_steps`, they have at most so many steps."""

    def __init__(self, enabled: EnabledTools, most_steps: int) -> None:
        self._enabled, self.most_steps = enabled, most_steps

    async def tools(self) -> Mapping[str, Tool]:
        """The tools that a step may be, and that take batches, by their ids. Raises UNAVAILABLE."""
        disabled = await self._enabled.disabled()
        return {tool_id: tool for tool_id, tool in pipeline_tools().items() if tool_id not in disabled}

    async def read(self, text: str, unknown: Unknown = unavailable) -> Pipeline:
        """The pipeline in a form's text. Raises `Refusal` and UNAVAILABLE."""
        return read_pipeline(text, await self.tools(), self.most_steps, unknown)
