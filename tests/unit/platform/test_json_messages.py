"""JSON and texts of forms as messages, and what is said of those that are none."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from darkroom.operations.v1 import collage_pb2, edit_metadata_pb2, remove_watermark_pb2, resize_pb2
from darkroom.rest.v1 import account_tasks_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.json_messages import message_of

BOX = {"x1": 1, "y1": 2, "x2": 30.5, "y2": 40}


@pytest.mark.parametrize(
    ("message", "given", "same"),
    [
        (
            resize_pb2.Resize,
            {"width": "800", "fit": "crop", "without_enlargement": "TRUE"},
            {"width": 800, "fit": "FIT_CROP", "without_enlargement": True},
        ),
        (resize_pb2.Resize, {"width": 800.0, "width_percent": "12.5", "background": None}, {"width": 800, "width_percent": 12.5}),
        (remove_watermark_pb2.RemoveWatermark, {"boxes": '{"x1": 1, "y1": 2, "x2": 30.5, "y2": 40}'}, {"boxes": [BOX]}),
        (remove_watermark_pb2.RemoveWatermark, {"boxes": ['{"x1": 1, "y1": 2, "x2": 30.5, "y2": 40}', BOX]}, {"boxes": [BOX, BOX]}),
        (edit_metadata_pb2.EditMetadata, {"keywords": ["sea", "sand"]}, {"keywords": ["sea", "sand"]}),
        (edit_metadata_pb2.EditMetadata, {"keywords": "sea"}, {"keywords": ["sea"]}),
        (
            account_tasks_pb2.CreateTaskRequest,
            {"operations": '[{"resize": {"fit": "cover"}}]', "deadline": "2030-01-31T12:00:00Z"},
            {"operations": [{"resize": {"fit": "FIT_COVER"}}], "deadline": "2030-01-31T12:00:00Z"},
        ),
    ],
)
def test_texts_and_json_mean_the_same(message: Any, given: dict[str, Any], same: dict[str, Any]) -> None:
    assert MessageToDict(message_of(given, message.DESCRIPTOR), preserving_proto_field_name=True) == same


@pytest.mark.parametrize(
    ("message", "given", "field", "problem"),
    [
        (resize_pb2.Resize, {"widht": 1}, "widht", "did you mean width?"),
        (resize_pb2.Resize, {"width": "wide"}, "width", "must be an integer, 0 or more"),
        (resize_pb2.Resize, {"width": -1}, "width", "must be an integer, 0 or more"),
        (resize_pb2.Resize, {"width": 1.5}, "width", "must be an integer"),
        (resize_pb2.Resize, {"width": True}, "width", "must be an integer"),
        (resize_pb2.Resize, {"width": 2**32}, "width", "must be an integer"),
        (resize_pb2.Resize, {"width_percent": "nan"}, "width_percent", "must be a number"),
        (resize_pb2.Resize, {"fit": "snug"}, "fit", "must be one of bounds, cover, crop, canvas, fill"),
        (resize_pb2.Resize, {"fit": "FIT_UNSPECIFIED"}, "fit", "must be one of"),
        (resize_pb2.Resize, {"without_enlargement": "maybe"}, "without_enlargement", "must be true or false"),
        (resize_pb2.Resize, {"background": 7}, "background", "must be a text"),
        (remove_watermark_pb2.RemoveWatermark, {"boxes": "[{"}, "boxes", "must be a list as JSON"),
        (remove_watermark_pb2.RemoveWatermark, {"boxes": [BOX, 7]}, "boxes[1]", "must be an object"),
        (remove_watermark_pb2.RemoveWatermark, {"boxes": [{"x1": "left"}]}, "boxes[0].x1", "must be a number"),
        (collage_pb2.Collage, {"template": 3}, "template", "must be one of 2_h_equal"),
        (account_tasks_pb2.CreateTaskRequest, {"deadline": "soon"}, "deadline", "is not the JSON of a Timestamp"),
        (account_tasks_pb2.CreateTaskRequest, {"operations": [{"resize": {}, "crop": {}}]}, "operations[0].crop", "together with resize"),
        # What neither Python nor a message can hold.
        (resize_pb2.Resize, {"width": "1" * 5000}, "width", "must be an integer, 0 or more"),
        (resize_pb2.Resize, {"width_percent": 10**400}, "width_percent", "must be a number"),
        (account_tasks_pb2.CreateTaskRequest, {"operations": '[{"draw_text": {"text": "\\ud800"}}]'}, "operations", "a list as JSON"),
        (account_tasks_pb2.CreateTaskRequest, {"operations": '[{"\\udfff": {}}]'}, "operations", "must be a list as JSON"),
    ],
)
def test_an_error_names_the_field_and_what_is_allowed(message: Any, given: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        message_of(given, message.DESCRIPTOR)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)
    assert problem in refused.value.message
