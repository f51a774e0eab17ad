"""Where results go: `--output` names a folder or, for one input, a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from darkroom.cli.exits import usage
from darkroom.cli.operation_verbs import STILL, VIDEOS, works_by_frame
from darkroom.naming import name_for, unwritable
from darkroom.operations.v1 import operation_pb2, options_pb2

_KEPT = (".jpg", ".png", ".webp", ".avif", ".heic", ".heif", ".tiff")
"""The formats that a result has because its input has them; of any other it is a PNG."""
_STAYING = (".jpg", ".png", ".webp", ".avif", ".tiff", ".gif")
"""The formats that a conversion keeps."""
_OTHERWISE = (".png", ".jpg", ".webp")
"""The formats that it makes of any other, by quality and transparency."""
_MOVING = ((".mp4", ".webm"), (".webm",), (".mov",), (".gif", ".png"))
"""Formats of animations and videos, each with what it becomes where it has no alpha and the result needs some."""
_MADE = {options_pb2.MEDIA_KIND_PDF: ".pdf", options_pb2.MEDIA_KIND_DATA: ".json"}
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


@dataclass(frozen=True)
class Destination:
    """A folder, and the name of the result in it."""

    folder: Path
    name: str | None = None
    """None: as the server names it."""


def destination(output: str, inputs: int) -> Destination:
    """The destination that `output` names. A path with an extension is a file, unless it is an existing folder or ends with a slash.

    Raises typer.Exit for a file if there are several inputs, since their results need a folder, and for what cannot be written.
    """
    path = Path(output)
    if not path.suffix or path.is_dir() or output.endswith(_SEPARATORS):
        _check_writable(path, output)
        return Destination(path)
    if inputs > 1:
        raise usage(
            f"--output {output} is a file, but there are {inputs} inputs; give a folder (for one with a dot in its name, {output}{os.sep})"
        )
    _check_writable(path.parent, output)
    return Destination(path.parent, path.name)


def _check_writable(folder: Path, output: str) -> None:
    """Results make missing folders, but only in one that is there and can be written to."""
    if why := unwritable(folder):
        raise usage(f"--output {output}: {why}")


def ask_for_format(operations: Sequence[operation_pb2.Operation], name: str, source: str | None) -> None:
    """Have the result in the format that the suffix of its name stands for, if the last operation has a parameter for it.

    `source` is the name of the one input, None without one. Raises typer.Exit for a suffix that the result cannot have.
    """
    *before, last = operations
    moving = _moving(operations, source)
    verb = str(last.WhichOneof("operation"))
    parameters = getattr(last, verb)
    options = parameters.DESCRIPTOR.GetOptions().Extensions[options_pb2.operation]
    field = parameters.DESCRIPTOR.fields_by_name.get("format")
    suffix, hint = Path(name).suffix.lower(), ""
    if options.produces in _MADE and not getattr(parameters, "dry_run", False):
        allowed = [_MADE[options.produces]]
    elif options.produces == options_pb2.MEDIA_KIND_IMAGE and field is not None:
        kept = next((value.number for value in field.enum_type.values if value.name.endswith("_KEPT")), None)
        formats = {f".{value.name.rpartition('_')[2].lower()}": value.number for value in field.enum_type.values if value.number}
        for impossible in (".kept", *(VIDEOS if Path(source or "").suffix.lower() in STILL else ())):
            formats.pop(impossible, None)
        asked = next((number for known, number in formats.items() if _is_same(known, suffix)), 0)
        parameters.format = parameters.format or asked
        allowed = [known for known, number in formats.items() if number == parameters.format or not parameters.format]
        allowed += () if parameters.format or verb == "convert" else moving
        if parameters.format == kept:
            own = Path(source or "").suffix.lower()
            allowed = [own] if any(_is_same(own, each) for each in _STAYING) else [*(moving or _OTHERWISE)]
    elif options.produces == options_pb2.MEDIA_KIND_IMAGE == options.accepts and source is not None and not options.reads_file:
        # A picture that becomes transparent is a PNG.
        own = Path(source).suffix.lower()
        own_format = [own] if any(_is_same(own, kept) for kept in _KEPT) else []
        allowed, hint = [*(moving or [*own_format, ".png"])], "; darkroom convert writes other formats"
    else:
        return
    if before and field is None and options.produces == options_pb2.MEDIA_KIND_IMAGE:
        # One of them may have chosen another format.
        return
    if not any(_is_same(suffix, each) for each in allowed):
        named = verb.replace("_", "-")
        raise usage(f"--output {name}: the result of {named} can be {' or '.join(dict.fromkeys(allowed))}, not {suffix}{hint}")


def _moving(operations: Sequence[operation_pb2.Operation], source: str | None) -> Sequence[str]:
    """The suffixes that the result of a file has by itself if it may be an animation or a video; none for any other file."""
    own = Path(source or "").suffix.lower()
    return next((made for made in _MOVING if _is_same(own, made[0])), ()) if works_by_frame(operations) else ()


def _is_same(one: str, other: str) -> bool:
    """Whether two suffixes stand for one format."""
    return name_for(f"a{one}", f"b{other}") == f"b{other}"
