"""The verbs of the command line against the protos that they are made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from typer.testing import CliRunner

from darkroom.cli.app import app
from darkroom.cli.operation_verbs import suffixes_of
from darkroom.cli.option_errors import about_file, batch_item, in_file, in_options
from darkroom.cli.parameters import option_name, parameters_of
from darkroom.cli.pipeline_steps import step
from darkroom.failures import InvalidRequest
from darkroom.field_rules import values_of
from darkroom.operations.v1 import (
    collage_pb2,
    convert_pb2,
    crop_pb2,
    operation_pb2,
    options_pb2,
    placement_pb2,
    remove_background_pb2,
    remove_watermark_pb2,
    resize_pb2,
    upscale_pb2,
)
from reference.comments import Comments

# What the command line calls otherwise, and what it offers as a choice of another verb.
SPELLED = {"enhancements": "enhance", "boxes": "box", "cells": "cell"}
MODES = {"redraw_pdf": "remove-pdf-watermark"}


@cache
def _comments() -> Comments:
    return Comments()


@cache
def _commands() -> dict[str, Any]:
    return typer.main.get_command(app).commands  # type: ignore[attr-defined]


def _public() -> list[Any]:
    fields = operation_pb2.Operation.DESCRIPTOR.fields
    options = [(field, field.message_type.GetOptions().Extensions[options_pb2.operation]) for field in fields if field.message_type]
    return [field for field, option in options if not option.diagnostic and not option.joins_inputs]


def _words(text: str) -> str:
    return re.sub(r"[`\\]", "", " ".join(text.split()))


def _in_options(text: str, message: Any) -> str:
    """The words of a comment, with options in place of the fields that it names."""
    for name in message.fields_by_name:
        text = text.replace(f"`{name}`", f"--{SPELLED.get(name, name.replace('_', '-'))}")
    return _words(text)


@pytest.mark.cases(12)
@pytest.mark.parametrize("operation", _public(), ids=lambda field: field.name)
def test_every_operation_has_a_verb_and_each_field_an_option_in_the_words_of_the_proto(operation: Any) -> None:
    comments = _comments()
    verb = _commands()[MODES.get(operation.name, operation.name.replace("_", "-"))]
    if operation.name in MODES:
        (mode,) = [parameter for parameter in verb.params if parameter.name == "mode"]
        assert comments.first_sentence(operation.message_type.full_name) in mode.help
    else:
        assert _words(verb.help) == _words(comments.of(operation.message_type.full_name))
    options = {name.removeprefix("--"): parameter for parameter in verb.params for name in parameter.opts}
    for field in operation.message_type.fields:
        if field.message_type is not None and field.message_type.GetOptions().HasExtension(options_pb2.operation):
            continue  # A command of its own.
        option = options[SPELLED.get(field.name, re.sub("_file_id$", "-picture", field.name).replace("_", "-"))]
        assert _in_options(comments.of(field.full_name), operation.message_type) in _words(option.help)
        for value in values_of(field):
            assert _words(comments.of(f"{field.enum_type.full_name}.{value.name}")) in _words(option.help)


def test_options_become_the_message() -> None:
    def filled(message: Any, **given: Any) -> Any:
        for parameter in parameters_of(message.DESCRIPTOR):
            parameter.put(message, given.get(parameter.field, parameter.default))
        return message

    def choice(message: Any, field: str, value: str) -> Any:
        (parameter,) = [each for each in parameters_of(message.DESCRIPTOR) if each.field == field]
        # Annotated[Choice | None, …] or Annotated[list[Choice] | None, …]
        kind = get_args(get_args(parameter.annotation)[0])[0]
        return (get_args(kind) or [kind])[0](value)

    upscale = upscale_pb2.Upscale()
    text = choice(upscale, "enhancements", "text")
    filled(upscale, factor=choice(upscale, "factor", "4"), enhancements=[text, text])
    assert upscale == upscale_pb2.Upscale(factor=4, enhancements=[upscale_pb2.ENHANCEMENT_TEXT])

    assert filled(crop_pb2.Crop(), area="1,2,3,4") == crop_pb2.Crop(area=crop_pb2.PixelArea(left=1, top=2, width=3, height=4))
    percent = remove_watermark_pb2.PercentBox(x1=10, y1=20, x2=30, y2=40)
    assert filled(crop_pb2.Crop(), percent_area="10,20,30,40") == crop_pb2.Crop(percent_area=percent)
    relative = crop_pb2.RelativeArea(left=10, top=20, width=30.5, height=40)
    assert filled(crop_pb2.Crop(), relative_area="10,20,30.5,40") == crop_pb2.Crop(relative_area=relative)
    assert filled(convert_pb2.Convert(), lossless=False, quality=7) == convert_pb2.Convert(lossless=False, quality=7)
    assert filled(resize_pb2.Resize(), width_percent=12.5) == resize_pb2.Resize(width_percent=12.5)
    with pytest.raises(typer.BadParameter, match="must be four whole numbers"):
        filled(crop_pb2.Crop(), area="1,2,3")
    with pytest.raises(typer.BadParameter, match="must be four numbers"):
        filled(crop_pb2.Crop(), relative_area="1,2,wide,3")

    cutout = remove_background_pb2.RemoveBackground()
    filled(cutout, subject=choice(cutout, "subject", "product"), trim=True)
    assert cutout == remove_background_pb2.RemoveBackground(subject=remove_background_pb2.SUBJECT_PRODUCT, trim=True)

    box = remove_watermark_pb2.PercentBox(x1=1, y1=2, x2=3.5, y2=4)
    assert filled(remove_watermark_pb2.RemoveWatermark(), boxes=["1,2,3.5,4"]).boxes == [box]


def _leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _leaves(inner, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


def test_every_command_that_prints_results_can_print_them_as_json() -> None:
    without = {path for path, leaf in _leaves(typer.main.get_command(app)) if not any("--json" in each.opts for each in leaf.params)}
    # They print nothing, or what the installer or the protocol says.
    removing = {
        f"{group} rm"
        for group in (
            "task",
            "batch",
            "file",
            "library",
            "webhook",
            "user",
            "user-key",
            "role",
            "team",
            "setting",
            "pipeline",
            "picture-key",
        )
    }
    assert without == removing | {
        "bundle install",
        "bundle uninstall",
        "key revoke",
        "models install",
        "models verify",
        # It prints a URL.
        "picture-key sign",
        "logout",
        "mcp",
        "password",
        "setting set",
    }


def test_lists_of_commands_have_whole_sentences() -> None:
    for path, leaf in _leaves(typer.main.get_command(app)):
        assert leaf.get_short_help_str(45).endswith("."), path
        assert not leaf.get_short_help_str(45).endswith("..."), path


def test_a_list_of_commands_makes_none_of_them() -> None:
    root: Any = typer.main.get_command(app)
    with root.make_context("darkroom", ["task"]) as context:
        root.get_help(context)
    assert not [name for name, command in root.commands.items() if "_made" in vars(command)]


def test_cells_are_given_by_the_names_of_their_fields() -> None:
    (cells,) = [each for each in parameters_of(collage_pb2.Collage.DESCRIPTOR) if each.field == "cells"]
    made = collage_pb2.Collage()
    cells.put(made, ["picture=1,pan-x=-20.5,fit=bounds", "zoom=2, PICTURE=0"])
    expected = [{"picture": 1, "pan_x": -20.5, "fit": placement_pb2.FIT_BOUNDS}, {"picture": 0, "zoom": 2}]
    assert made == collage_pb2.Collage(cells=[collage_pb2.CollageCell(**each) for each in expected])
    for wrong in ("picture", "picture=one", "picture=-1", "fit=wide", "colour=red", ""):
        with pytest.raises(typer.BadParameter):
            cells.convert([wrong])


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "1,2,300,5", "60,85,60,98", "0,98,10,85", "-1,0,5,5"])
def test_boxes_that_are_none(box: str) -> None:
    (boxes,) = [each for each in parameters_of(remove_watermark_pb2.RemoveWatermark.DESCRIPTOR) if each.field == "boxes"]
    with pytest.raises(typer.BadParameter, match=re.escape(box)):
        boxes.convert([box])


def test_boxes_in_fractions_are_understood() -> None:
    (boxes,) = [each for each in parameters_of(remove_watermark_pb2.RemoveWatermark.DESCRIPTOR) if each.field == "boxes"]
    given = boxes.convert(["0.6,0.85,1,0.97", "60,85,100,97"])
    assert [[round(value, 6) for value in (box.x1, box.y1, box.x2, box.y2)] for box in given] == [[60, 85, 100, 97]] * 2


@pytest.mark.parametrize(
    ("operation", "field", "option"),
    [
        ("upscale", "factor", "--factor"),
        ("remove_watermark", "boxes", "--box"),
        ("remove_background", "background_color", "--background-color"),
        ("remove_background", "background_file_id", "--background-picture"),
        ("remove_background", "gone", ""),
        ("gone", "field", ""),
    ],
)
def test_fields_have_the_names_of_their_options(operation: str, field: str, option: str) -> None:
    assert option_name(operation, field) == option


def test_an_option_of_another_mode_is_refused() -> None:
    result = CliRunner().invoke(app, ["remove-pdf-watermark", "report.pdf", "--mode", "ai", "--dry-run"])
    assert result.exit_code == 2
    assert "--dry-run is an option of --mode editable" in " ".join(result.output.split())


@pytest.mark.parametrize("said", ["input_file_ids[0]: the file is application/pdf.", "the file is application/pdf."])
def test_errors_about_a_file_do_not_say_where_it_is_in_the_request(said: str) -> None:
    assert in_options(InvalidRequest("MEDIA_UNSUPPORTED", said, "input_file_ids[0]")) == "the file is application/pdf."
    assert about_file(f"items[3].{said}" if said.startswith("input") else said) == "the file is application/pdf."


def test_a_file_of_the_wrong_type_is_named_with_what_the_operation_takes() -> None:
    operation = operation_pb2.Operation()
    operation.remove_pdf_watermark.SetInParent()
    failure = InvalidRequest("MEDIA_UNSUPPORTED", "files[0].name: files of type “docx” are not supported.", "files[0].name")
    assert in_file(failure, operation, [Path("scan.docx")]) == "not a PDF; remove-pdf-watermark takes pdf."
    assert in_file(failure, operation, [Path("a.pdf"), Path("scan.docx")]).startswith("scan.docx is not a PDF; ")
    # Its name says nothing about what is wrong.
    assert in_file(failure, operation, [Path("fake.pdf")]) == "files of type “docx” are not supported."
    assert in_file(failure, step("read-text", 1), [Path("clip.MP4")]).startswith("a video, not a picture; read-text takes jpg, ")
    assert ".mp4" not in in_file(failure, step("read-text", 1), [Path("clip.mp4")])


def test_videos_are_taken_where_every_operation_works_by_frame() -> None:
    by_frame, still = [step("resize width=320", 1), step("sharpen", 2)], [step("resize width=320", 1), step("read-text", 2)]
    assert {".jpg", ".gif", ".mp4", ".m4v", ".webm", ".mov"} <= set(suffixes_of(by_frame))
    assert set(suffixes_of(by_frame)) - set(suffixes_of(still)) == {".mp4", ".m4v", ".webm", ".mov"}
    assert in_file(InvalidRequest("MEDIA_UNSUPPORTED", "no"), by_frame[0], [Path("clip.mp4")]) == "no"


@pytest.mark.parametrize(("name", "ends"), [("speed", (None, None)), ("percent", (0, 500)), ("dither", (0, 1))])
def test_numbers_have_the_limits_of_the_protos(name: str, ends: tuple[float | None, float | None]) -> None:
    # The speed is 0, or from 0.1 to 10, which no range can say.
    command = _commands()["edit-animation"]
    [option] = [each for each in command.params if each.name == name]
    assert (getattr(option.type, "min", None), getattr(option.type, "max", None)) == ends


def test_the_item_of_a_batch_whose_file_is_at_fault() -> None:
    assert batch_item(InvalidRequest("MEDIA_UNSUPPORTED", "", "items[12].input_file_ids[0]")) == 12
    assert batch_item(InvalidRequest("FIELD_INVALID", "", "operations[0].upscale.factor")) is None
    assert batch_item(InvalidRequest("TOO_MANY_TASKS", "")) is None


@pytest.mark.parametrize(("verb", "option"), [("passport-photo", "dpi"), ("passport-photo", "max_bytes"), ("rasterize", "dpi")])
def test_a_number_without_a_greatest_one_has_no_end(verb: str, option: str) -> None:
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    (parameter,) = [each for each in commands[verb].params if each.name == option]
    assert (parameter.type.min, parameter.type.max) == (0, None)
