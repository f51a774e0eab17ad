"""JSON that no proto message describes."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct, Value
from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.json_models import parse, python_of, struct_of, value_of


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Crop(_Strict):
    type: Literal["crop"]
    crop: Literal["center", "smart"] = "center"


class Canvas(_Strict):
    type: Literal["canvas"]


class Resizing(_Strict):
    width: Annotated[int, Field(ge=1, le=100)] | Literal["auto"] = "auto"
    fit: Annotated[Crop | Canvas, Field(discriminator="type")] | None = None
    sides: list[Annotated[int, Field(ge=0)]] = Field(default=[], max_length=2)


class Edit(_Strict):
    resizing: Resizing
    hdr: bool = False
    color: str = Field(default="", max_length=3)

    @field_validator("color")
    @classmethod
    def _known(cls, color: str) -> str:
        if color == "bad":
            raise ValueError("must be a good colour")
        return color


def test_values_go_through_protobuf_and_back() -> None:
    said: dict[str, Any] = {"a": 1, "b": 1.5, "c": None, "d": [True, "x", {}], "e": {"f": []}, "g": -3, "h": 2**53 - 1}
    struct = json_format.ParseDict(said, Struct())
    assert python_of(struct) == said == python_of(struct_of(said))
    assert [type(python_of(struct)[name]) for name in "abg"] == [int, float, int]
    assert python_of(Value()) is None
    for wrong in (math.nan, math.inf, b"x"):
        with pytest.raises(TypeError):
            value_of(wrong)


def test_what_fits_becomes_the_model() -> None:
    edit = parse(Edit, struct_of({"resizing": {"width": 7, "fit": {"type": "crop", "crop": "smart"}}}), at="operations")
    assert (edit.resizing.width, edit.resizing.fit) == (7, Crop(type="crop", crop="smart"))


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ({}, {"operations.resizing": "is required"}),
        ({"resizing": {}, "hdr": 1}, {"operations.hdr": "must be true or false"}),
        ({"resizing": 5}, {"operations.resizing": "must be an object"}),
        ({"resizing": {"width": 101}}, {"operations.resizing.width": 'must be 100 or less or one of "auto"'}),
        ({"resizing": {"width": 1.5}}, {"operations.resizing.width": 'must be an integer or one of "auto"'}),
        ({"resizing": {"width": "big"}}, {"operations.resizing.width": 'must be an integer or one of "auto"'}),
        (
            {"resizing": {"height": 1}, "x": 1},
            {"operations.resizing.height": "is not a known field", "operations.x": "is not a known field"},
        ),
        ({"resizing": {"fit": {"type": "pad"}}}, {"operations.resizing.fit": 'must be one of "crop", "canvas"'}),
        ({"resizing": {"fit": {"type": "crop", "crop": "left"}}}, {"operations.resizing.fit.crop": 'must be one of "center", "smart"'}),
        ({"resizing": {"fit": {}}}, {"operations.resizing.fit": "needs type"}),
        ({"resizing": {"sides": [1, -1]}}, {"operations.resizing.sides[1]": "must be 0 or more"}),
        ({"resizing": {"sides": [1, 2, 3]}}, {"operations.resizing.sides": "must have at most 2 items"}),
        ({"resizing": {}, "color": "long"}, {"operations.color": "must have at most 3 characters"}),
        ({"resizing": {}, "color": "bad"}, {"operations.color": "must be a good colour"}),
    ],
)
def test_every_fault_is_named_with_its_path(said: dict[str, Any], faults: dict[str, str]) -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(Edit, struct_of(said), at="operations")
    error = refused.value
    assert {each.field: each.problem for each in error.violations} == faults
    assert (error.reason, error.field) == (ErrorReason.FIELD_INVALID, next(iter(faults)))
    assert error.message == " ".join(f"{field}: {problem}." for field, problem in faults.items())


def test_a_long_list_of_faults_is_told_in_part() -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(Edit, {"resizing": {}, **{f"x{number}": 1 for number in range(30)}})
    assert len(refused.value.violations) == 30
    assert refused.value.message.endswith("x19: is not a known field. And 10 more.")
