"""`make breaking` finds what breaks a client of an earlier OpenAPI document, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference import breaking, openapi
from reference.compatibility import breaking_changes

Document = dict[str, Any]

DOCUMENT: Document = {
    "paths": {
        "/v1/cuts": {
            "post": {
                "security": [{"bearer": ["tasks:write"]}],
                "parameters": [{"$ref": "#/components/parameters/Page"}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Cut"}}}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Reply"}}}},
                    "404": {"content": {"application/json": {"schema": {"type": "object", "properties": {"code": {"const": 7}}}}}},
                },
            },
            "get": {"security": [], "responses": {"200": {}}},
        }
    },
    "components": {
        "parameters": {"Page": {"in": "query", "name": "page", "required": False, "schema": {"type": "integer", "maximum": 9}}},
        "schemas": {
            "Cut": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "maxLength": 40},
                    "kind": {"type": "string", "enum": ["fine", "fast"], "default": "fine"},
                    "boxes": {"type": "array", "items": {"type": "number"}},
                },
                "required": ["file"],
            },
            "Reply": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "state": {"type": "string", "enum": ["done"]},
                    "next": {"$ref": "#/components/schemas/Reply"},
                },
                "required": ["id", "state"],
            },
        },
    },
}


def changed(change: Callable[[Document, Document, Document], object]) -> Document:
    """The document after a change of its call `POST /v1/cuts`, its request and its reply."""
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    change(document["paths"]["/v1/cuts"]["post"], schemas["Cut"], schemas["Reply"])
    return document


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda call, cut, reply: call.update(security=[{"bearer": ["tasks:write", "files:read"]}]), "is not enough any more"),
        (lambda call, cut, reply: call.update(parameters=[]), "POST /v1/cuts: query parameter page is gone"),
        (
            lambda call, cut, reply: call["parameters"].append({"in": "query", "name": "by", "required": True, "schema": {}}),
            "POST /v1/cuts: query parameter by is required now",
        ),
        (
            lambda call, cut, reply: call["requestBody"].update(content={"text/plain": {}}),
            "POST /v1/cuts, body: application/json is gone",
        ),
        (lambda call, cut, reply: call["responses"].pop("200"), "POST /v1/cuts does not answer with 200 any more"),
        (
            lambda call, cut, reply: call["responses"]["404"]["content"]["application/json"]["schema"]["properties"].update(
                code={"const": 8}
            ),
            "POST /v1/cuts, 404.code was always 7",
        ),
        (lambda call, cut, reply: cut["properties"].pop("boxes"), "Cut in requests.boxes is gone"),
        (lambda call, cut, reply: cut["required"].append("kind"), "Cut in requests.kind is required now"),
        (
            lambda call, cut, reply: cut["properties"]["file"].update(maxLength=39),
            "Cut in requests.file: maxLength was 40, and is 39",
        ),
        (
            lambda call, cut, reply: cut["properties"]["file"].update(minLength=1),
            "Cut in requests.file: minLength was not set, and is 1",
        ),
        (
            lambda call, cut, reply: cut["properties"]["file"].update(pattern="^a"),
            "Cut in requests.file: pattern was not set, and is ^a",
        ),
        (
            lambda call, cut, reply: cut["properties"]["file"].update(enum=["a"]),
            "Cut in requests.file: another value than 'a' is refused now",
        ),
        (lambda call, cut, reply: cut["properties"]["kind"].update(enum=["fine"]), "Cut in requests.kind: 'fast' is refused now"),
        (
            lambda call, cut, reply: cut["properties"]["kind"].update(default="fast"),
            "Cut in requests.kind: the default was fine, and is fast",
        ),
        (
            lambda call, cut, reply: cut["properties"]["boxes"].update(items={"type": "integer"}),
            "Cut in requests.boxes, each: the type was number, and is integer",
        ),
        (lambda call, cut, reply: reply["properties"].pop("next"), "Reply in replies.next is gone"),
        (lambda call, cut, reply: reply["required"].remove("state"), "Reply in replies.state may be absent now"),
        (
            lambda call, cut, reply: reply["properties"].update(id={"type": "string"}),
            "Reply in replies.id: the type was integer, and is string",
        ),
    ],
)
def test_what_breaks_a_client_is_found(change: Callable[[Document, Document, Document], object], found: str) -> None:
    [line] = breaking_changes(DOCUMENT, changed(change))
    assert found in line


def test_a_call_that_is_gone_or_needs_a_key_is_found() -> None:
    moved = copy.deepcopy(DOCUMENT)
    moved["paths"]["/v1/cuts"].pop("post")
    moved["components"]["schemas"].pop("Cut")
    moved["paths"]["/v1/cuts"]["get"]["security"] = [{"bearer": []}]
    assert breaking_changes(DOCUMENT, moved) == ["POST /v1/cuts is gone", "GET /v1/cuts needs a key now", "Cut is gone"]


@pytest.mark.parametrize(
    "change",
    [
        lambda call, cut, reply: call.update(security=[{"bearer": []}, {"cookie": []}], description="Other words."),
        lambda call, cut, reply: call["parameters"].append({"in": "query", "name": "by", "required": False, "schema": {}}),
        lambda call, cut, reply: call["requestBody"].update(required=False),
        lambda call, cut, reply: call["responses"].update({"409": {}}),
        lambda call, cut, reply: call["responses"].pop("404"),
        lambda call, cut, reply: cut["properties"].update(size={"type": "integer"}),
        lambda call, cut, reply: cut["properties"]["file"].update(maxLength=41),
        lambda call, cut, reply: cut["properties"]["kind"].update(enum=["fine", "fast", "finest"]),
        lambda call, cut, reply: cut.update(required=[]),
        lambda call, cut, reply: reply["properties"].update(size={"type": "integer"}),
        lambda call, cut, reply: reply["properties"]["state"].update(enum=["done", "failed"]),
        lambda call, cut, reply: reply["required"].append("next"),
    ],
)
def test_what_breaks_no_client_is_not_found(change: Callable[[Document, Document, Document], object]) -> None:
    after = changed(change)
    assert after != DOCUMENT
    assert breaking_changes(DOCUMENT, after) == []


def test_a_change_of_the_real_documents_is_found() -> None:
    for surface in openapi.surfaces():
        document = json.loads(openapi.render(surface))
        assert breaking_changes(document, document) == []
        schemas = document["components"]["schemas"]
        less = copy.deepcopy(document)
        # Those that lead to no other schema, so that each is still reached.
        fields = [
            (name, field)
            for name, schema in schemas.items()
            for field, about in schema.get("properties", {}).items()
            if "$ref" not in str(about)
        ]
        for name, field in fields:
            less["components"]["schemas"][name]["properties"].pop(field)
        gone = {line.removesuffix(" is gone") for line in breaking_changes(document, less) if line.endswith(" is gone")}
        assert {line.replace(" in requests", "").replace(" in replies", "") for line in gone} >= {
            f"{name}.{field}" for name, field in fields
        }


def test_a_change_that_is_accepted_is_named_as_long_as_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "old.json").write_text(json.dumps(DOCUMENT))
    current = {"openapi.json": json.dumps(changed(lambda call, cut, reply: cut["properties"].pop("boxes")))}
    gone, line = breaking.unaccepted_changes(tmp_path, current, [])
    assert (gone, line) == ("old.json is gone", "openapi.json: Cut in requests.boxes is gone")
    assert breaking.unaccepted_changes(tmp_path, current, [gone, line]) == []
    [idle] = breaking.unaccepted_changes(tmp_path, current, [gone, line, "openapi.json: POST /v1/cuts is gone"])
    assert "remove `openapi.json: POST /v1/cuts is gone`" in idle


def test_without_a_release_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(breaking, "_git", lambda *arguments: "")
    assert breaking.main() == 0
    assert "There is no release yet" in capsys.readouterr().out
