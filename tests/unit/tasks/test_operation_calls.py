"""A request of one operation: which fields name inputs, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from darkroom.rest.v1.operation_calls_pb2 import FormFile, RunOperationRequest
from services.pictures.operation_calls import operation_call, suggested_paths, suggestion
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from services.tasks.surfaces.rest.operation_calls import FlatRequest, flat_request
from tests.harness.callers import calling


@pytest.fixture(autouse=True)
def _caller() -> Iterator[None]:
    with calling(Identity(account_id=1, key_id=1, scopes=frozenset()), Client()):
        yield


def asked(path: str, given: dict[str, Any], *files: tuple[str, int], **reply: Any) -> tuple[FlatRequest, RunOperationRequest]:
    collection, name = path.split("/")
    request = RunOperationRequest(operation=name, files=[FormFile(part=part, file_id=file_id) for part, file_id in files], **reply)
    ParseDict(given, request.input)
    return flat_request(operation_call(collection, name), request), request


def test_the_inputs() -> None:
    for given, files, ids, fields in (
        ({"image_file_id": "7"}, (), [7], ["image_file_id"]),
        ({"image_file_id": 7}, (), [7], ["image_file_id"]),
        ({"file_ids": ["7", "8"]}, (), [7, 8], ["file_ids[0]", "file_ids[1]"]),
        ({}, (("file", 7),), [7], ["file"]),
        ({}, (("file", 7), ("file", 8)), [7, 8], ["file[0]", "file[1]"]),
    ):
        made, _ = asked("images/resize", {**given, "width": "90"}, *files)
        assert (made.file_ids, made.file_fields, made.operation.resize.width) == (ids, fields, 90)
    made, _ = asked("pdfs/pdf-pages", {"pdf_url": "https://example.com/a.pdf"})
    assert made.urls == {"pdf_url": "https://example.com/a.pdf"}
    assert asked("images/qr_code", {"text": "a"})[0].file_ids == []


def test_files_besides_the_inputs_and_how_to_reply() -> None:
    made, request = asked(
        "images/erase", {"wait": 30, "redirect": "true", "webhook_url": "https://a.example"}, ("file", 7), ("mask_file", 8)
    )
    assert (made.operation.erase.mask_file_id, made.parts, made.webhook_url) == (8, {"mask_file_id": "mask_file"}, "https://a.example")
    assert (request.wait, request.redirect) == (30, True)


@pytest.mark.parametrize(
    ("path", "given", "files", "field"),
    [
        ("images/resize", {"width": 90}, [], "image_file_id"),
        ("pdfs/pdf-pages", {}, [], "pdf_file_id"),
        ("images/resize", {"image_file_id": "1", "file_ids": ["2"]}, [], "image_file_id"),
        ("images/resize", {"image_file_id": "1"}, [("file", 7)], "file"),
        ("images/resize", {"image_file_id": "x"}, [], "image_file_id"),
        ("images/resize", {"file_ids": ["1", "x"]}, [], "file_ids[1]"),
        ("images/resize", {"image_file_id": ["1", "2"]}, [], "image_file_id"),
        ("images/resize", {"image_url": 7}, [], "image_url"),
        ("images/resize", {"image_file_id": "1", "widht": 90}, [], "widht"),
        ("images/resize", {"image_file_id": "1", "width": 70_000}, [], "width"),
        ("images/resize", {"image_file_id": "1", "wait": 90}, [], "wait"),
        ("images/convert", {"image_file_id": "1", "format": "png", "quality": 9}, [], None),
        ("images/erase", {"image_file_id": "1", "mask_file_id": 3}, [("mask_file", 8)], "mask_file"),
        ("images/qr-code", {"text": "a", "image_file_id": "1"}, [], "image_file_id"),
    ],
)
def test_what_is_refused_is_named_as_it_was_sent(path: str, given: dict[str, Any], files: list[tuple[str, int]], field: str | None) -> None:
    with pytest.raises(DarkroomError) as refused:
        asked(path, given, *files)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("remove-bg", "/v1/images/remove-background"),
        ("resise", "/v1/images/resize"),
        ("Trim_Edges", "/v1/images/trim-edges"),
        ("pdf-pages", "/v1/pdfs/pdf-pages"),
        ("ocr", "/v1/images/read-text"),
        ("xyzzy", ""),
    ],
)
def test_the_nearest_call(name: str, path: str) -> None:
    assert suggestion(name) == path
    if path != "/v1/images/trim-edges":
        with pytest.raises(DarkroomError) as refused:
            operation_call("images", name)
        assert refused.value.reason is ErrorReason.ROUTE_NOT_FOUND
        assert not path or f"did you mean POST {path}?" in refused.value.message


@pytest.mark.parametrize("collection", ["images", "pdfs"])
def test_suggestions_are_in_the_same_order_in_every_process(collection: str) -> None:
    typed = [path for path in suggested_paths(collection).values() if path in ("/v1/images/upscale", "/v1/images/gpt-image-2")]
    assert typed[:2] == ["/v1/images/gpt-image-2", "/v1/images/upscale"]
