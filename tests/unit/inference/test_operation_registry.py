"""Every operation of the protos has its module, and every module its operation."""

import pkgutil

import pytest

from darkroom.operations.v1 import operation_pb2, options_pb2
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from darkroom.operations.v1.upscale_pb2 import Upscale
from services.inference import operations
from services.inference.pipeline.registry import Registry, operation_module
from services.pictures.operations import parameters_of, spec_of, specs
from services.platform.errors import DarkroomError, ErrorReason


def test_operations_and_modules_are_the_same() -> None:
    modules = {module.name for module in pkgutil.iter_modules(operations.__path__)}
    assert modules == set(specs())


def test_modules_are_complete() -> None:
    for spec in specs().values():
        operation_module(spec)


def test_the_registry_binds_operations_in_order_with_their_parameters() -> None:
    wanted = [
        operation_pb2.Operation(remove_background=RemoveBackground(trim=True)),
        operation_pb2.Operation(upscale=Upscale(factor=4)),
    ]
    bound = Registry().bind(wanted)
    assert [operation.spec.name for operation in bound] == ["remove_background", "upscale"]
    assert [operation.parameters for operation in bound] == [RemoveBackground(trim=True), Upscale(factor=4)]


def test_an_operation_of_a_newer_version_is_left_to_another_worker() -> None:
    unknown = operation_pb2.Operation.FromString(b"\xfa\x3e\x00")  # field 1007, a message
    with pytest.raises(DarkroomError) as raised:
        Registry().bind([unknown])
    assert raised.value.reason is ErrorReason.UNAVAILABLE


def test_specs_are_what_the_options_say() -> None:
    spec = spec_of(operation_pb2.Operation(remove_pdf_watermark={}))
    assert (spec.name, spec.lane) == ("remove_pdf_watermark", "document")
    assert spec.accepts == spec.produces == options_pb2.MEDIA_KIND_PDF
    assert not spec.diagnostic
    assert specs()["noop"].diagnostic
    assert parameters_of(operation_pb2.Operation(upscale=Upscale(factor=2))) == Upscale(factor=2)
