"""Pipelines of tools that are enabled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.gateway.surfaces.snapotter.installation.enabled_tools import EnabledTools
from services.gateway.surfaces.snapotter.installation.features import FeatureMissing, Features
from services.gateway.surfaces.snapotter.pipelines.plans import (
    GivenStep,
    Pipeline,
    Unknown,
    checked_pipeline,
    sent_steps,
    unavailable,
)
from services.gateway.surfaces.snapotter.tool import Tool
from services.platform.identity import Identity


class PipelineReader:
    """Reads them. With `most_steps`, they have at most so many steps."""

    def __init__(self, tools: Mapping[str, Tool], enabled: EnabledTools, features: Features, most_steps: int) -> None:
        self.all_tools, self._enabled, self._features, self.most_steps = tools, enabled, features, most_steps

    async def tools(self) -> Mapping[str, Tool]:
        """The tools that a step may be, and that take batches, by their ids. Raises UNAVAILABLE."""
        return {tool_id: tool for tool_id, tool in (await self._enabled_tools()).items() if tool.pipeline}

    async def read(self, text: str, identity: Identity, unknown: Unknown = unavailable) -> Pipeline:
        """The pipeline in a form's text. Raises `Refusal` and UNAVAILABLE."""
        return await self.of(sent_steps(text, self.most_steps), identity, unknown)

    async def of(
        self, steps: Sequence[GivenStep], identity: Identity, unknown: Unknown = unavailable, *, any_tool: bool = False
    ) -> Pipeline:
        """The pipeline of these steps; with `any_tool`, they may be all tools. Raises `Refusal` and UNAVAILABLE."""
        tools = await (self._enabled_tools() if any_tool else self.tools())
        used = [tools[step.tool_id] for step in steps if step.tool_id in tools]
        return checked_pipeline(steps, tools, unknown, await self._features.missing(used, identity))

    async def _enabled_tools(self) -> Mapping[str, Tool]:
        disabled = await self._enabled.disabled_ids()
        return {tool_id: tool for tool_id, tool in self.all_tools.items() if tool_id not in disabled}

    async def require(self, tool: Tool, identity: Identity) -> None:
        """Raise `FeatureMissing` for a tool that lacks models."""
        for bundle in (await self._features.missing([tool], identity)).values():
            raise FeatureMissing(bundle)
