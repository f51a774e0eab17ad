"""The meaning of a picture's URL: operations, a format, and a source."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from urllib.parse import unquote

from darkroom.operations.v1 import convert_pb2, operation_pb2, options_pb2
from services.pictures.media_format import MediaFormat
from services.pictures.operation_calls import OperationCall, operation_calls
from services.pictures.operations import PLAIN_LANE, Arity, spec_of, specs
from services.platform.errors import DarkroomError
from services.platform.rpc.json_messages import invalid

NOTHING = "-"
"""Stands for no operation."""
_MOST_STEPS = 20
_LONGEST_NUMBER = 15
_BEST_QUALITY = 100
_COLLECTION, _CUT_OUT, _CONVERT = "images", "remove_background", "convert"
_FORMATS = {
    "avif": convert_pb2.PICTURE_FORMAT_AVIF,
    "webp": convert_pb2.PICTURE_FORMAT_WEBP,
    "jpeg": convert_pb2.PICTURE_FORMAT_JPEG,
    "png": convert_pb2.PICTURE_FORMAT_PNG,
}
_MOVING = (convert_pb2.PICTURE_FORMAT_AVIF, convert_pb2.PICTURE_FORMAT_WEBP)
"""Formats in which an animation is not much larger than its source. Readers of AVIF read WebP, too, which takes far less time to write."""
_AUTO = "auto"
_OPTIONS = ("format", "quality", "expires")
_PLAIN = {
    one.media_type: convert_pb2.PICTURE_FORMAT_JPEG for one in (MediaFormat.JPEG, MediaFormat.HEIC, MediaFormat.HEIF, MediaFormat.BMP)
}
"""The format for readers of neither WebP nor AVIF, by that of the source: PNG for all that may be transparent."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL without its signature."""

    operations: Sequence[operation_pb2.Operation]
    format: convert_pb2.PictureFormat.ValueType | None
    """None: by the reader."""
    quality: int
    """0: the format's own."""
    expires_at: datetime | None
    file_id: int | None
    """The source, if it is a file."""
    url: str
    """The source otherwise."""

    def digest(self, accepted: convert_pb2.PictureFormat.ValueType) -> bytes:
        """Identifies the picture among those of its account, for a reader that accepts this format: SHA-256."""
        wanted = accepted if self.format is None else self.format
        parts = [each.SerializeToString(deterministic=True) for each in self.operations]
        parts += [f"{wanted}/{self.format is None}/{self.quality}/{self.file_id or self.url}".encode()]
        return hashlib.sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()

    def plan(self, accepted: convert_pb2.PictureFormat.ValueType, media_type: str, *, moves: bool = False) -> list[operation_pb2.Operation]:
        """The operations of the task, for a source of this type: in the end, the picture is written without metadata, in sRGB.

        An animation that `moves` is an animated WebP for readers of WebP, or what the URL names of WebP and AVIF; any other is the first
        frame.
        """
        wanted = accepted if self.format is None else self.format
        moves = moves and wanted in _MOVING and all(spec_of(each).by_frame for each in self.operations)
        if moves and self.format is None:
            wanted = convert_pb2.PICTURE_FORMAT_WEBP
        if not wanted:
            wanted = convert_pb2.PICTURE_FORMAT_PNG if self._adds_alpha else _PLAIN.get(media_type, convert_pb2.PICTURE_FORMAT_PNG)
        written = convert_pb2.Convert(
            format=wanted,
            quality=self.quality if wanted != convert_pb2.PICTURE_FORMAT_PNG else 0,
            color_space=convert_pb2.COLOR_SPACE_RGB,
            strip_metadata=True,
            quick=True,
            frame=0 if moves else 1,
        )
        return [*self.operations, operation_pb2.Operation(convert=written)]

    @property
    def _adds_alpha(self) -> bool:
        return any(specs()[each.WhichOneof("operation") or ""].may_add_alpha for each in self.operations)


