"""Settings of tools: section 4.1 of SnapOtter's contract, and what is wrong with them."""

from __future__ import annotations

import pytest

from compat.snapotter.v1 import enlarge_tools_pb2, shape_tools_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.tool_settings import INVALID, NOT_JSON, read_settings

RESIZE = shape_tools_pb2.ResizeSettings


def refused(text: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_settings(text, RESIZE)
    assert caught.value.status == 400
    return caught.value


def test_absent_fields_get_their_defaults() -> None:
    settings = read_settings('{"width": 100}', RESIZE)
    assert (settings.width, settings.fit, settings.without_enlargement) == (100, "contain", False)
    assert not settings.HasField("height")


def test_unknown_keys_are_ignored() -> None:
    assert read_settings('{"width": 1, "__proto__": {"a": 1}, "constructor": null, "x": [1]}', RESIZE).width == 1


@pytest.mark.parametrize("depth", [10, 99, 100, 101, 5_000, 200_000])
def test_unknown_keys_may_be_nested_as_deep_as_they_like(depth: int) -> None:
    for before, after in (("[", "]"), ('{"a":', "}"), ('[{"]": "\\"}", "b": ', "}]")):
        value = f'"x": {before * depth}1{after * depth}'
        settings = read_settings(f'{{"height": 2, {value}, "width": 1, {value}, "fit": "cover"}}', RESIZE)
        assert (settings.width, settings.height, settings.fit) == (1, 2, "cover")


@pytest.mark.parametrize("text", ['{"width": 1, "x": %s}', '{"width": 1, "x": [%s}', '{"width": 1, "x": %s'])
def test_brackets_that_do_not_match_are_no_json_however_deep(text: str) -> None:
    assert refused(text % ("[" * 5_000 + "}" * 5_000)).error == NOT_JSON


@pytest.mark.parametrize("text", ["{", "nothing", "{'width': 1}", '{"width": NaN}', '{"width": Infinity}', "[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    assert refused(text).error == NOT_JSON


@pytest.mark.parametrize("text", ["[]", "1", '"text"', "null", "true"])
def test_json_of_another_type_is_invalid(text: str) -> None:
    assert refused(text).error == INVALID


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"width": "5"}', "width"),
        ('{"width": 1.5}', "width"),
        ('{"width": null}', "width"),
        ('{"width": true}', "width"),
        ('{"width": []}', "width"),
        ('{"width": 0}', "width"),
        ('{"width": 16384}', "width"),
        ('{"width": 1e999}', "width"),
        ('{"width": 99999999999999999999}', "width"),
        ('{"width": 1, "fit": "stretch"}', "fit"),
        ('{"width": 1, "fit": 3}', "fit"),
        ('{"width": 1, "withoutEnlargement": "yes"}', "withoutEnlargement"),
        ('{"percentage": 0}', "percentage"),
    ],
)
def test_a_bad_value_is_refused_and_named(text: str, path: str) -> None:
    refusal = refused(text)
    assert refusal.error == INVALID
    assert isinstance(refusal.details, str)
    assert refusal.details.startswith(f"{path}:")


def test_every_field_of_the_wrong_type_is_named() -> None:
    assert refused('{"width": "a", "height": "b"}').details == "width: must be a number; height: must be a number"


def test_every_bad_value_is_named() -> None:
    details = refused('{"width": 0, "percentage": -1, "fit": "stretch"}').details
    assert isinstance(details, str)
    assert {fault.partition(":")[0] for fault in details.split("; ")} == {"width", "percentage", "fit"}


def test_bad_values_are_named_beside_fields_of_the_wrong_type() -> None:
    details = str(refused('{"width": "x", "percentage": -1, "fit": "no"}').details).split("; ")
    assert [detail.partition(":")[0] for detail in details] == ["width", "percentage", "fit"]
    # Whether a size is given cannot be said.
    assert refused('{"width": "x"}').details == "width: must be a number"


def test_a_rule_about_the_whole_has_no_path() -> None:
    details = refused("{}").details
    assert isinstance(details, str)
    assert details
    assert ":" not in details.split()[0]


@pytest.mark.parametrize("value", ["5.0", "5e0", "5"])
def test_a_whole_number_may_be_written_in_any_way(value: str) -> None:
    assert read_settings(f'{{"width": {value}}}', RESIZE).width == 5


@pytest.mark.parametrize(("said", "number"), [("4", 4), ('"4"', 4), ('" 2.5 "', 2.5), ('"3."', 3), ("1e0", 1)])
def test_a_number_may_be_a_text_where_the_setting_says_so(said: str, number: float) -> None:
    assert read_settings(f'{{"scale": {said}}}', enlarge_tools_pb2.UpscaleSettings).scale == number


@pytest.mark.parametrize("said", ['"x"', '""', '"1e0"', '"nan"', '"٣"', '"9"', "9", "null", "true", '["2"]', f'"{"1" * 5000}"'])
def test_no_other_text_is_a_number(said: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_settings(f'{{"scale": {said}}}', enlarge_tools_pb2.UpscaleSettings)
    assert (caught.value.error, str(caught.value.details)[:7]) == (INVALID, "scale: ")
