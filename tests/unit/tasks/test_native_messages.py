"""Tasks as the native API shows them."""

from __future__ import annotations

from dataclasses import replace

from darkroom.operations.v1 import operation_pb2
from services.tasks.surfaces.native.messages import task_message
from tests.unit.tasks.test_task_pi import TASK


def test_passwords_are_not_shown() -> None:
    operations = [
        operation_pb2.Operation(remove_pdf_watermark={"remove_likely": True, "owner_password": "secret"}),
        operation_pb2.Operation(redraw_pdf={"report": True, "owner_password": "secret"}),
    ]
    shown = task_message(replace(TASK, operations=[each.SerializeToString() for each in operations])).operations
    assert list(shown) == [
        operation_pb2.Operation(remove_pdf_watermark={"remove_likely": True}),
        operation_pb2.Operation(redraw_pdf={"report": True}),
    ]
