"""Steps of a pipeline as the command line takes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from google.protobuf import json_format

from darkroom.cli.pipeline_steps import in_words, step, steps_in
from darkroom.operations.v1 import operation_pb2


def operation(**given: object) -> operation_pb2.Operation:
    return json_format.ParseDict(given, operation_pb2.Operation())


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("remove_background", operation(remove_background={})),
        ("remove-background trim keep-shadow=false", operation(remove_background={"trim": True})),
        ("remove_background background_file_id=5", operation(remove_background={"background_file_id": 5})),
        ("resize width=2000 height=2000 fit=canvas", operation(resize={"width": 2000, "height": 2000, "fit": "FIT_CANVAS"})),
        ("resize width-percent=33.3 fit=FIT_FILL", operation(resize={"width_percent": 33.3, "fit": "FIT_FILL"})),
        ("convert format=webp lossless=no", operation(convert={"format": "PICTURE_FORMAT_WEBP", "lossless": False})),
        ("upscale enhance=face enhancements=text", operation(upscale={"enhancements": ["ENHANCEMENT_FACE", "ENHANCEMENT_TEXT"]})),
        ("draw_text text='a = \"b\"'", operation(draw_text={"text": 'a = "b"'})),
        ('resize={"width": 640}', operation(resize={"width": 640})),
        ('{"crop": {"area": {"width": 5, "height": 6}}}', operation(crop={"area": {"width": 5, "height": 6}})),
    ],
)
def test_a_step_and_its_words(text: str, made: operation_pb2.Operation) -> None:
    assert step(text, 1) == made
    assert step(in_words(made), 1) == made


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("resise", "step 2: there is no operation resise; did you mean resize?"),
        ("noop", "step 2: there is no operation noop: give one of adjust"),
        ("resize widht=3", "step 2 (resize): there is no option widht; did you mean width?"),
        ('resize={"widht": 3}', "step 2 (resize): there is no option widht; did you mean width?"),
        ("resize width=abc", "step 2 (resize): Invalid value for 'width': 'abc'"),
        ("resize width=70000", "step 2 (resize): Invalid value for 'width': 70000 is not in the range"),
        ("resize fit=wrong", "'wrong' is not one of 'bounds', 'cover', 'crop', 'canvas', 'fill'"),
        ("resize width", "step 2 (resize): width needs a value: width=VALUE"),
        ("remove_background trim=maybe", "trim must be true or false"),
        ("remove_background background_file_id=logo.png", "background_file_id must be the id of a file"),
        ("draw_text", "step 2 (draw_text): Missing option"),
        ("resize='", "No closing quotation"),
        ("resize={", "step 2: "),
        ('{"resize": {}, "convert": {}}', "step 2 must be an object with one operation"),
        (" ", "step 2 is empty"),
    ],
)
def test_what_is_no_step(text: str, problem: str) -> None:
    with pytest.raises(typer.BadParameter, match=re.escape(problem)):
        step(text, 2)


def test_steps_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    listed = [{"resize": {"width": 640}}, {"convert": {"format": "PICTURE_FORMAT_WEBP"}}]
    for content in (listed, {"name": "web", "operations": listed}):
        file.write_text(json.dumps(content))
        assert steps_in(file) == [operation(**each) for each in listed]
    for content, problem in (([], "must be a list"), ([{"resise": {}}], "step 1: there is no operation resise"), ({}, "must be a list")):
        file.write_text(json.dumps(content))
        with pytest.raises(typer.BadParameter, match=problem):
            steps_in(file)
