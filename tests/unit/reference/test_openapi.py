"""The OpenAPI document is valid, whole, and a superset of Pilio's."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
import yaml
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor

from darkroom.field_rules import UnknownRuleError, _keyword
from darkroom.rest.v1.operation_calls_pb2 import RunOperationRequest
from reference import completeness, markdown
from reference.comments import Comments
from reference.openapi import as_yaml, document, surfaces
from reference.operations import examples_of, openapi_path, operation_id, path_parameters
from reference.refusals import Refusals, UndocumentedError
from reference.schemas import Schemas
from services.gateway.surfaces.rest.operation_form import OperationForm
from services.pictures.operation_calls import REPLY_FIELDS, OperationCall, operation_calls
from services.platform.errors import DarkroomError
from services.platform.rpc import catalogue
from services.platform.rpc.catalogue import HttpBinding
from services.platform.rpc.surfaces import Surface
from services.platform.rpc.validation import RequestValidator
from tests.component.edge.new_surface import surface_added

PILIO = json.loads((Path(__file__).parents[2] / "system" / "pilio-openapi.json").read_text())
REST = catalogue.surface("rest")
METHODS = list(dict.fromkeys(route.method for route in catalogue.routes() if route.surface.name == REST.name))
EXAMPLES = [
    (surface, method, example)
    for surface in surfaces()
    for method in dict.fromkeys(route.method for route in catalogue.routes() if route.surface.name == surface.name)
    for example in examples_of(method)
]
every_surface = pytest.mark.parametrize("surface", surfaces(), ids=lambda surface: surface.name)


@cache
def whole_document(surface: str) -> dict[str, Any]:
    return document(catalogue.surface(surface))


@every_surface
def test_document_is_valid(surface: Surface) -> None:
    openapi_spec_validator.validate(whole_document(surface.name))


@every_surface
def test_every_json_method_is_one_operation(surface: Surface) -> None:
    methods = dict.fromkeys(route.method for route in catalogue.routes() if route.surface.name == surface.name)
    operations = [operation["operationId"] for verbs in whole_document(surface.name)["paths"].values() for operation in verbs.values()]
    assert len(set(operations)) == len(operations)
    # One that has several paths is numbered, and one whose path names an operation has a path for each.
    of_operations = {method for method in methods if catalogue.has_path_for_each_operation(method)}
    named = {operation_id(method).rstrip("0123456789") for method in methods if method not in of_operations}
    paths = whole_document(surface.name)["paths"]
    calls = {paths[call.path]["post"]["operationId"] for call in operation_calls()} if of_operations else set()
    assert {name.rstrip("0123456789") for name in set(operations) - calls} == named and not calls & named


@every_surface
def test_every_operation_and_field_is_described(surface: Surface) -> None:
    whole = whole_document(surface.name)
    for path, verbs in whole["paths"].items():
        for operation in verbs.values():
            assert operation["summary"], path
            assert {"500", "503"} <= operation["responses"].keys(), path
            assert not operation["security"] or "401" in operation["responses"], path
    for name, schema in whole["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, described in schema.get("properties", {}).items():
            assert described.get("description") or "$ref" in described, (name, field)


@pytest.mark.parametrize("call", operation_calls(), ids=lambda call: call.path.removeprefix("/v1/"))
def test_every_operation_has_a_path_with_an_example(call: OperationCall) -> None:
    """Its document allows what the server takes: the parameters of the example, and nothing else."""
    whole = whole_document(REST.name)
    content = whole["paths"][call.path]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    [example] = content["application/json"]["examples"].values()
    validator(schema, whole).validate(example["value"])
    assert set(schema["properties"]) == set(call.names) - set(REPLY_FIELDS)
    assert call.takes_files == ("file" in content["multipart/form-data"]["schema"]["properties"])
    parameters = {name: value for name, value in example["value"].items() if name in call.parameters}
    made = call.operation(parameters)
    RequestValidator().check(made)
    # As a form has them: texts, and JSON for what is nested.
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    assert call.operation(texts) == made
    for name, problem in (("widht", "is not a field"), ("webhook_ur", "did you mean webhook_url")):
        with pytest.raises(DarkroomError, match=problem):
            OperationForm(call, RunOperationRequest.DESCRIPTOR).check_field(name)


@pytest.mark.parametrize(("surface", "method", "example"), EXAMPLES, ids=lambda value: getattr(value, "name", ""))
def test_examples_are_requests_that_pass(surface: Surface, method: MethodDescriptor, example: Any) -> None:
    request, body = message_factory.GetMessageClass(method.input_type)(), catalogue.body_field(method)
    json_format.Parse(example.request, getattr(request, body) if body else request)
    for binding in catalogue.bindings(method) if not catalogue.has_path_for_each_operation(method) else ():
        for name in path_parameters(binding.template):
            setattr(request, name, getattr(request, name) or "1")
        path = openapi_path(binding.template, method)
        content = whole_document(surface.name)["paths"][path][binding.verb.lower()]["requestBody"]["content"]
        if part := catalogue.settings_part(method):
            schema = content["multipart/form-data"]["schema"]["properties"][part]
        else:
            schema = content["application/json"]["schema"]
        validator(schema, whole_document(surface.name)).validate(json.loads(example.request))
    RequestValidator().check(request)


def test_every_public_method_says_what_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completeness.problems() == []
    monkeypatch.setattr(completeness, "examples_of", lambda method: [])
    assert {problem.partition(":")[0] for problem in completeness.problems()} == {method.full_name for _, method, _ in EXAMPLES}


@pytest.mark.parametrize("path", sorted(PILIO["paths"]))
def test_what_pilio_documents_is_documented(path: str) -> None:
    """Every request and reply that Pilio's document allows or promises: fields, types, required ones, allowed values."""
    for verb, theirs in PILIO["paths"][path].items():
        ours = whole_document(REST.name)["paths"][path][verb]
        if "requestBody" in theirs:
            covers(body(ours, whole_document(REST.name)), body(theirs, PILIO), path, request=True)
        reply = {"content": ours["responses"]["200"]["content"]}
        covers(schema_of(reply, whole_document(REST.name)), schema_of(theirs["responses"]["200"], PILIO), path, request=False)
        for status in ("400", "401", "404"):
            if status in theirs["responses"]:
                covers(schema_of(ours["responses"][status], whole_document(REST.name)), PILIO_ERROR, path, request=False)


