"""Pipelines as they are read and planned: what is refused, names, and which step says how the file is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import convert_pb2
from darkroom.tasks.v1 import task_pb2
from services.gateway.surfaces.snapotter.calls.steps import completed_steps, failed_step
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.pipelines.any_file import operations_for_any_file
from services.gateway.surfaces.snapotter.pipelines.plans import (
    MOST_STEPS,
    GivenStep,
    checked_pipeline,
    sent_steps,
    unknown,
)
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tools.registry import TOOLS

_MOST_OPERATIONS = 400
"""Of a run."""
STEPS = {tool.id: tool for tool in TOOLS.values() if tool.pipeline}
ROTATE = ("rotate", {"angle": 90})
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "resize": {"width": 5},
    "crop": {"left": 0, "top": 0, "width": 5, "height": 5},
    "convert": {"format": "png"},
    "watermark-text": {"text": "a"},
    "text-overlay": {"text": "a"},
    "content-aware-resize": {"width": 10},
    "passport-photo": {"countryCode": "US"},
}
"""What a tool cannot do without."""


def text(*steps: tuple[str, Mapping[str, Any]]) -> str:
    return json.dumps({"steps": [{"toolId": tool, "settings": settings} for tool, settings in steps]})


def conversions(*steps: tuple[str, Mapping[str, Any]]) -> Sequence[convert_pb2.Convert]:
    return [each.convert for each in checked_pipeline(sent_steps(text(*steps)), STEPS).plan("a.png").operations if each.HasField("convert")]


def test_every_tool_of_a_step_has_few_operations() -> None:
    for tool in STEPS:
        plan = checked_pipeline(sent_steps(text((tool, _NEEDED.get(tool, {})))), STEPS).plan("a.png")
        assert len(plan.operations) == plan.steps[0].operations
        assert MOST_STEPS * len(plan.operations) <= _MOST_OPERATIONS


def test_a_name_goes_through_the_steps() -> None:
    def name(source: str, *steps: tuple[str, Mapping[str, Any]]) -> str:
        return checked_pipeline(sent_steps(text(*steps)), STEPS).plan(source).name

    assert name("photo.jpeg", ROTATE) == "photo.jpeg"
    assert name("photo.jpeg", ("convert", {"format": "webp"}), ROTATE) == "photo.webp"
    assert name("photo.jpeg", ("convert", {"format": "webp"}), ("optimize-for-web", {"format": "jpeg"})) == "photo.jpg"
    assert name("noextension", ROTATE, ROTATE) == "noextension"


@pytest.mark.parametrize(
    ("chosen", "fields"),
    [
        (("compress", {"quality": 30}), {"quality": 30, "max_colors": 0, "lossless": False}),
        (("compress", {"mode": "targetSize", "targetSizeKb": 10}), {"quality": 0, "max_bytes": 10240}),
        (("convert", {"format": "webp", "quality": 40}), {"quality": 40, "max_bytes": 0}),
        (("convert", {"format": "tiff", "quality": 40}), {"quality": 40, "lossless": False}),
        (("optimize-for-web", {"format": "avif", "quality": 40}), {"quality": 40}),
    ],
)
def test_the_last_choice_of_quality_counts(chosen: tuple[str, Mapping[str, Any]], fields: Mapping[str, object]) -> None:
    for last in (ROTATE, ("strip-metadata", {})):
        [_, *_, end] = conversions(chosen, ROTATE, last)
        assert end.format == convert_pb2.PICTURE_FORMAT_KEPT
        assert {name: getattr(end, name) for name in fields} == fields
    assert conversions(chosen, ROTATE, ("compress", {"quality": 90}))[-1].quality == 90
    assert conversions(ROTATE, ("strip-metadata", {}))[-1].quality == 90
    assert conversions(("strip-metadata", {}), ROTATE)[-1].quality == 95


def test_limits_of_steps_and_words_for_tools() -> None:
    assert len(checked_pipeline(sent_steps(text(*[ROTATE] * MOST_STEPS)), STEPS).steps) == MOST_STEPS
    for most, steps in ((0, MOST_STEPS + 1), (3, 4), (1000, MOST_STEPS + 1)):
        with pytest.raises(Refusal, match="Invalid pipeline definition") as refused:
            sent_steps(text(*[ROTATE] * steps), most)
        assert refused.value.details == [{"path": "steps", "message": f"must have at most {min(most or 100, 100)} steps"}]
    with pytest.raises(Refusal, match=r'Step 2: Tool "x" not found'):
        checked_pipeline(sent_steps(text(ROTATE, ("x", {}))), STEPS, unknown)


@pytest.mark.parametrize(
    ("sizes", "failed", "complete"),
    [
        ([], (1, "resize"), []),
        ([10], (1, "resize"), []),
        ([10, 20], (2, "convert"), [20]),
        ([10, 20, 30], (3, "rotate"), [20, 30]),
        ([10, 20, 30, 40], (3, "rotate"), [20, 30]),
        ([10, 20, 30, 40, 50], (3, "rotate"), [20, 30]),
    ],
)
def test_steps_that_were_done(sizes: Sequence[int], failed: tuple[int, str], complete: Sequence[int]) -> None:
    kept = RunRecord("pipeline", ["a.png"], "a.png", [("resize", 2), ("convert", 1), ("rotate", 2)])
    assert RunRecord.read(kept.text()) == kept
    run = run_service_pb2.Run(state=task_pb2.TASK_STATE_FAILED, operation_bytes=sizes)
    assert failed_step(kept, run) == failed
    assert [step["size"] for step in completed_steps(kept, run)] == complete


def test_steps_of_a_result() -> None:
    kept = RunRecord("pipeline", ["a.png"], "a.png", [("resize", 2), ("convert", 1), ("rotate", 2)])
    run = run_service_pb2.Run(state=task_pb2.TASK_STATE_SUCCEEDED, operation_bytes=[10, 20, 30, 40, 50])
    run.outputs.add(size_bytes=99)
    assert [step["size"] for step in completed_steps(kept, run)] == [20, 30, 99]


@pytest.mark.parametrize(
    ("steps", "operations"),
    [
        ([("resize", {"width": 40}), ("convert", {"format": "webp"})], ["resize", "convert", "convert"]),
        ([("remove-background", {}), ("border", {})], ["remove_background", "convert", "border", "convert"]),
        # The settings are wrong, the file decides, or another file belongs to it.
        ([("resize", {"width": "wrong"})], []),
        ([("bulk-rename", {"pattern": "a"})], []),
        ([ROTATE, ("watermark-image", {})], []),
        ([ROTATE] * 65, []),
        ([("none", {})], []),
    ],
)
def test_operations_that_fit_any_file(steps: Sequence[tuple[str, Mapping[str, Any]]], operations: Sequence[str]) -> None:
    given = [GivenStep(tool_id, settings) for tool_id, settings in steps]
    assert [each.WhichOneof("operation") for each in operations_for_any_file(given, TOOLS)] == operations
