"""The forms of the console: every tool once, and nothing in them that the server would not take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from darkroom.common.v1 import forms_pb2
from darkroom.operations.v1 import operation_pb2
from models.bundles import load_bundles
from reference import console_forms
from reference.console_forms import example_settings, forms, render
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.tool import Sources
from services.gateway.surfaces.snapotter.tool_settings import check_settings, read_settings, settings_of
from services.gateway.surfaces.snapotter.tools import registry
from services.platform.rpc import catalogue
from services.platform.rpc.validation import RequestValidator

FORMS = forms()
TOOLS: Mapping[str, Any] = {form["id"]: form for form in FORMS["tools"]}
OPERATIONS: Mapping[str, Any] = {form["id"]: form for form in FORMS["operations"]}
_TYPES = {"integer", "number", "boolean", "enum", "string", "text", "color", "list", "object", "file", "boxes"}
_RESULTS = {"image", "images", "pdf", "text", "json", "zip", "svg"}
_validator = RequestValidator()


def base(tool: str) -> dict[str, Any]:
    """Settings that the tool takes, as JSON."""
    settings = example_settings(registry.TOOLS[tool])
    given = json_format.MessageToDict(settings)
    assert isinstance(given, dict)
    return given


def values(field: Mapping[str, Any]) -> Iterator[tuple[object, bool]]:
    """Values at the edges of a field, and whether it takes them."""
    if "default" in field:
        yield field["default"], True
    for option in field.get("options", ()):
        yield option["value"], True
    if field["type"] == "enum":
        yield "no such value", False
    least, above, most = field.get("min"), field.get("min_exclusive"), field.get("max")
    step = field.get("step", 1)
    if least is not None:
        yield from ((least, True), (least - step, False))
    if above is not None:
        yield from ((above + step, True), (above, False))
    if most is not None:
        yield from ((most, True), (most + step, False))
    if field["type"] == "color":
        yield from (("#a1B2c3", True), ("red", False))
        yield from ((each, True) for each in field.get("also", ()))
    if field["type"] in ("string", "text"):
        most_letters, least_letters = field.get("max_length"), field.get("min_length", 0)
        if most_letters and "pattern" not in field:
            yield from (("a" * most_letters, True), ("a" * (most_letters + 1), False))
        if least_letters:
            yield "", False


def all_fields(fields: Sequence[Any]) -> Iterator[Any]:
    for field in fields:
        yield field
        yield from all_fields(field.get("fields", ()))


_NARROWER = {
    ("resize", "percentage"),
    ("rotate", "angle"),
    ("remove-background", "gradientAngle"),
    ("passport-photo", "adjustX"),
    ("passport-photo", "adjustY"),
}
"""Limits that only make sense for people: the server takes more."""
_BY_PLAN = {
    ("collage", "templateId"),
    ("collage", "aspectRatio"),
    ("passport-photo", "countryCode"),
    ("passport-photo-generate", "countryCode"),
}
"""Values that the rules on settings do not list."""


def test_every_tool_is_there_once_and_tells_what_it_is() -> None:
    assert sorted(TOOLS) == sorted(registry.TOOLS)
    assert len(FORMS["tools"]) == len(TOOLS)
    categories = [each["id"] for each in FORMS["categories"]]
    assert {form["category"] for form in [*TOOLS.values(), *OPERATIONS.values()]} == set(categories)
    for form in [*TOOLS.values(), *OPERATIONS.values()]:
        assert form["name"]
        assert form["summary"], form["id"]
        assert form["result"] in _RESULTS
        assert 0 <= form["inputs"]["min"] <= form["inputs"]["max"] <= 100
        for field in all_fields(form["fields"]):
            assert field["type"] in _TYPES
            assert field["label"], (form["id"], field["name"])
            assert (field["type"] == "enum") <= ("options" in field)


def test_what_a_tool_is_besides() -> None:
    assert {tool for tool, form in TOOLS.items() if form["pipeline"]} == {tool.id for tool in registry.TOOLS.values() if tool.pipeline}
    assert {tool for tool, form in TOOLS.items() if not form["runs_as_task"]} == {
        tool.id for tool in registry.TOOLS.values() if tool.as_task.instead
    }
    bundles = {tool: name for name, bundle in load_bundles().items() for tool in bundle.tools}
    # It belongs to a bundle as in SnapOtter, but needs no model.
    del bundles["smart-crop"]
    assert bundles.keys() == {tool.id for tool in registry.TOOLS.values() if tool.needs_models}
    assert {tool: form["bundle"] for tool, form in TOOLS.items() if form["bundle"]} == bundles
    assert [tool for tool, form in TOOLS.items() if form["mask"]] == ["erase-object"]
    assert {tool: form["same_as"] for tool, form in TOOLS.items() if "same_as" in form} == dict.fromkeys(
        ("brightness-contrast", "color-adjustments", "color-channels", "color-effects", "saturation"), "adjust-colors"
    )
    assert TOOLS["pdf-to-image-info"]["part_of"] == "pdf-to-image"
    assert TOOLS["stitch"]["inputs"] == {"min": 2, "max": 100, "kinds": ["image"]}
    assert TOOLS["compare"]["inputs"] == {"min": 2, "max": 2, "kinds": ["image"]}
    assert TOOLS["qr-generate"]["inputs"] == {"min": 0, "max": 0, "kinds": []}
    assert TOOLS["pdf-to-image"]["inputs"] == {"min": 1, "max": 1, "kinds": ["pdf"]}
    assert (TOOLS["resize"]["plain"], TOOLS["upscale"]["plain"], TOOLS["collage"]["plain"]) == (True, False, False)
    assert TOOLS["resize"]["one_of"] == [["width", "height", "percentage"]]
    assert [field["name"] for field in TOOLS["qr-generate"]["fields"] if field["required"]] == ["text"]
    assert OPERATIONS["gpt_image_2"]["inputs"]["max"] == 16
    assert OPERATIONS["remove_pdf_watermark"]["takes"] == ["application/pdf"]


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_files_that_a_form_asks_for_are_those_that_the_tool_needs(tool: str) -> None:
    files = {field["name"]: field for field in TOOLS[tool]["fields"] if field["type"] == "file"}
    if registry.TOOLS[tool].as_task.instead:
        assert not files
        return
    settings = base(tool) | {name: each[0] for field in files.values() for name, each in field.get("show_when", {}).items()}
    message = settings_of(settings, registry.TOOLS[tool].settings)
    sources = Sources(names=["a.png"] if TOOLS[tool]["needs_names"] else [])
    needed = registry.TOOLS[tool].as_task.complete(message, registry.TOOLS[tool].plan(message, "a.png").operations[0], sources)
    assert [each.part for each in needed] == list(files)


def test_tools_that_need_names_cannot_do_without() -> None:
    found = []
    for tool in sorted(tool for tool, form in TOOLS.items() if form["runs_as_task"]):
        message = example_settings(registry.TOOLS[tool])
        try:
            registry.TOOLS[tool].as_task.complete(message, registry.TOOLS[tool].plan(message, "a.png").operations[0], Sources())
        except Refusal:
            found.append(tool)
    assert found == [tool for tool, form in TOOLS.items() if form["needs_names"]] == ["bulk-rename"]


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_tool_takes_what_its_form_offers_and_nothing_beyond(tool: str) -> None:
    settings, kind = base(tool), registry.TOOLS[tool].settings
    read_settings(json.dumps(settings), kind)
    for field in TOOLS[tool]["fields"]:
        if field["type"] in ("file", "object", "list"):
            continue
        for value, taken in values(field):
            faults = check_settings(settings | {field["name"]: value}, kind)[1]
            at_fault = [fault for fault in faults if fault.startswith(f"{field['name']}:")]
            narrower = not taken and (tool, field["name"]) in _NARROWER | _BY_PLAN
            assert narrower or bool(at_fault) is not taken, (field["name"], value, faults)


@pytest.mark.parametrize(("tool", "name"), sorted(_BY_PLAN))
def test_values_that_only_a_plan_looks_at(tool: str, name: str) -> None:
    [field] = [field for field in TOOLS[tool]["fields"] if field["name"] == name]
    seen = set()
    for option in field["options"]:
        operations = (
            registry.TOOLS[tool].plan(settings_of(base(tool) | {name: option["value"]}, registry.TOOLS[tool].settings), "a.png").operations
        )
        seen.add(b"".join(each.SerializeToString(deterministic=True) for each in operations))
    # `4:3` is as `free`.
    assert len(seen) == len(field["options"]) - (name == "aspectRatio")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_takes_what_its_form_offers_and_nothing_beyond(name: str) -> None:
    needed = {field["name"]: "a" for field in OPERATIONS[name]["fields"] if field["required"]}

    def is_taken(parameters: Mapping[str, object]) -> bool:
        try:
            operation = json_format.ParseDict({name: {**needed, **parameters}}, operation_pb2.Operation())
        except json_format.ParseError:
            return False
        return not list(_validator.faults(operation))

    assert is_taken({})
    assert not needed or not is_taken(dict.fromkeys(needed, ""))
    for field in OPERATIONS[name]["fields"]:
        if field["type"] in ("file", "object", "list", "boxes"):
            continue
        for value, taken in values(field):
            assert is_taken({field["name"]: value}) is taken, (field["name"], value)
    for field in OPERATIONS[name]["fields"]:
        if field["type"] == "boxes":
            box = {"x1": 0, "y1": 0, "x2": 100, "y2": 100}
            assert is_taken({field["name"]: [box] * field["max_items"]})
            assert not is_taken({field["name"]: [box] * (field["max_items"] + 1)})


def test_conditions_are_about_fields_and_values_that_there_are() -> None:
    for form in [*TOOLS.values(), *OPERATIONS.values()]:
        fields = {field["name"]: field for field in form["fields"]}
        for field in form["fields"]:
            for name, allowed in field.get("show_when", {}).items():
                offered = [True, False] if fields[name]["type"] == "boolean" else [each["value"] for each in fields[name]["options"]]
                assert allowed, (form["id"], field["name"])
                assert set(allowed) < set(offered), (form["id"], field["name"])
    shown = {field["name"]: field.get("show_when") for field in TOOLS["gif-tools"]["fields"]}
    assert shown["frameNumber"] == {"mode": ["extract"], "extractMode": ["single"]}
    assert {field["name"]: field.get("show_when") for field in TOOLS["border"]["fields"]}["shadowBlur"] == {"shadow": [True]}


def test_only_tools_have_forms() -> None:
    with_form = {route.method.full_name for route in catalogue.routes() if route.method.GetOptions().HasExtension(forms_pb2.tool_form)}
    assert with_form <= {method.full_name for _, method in console_forms._methods()}


def test_the_command_writes_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "forms.json"
    monkeypatch.setattr("sys.argv", ["console_forms", str(path)])
    assert console_forms.main() == 0
    assert path.read_text() == render() == render()
    assert json.loads(path.read_text()) == FORMS
    monkeypatch.setattr("sys.argv", ["console_forms"])
    assert console_forms.main() == 2
