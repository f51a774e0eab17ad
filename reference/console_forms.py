"""`python -m reference.console_forms OUT.json`: every tool, and every operation that is no tool, as a form for the console.

Its contents come from the protos, and are what the server applies.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message

from darkroom.common.v1 import forms_pb2
from darkroom.operations.v1 import operation_pb2, options_pb2
from models.bundles import load_bundles
from reference.comments import Comments
from reference.form_conditions import add_conditions
from reference.form_fields import FormFields
from reference.form_words import label_of
from reference.operations import examples_of
from services.gateway.surfaces.snapotter.pipelines.task_plans import fewest_and_most
from services.gateway.surfaces.snapotter.tool import Sources, Tool
from services.gateway.surfaces.snapotter.tool_settings import check_settings, settings_of
from services.gateway.surfaces.snapotter.tools.montages import TEMPLATES
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.pictures.media_format import read_formats
from services.pictures.operations import PLAIN_LANE, Arity, OperationSpec, spec_of, specs
from services.pictures.passport_photos import COUNTRIES
from services.platform.rpc import catalogue

Form = dict[str, Any]
_TOOL_PATHS = "/api/v1/tools/"
_KINDS = {
    options_pb2.MEDIA_KIND_UNSPECIFIED: [],
    options_pb2.MEDIA_KIND_IMAGE: ["image"],
    options_pb2.MEDIA_KIND_PDF: ["pdf"],
    options_pb2.MEDIA_KIND_ANY: ["any"],
}
_RESULTS = {
    options_pb2.MEDIA_KIND_IMAGE: "image",
    options_pb2.MEDIA_KIND_PDF: "pdf",
    options_pb2.MEDIA_KIND_ARCHIVE: "zip",
    options_pb2.MEDIA_KIND_DATA: "json",
}
_MOST_FILES = 100
"""The most files of an item of a batch."""
_EITHER = re.compile(r"(?:has\(this\.\w+\)|this\.\w+)(?: \|\| (?:has\(this\.\w+\)|this\.\w+))*")
_TEMPLATE = "COLLAGE_TEMPLATE_"
_BUNDLES = {tool: name for name, bundle in load_bundles().items() for tool in bundle.tools}
_NAMES = ("x.png",)
"""Names of files, for tools that cannot do without."""


def forms() -> Form:
    """All of them."""
    comments = Comments()
    return {
        "categories": list(_categories(comments)),
        "tools": [_tool(name, method, comments) for name, method in _methods()],
        "operations": [_operation(spec, comments) for spec in specs().values() if _has_form(spec)],
    }


def render() -> str:
    """As JSON."""
    return json.dumps(forms(), ensure_ascii=False, indent=1) + "\n"


def example_settings(tool: Tool) -> Message:
    """Settings with which the tool can be planned: its defaults, and what its first example has where there must be more."""
    message, faults = check_settings({}, tool.settings)
    return settings_of(json.loads(examples_of(dict(_methods())[tool.id])[0].request), tool.settings) if faults else message


@cache
def _methods() -> Sequence[tuple[str, MethodDescriptor]]:
    """The tools' methods, in the order of the protos, by the ids of tools."""
    found: dict[str, MethodDescriptor] = {}
    for route in catalogue.routes():
        if route.template.text.startswith(_TOOL_PATHS):
            tool_id = route.template.text.removeprefix(_TOOL_PATHS).replace("/", "-")
            if tool_id in TOOLS:
                found.setdefault(tool_id, route.method)
    return list(found.items())


def _categories(comments: Comments) -> Iterator[Form]:
    for name, category in forms_pb2.FormCategory.items():
        if category:
            yield {"id": _category(category), "name": comments.first_sentence(f"darkroom.common.v1.FormCategory.{name}")}


def _category(category: forms_pb2.FormCategory.ValueType) -> str:
    return forms_pb2.FormCategory.Name(category).removeprefix("FORM_CATEGORY_").lower()


def _tool(tool_id: str, method: MethodDescriptor, comments: Comments) -> Form:
    tool, words = TOOLS[tool_id], _words(method)
    settings = example_settings(tool)
    operations = tool.plan(settings, _NAMES[0]).operations
    tool.as_task.complete(settings, operations[0], Sources(names=_NAMES))
    steps = [spec_of(each) for each in operations]
    fields, message = FormFields(comments, camel_case=True), cast("Descriptor", tool.settings.DESCRIPTOR)
    described = [*_files(words, message, fields), *fields.of(message, _values_of_plans(tool, comments))]
    add_conditions(described)
    either = _either(message, fields, words)
    for field in described:
        field["required"] = field["required"] or [field["name"]] in either
    result = words.result or _RESULTS[steps[-1].produces]
    form: Form = {
        "id": tool_id,
        "name": words.name or label_of(tool_id),
        "summary": words.summary or comments.first_sentence(method.full_name),
        "category": _category(words.category) if words.category else _category_of(tool_id),
        "inputs": _inputs(tool, operations, steps[0], words),
        "mask": any(field["name"] == "mask" for field in described),
        "runs_as_task": not tool.as_task.instead,
        "plain": not words.not_plain and _is_plain(steps, result, described),
        "pipeline": tool.pipeline,
        "needs_names": tool.as_task.needs_names,
        "bundle": _BUNDLES[tool_id] if tool.needs_models else None,
        "result": result,
        "fields": described,
        "one_of": [names for names in either if len(names) > 1],
    }
    if same := next((other for other in _shown() if other != tool_id and TOOLS[other].plan is tool.plan and tool_id not in _shown()), ""):
        form["same_as"] = same
    name = tool_id.replace("-", "_")
    if name in specs() and not _has_form(specs()[name]):
        form["operation"] = name
    if part_of := _part_of(tool_id):
        form["part_of"] = part_of
    return form


