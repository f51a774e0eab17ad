"""Operations on files, in a child: from unchanged files to files, samples or data."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from darkroom.operations.v1 import operation_pb2
from services.inference.contract.flow import Data, NewFile, Several, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Hints, Image, Limits, configure_libvips
from services.inference.media import isolated as media_child
from services.inference.media.notes import notice_of
from services.pictures.operations import Arity, parameters_of, spec_of

CHILD_IMPORTS = media_child.CHILD_IMPORTS


@dataclass(frozen=True, slots=True)
class FileJob:
    """An operation on some files."""

    operation: bytes
    """A serialized `Operation`."""
    names: tuple[str, ...]
    """The names of the files."""
    limits: Limits
    result_limits: Limits
    svg_dpi: int
    trusted_certificates: str = ""
    """As in `PlainStep`."""


def apply(folder: Path, asked: FileJob, *rest: Any) -> dict[str, Any]:
    """Leave in `folder` what the operation makes of the files, and describe it. The rest are the files, and the reports of progress."""
    *paths, tell = rest
    configure_libvips(1)
    operation = operation_pb2.Operation.FromString(asked.operation)
    spec = spec_of(operation)
    labels: list[str] = []
    notices: list[tuple[object, ...]] = []
    notes: list[tuple[str, str]] = []

    def opened(path: Path, name: str) -> WholeFile:
        return WholeFile(path, asked.limits, Hints(name, asked.svg_dpi), lambda note: notes.append((note, name if len(paths) > 1 else "")))

    files = [opened(path, name) for path, name in zip(paths, asked.names, strict=True)]
    step = PlainStep(
        source_name=asked.names[0],
        folder=folder,
        report=partial(_report, tell),
        check=_go_on,
        label=labels.append,
        notice=lambda *notice: notices.append(notice),
        result_limits=asked.result_limits,
        trusted_certificates=asked.trusted_certificates,
    )
    run = importlib.import_module(f"services.inference.operations.{spec.name}").run
    made = run(files if spec.arity is Arity.ALL else files[0], parameters_of(operation), step)
    results: Sequence[Image | Data | NewFile] = [made.first, *made.others] if isinstance(made, Several) else [made]
    # The owner gets the notes of a picture when it is written.
    later = made.notes if isinstance(made, Image) else ()
    notices += [notice_of(note, name) for note, name in dict.fromkeys(notes) if name or note not in later]
    return {"made": [_left(each, folder / left_name(number)) for number, each in enumerate(results)], "labels": labels, "notices": notices}


def left_name(number: int) -> str:
    """The name of a result in the folder."""
    return f"made-{number}"


def _left(made: Image | Data | NewFile, target: Path) -> dict[str, Any]:
    """Write a result to `target`, and describe it."""
    match made:
        case Image():
            with target.open("wb") as file:
                return {"kind": "samples", "notes": made.notes, **media_child.described_samples(made, file)}
        case Data():
            target.write_bytes(made.content)
            return {"kind": "data"}
        case NewFile():
            if isinstance(made.content, bytes):
                target.write_bytes(made.content)
            else:
                made.content.rename(target)
            said = {name: getattr(made, name) for name in ("media_type", "extension", "name", "width", "height", "pages")}
            return {"kind": "file", **said}


def _report(tell: Any, done: float, doing: str) -> None:
    tell(done, doing)


def _go_on() -> None:
    """Stopping a child kills it."""
