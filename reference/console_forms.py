"""`python -m reference.console_forms OUT.json`: every operation that people use, as a form for the console.

Its contents come from the protos, and are what the server applies.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor

from darkroom.common.v1 import forms_pb2
from darkroom.operations.v1 import collage_pb2, convert_pb2, operation_pb2, options_pb2
from models.bundles import load_bundles
from reference.comments import Comments
from reference.form_conditions import add_conditions
from reference.form_fields import FormFields
from reference.form_words import label_of
from services.pictures.media_format import read_formats
from services.pictures.operations import PLAIN_LANE, Arity, OperationSpec, specs
from services.pictures.passport_photos import COUNTRIES

Form = dict[str, Any]
_KINDS = {
    options_pb2.MEDIA_KIND_UNSPECIFIED: [],
    options_pb2.MEDIA_KIND_IMAGE: ["image"],
    options_pb2.MEDIA_KIND_PDF: ["pdf"],
    options_pb2.MEDIA_KIND_ANY: ["any"],
}
_VIDEO = "video"
"""A further kind of what works by frame."""
_RESULTS = {
    options_pb2.MEDIA_KIND_IMAGE: "image",
    options_pb2.MEDIA_KIND_PDF: "pdf",
    options_pb2.MEDIA_KIND_ARCHIVE: "zip",
    options_pb2.MEDIA_KIND_DATA: "json",
}
_MOST_FILES = 100
"""The most files of an item of a batch."""
_FEWEST_AND_MOST = {"compare": (2, 2), "stitch": (2, _MOST_FILES), "find_duplicates": (2, _MOST_FILES), "favicons": (1, 1)}
"""Where that is more, or less, than the operation's arity says."""
_EITHER = re.compile(r"(?:has\(this\.\w+\)|this\.\w+)(?: \|\| (?:has\(this\.\w+\)|this\.\w+))*")
_BUNDLES = {operation: name for name, bundle in load_bundles().items() for operation in bundle.operations}


def forms() -> Form:
    """All of them."""
    comments = Comments()
    return {
        "categories": list(_categories(comments)),
        "operations": [_operation(spec, comments) for spec in specs().values() if _has_form(spec)],
    }


def render() -> str:
    """As JSON."""
    return json.dumps(forms(), ensure_ascii=False, indent=1) + "\n"


def _categories(comments: Comments) -> Iterator[Form]:
    for name, category in forms_pb2.FormCategory.items():
        if category:
            yield {"id": _category(category), "name": comments.first_sentence(f"darkroom.common.v1.FormCategory.{name}")}


def _category(category: forms_pb2.FormCategory.ValueType) -> str:
    return forms_pb2.FormCategory.Name(category).removeprefix("FORM_CATEGORY_").lower()


def _has_form(spec: OperationSpec) -> bool:
    return spec.message.GetOptions().HasExtension(forms_pb2.operation_form)


def _operation(spec: OperationSpec, comments: Comments) -> Form:
    words = spec.message.GetOptions().Extensions[forms_pb2.operation_form]
    fields = FormFields(comments)
    described = fields.of(spec.message, _values_that_no_rule_lists(spec, comments))
    add_conditions(described)
    either = _either(spec.message, fields, words)
    for field in described:
        field["required"] = field["required"] or [field["name"]] in either
    result = words.result or ("images" if spec.arity is Arity.REFERENCES else _RESULTS[spec.produces])
    return {
        "id": spec.name,
        "name": words.name or label_of(spec.name),
        "summary": words.summary or comments.of(f"{operation_pb2.Operation.DESCRIPTOR.full_name}.{spec.name}").rstrip("."),
        "category": _category(words.category),
        "keywords": list(words.keywords),
        "presets": [_preset(preset) for preset in words.presets],
        "initial": json.loads(words.initial or "{}"),
        "inputs": _inputs(spec, words),
        "takes": _media_types(spec),
        "plain": not words.not_plain and _is_plain(spec, result, described),
        "step": spec.arity is Arity.EACH and spec.accepts == spec.produces,
        "needs": spec.needs or None,
        "bundle": _BUNDLES.get(spec.name),
        "result": result,
        "fields": described,
        "one_of": [names for names in either if len(names) > 1],
    }


def _preset(preset: forms_pb2.FormPreset) -> Form:
    said = {name: getattr(preset, name) for name in ("id", "name", "summary")}
    return {**said, "keywords": list(preset.keywords), "settings": json.loads(preset.settings)}


def _inputs(spec: OperationSpec, words: forms_pb2.Form) -> Form:
    if spec.max_references:
        fewest, most = 0, spec.max_references
    elif spec.arity is Arity.NONE:
        fewest, most = 0, 0
    else:
        fewest, most = _FEWEST_AND_MOST.get(spec.name, (1, _MOST_FILES if spec.arity is Arity.ALL else 1))
    kinds = list(words.kinds) or _KINDS[spec.accepts]
    return {"min": fewest, "max": most, "kinds": [*kinds, _VIDEO] if spec.by_frame else kinds}


def _media_types(spec: OperationSpec) -> list[str]:
    """The types of the files that it takes."""
    videos = read_formats(options_pb2.MEDIA_KIND_VIDEO) if spec.by_frame else ()
    return sorted({each.media_type for each in (*read_formats(spec.accepts), *videos)})


def _is_plain(spec: OperationSpec, result: str, fields: Sequence[Form]) -> bool:
    """Whether the result is the same each time, and there in a moment."""
    alone = spec.arity in (Arity.EACH, Arity.NONE) and not any(field["type"] == "file" for field in fields)
    return alone and result in ("image", "svg") and spec.lane == PLAIN_LANE


def _values_that_no_rule_lists(spec: OperationSpec, comments: Comments) -> Mapping[str, Form]:
    """The values of fields, by the fields' names."""
    match spec.name:
        case "convert":
            return {"format": {"default": convert_pb2.PictureFormat.Name(convert_pb2.PICTURE_FORMAT_KEPT)}}
        case "passport_photo":
            photos = COUNTRIES.values()
            options = [{"value": each.code, "label": each.name, "help": f"{each.width_mm:g} × {each.height_mm:g} mm"} for each in photos]
            return {"country_code": {"type": "enum", "options": options}}
        case "collage":
            template = collage_pb2.CollageTemplate.DESCRIPTOR
            found = {value.name: comments.of(f"{template.full_name}.{value.name}") for value in template.values if value.number}
            options = [{"value": name, "label": text.partition(". ")[0].rstrip("."), "help": text} for name, text in found.items()]
            return {"template": {"options": options, "default": options[0]["value"]}}
    return {}


def _either(message: Descriptor, fields: FormFields, words: forms_pb2.Form) -> list[list[str]]:
    """Groups of settings, of each of which at least one must be there."""
    found = [[message.fields_by_name[name].name for name in group.split(",")] for group in words.one_of]
    if found:
        return found
    for rule in message_rules(message):
        if _EITHER.fullmatch(rule):
            named = [message.fields_by_name[name] for name in re.findall(r"this\.(\w+)", rule)]
            found.append([field.name for field in named if not fields.is_other_name(field)])
    return found


def message_rules(message: Descriptor) -> Sequence[str]:
    """The expressions of the rules on a message."""
    return [rule.expression for rule in message.GetOptions().Extensions[validate_pb2.message].cel]


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
