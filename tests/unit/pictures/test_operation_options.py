"""What an operation's protos say about its parameters, and that a mistake in them is found at start."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from darkroom.operations.v1 import operation_pb2, options_pb2
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.upscale_pb2 import Upscale
from services.pictures import operations
from services.pictures.operations import Arity, parameters_of, spec_of, spec_of_parameters, specs
from services.pictures.result_size import resolve_percentages, result_size

GPT = operation_pb2.Operation(gpt_image_2={"prompt": "A red cup", "count": 3, "archive": True})
CUTOUT = operation_pb2.Operation(remove_background={"trim": True})
DRY = operation_pb2.Operation(remove_pdf_watermark={"dry_run": True})


def test_arity_follows_from_the_options() -> None:
    assert {name: spec.arity for name, spec in specs().items() if spec.arity is not Arity.EACH} == {
        **dict.fromkeys(("noop", "qr_code"), Arity.NONE),
        **dict.fromkeys(("gpt_image_2", "nano_banana_2"), Arity.REFERENCES),
        **dict.fromkeys(("archive", "make_pdf", "compare", "stitch", "collage", "find_duplicates", "favicons"), Arity.ALL),
    }


def test_roles_are_read_from_the_parameters() -> None:
    spec, parameters = spec_of(GPT), parameters_of(GPT)
    assert (spec.count(parameters), spec.archives(parameters), spec.prompt(parameters)) == (3, True, "A red cup")
    assert spec_of(DRY).is_dry_run(parameters_of(DRY))
    assert spec_of(CUTOUT).trims(parameters_of(CUTOUT))


def test_an_operation_without_a_role_has_its_default() -> None:
    spec, parameters = spec_of(CUTOUT), parameters_of(CUTOUT)
    assert (spec.count(parameters), spec.archives(parameters), spec.prompt(parameters), spec.is_dry_run(parameters)) == (
        1,
        False,
        "",
        False,
    )
    assert result_size(parameters, 300, 200) == (300, 200)


def test_percentages_of_the_input_become_pixels() -> None:
    resize = Resize(width_percent=50, height=7, percent_of_input=True)
    assert resolve_percentages(resize, (300, 200)) == Resize(width=150, height=7)
    assert resolve_percentages(Upscale(resize=resize), (300, 200)) == Upscale(resize=Resize(width=150, height=7))
    assert result_size(resolve_percentages(Upscale(resize=resize), (300, 200)), 30, 20) == (10, 7)
    for same in (Resize(width_percent=50), Upscale(factor=2), parameters_of(CUTOUT)):
        assert resolve_percentages(same, (300, 200)) is same


def test_parameters_lead_to_their_operation() -> None:
    assert spec_of_parameters(parameters_of(GPT)).name == "gpt_image_2"
    with pytest.raises(KeyError):
        spec_of_parameters(GPT)


@pytest.mark.parametrize(
    ("options", "roles", "problem"),
    [
        ({"joins_inputs": True, "max_references": 2}, {}, "both `joins_inputs` and `max_references`"),
        ({"size_change": {"max_factor": 2}}, {}, "without a parameter for the size"),
        ({}, {"width": options_pb2.PARAMETER_ROLE_WIDTH}, "such a parameter without `size_change`"),
        ({}, {"width": options_pb2.PARAMETER_ROLE_DRY_RUN}, "not the type"),
        ({}, {"width": options_pb2.PARAMETER_ROLE_COUNT, "height": options_pb2.PARAMETER_ROLE_COUNT}, "role of another parameter"),
        ({}, {}, "no price"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, object], roles: dict[str, options_pb2.ParameterRole.ValueType], problem: str
) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="probe.proto", package="probe", syntax="proto3")
    file.dependency.append(options_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="Probe")
    message.options.Extensions[options_pb2.operation].CopyFrom(options_pb2.OperationOptions(name="probe", lane="system", **options))
    for number, name in enumerate(("width", "height"), start=1):
        field = message.field.add(name=name, number=number, type=descriptor_pb2.FieldDescriptorProto.TYPE_UINT32)
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        if name in roles:
            field.options.Extensions[options_pb2.role] = roles[name]
    whole = file.message_type.add(name="Operation")
    member = whole.field.add(name="probe", number=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, type_name=".probe.Probe")
    member.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2.DESCRIPTOR, options_pb2.DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
    pool.Add(file)
    described = pool.FindMessageTypeByName("probe.Operation").fields_by_name["probe"]
    with pytest.raises(ValueError, match=problem):
        operations._spec(described)