def parse(operations: str, source: str) -> Address:
    """Read the two parts of a path, as they came. Raises FIELD_INVALID, which names the part and what is allowed in it."""
    steps: list[operation_pb2.Operation] = []
    options: dict[str, str] = {}
    for text in operations.split(";") if operations != NOTHING else ():
        name, colon, parameters = text.partition(":")
        option, equals, value = text.partition("=")
        if not colon and equals:
            if option not in _OPTIONS:
                raise invalid("operations", f"has no option {_shown(option)}", _OPTIONS)
            if option in options:
                raise invalid(option, "is given twice")
            options[option] = unquote(value)
        else:
            steps.append(_step(unquote(name), parameters))
    if len(steps) > _MOST_STEPS:
        raise invalid("operations", f"has {len(steps)} operations, and at most {_MOST_STEPS} are allowed")
    format_, quality = _format(options.get("format", _AUTO)), _number(options, "quality", 1, _BEST_QUALITY)
    if format_ == convert_pb2.PICTURE_FORMAT_PNG and quality:
        raise invalid("quality", "means nothing for PNG")
    seconds = _number(options, "expires", 1, 10**11)
    expires_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
    named = unquote(source)
    is_file = named.isascii() and named.isdecimal() and len(named) <= _LONGEST_NUMBER
    if not is_file and "://" not in named:
        raise invalid("source", "must be the id of a file, or a percent-encoded URL")
    return Address(steps, format_, quality, expires_at, int(named) if is_file else None, "" if is_file else named)


def _step(name: str, parameters: str) -> operation_pb2.Operation:
    """One operation with its parameters. Raises FIELD_INVALID."""
    call = _calls().get(name.replace("_", "-"))
    if call is None:
        raise invalid("operations", f"has no operation {_shown(name)} for URLs", sorted(_calls()))
    given: dict[str, list[str]] = defaultdict(list)
    for text in parameters.split(",") if parameters else ():
        parameter, _, value = text.partition("=")
        given[unquote(parameter)].append(unquote(value))
    for parameter, values in given.items():
        field = call.parameters.get(parameter)
        if len(values) > 1 and field is not None and not field.is_repeated:
            raise invalid(f"{name}.{parameter}", "is given twice")
    try:
        return call.operation({parameter: values if len(values) > 1 else values[0] for parameter, values in given.items()})
    except DarkroomError as error:
        if error.field is None:
            raise
        raise error.saying(f"{name}.{error.message}").at(f"{name}.{error.field}") from None


@cache
def _calls() -> Mapping[str, OperationCall]:
    """The operations that URLs may name: from one picture they make one, quickly or by cutting out."""
    cut_out = OperationCall(_COLLECTION, specs()[_CUT_OUT])
    plain = [call for call in operation_calls() if _is_for_urls(call)]
    return MappingProxyType({call.path.rpartition("/")[2]: call for call in (cut_out, *plain)})


def _is_for_urls(call: OperationCall) -> bool:
    spec, picture = call.spec, options_pb2.MEDIA_KIND_IMAGE
    each = spec.arity is Arity.EACH and (spec.accepts, spec.produces) == (picture, picture)
    # The format is an option of the URL.
    return each and not spec.reads_file and spec.lane == PLAIN_LANE and spec.name != _CONVERT


def _format(text: str) -> convert_pb2.PictureFormat.ValueType | None:
    if text == _AUTO:
        return None
    if text not in _FORMATS:
        raise invalid("format", f"must be one of {_AUTO}, {', '.join(_FORMATS)}", [_AUTO, *_FORMATS])
    return _FORMATS[text]


def _number(options: Mapping[str, str], name: str, least: int, most: int) -> int:
    """0 if it is not given."""
    text = options.get(name)
    if text is None:
        return 0
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else 0
    if not least <= number <= most:
        raise invalid(name, f"must be a whole number from {least} to {most}")
    return number


def _shown(text: str) -> str:
    return repr(text[:50])
