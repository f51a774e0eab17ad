"""The calls that run one operation, `POST /v1/images/{operation}` and `POST /v1/pdfs/{operation}`: which there are, and what they take."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.pictures.operations import Arity, OperationSpec, specs
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.json_messages import message_of

FILE = "file"
"""The part of a form that holds an input; it may occur several times."""
FILE_IDS = "file_ids"
WEBHOOK_URL = "webhook_url"
REPLY_FIELDS = ("wait", "redirect")
_PREFIX = "/v1"
_SUFFIX = "_file_id"
_KINDS: Mapping[str, tuple[options_pb2.MediaKind.ValueType, ...]] = MappingProxyType(
    {
        # An operation that takes no file makes a picture.
        "images": (options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_ANY, options_pb2.MEDIA_KIND_UNSPECIFIED),
        "pdfs": (options_pb2.MEDIA_KIND_PDF, options_pb2.MEDIA_KIND_ANY),
    }
)
"""The media that the operations of a collection take."""
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "background-removal": "remove_background",
        "bg-remover": "remove_background",
        "blur": "blur_background",
        "compress": "convert",
        "cut-out": "remove_background",
        "cutout": "remove_background",
        "enhance": "enhance_picture",
        "enlarge": "upscale",
        "flip": "rotate",
        "format": "convert",
        "grayscale": "color_adjust",
        "inpaint": "erase",
        "merge": "stitch",
        "metadata": "inspect_metadata",
        "mirror": "rotate",
        "ocr": "read_text",
        "optimize": "convert",
        "pdf-to-image": "pdf_pages",
        "pdf-to-images": "pdf_pages",
        "qr": "qr_code",
        "qrcode": "qr_code",
        "remove-bg": "remove_background",
        "removebg": "remove_background",
        "restore": "restore_photo",
        "scale": "resize",
        "shadow": "compose_cutout",
        "super-resolution": "upscale",
        "text": "draw_text",
        "thumbnail": "resize",
        "trim": "trim_edges",
        "watermark-remover": "remove_watermark",
        "zip": "archive",
    }
)
"""Other words for operations, as paths have them."""
_SIMILARITY = 0.7


@dataclass(frozen=True, slots=True)
class OperationCall:
    """The call of one operation in a collection."""

    collection: str
    """`images` or `pdfs`."""
    spec: OperationSpec

    @property
    def path(self) -> str:
        """Such as `/v1/images/trim-edges`."""
        return f"{_PREFIX}/{self.collection}/{_in_path(self.spec.name)}"

    @property
    def takes_files(self) -> bool:
        """Whether there is anything to send; what makes something from nothing takes no file."""
        return self.spec.arity is not Arity.NONE

    @property
    def id_field(self) -> str:
        """The field with the id of the one input: `image_file_id`."""
        return f"{self.collection.removesuffix('s')}_file_id"

    @property
    def url_field(self) -> str:
        """The field with the URL of the one input: `image_url`."""
        return f"{self.collection.removesuffix('s')}_url"

    @property
    def input_fields(self) -> tuple[str, ...]:
        """The fields that name inputs, one of which is given."""
        return (self.id_field, self.url_field, FILE_IDS) if self.takes_files else ()

    @property
    def parameters(self) -> Mapping[str, FieldDescriptor]:
        """The operation's own."""
        return MappingProxyType({field.name: field for field in self.spec.message.fields})

    @property
    def names(self) -> list[str]:
        """Every field of a request."""
        return [*self.input_fields, *self.parameters, WEBHOOK_URL, *REPLY_FIELDS]

    @property
    def file_parts(self) -> dict[str, str]:
        """The parts of a form that hold files: of the inputs, and of the files besides them; with the parameter that each stands for, which
        is empty for inputs."""
        beside = {part: name for name in self.spec.auxiliary for part in (name.removesuffix("_id"), name)}
        return {**({FILE: ""} if self.takes_files else {}), **beside}

    def operation(self, values: Mapping[str, Any]) -> operation_pb2.Operation:
        """The operation with its parameters, named as in its proto. Raises FIELD_INVALID."""
        made = operation_pb2.Operation()
        parameters: Message = getattr(made, self.spec.name)
        parameters.SetInParent()
        parameters.CopyFrom(message_of(values, self.spec.message))
        return made


@cache
def operation_calls() -> tuple[OperationCall, ...]:
    """All of them, except those that calls of their own serve."""
    own = _own_paths()
    calls = (
        OperationCall(collection, spec)
        for collection, kinds in _KINDS.items()
        for spec in specs().values()
        if spec.accepts in kinds and not spec.diagnostic
    )
    return tuple(call for call in calls if call.path not in own)


def operation_call(collection: str, name: str) -> OperationCall:
    """The call with a name in a path, with `-` or `_` between its words. Raises ROUTE_NOT_FOUND, with the nearest call there is."""
    wanted = _in_path(name)
    for call in operation_calls():
        if call.collection == collection and call.path == f"{_PREFIX}/{collection}/{wanted}":
            return call
    near = suggestion(name, collection)
    shown = f"{_PREFIX}/{collection}/{name}" if name.isprintable() and len(name) < 100 else f"{_PREFIX}/{collection}"
    hint = f"; did you mean POST {near}?" if near else "."
    allowed = sorted(path for path in suggested_paths(collection).values() if path.startswith(f"{_PREFIX}/{collection}/"))
    raise DarkroomError(ErrorReason.ROUTE_NOT_FOUND, f"There is no POST {shown}{hint}", allowed=list(dict.fromkeys(allowed)))


def suggestion(name: str, collection: str = "images") -> str:
    """The path of the call that a wrong name stands for; empty if none is near. If several collections have it, that of this one."""
    paths = suggested_paths(collection)
    wanted = _in_path(name)
    if wanted in paths:
        return paths[wanted]
    near = difflib.get_close_matches(wanted, list(paths), 1, _SIMILARITY)
    return paths[near[0]] if near else ""


@cache
def suggested_paths(collection: str = "images") -> Mapping[str, str]:
    """Paths of calls by the names of their operations, as paths have them, and by other words for these. Where several collections have an
    operation, the path is in the one given."""
    found: dict[str, str] = {}
    own = sorted(_own_paths(), key=lambda path: f"/{collection}/" in path)
    for path in [*own, *(call.path for call in sorted(operation_calls(), key=lambda call: call.collection == collection))]:
        found[path.rpartition("/")[2]] = path
    return MappingProxyType(found | {word: found[_in_path(name)] for word, name in SYNONYMS.items()})


@cache
def _own_paths() -> tuple[str, ...]:
    """The paths of calls that serve one operation each, with parameters of their own, sorted: in another order, the edge would be
    configured again, and restarted."""
    prefixes = tuple(f"{_PREFIX}/{collection}/" for collection in _KINDS)
    texts = (route.template.text for route in catalogue.routes())
    return tuple(sorted({text for text in texts if text.startswith(prefixes) and "{" not in text}))


def _in_path(name: str) -> str:
    return name.lower().replace("_", "-")
