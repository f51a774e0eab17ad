"""The form of one operation."""

from __future__ import annotations

import pytest

from darkroom.rest.v1.operation_calls_pb2 import RunOperationRequest
from services.gateway.surfaces.rest.operation_form import OperationForm
from services.pictures.operation_calls import operation_call


@pytest.mark.parametrize(
    ("collection", "operation", "held"),
    [("images", "resize", True), ("images", "inspect-picture", True), ("images", "blur-faces", False), ("pdfs", "pdf-pages", False)],
)
def test_a_picture_is_held_only_for_an_operation_that_may_be_short_work(collection: str, operation: str, held: bool) -> None:
    form = OperationForm(operation_call(collection, operation), RunOperationRequest.DESCRIPTOR)
    assert form.may_be_short is held
