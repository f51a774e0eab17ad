"""The forms of the console: every operation once, and nothing in them that the server would not take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from darkroom.operations.v1 import operation_pb2
from models.bundles import load_bundles
from reference import console_forms
from reference.console_forms import forms, render
from services.pictures.operations import Arity, specs
from services.platform.rpc.validation import RequestValidator

FORMS = forms()
OPERATIONS: Mapping[str, Any] = {form["id"]: form for form in FORMS["operations"]}
_TYPES = {"integer", "number", "boolean", "enum", "string", "text", "color", "list", "object", "file", "boxes"}
_RESULTS = {"image", "images", "pdf", "text", "json", "zip", "svg"}
_NEEDED = {"color": "#ff0000", "file": 1, "enum": None}
_NARROWER = {("resize", name) for name in ("width", "height", "width_percent", "height_percent")}
"""Limits that only make sense for people: 0 is what is not given."""
_validator = RequestValidator()


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


def faults(name: str, parameters: Mapping[str, object]) -> Sequence[str]:
    """The paths of the parameters that the server refuses, after the operation's name."""
    try:
        operation = json_format.ParseDict({name: parameters}, operation_pb2.Operation())
    except json_format.ParseError as error:
        return [str(error)]
    return [(fault.field or "").removeprefix(f"{name}.") for fault in _validator.faults(operation)]


def test_every_operation_that_people_use_is_there_once() -> None:
    assert set(OPERATIONS) == {spec.name for spec in specs().values() if not spec.diagnostic}
    assert len(FORMS["operations"]) == len(OPERATIONS)
    assert {form["category"] for form in OPERATIONS.values()} == {each["id"] for each in FORMS["categories"]}
    for form in OPERATIONS.values():
        assert form["name"]
        assert form["summary"], form["id"]
        assert form["result"] in _RESULTS
        assert 0 <= form["inputs"]["min"] <= form["inputs"]["max"] <= 100
        for field in all_fields(form["fields"]):
            assert field["type"] in _TYPES
            assert field["label"], (form["id"], field["name"])
            assert (field["type"] == "enum") <= ("options" in field)


def test_what_a_form_says_besides_its_fields() -> None:
    assert {form["id"] for form in OPERATIONS.values() if form["step"]} == {
        spec.name for spec in specs().values() if spec.arity is Arity.EACH and spec.accepts == spec.produces and not spec.diagnostic
    }
    bundles = {operation: name for name, bundle in load_bundles().items() for operation in bundle.operations}
    assert {form["id"]: form["bundle"] for form in OPERATIONS.values() if form["bundle"]} == bundles
    assert OPERATIONS["stitch"]["inputs"] == {"min": 2, "max": 100, "kinds": ["image"]}
    assert OPERATIONS["compare"]["inputs"] == {"min": 2, "max": 2, "kinds": ["image"]}
    assert OPERATIONS["qr_code"]["inputs"] == {"min": 0, "max": 0, "kinds": []}
    assert OPERATIONS["pdf_pages"]["inputs"] == {"min": 1, "max": 1, "kinds": ["pdf"]}
    assert OPERATIONS["gpt_image_2"]["inputs"]["max"] == 16
    assert (OPERATIONS["resize"]["plain"], OPERATIONS["upscale"]["plain"], OPERATIONS["collage"]["plain"]) == (True, False, False)
    assert OPERATIONS["resize"]["one_of"] == [["width", "height", "width_percent", "height_percent"]]
    assert [field["name"] for field in OPERATIONS["qr_code"]["fields"] if field["required"]] == ["text"]
    assert OPERATIONS["remove_pdf_watermark"]["takes"] == ["application/pdf"]


def test_presets_are_settings_of_their_operations() -> None:
    presets = [(form, preset) for form in OPERATIONS.values() for preset in form["presets"]]
    ids = [preset["id"] for _, preset in presets]
    assert len(ids) == len(set(ids))
    assert not set(ids) & set(OPERATIONS)
    for form, preset in presets:
        names = {field["name"] for field in form["fields"]}
        assert preset["name"] and preset["summary"] and set(preset["settings"]) <= names, preset["id"]
        assert not faults(form["id"], preset["settings"]), preset["id"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_takes_what_its_form_offers_and_nothing_beyond(name: str) -> None:
    fields = OPERATIONS[name]["fields"]
    needed = {
        field["name"]: field["default"] if "default" in field else _NEEDED.get(field["type"], "a") for field in fields if field["required"]
    }
    for field in fields:
        if field["type"] in ("file", "object", "list", "boxes"):
            continue
        for value, taken in values(field):
            found = faults(name, {**needed, field["name"]: value})
            blamed = [path for path in found if path == field["name"] or field["name"] in path]
            narrower = not taken and (name, field["name"]) in _NARROWER
            assert narrower or bool(blamed) is not taken, (field["name"], value, found)
    for field in fields:
        if field["type"] == "boxes":
            box = {"x1": 0, "y1": 0, "x2": 100, "y2": 100}
            assert not faults(name, {field["name"]: [box] * field["max_items"]})
            assert faults(name, {field["name"]: [box] * (field["max_items"] + 1)})


def test_conditions_are_about_fields_and_values_that_there_are() -> None:
    for form in OPERATIONS.values():
        fields = {field["name"]: field for field in form["fields"]}
        for field in form["fields"]:
            for name, allowed in field.get("show_when", {}).items():
                offered = [True, False] if fields[name]["type"] == "boolean" else [each["value"] for each in fields[name]["options"]]
                assert allowed, (form["id"], field["name"])
                assert set(allowed) < set(offered), (form["id"], field["name"])
    assert {field["name"]: field.get("show_when") for field in OPERATIONS["border"]["fields"]}["shadow_blur"] == {"shadow": [True]}


def test_the_command_writes_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "forms.json"
    monkeypatch.setattr("sys.argv", ["console_forms", str(path)])
    assert console_forms.main() == 0
    assert path.read_text() == render() == render()
    assert json.loads(path.read_text()) == FORMS
    monkeypatch.setattr("sys.argv", ["console_forms"])
    assert console_forms.main() == 2
