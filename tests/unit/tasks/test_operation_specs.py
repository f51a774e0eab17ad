"""The registry of operations, read from the protos."""

from __future__ import annotations

import pytest

from darkroom.operations.v1 import operation_pb2, options_pb2, upscale_pb2
from services.pictures.operations import parameters_of, spec_of, specs


def test_every_member_of_the_oneof_is_an_operation_under_its_own_name() -> None:
    members = {field.name for field in operation_pb2.Operation.DESCRIPTOR.oneofs_by_name["operation"].fields}
    assert set(specs()) == members == {spec.name for spec in specs().values()}


def test_options_are_those_of_the_message() -> None:
    spec = specs()["upscale"]
    assert (spec.lane, spec.accepts, spec.produces) == ("neural", options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_IMAGE)
    assert [name for name, one in specs().items() if one.diagnostic] == ["noop"]


def test_an_operation_leads_to_its_spec_and_parameters() -> None:
    operation = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=4))
    assert spec_of(operation).name == "upscale"
    assert parameters_of(operation) == upscale_pb2.Upscale(factor=4)


def test_an_operation_that_is_not_set_has_no_spec() -> None:
    with pytest.raises(KeyError):
        spec_of(operation_pb2.Operation())