def _has_form(spec: OperationSpec) -> bool:
    return spec.message.GetOptions().HasExtension(forms_pb2.operation_form)


def _words(method: MethodDescriptor) -> forms_pb2.Form:
    return method.GetOptions().Extensions[forms_pb2.tool_form]


@cache
def _shown() -> frozenset[str]:
    """Tools that have a category of their own: all but other names, and steps of tools."""
    return frozenset(tool_id for tool_id, method in _methods() if _words(method).category)


def _category_of(tool_id: str) -> str:
    """The category; for another name of a tool, or a step of one, the tool's."""
    return _category(_words(dict(_methods())[_part_of(tool_id) or _same_as(tool_id)]).category)


def _same_as(tool_id: str) -> str:
    """The tool of which this is another name. Raises StopIteration if there is none: it then needs a category."""
    return next(other for other in sorted(_shown()) if TOOLS[other].plan is TOOLS[tool_id].plan)


def _part_of(tool_id: str) -> str:
    template = next(route.template.text for route in catalogue.routes() if route.method is dict(_methods())[tool_id])
    first, _, step = template.removeprefix(_TOOL_PATHS).partition("/")
    return first if step else ""


def _files(words: forms_pb2.Form, message: Descriptor, fields: FormFields) -> Iterator[Form]:
    """Files that the tool needs besides its inputs, as fields."""
    for file in words.files:
        about: Form = {"name": file.name, "label": file.label or label_of(file.name), "help": file.help, "type": "file"}
        yield about | {"kinds": ["image"], "required": True} | fields.conditions(message, file.show_when)


def _inputs(tool: Tool, operations: Sequence[operation_pb2.Operation], first: OperationSpec, words: forms_pb2.Form) -> Form:
    fewest, most = fewest_and_most(tool, operations)
    together = first.arity is Arity.ALL
    return {"min": fewest, "max": min(most, _MOST_FILES if together else 1), "kinds": list(words.kinds) or _KINDS[first.accepts]}


def _is_plain(steps: Sequence[OperationSpec], result: str, fields: Sequence[Form]) -> bool:
    """Whether the result is the same each time, and there in a moment."""
    alone = steps[0].arity in (Arity.EACH, Arity.NONE) and not any(field["type"] == "file" for field in fields)
    return alone and result in ("image", "svg") and all(spec.lane == PLAIN_LANE for spec in steps)


def _values_of_plans(tool: Tool, comments: Comments) -> Mapping[str, Form]:
    """The values of fields that no rule lists, by the fields' names."""
    fields = cast("Descriptor", tool.settings.DESCRIPTOR).fields_by_camelcase_name
    if "templateId" in fields:
        prefix = "darkroom.operations.v1.CollageTemplate."
        told = {name: comments.of(f"{prefix}{_TEMPLATE}{name.upper().replace('-', '_')}") for name in TEMPLATES}
        options = [{"value": name, "label": told[name].partition(". ")[0].rstrip("."), "help": told[name]} for name in TEMPLATES]
        return {"templateId": {"type": "enum", "options": options}}
    if "countryCode" in fields:
        options = [
            {"value": photo.code, "label": photo.name, "help": f"{photo.width_mm:g} × {photo.height_mm:g} mm"}
            for photo in COUNTRIES.values()
        ]
        return {"countryCode": {"type": "enum", "options": options}}
    return {}


def _either(message: Descriptor, fields: FormFields, words: forms_pb2.Form) -> list[list[str]]:
    """Groups of settings, of each of which at least one must be there."""
    found = [[fields.name(message.fields_by_name[name]) for name in group.split(",")] for group in words.one_of]
    if found:
        return found
    for rule in message_rules(message):
        if _EITHER.fullmatch(rule):
            named = [message.fields_by_name[name] for name in re.findall(r"this\.(\w+)", rule)]
            found.append([fields.name(field) for field in named if not fields.is_other_name(field)])
    return found


def message_rules(message: Descriptor) -> Sequence[str]:
    """The expressions of the rules on a message."""
    return [rule.expression for rule in message.GetOptions().Extensions[validate_pb2.message].cel]


def _operation(spec: OperationSpec, comments: Comments) -> Form:
    words = spec.message.GetOptions().Extensions[forms_pb2.operation_form]
    described = FormFields(comments, camel_case=False).of(spec.message)
    add_conditions(described)
    together = spec.arity is Arity.ALL
    most = spec.max_references or (_MOST_FILES if together else 1)
    result = "images" if spec.arity is Arity.REFERENCES else _RESULTS[spec.produces]
    return {
        "id": spec.name,
        "name": words.name or label_of(spec.name),
        "summary": words.summary or comments.of(f"{operation_pb2.Operation.DESCRIPTOR.full_name}.{spec.name}").rstrip("."),
        "category": _category(words.category),
        "inputs": {"min": 0 if spec.max_references else 1, "max": most, "kinds": _KINDS[spec.accepts]},
        "takes": sorted({each.media_type for each in read_formats(spec.accepts)}),
        "mask": False,
        "runs_as_task": True,
        "plain": _is_plain([spec], result, described),
        "pipeline": spec.arity is Arity.EACH and spec.accepts == spec.produces,
        "needs": spec.needs or None,
        "result": result,
        "fields": described,
        "one_of": [],
    }


def main() -> int:
    """The command line; the exit status."""
    if len(sys.argv) != 2:
        print("usage: python -m reference.console_forms OUT.json", file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render())
    return 0


if __name__ == "__main__":
    sys.exit(main())
