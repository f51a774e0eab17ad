"""Which refusal of a batch is told, and when the rest goes on."""

from __future__ import annotations

import pytest

from darkroom.operations.v1 import noop_pb2, operation_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.draft import Draft
from services.tasks.domain.acceptance.requests import BatchRequest, EstimateRequest, RequestedItem, TaskRequest

NOOP = operation_pb2.Operation(noop=noop_pb2.Noop())


def wrong(field: str | None = None) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: is wrong.", field=field)


def refuse(error: DarkroomError) -> None:
    raise error


def batch(*, per_item: bool) -> Draft:
    own, shared = RequestedItem([NOOP], [7, 8]), RequestedItem([], [9])
    request = BatchRequest(account_id=1, items=[own, shared, own], operations=[NOOP], per_item=per_item, files_field="file_ids")
    return Draft(request)


def test_all_or_none_tells_the_first_bad_item_whichever_step_found_it() -> None:
    draft = batch(per_item=False)
    draft.refuse(2, wrong("operations[0]"))
    draft.refuse(0, wrong("input_file_ids[1]"))
    with pytest.raises(DarkroomError) as refused:
        draft.settle()
    assert (refused.value.field, refused.value.message) == ("items[0].file_ids[1]", "items[0].file_ids[1]: is wrong.")
    assert refused.value.metadata == {"index": "0"}


def test_item_by_item_the_rest_goes_on_until_none_is_left() -> None:
    draft = batch(per_item=True)
    with draft.refusing(1):
        refuse(wrong("operations[0]"))
    draft.settle()
    assert [index for index, _ in draft.remaining_items()] == [0, 2]
    # The operations are those of the batch, not of the item.
    assert [(refusal.index, refusal.error.field) for refusal in draft.refusals()] == [(1, "operations[0]")]
    draft.refuse(2, wrong())
    draft.refuse(0, wrong("operations[0]"))
    with pytest.raises(DarkroomError) as refused:
        draft.settle()
    assert refused.value.field == "items[0].operations[0]"


def test_what_is_refused_is_not_pinned() -> None:
    draft = batch(per_item=True)
    draft.task_ids = [101, 102, 103]
    draft.refuse(0, wrong())
    assert draft.files_to_pin() == {102: [9], 103: [7, 8]}
    assert draft.file_ids() == [9, 7, 8]


def test_a_task_is_refused_by_the_fields_of_its_own_request() -> None:
    draft = Draft(TaskRequest(account_id=1, operations=[NOOP], input_file_ids=[7], input_fields=["image_file_id"]))
    assert draft.items[0].files == [(7, "image_file_id")]
    draft.refuse(0, wrong("image_file_id"))
    with pytest.raises(DarkroomError) as refused:
        draft.settle()
    assert refused.value.field == "image_file_id"


def test_an_estimate_is_refused_by_the_list_that_its_request_has() -> None:
    draft = Draft(EstimateRequest(account_id=1, operations=[NOOP], planned_count=3, field="file_count"))
    assert len(draft.items[0].planned_inputs) == 3
    draft.refuse(0, wrong("input_file_ids"))
    with pytest.raises(DarkroomError) as refused:
        draft.settle()
    assert (refused.value.field, refused.value.message) == ("file_count", "file_count: is wrong.")
