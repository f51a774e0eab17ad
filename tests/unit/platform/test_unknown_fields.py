"""What services make of the fields that the edge names."""

from __future__ import annotations

import pytest

from darkroom.rest.v1 import batches_pb2, images_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.unknown_fields import set_unknown_fields, unknown_fields, with_unknown_fields


@pytest.mark.parametrize(
    ("header", "path", "meant"),
    [
        ("image_file", "image_file", "image_file_id"),
        ("gr%C3%B6%C3%9Fe", "größe", None),
        ("enhance_faces", "enhance_faces", "enhance_face"),
        ("%22%22", '""', None),
        ("a%2Eb%5B0%5D%2C%00", "a.b[0],\ufffd", None),
        ("%FF", "\ufffd", None),
    ],
)
def test_what_a_field_is_called_and_what_may_have_been_meant(header: str, path: str, meant: str | None) -> None:
    [field] = unknown_fields(header, images_pb2.ImageUpscaleRequest())
    assert field.path == path
    assert field.problem == "is not a field of this call" + (f"; did you mean {meant}?" if meant else ".")


def test_fields_of_inner_messages() -> None:
    header = "items[1].operations[0].removeBackground.trimm,itmes,items[0].no%2Esuch"
    inner, outer, odd = unknown_fields(header, batches_pb2.CreateBatchRequest())
    refusal = inner.refusal()
    assert (refusal.reason, refusal.field) == (ErrorReason.FIELD_INVALID, "items[1].operations[0].removeBackground.trimm")
    assert refusal.message.endswith("removeBackground.trimm: is not a field of this call; did you mean trim?")
    assert "background_color" in refusal.allowed
    assert (outer.path, list(outer.names)) == ("itmes", list(batches_pb2.CreateBatchRequest.DESCRIPTOR.fields_by_name))
    assert (odd.path, list(odd.names)) == ("items[0].no.such", ["file_ids", "operations", "destination"])


def test_a_refusal_tells_of_a_field_that_may_be_the_missing_one() -> None:
    error = DarkroomError(ErrorReason.FIELD_INVALID, "image_file_id: is required.", field="image_file_id", allowed=["x"])
    assert with_unknown_fields(error) is error
    set_unknown_fields(unknown_fields("image_ur", images_pb2.ImageUpscaleRequest()))
    told = with_unknown_fields(error)
    set_unknown_fields(())
    assert told.message == "image_file_id: is required. image_ur is not a field of this call; did you mean image_url?"
    assert (told.reason, told.field, told.allowed) == (ErrorReason.FIELD_INVALID, "image_file_id", ("x",))


def test_calls_that_tolerate_unknown_fields_have_a_place_to_name_them() -> None:
    for route in catalogue.routes():
        if catalogue.names_unknown_fields(route.method):
            data = route.method.output_type.fields_by_name["data"].message_type
            assert data is not None
            assert data.full_name == "google.protobuf.Value" or "not_applied" in data.fields_by_name, route.method.full_name
