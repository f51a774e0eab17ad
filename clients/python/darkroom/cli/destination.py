"""Where results go: `--output` names a folder or, for one input, a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from darkroom.cli.exits import usage

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


@dataclass(frozen=True)
class Destination:
    """A folder, and the name of the result in it."""

    folder: Path
    name: str | None = None
    """None: as the server names it."""


def destination(output: str, inputs: int) -> Destination:
    """The destination that `output` names. A path with an extension is a file, unless it is an existing folder or ends with a slash.

    Raises typer.Exit for a file if there are several inputs: their results need a folder.
    """
    path = Path(output)
    if not path.suffix or path.is_dir() or output.endswith(_SEPARATORS):
        return Destination(path)
    if inputs > 1:
        raise usage(
            f"--output {output} is a file, but there are {inputs} inputs; give a folder (for one with a dot in its name, {output}{os.sep})"
        )
    return Destination(path.parent, path.name)
