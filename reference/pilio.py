"""The OpenAPI document of the ten calls that come from Pilio, at the path where Pilio's clients look for it.

It is cut out of the JSON surface's own document, so it says what this server does. Parts that generators and clients rely
on are kept from Pilio's document, in `pilio.json`: operation ids, tags, summaries, examples, defaults, and the advice on polling. Fields
that may take the place of one that Pilio requires are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from reference import openapi
from services.platform.rpc import catalogue

Document = dict[str, Any]

PATH = "/developers/pilio-openapi.json"
FILE_NAME = "pilio-openapi.json"
_KEPT = Path(__file__).resolve().parent / "pilio.json"
_REF = "#/components/schemas/"
_SHARED = ("openapi", "servers", "security")


def document() -> Document:
    """The whole document, deterministic for one version of the protos."""
    whole, kept = openapi.document(catalogue.surface("rest")), json.loads(_KEPT.read_text())
    schemas: dict[str, Document] = deepcopy(whole["components"]["schemas"])
    paths: dict[str, dict[str, Document]] = {}
    for call, words in kept["operations"].items():
        verb, path = call.split()
        paths.setdefault(path, {})[verb] = _operation(whole["paths"][path][verb], words, schemas)
    for name, properties in kept["properties"].items():
        for field, keywords in properties.items():
            schemas[name]["properties"][field] |= keywords
    for name, alternatives in kept["alternatives"].items():
        for ours, theirs in alternatives.items():
            del schemas[name]["properties"][ours]
            schemas[name]["required"] = [theirs, *schemas[name].get("required", ())]
    about = {"title": "Darkroom, Pilio's calls", "version": whole["info"]["version"], "description": _ABOUT}
    return {
        **{name: whole[name] for name in _SHARED},
        "info": about,
        "tags": kept["tags"],
        "paths": paths,
        "components": {**whole["components"], "schemas": _needed(paths, schemas)},
        "x-ai-usage": kept["x-ai-usage"],
    }


def render() -> str:
    """The document as it is served."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


_ABOUT = """The calls of Darkroom's JSON API that come from Pilio, under Pilio's names. `/openapi.json` describes the whole API.

Create files first, upload to the presigned URLs, create tasks with the file ids, poll the status, then download the results."""


def _operation(own: Document, words: Document, schemas: dict[str, Document]) -> Document:
    operation = deepcopy(own) | {name: text for name, text in words.items() if name != "examples"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        body["examples"] = words["examples"]
        if "$ref" not in body["schema"]:
            # A body with a path parameter in its message; generators name the class after the component.
            name = words["operationId"][0].upper() + words["operationId"][1:] + "Request"
            schemas[name] = body["schema"]
            body["schema"] = {"$ref": _REF + name}
    return operation


def _needed(paths: Document, schemas: dict[str, Document]) -> dict[str, Document]:
    """The schemas that the paths refer to, directly or not, sorted."""
    needed: set[str] = set()
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _references(schemas[name])
    return {name: schemas[name] for name in sorted(needed)}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref" and str(inner).startswith(_REF):
                yield str(inner).removeprefix(_REF)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