@pytest.mark.parametrize("path", sorted(path for path, verbs in PILIO["paths"].items() if "post" in verbs))
def test_examples_of_pilio_s_document_are_valid_requests_here(path: str) -> None:
    content = PILIO["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    schema = whole_document(REST.name)["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for example in content["examples"].values():
        validator(schema, whole_document(REST.name)).validate(example["value"])


def test_methods_must_say_what_they_are_refused_with() -> None:
    class Edited(Comments):
        says = ""

        def of(self, full_name: str) -> str:
            return self.says

    comments = Edited()
    method, binding = METHODS[0], HttpBinding("POST", "/v1/x")
    for comments.says in ("Does something.", "Does something. Codes: 40001, 49999."):
        with pytest.raises(UndocumentedError):
            Refusals(comments, Schemas(comments), REST).reasons(method, binding)
    comments.says = "Codes: 40003 to 40005 (a file)."
    assert {"FILE_SIZE_MISMATCH", "MEDIA_UNSUPPORTED"} <= set(Refusals(comments, Schemas(comments), REST).reasons(method, binding))


@pytest.mark.parametrize("path", ["/v1/files/batch-create", "/v1/library"])
def test_a_repeated_call_whose_file_was_deleted_since_has_a_status_of_its_own(path: str) -> None:
    """A missing file that a field of the body names is 400; of the call's own, which nothing in the body names, 404."""
    responses = whole_document("rest")["paths"][path]["post"]["responses"]
    assert all("`40401` `file_not_found`" in responses[status]["description"] for status in ("400", "404"))


def test_rule_that_cannot_be_expressed_is_an_error() -> None:
    with pytest.raises(UnknownRuleError, match=r"string\.ipv4"):
        _keyword("string", "ipv4", True)


def test_a_surface_over_http(tmp_path: Path) -> None:
    """Names in camel case, settings beside a file in a form, defaults, and errors by their statuses."""
    with surface_added("notes", tmp_path):
        surface = catalogue.surface("notes")
        whole, page, text = document(surface), markdown.json_api(surface), as_yaml(surface)
    openapi_spec_validator.validate(whole)
    assert (whole["openapi"], whole["info"]["title"]) == ("3.1.0", "Notes")
    stamp, sign, watch = (
        whole["paths"]["/notes/stamp"]["post"],
        whole["paths"]["/notes/{noteId}/sign"]["post"],
        whole["paths"]["/v1/tasks/{taskId}/notes"]["get"],
    )

    form = stamp["requestBody"]["content"].pop("multipart/form-data")
    assert stamp["requestBody"] == {"required": True, "content": {}}
    assert form["schema"]["properties"].keys() == {"file", "settings", "clientJobId", "fileId"}
    assert form["schema"]["required"] == ["file", "settings"], "one of the settings is required"
    assert form["encoding"] == {"settings": {"contentType": "application/json"}}
    assert form["examples"]["hello"]["value"] == {"settings": {"noteText": "hello", "fontSize": 20}}
    settings = flat(form["schema"]["properties"]["settings"], whole)
    assert settings["properties"]["noteText"]["maxLength"] == 20
    assert {name: field.get("default") for name, field in settings["properties"].items()} == {
        "noteText": None,
        "fontSize": 48,
        "position": "bottom",
    }
    assert stamp["responses"]["400"]["description"].startswith("- For a text that is too long.\n- The body is no form")
    assert stamp["responses"]["422"]["description"].startswith("- For a picture that is none.\n- ")
    assert stamp["responses"]["402"]["description"] == "- Without credits."
    assert {"404", "415"} <= sign["responses"].keys() and not {"404", "415"} & stamp["responses"].keys()
    assert "400 pixels" not in stamp["responses"]["400"]["description"]

    assert [parameter["name"] for parameter in sign["parameters"]] == ["noteId"]
    assert body(sign, whole)["properties"].keys() == {"signedBy"}
    assert watch["security"] == [{"bearerAuth": []}, {}]
    assert "NoteEvent" in whole["components"]["schemas"]
    assert text.startswith("openapi: 3.1.0\n")
    assert yaml.safe_load(text)["paths"]["/notes/stamp"]["post"]["responses"] == stamp["responses"]
    assert "Form (`multipart/form-data`):" in page and "by default `48`" in page and 'by default `"bottom"`' in page


def validator(schema: dict[str, Any], whole: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**schema, "components": whole["components"]})


