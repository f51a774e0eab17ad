"""The pages of docs/operations: written by hand, except for the list of operations, and each one's price, inputs and options.

These are generated between comments: the list between `<!-- operations -->` and `<!-- end of operations -->`, options between
`<!-- options of NAME: POST /v1/… -->`, with the operation and its JSON call (if it has one), and `<!-- end of options -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FileDescriptor

from darkroom.operations.v1 import operation_pb2, options_pb2
from reference import markdown
from reference.comments import Comments
from reference.openapi import document
from services.pictures.operations import Arity, OperationSpec, specs
from services.platform.rpc import catalogue

_ROOT = Path(__file__).resolve().parent.parent
FOLDER = _ROOT / "docs" / "operations"

_BLOCK = re.compile(r"(<!-- options of (\w+)(?:: (\w+) (\S+))? -->\n).*?(<!-- end of options -->)", re.DOTALL)
_LIST = re.compile(r"(<!-- operations -->\n).*?(<!-- end of operations -->)", re.DOTALL)
_ANCHOR = re.compile(r"\[(\w+)\]\(#\w+\)")
_PROTOS = "../../protos/"
_KINDS = {
    options_pb2.MEDIA_KIND_IMAGE: "picture",
    options_pb2.MEDIA_KIND_PDF: "PDF",
    options_pb2.MEDIA_KIND_ANY: "file of any kind",
    options_pb2.MEDIA_KIND_ARCHIVE: "ZIP archive",
    options_pb2.MEDIA_KIND_DATA: "JSON document",
}
_MOVING = "a picture, animation or video"
"""An operation that works by frame takes and gives one of these."""
_SEVERAL = {options_pb2.MEDIA_KIND_IMAGE: "pictures", options_pb2.MEDIA_KIND_PDF: "PDFs", options_pb2.MEDIA_KIND_ANY: "files of any kind"}

_PER = {
    options_pb2.PRICE_BASIS_UNSPECIFIED: "a file",
    options_pb2.PRICE_BASIS_PAGE: "a page",
    options_pb2.PRICE_BASIS_OUTPUT: "a picture made",
}


def pages(folder: Path = FOLDER) -> dict[Path, str]:
    """Each page with a generated part → its expected content."""
    comments = Comments()
    texts = {path: path.read_text() for path in sorted(folder.glob("*.md"))}
    listed = _list(comments, {match[2]: path.name for path, text in texts.items() for match in _BLOCK.finditer(text)})

    def generated(text: str) -> str:
        with_options = _BLOCK.sub(lambda match: match[1] + _options(comments, *match.group(2, 3, 4)) + match[5], text)
        return _LIST.sub(lambda match: match[1] + listed + match[2], with_options)

    return {path: generated(text) for path, text in texts.items() if _BLOCK.search(text) or _LIST.search(text)}


def problems(folder: Path = FOLDER) -> list[str]:
    """Pages that do not match the protos, and operations without a page, one line each."""
    return list(_problems(folder))


def _problems(folder: Path) -> Iterator[str]:
    documented = set()
    for path, wanted in pages(folder).items():
        text = path.read_text()
        documented |= {match[2] for match in _BLOCK.finditer(text)}
        if text != wanted:
            yield f"docs/operations/{path.name} is not what the protos say: run `make reference`"
    for name, spec in specs().items():
        if not spec.diagnostic and name not in documented:
            yield f"docs/operations has no page with `options of {name}`"


def _list(comments: Comments, page_of: Mapping[str, str]) -> str:
    rows = []
    for field in operation_pb2.Operation.DESCRIPTOR.fields:
        if page := page_of.get(field.name):
            takes, gives, _ = summary(specs()[field.name])
            rows.append(f"| [{field.name}]({page}) | {comments.of(field.full_name).removesuffix('.')} | {takes} | {gives} |\n")
    return "".join(["\n| operation | | takes | gives |\n|---|---|---|---|\n", *rows, "\n"])


def _options(comments: Comments, name: str, verb: str | None, path: str | None) -> str:
    spec = specs()[name]
    parts = [f"\n| takes | gives | costs |\n|---|---|---|\n| {' | '.join(summary(spec))} |\n\n"]
    if verb and path:
        parts += [f"**`{verb} {path}`**\n\n", _linked(markdown.properties(_body(verb.lower(), path)), _declaring(verb, path)), "\n"]
    parts.append(f"**gRPC: `{name}` of an [Operation]({_PROTOS}{operation_pb2.DESCRIPTOR.name})**")
    if spec.message.fields:
        parts += ["\n\n", _linked(markdown.fields(spec.message, comments), spec.message.file)]
    else:
        parts.append(": it has no parameters.\n")
    return "".join([*parts, "\n"])


def summary(spec: OperationSpec) -> tuple[str, str, str]:
    """The files that it takes and gives, and its price."""
    takes, gives = f"a {_KINDS[spec.accepts]}" if spec.accepts else "no file", f"a {_KINDS[spec.produces]}"
    if spec.arity is Arity.REFERENCES:
        takes, gives = f"a prompt, and up to {spec.max_references} pictures", "pictures"
    if spec.arity is Arity.ALL:
        takes = f"up to 500 {_SEVERAL[spec.accepts]}"
    each = _PER[spec.price_basis]
    if spec.by_frame:
        takes, gives, each = _MOVING, _MOVING, f"{each}, or 25 frames"
    costs = f"{spec.millicredits / 1000:g} credits {each}" if spec.millicredits else "nothing"
    return takes, gives, costs


def _body(verb: str, path: str) -> dict[str, Any]:
    """The schema of what a call takes."""
    surface = catalogue.surface_at(path)
    if surface is None:
        raise LookupError(f"{path}: no surface has this path")
    found = document(surface)
    schema: dict[str, Any] = found["paths"][path][verb]["requestBody"]["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return found["components"]["schemas"][name] if name else schema


def _declaring(verb: str, path: str) -> FileDescriptor:
    """The proto file that declares the method of a call."""
    return next(route.method.containing_service.file for route in catalogue.routes() if (route.verb, route.template.text) == (verb, path))


def _linked(table: str, file: FileDescriptor) -> str:
    """A table of the reference whose types lead to the protos that declare them: `file`, and what it imports."""
    declared: dict[str, str] = {}
    files = [file]
    for one in files:
        files += [imported for imported in one.dependencies if imported not in files]
        for name in (*one.message_types_by_name, *one.enum_types_by_name):
            declared.setdefault(name, one.name)
    return _ANCHOR.sub(lambda match: f"[{match[1]}]({_PROTOS}{declared[match[1]]})", table)
