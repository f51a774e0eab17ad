"""Our document of Pilio's calls, field by field beside Pilio's own.

docs/explanation/pilio-differences.md lists the differences that remain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from reference import pilio

THEIRS: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "system" / "pilio-openapi.json").read_text())
OURS = pilio.document()
CALLS = [(path, verb) for path, verbs in THEIRS["paths"].items() for verb in verbs]
JSON = "application/json"
KEYWORDS = ("type", "format", "default", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern", "enum", "const")
# What our document may say where theirs says nothing: limits and formats that theirs leaves to the prose, or out.
SAYS_MORE = {"format", "maxItems", "minLength", "maxLength", "minimum", "maximum", "enum", "const"}
CHANGED = {
    # The prose has `auto`.
    "createGPTImage2 request.quality: enum",
    # A body without parts completes a single PUT.
    "completeMultipartUpload request: required",
}


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without references, with the parts of `allOf` put together."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "allOf" not in schema:
        return schema
    whole: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for part in (resolved(document, each) for each in schema["allOf"]):
        whole["properties"] |= part.get("properties", {})
        whole["required"] += part.get("required", [])
    return whole


def differences(where: str, theirs: dict[str, Any], ours: dict[str, Any], *, reply: bool) -> Iterator[str]:
    theirs, ours = resolved(THEIRS, theirs), resolved(OURS, ours)
    for name in KEYWORDS:
        one, other = theirs.get(name), ours.get(name)
        same = sorted(map(str, one)) == sorted(map(str, other)) if isinstance(one, list) and isinstance(other, list) else one == other
        if not same and not (one is None and name in SAYS_MORE):
            yield f"{where}: {name}"
    required = set(theirs.get("required", ())), set(ours.get("required", ()))
    # A reply may always hold what theirs may leave out.
    if not (required[0] <= required[1] if reply else required[0] == required[1]):
        yield f"{where}: required"
    for name, field in theirs.get("properties", {}).items():
        if name not in ours.get("properties", {}):
            yield f"{where}.{name}: missing"
        else:
            yield from differences(f"{where}.{name}", field, ours["properties"][name], reply=reply)
    if "items" in theirs:
        yield from differences(f"{where}[]", theirs["items"], ours["items"], reply=reply)


def test_it_is_an_openapi_document_of_the_ten_calls() -> None:
    validate(OURS)
    assert [(path, verb) for path, verbs in OURS["paths"].items() for verb in verbs] == CALLS
    assert len(CALLS) == 10


@pytest.mark.parametrize(("path", "verb"), CALLS)
def test_names_and_examples_are_theirs(path: str, verb: str) -> None:
    theirs, ours = THEIRS["paths"][path][verb], OURS["paths"][path][verb]
    for name in ("operationId", "tags", "summary"):
        assert ours[name] == theirs[name]
    if "requestBody" in theirs:
        one, other = theirs["requestBody"]["content"][JSON], ours["requestBody"]["content"][JSON]
        assert other["examples"] == one["examples"]
        assert other["schema"] == one["schema"]
    assert ours["responses"]["200"]["content"][JSON]["schema"] == theirs["responses"]["200"]["content"][JSON]["schema"]
    in_path = [(each["name"], each["in"]) for each in ours.get("parameters", ()) if each.get("in") == "path"]
    assert in_path == ([("id", "path")] if "{id}" in path else [])
    # Parameters of our own are optional.
    assert not any(each.get("required") for each in ours.get("parameters", ()) if each.get("in") != "path")


def test_every_field_is_theirs_and_what_differs_is_known() -> None:
    found = set()
    for path, verb in CALLS:
        theirs, ours = THEIRS["paths"][path][verb], OURS["paths"][path][verb]
        name = theirs["operationId"]
        if "requestBody" in theirs:
            one, other = (call["requestBody"]["content"][JSON]["schema"] for call in (theirs, ours))
            found |= set(differences(f"{name} request", one, other, reply=False))
        one, other = (call["responses"]["200"]["content"][JSON]["schema"] for call in (theirs, ours))
        found |= set(differences(f"{name} reply", one, other, reply=True))
    assert found == CHANGED


def test_the_advice_for_programs_is_theirs() -> None:
    for name in ("polling", "limits"):
        assert OURS["x-ai-usage"][name] == THEIRS["x-ai-usage"][name]
    assert "2 second" in OURS["paths"]["/v1/tasks/{id}/status"]["get"]["description"]
    assert {each["name"] for each in OURS["tags"]} == {each["name"] for each in THEIRS["tags"]}
