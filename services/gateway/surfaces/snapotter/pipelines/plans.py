"""Pipelines: the steps that a client sends, checked, and the one task that does them all.

The operations of all steps follow one another, so that a picture is decoded once and encoded once. The effects that a file between two
steps would have meant, such as its format or that it has no alpha, `convert` keeps up; what is only about the writing is settled here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from darkroom.accounts.v1 import features_service_pb2
from darkroom.operations.v1 import convert_pb2, operation_pb2
from services.gateway.surfaces.snapotter.bodies import storable
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.installation.features import FeatureMissing
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tool_settings import INVALID, check_settings, path_and_message, read_json

MISSING = "No pipeline definition provided"
NOT_JSON = "Pipeline must be valid JSON"
INVALID_PIPELINE = "Invalid pipeline definition"
MOST_STEPS = 100
_CONTENT_AWARE = "content-aware-resize"
_LONGEST_TOLD = 100
"""Characters of a tool's id, where it is repeated."""
Unknown = Callable[[int, str], str]
"""The message for a step, by its number from 1, whose tool does not exist."""


def unavailable(step: int, tool_id: str) -> str:
    """As executing a pipeline says it."""
    return f"Step {step} ({short_tool_id(tool_id)}): Tool not found or not available"


def unknown(step: int, tool_id: str) -> str:
    """As saving a pipeline, and a batch, say it."""
    return f'Step {step}: Tool "{short_tool_id(tool_id)}" not found'


def short_tool_id(tool_id: str) -> str:
    """The id of a tool that perhaps does not exist, for a reply."""
    return storable(tool_id[:_LONGEST_TOLD])


@dataclass(frozen=True, slots=True)
class GivenStep:
    """A step as it was sent."""

    tool_id: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A step that can be done."""

    tool_id: str
    """As it was sent."""
    tool: Tool
    settings: Message


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The contribution of a step to a task."""

    tool_id: str
    operations: int
    """How many."""


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """A task for one picture."""

    operations: Sequence[operation_pb2.Operation]
    name: str
    """The result's name, to be used unchanged."""
    may_become_png: bool
    """Unless the result has become a PNG for its alpha: then the name says so."""
    steps: Sequence[StepPlan]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps that can be done."""

    steps: Sequence[Step]

    def name_of(self, file: SentFile) -> str:
        """The file's name for its steps: the sent one, if all of them work on it so."""
        return file.name if all(step.tool.keeps_format for step in self.steps) else file.working_name

    def plan(self, name: str) -> PipelinePlan:
        """Its operations on a picture of this name."""
        operations: list[operation_pb2.Operation] = []
        planned: list[StepPlan] = []
        chosen: convert_pb2.Convert | None = None
        may_become_png = False
        for number, step in enumerate(self.steps):
            plan = step.tool.plan(step.settings, name)
            name = plan.name or name
            may_become_png |= plan.may_become_png
            writing = [each.convert for each in plan.operations if each.HasField("convert")]
            for convert in writing:
                if number:
                    # The first step's result is no longer a drawing.
                    convert.svg_dpi = 0
                if chosen is not None and not plan.chooses_writing and convert.format == convert_pb2.PICTURE_FORMAT_KEPT:
                    _follow(convert, chosen)
            if plan.chooses_writing and writing:
                chosen = writing[-1]
            operations += plan.operations
            planned.append(StepPlan(step.tool_id, len(plan.operations)))
        return PipelinePlan(operations, name, may_become_png, planned)


def sent_steps(text: str, most_steps: int = 0) -> Sequence[GivenStep]:
    """The steps of the pipeline in a form's text. Raises `Refusal`. `most_steps` 0: no limit but `MOST_STEPS`."""
    if not text.strip():
        raise Refusal(400, MISSING)
    try:
        value = read_json(text)
    except Refusal:
        raise Refusal(400, NOT_JSON) from None
    steps, faults = given_steps(value.get("steps") if isinstance(value, dict) else value, most_steps)
    if faults:
        raise Refusal(400, INVALID_PIPELINE, details=faults)
    return steps


def checked_pipeline(
    steps: Sequence[GivenStep],
    tools: Mapping[str, Tool],
    unknown: Unknown = unavailable,
    missing: Mapping[str, features_service_pb2.Bundle] = MappingProxyType({}),
) -> Pipeline:
    """The pipeline of these steps, of some tools, the `missing` ones lacking a bundle. Raises `Refusal`."""
    return Pipeline([_checked(number, step, tools, unknown, missing) for number, step in enumerate(steps, start=1)])


def given_steps(value: object, most_steps: int = 0) -> tuple[Sequence[GivenStep], Sequence[Mapping[str, object]]]:
    """The steps in a JSON value, and what is wrong with them, as `{path, message}`."""
    most = min(most_steps or MOST_STEPS, MOST_STEPS)
    if not isinstance(value, list):
        return [], [_fault("steps", "must be a list")]
    if not value:
        return [], [_fault("steps", "must have at least one step")]
    if len(value) > most:
        return [], [_fault("steps", f"must have at most {most} steps")]
    steps: list[GivenStep] = []
    faults: list[Mapping[str, object]] = []
    for index, step in enumerate(value):
        path = f"steps.{index}"
        if not isinstance(step, dict):
            faults.append(_fault(path, "must be an object"))
            continue
        tool_id, settings = step.get("toolId"), step.get("settings", {})
        if not isinstance(tool_id, str):
            faults.append(_fault(f"{path}.toolId", "must be a string"))
        if not isinstance(settings, dict):
            faults.append(_fault(f"{path}.settings", "must be an object"))
        if isinstance(tool_id, str) and isinstance(settings, dict):
            steps.append(GivenStep(tool_id, settings))
    return steps, faults


def _checked(
    number: int, step: GivenStep, tools: Mapping[str, Tool], unknown: Unknown, missing: Mapping[str, features_service_pb2.Bundle]
) -> Step:
    reads_content = step.tool_id == "resize" and step.settings.get("contentAware") is True
    tool = tools.get(_CONTENT_AWARE if reads_content else step.tool_id)
    if tool is None:
        raise Refusal(400, unknown(number, step.tool_id))
    if tool.id in missing:
        raise FeatureMissing(missing[tool.id], f"Step {number} ({step.tool_id})")
    settings, faults = check_settings(step.settings, tool.settings)
    if faults:
        details = [_fault(*path_and_message(fault)) for fault in faults]
        raise Refusal(400, f"Step {number} ({step.tool_id}): {INVALID}", details=details)
    return Step(step.tool_id, tool, settings)


def _fault(path: str, message: str) -> Mapping[str, object]:
    return {"path": path, "message": message}


def _follow(convert: convert_pb2.Convert, chosen: convert_pb2.Convert) -> None:
    """Write as small and as well as an earlier step has chosen to, where this one has no choice of its own. Colours follow by themselves,
    as long as the file stays a PNG or GIF: those of a PNG that a JPEG becomes for its alpha were nobody's choice."""
    convert.quality, convert.max_bytes = chosen.quality, chosen.max_bytes
    convert.webp_quality = convert.avif_quality = 0
    convert.progressive = chosen.progressive
    if chosen.HasField("lossless"):
        convert.lossless = chosen.lossless
    elif chosen.format == convert_pb2.PICTURE_FORMAT_TIFF and chosen.quality:
        convert.lossless = False