def body(operation: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    return schema_of(operation["requestBody"], whole)


def schema_of(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        part = resolve(part, whole)
    return flat(part["content"]["application/json"]["schema"], whole)


def resolve(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    found: Any = whole
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def flat(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """The schema with references and `allOf` put together, at every depth."""
    if "$ref" in schema:
        schema = {**flat(resolve(schema, whole), whole), **{key: value for key, value in schema.items() if key != "$ref"}}
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in [*(flat(one, whole) for one in schema.get("allOf", ())), schema]:
        merged = {
            **merged,
            **part,
            "properties": {**merged["properties"], **{name: flat(one, whole) for name, one in part.get("properties", {}).items()}},
            "required": sorted({*merged["required"], *part.get("required", ())}),
        }
    if "items" in merged:
        merged["items"] = flat(merged["items"], whole)
    return merged


PILIO_ERROR = flat({"$ref": "#/components/schemas/ErrorEnvelope"}, PILIO)


def covers(ours: dict[str, Any], theirs: dict[str, Any], where: str, *, request: bool) -> None:
    """A client of theirs can send what it sends (`request`), and finds what it looks for in a reply."""
    if "type" in theirs and "type" in ours:
        assert ours["type"] == theirs["type"], where
    if request:
        assert set(ours["required"]) <= set(theirs["required"]), where
        assert set(theirs.get("enum", ())) <= set(ours.get("enum", theirs.get("enum", ()))), where
        for bound in ("maxLength", "maxItems", "maximum"):
            # The prose limits what the document leaves open.
            if bound in theirs:
                assert ours.get(bound, theirs[bound]) >= theirs[bound], (where, bound)
    else:
        assert set(theirs["required"]) <= set(ours["required"]), where
        if "enum" in theirs:
            assert set(ours["enum"]) <= set(theirs["enum"]), where
    for name, field in theirs["properties"].items():
        assert name in ours["properties"], f"{where}: {name}"
        covers(ours["properties"][name], field, f"{where}.{name}", request=request)
    if "items" in theirs:
        covers(ours["items"], theirs["items"], f"{where}[]", request=request)
