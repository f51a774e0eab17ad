import pytest
from buf.validate import validate_pb2
from google.protobuf.message import Message

from darkroom.accounts.v1 import audit_service_pb2
from darkroom.common.v1 import options_pb2
from darkroom.files.v1 import files_service_pb2
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.rest.v1 import batches_pb2, images_pb2, keys_pb2, uploads_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.validation import RequestValidator

NANOID = "V1StGXR8_Z5jdHi6B-myT"


def _file(**changes: object) -> uploads_pb2.SourceFile:
    return uploads_pb2.SourceFile(**({"nanoid": NANOID, "name": "a.png", "type": "png"} | changes))


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (uploads_pb2.FileBatchCreateRequest(), ErrorReason.FIELD_INVALID, "files"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(nanoid="short")]), ErrorReason.FIELD_INVALID, "files[0].nanoid"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(), uploads_pb2.SourceFile()]), ErrorReason.FIELD_INVALID, "files[1].nanoid"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(name="n" * 301)]), ErrorReason.FIELD_INVALID, "files[0].name"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(size=-1)]), ErrorReason.FIELD_INVALID, "files[0].size"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(size=2**31 + 1)]), ErrorReason.FILE_TOO_LARGE, "files[0].size"),
        (uploads_pb2.FileBatchCreateRequest(files=[_file()] * 501), ErrorReason.TOO_MANY_FILES, "files"),
        (images_pb2.RemoveBackgroundRequest(), ErrorReason.FIELD_INVALID, "image_file_id"),
        (images_pb2.RemoveBackgroundRequest(image_file_id=""), ErrorReason.FIELD_INVALID, "image_file_id"),
        (tasks_service_pb2.CreateTaskRequest(operations=[operation_pb2.Operation()]), ErrorReason.FIELD_INVALID, "operations[0]"),
    ],
)
def test_broken_rules_name_reason_and_field(request_: Message, reason: ErrorReason, field: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(request_)
    assert (raised.value.reason, raised.value.field) == (reason, field)
    assert field in raised.value.message


@pytest.mark.parametrize(
    "request_",
    [
        uploads_pb2.FileBatchCreateRequest(files=[_file(size=2**31)] * 500),
        uploads_pb2.FileBatchCreateRequest(files=[_file(name="n" * 300, size=0)], upload_mode="simple", storage_intent="permanent"),
        images_pb2.ImageUpscaleRequest(image_file_id="1", type="4X"),
        images_pb2.ImageUpscaleRequest(image_url="https://example.com/a.png"),
    ],
)
def test_limits_themselves_are_allowed(request_: Message) -> None:
    RequestValidator().check(request_)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (keys_pb2.CreateKeyRequest(name="a", scopes=["tasks:read"] * 2), "scopes: must contain each item only once"),
        (keys_pb2.CreateKeyRequest(name="a" * 101), "name: must be at most 100 characters"),
        (keys_pb2.RotateKeyRequest(overlap_seconds=-1), "overlap_seconds: must be from 0 to 2592000"),
        (images_pb2.ImageUpscaleRequest(image_file_id="1", preset="ultra"), "preset: must be one of auto, hd"),
        (batches_pb2.CreateBatchRequest(), "items: must have at least 1 item"),
        (files_service_pb2.CreateDownloadUrlsRequest(file_ids=[1] * 501), "file_ids: must have at most 500 items"),
        (tasks_service_pb2.ListTasksRequest(page_size=-1), "page_size: must be from 0 to 1000"),
        (audit_service_pb2.ListAuditEntriesRequest(key_id=-1), "key_id: must be 0 or more"),
    ],
)
def test_rules_are_said_in_plain_words(request_: Message, words: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(request_)
    assert raised.value.message == words


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "image_file_id: is required, unless image_url is given."),
        ({"image_file_id": "1", "image_url": "https://example.com/a.png"}, "image_file_id: cannot be given together with image_url."),
    ],
)
def test_of_two_ways_to_name_a_file_one_is_taken(given: dict[str, str], told: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(images_pb2.RemoveBackgroundRequest(**given))
    assert (raised.value.reason, raised.value.field, raised.value.message) == (ErrorReason.FIELD_INVALID, "image_file_id", told)


def test_what_could_be_set_is_listed() -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(tasks_service_pb2.CreateTaskRequest(operations=[operation_pb2.Operation()]))
    assert {"upscale", "remove_background"} <= set(raised.value.allowed)
    assert raised.value.message.startswith("operations[0]: must have exactly one of remove_background, ")
    # It is accepted nowhere but where the operator looks for faults.
    assert "noop" not in raised.value.message


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (images_pb2.RemoveBackgroundRequest(image_file_id="1", background_color="red"), "background_color"),
        (
            tasks_service_pb2.CreateTaskRequest(
                operations=[operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground(background_color="red"))]
            ),
            "operations[0].remove_background.background_color",
        ),
        (uploads_pb2.FileBatchCreateRequest(files=[_file(nanoid="short")]), "files[0].nanoid"),
    ],
)
def test_a_pattern_is_said_in_words(request_: Message, field: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(request_)
    assert raised.value.field == field
    expected = "be 21 characters of" if "nanoid" in field else "be an sRGB colour as # and six hexadecimal digits, such as #ffffff"
    assert raised.value.message.startswith(f"{field}: must {expected}")


def test_every_field_with_a_pattern_has_words_for_it() -> None:
    messages, seen = [method.input_type for service in catalogue.public_services() for method in service.methods], set()
    patterns = 0
    while messages:
        message = messages.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field.message_type is not None:
                messages.append(field.message_type)
            elif field.GetOptions().Extensions[validate_pb2.field].string.pattern:
                patterns += 1
                assert field.GetOptions().Extensions[options_pb2.must], field.full_name
    assert patterns >= 3


def test_allowed_values_are_listed() -> None:
    with pytest.raises(DarkroomError) as raised:
        RequestValidator().check(images_pb2.ImageUpscaleRequest(image_file_id="1", preset="ultra"))
    assert raised.value.allowed == ("auto", "hd")
