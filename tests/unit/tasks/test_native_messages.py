"""Tasks as the native API and `/v1` show them."""

from __future__ import annotations

from dataclasses import replace

from google.protobuf.json_format import MessageToDict

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.remove_watermark_pb2 import PercentBox
from darkroom.tasks.v1 import task_pb2
from services.tasks.model.state import TaskState
from services.tasks.surfaces.native.messages import task_message
from services.tasks.surfaces.rest import messages
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


def test_places_of_notices_and_what_is_unchanged_are_shown_everywhere() -> None:
    notice = task_pb2.Notice(code="parts_unsure", message="Check it.", boxes=[PercentBox(x1=12.5, y1=0, x2=33.333333, y2=100)])
    plain = task_pb2.Notice(code="model_used", message="A model.")
    task = replace(TASK, state=TaskState.SUCCEEDED, notices=[notice.SerializeToString(), plain.SerializeToString()], unchanged=True)
    native = task_message(task)
    assert (native.notices[0].boxes, native.unchanged) == (notice.boxes, True)
    shown = MessageToDict(messages.result(task, []), preserving_proto_field_name=True)
    assert shown["unchanged"] is True
    assert [each.get("boxes") for each in shown["notices"]] == [[{"x1": 12.5, "y1": 0.0, "x2": 33.33, "y2": 100.0}], None]
    changed = replace(task, unchanged=False)
    assert "unchanged" not in MessageToDict(messages.list_item(changed), preserving_proto_field_name=True)
