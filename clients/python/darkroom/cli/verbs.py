"""One command per operation, derived from the protos: a new operation gets its command, options and help without a change here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from darkroom.cli.deferred import Deferred, deferred_command
from darkroom.cli.destination import Destination, ask_for_format, destination
from darkroom.cli.estimate import estimate
from darkroom.cli.exits import run, usage
from darkroom.cli.inputs import STDIN, Source, find, name_of, spool_stdin
from darkroom.cli.journal import Journal, new_entry
from darkroom.cli.operation_verbs import Verb, command, suffixes_of, verbs
from darkroom.cli.options import server_url
from darkroom.cli.parameters import auxiliary_files
from darkroom.cli.session import Item, Session
from darkroom.cli.standard_output import copy_out, refuse_terminal
from darkroom.content import is_url
from darkroom.operations.v1 import operation_pb2, options_pb2

_LONGEST_NAME = 40

_RUN = "Files and results"


def _run_option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_RUN, **settings)


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", show_default=False, help="Files, folders, patterns such as 'photos/*.jpg', URLs, or - for standard input."
    ),
]
References = Annotated[
    list[str] | None, typer.Argument(metavar="[REFERENCE]...", help="Pictures to edit or combine, or URLs of them.", show_default=False)
]
_OUTPUT = "Folder for the results, or for one input a file such as out.png, or - for standard output. Default: {}."
Output = Annotated[str | None, _run_option("--output", "-o", metavar="PATH", help=_OUTPUT.format("next to each input"))]
HereOutput = Annotated[str | None, _run_option("--output", "-o", metavar="PATH", help=_OUTPUT.format("the current folder"))]
Recursive = Annotated[bool, _run_option("--recursive", "-r", help="Include subfolders, and recreate them below --output.")]
Parallel = Annotated[
    int, _run_option("--parallel", "-p", metavar="N", min=1, max=64, help="Number of files in progress at the same time, 1 to 64.")
]
Overwrite = Annotated[bool, _run_option("--overwrite", help="Replace existing results instead of numbering the new ones.")]
Again = Annotated[bool, _run_option("--again", help="Redo and pay again for work that an earlier run has done.")]
Keep = Annotated[bool, _run_option("--keep", help="Leave tasks running on Ctrl-C; get the results with darkroom resume.")]
Detach = Annotated[bool, _run_option("--detach", "-d", help="Create the tasks and return; get the results with darkroom resume.")]
Estimate = Annotated[bool, _run_option("--estimate", help="Only print the price, and the time if it is known.")]
AsJson = Annotated[bool, _run_option("--json", help="Print one JSON object per file instead of progress.")]

_COMMON = {
    "output": (Output, None),
    "recursive": (Recursive, False),
    "parallel": (Parallel, 4),
    "overwrite": (Overwrite, False),
    "again": (Again, False),
    "keep": (Keep, False),
    "detach": (Detach, False),
    "estimate": (Estimate, False),
    "as_json": (AsJson, False),
}
_TOGETHER = {name: option for name, option in _COMMON.items() if name not in ("recursive", "parallel", "again")}
_TOGETHER["output"] = (HereOutput, None)


def commands(panel: str) -> Iterator[Deferred]:
    """The commands, for this panel of the help."""
    for verb in verbs():
        yield deferred_command(verb.name, partial(_command, verb), verb.help, verb.short_help, panel)


def run_operations(operations: Sequence[operation_pb2.Operation], given: Mapping[str, Any]) -> None:
    """Run operations as the command of the first one runs that alone, with its other options."""
    fields = operation_pb2.Operation.DESCRIPTOR.fields_by_name
    first = str(operations[0].WhichOneof("operation"))
    verb = Verb(first.replace("_", "-"), {"": fields[first]})
    if verb.options.accepts and not given["inputs"]:
        raise usage("give the files to run it on")
    _work_of(verb)(verb, operations, given)


def _command(verb: Verb) -> Callable[..., None]:
    work = _work_of(verb)

    def alone(verb: Verb, operation: operation_pb2.Operation, given: Mapping[str, Any]) -> None:
        work(verb, [operation], given)

    if verb.options.max_references:
        return command(verb, (References, None), _TOGETHER, alone)
    if verb.options.joins_inputs:
        return command(verb, (Inputs, ...), {**_TOGETHER, "recursive": (Recursive, False), "again": (Again, False)}, alone)
    if verb.options.accepts == options_pb2.MEDIA_KIND_UNSPECIFIED:
        return command(verb, None, _TOGETHER, alone)
    return command(verb, (Inputs, ...), _COMMON, alone)


def _work_of(verb: Verb) -> Callable[[Verb, Sequence[operation_pb2.Operation], Mapping[str, Any]], None]:
    if verb.options.joins_inputs and not verb.options.max_references:
        return _join
    return _make if verb.options.max_references or not verb.options.accepts else _process


def _process(verb: Verb, operations: Sequence[operation_pb2.Operation], given: Mapping[str, Any]) -> None:
    """Create one task per file."""
    arguments, output = given["inputs"], given["output"]
    piped = STDIN in arguments
    if piped and len(arguments) > 1:
        raise usage("- for standard input cannot be combined with files")
    if piped and output is None:
        output = STDIN
    with tempfile.TemporaryDirectory(prefix="darkroom-") as temporary, Journal(lasting=not piped and output != STDIN) as journal:
        if output is not None and output != STDIN:
            # Before standard input is read and anything is uploaded.
            destination(output, 1)
        if piped:
            sources = [spool_stdin(Path(temporary))]
        else:
            sources = find(arguments, suffixes_of(operations), recursive=given["recursive"], results=journal.results())
        if given["estimate"]:
            run(estimate(operations, [source.path for source in sources], each=True, as_json=given["as_json"]), as_json=given["as_json"])
        to_stdout = output == STDIN
        _check_stdout(to_stdout, sources, given)
        url, items, beside = server_url(), [], auxiliary_files(operations[0], given)
        chosen = Destination(Path(temporary) / "results") if to_stdout else destination(output, len(sources)) if output else None
        if chosen is not None and chosen.name and sources:
            ask_for_format(operations, chosen.name, name_of(sources[0].path))
        for source in sources:
            name = chosen.name if chosen else None
            folder = source.folder if chosen is None else chosen.folder if name else chosen.folder / source.below
            entry = new_entry(url, [source.path], folder, operations, overwrite=given["overwrite"], auxiliary=beside, name=name)
            items.append(Item(str(source.below / name_of(source.path)), entry, STDIN if piped else str(source.path)))
        session = _session(journal, given, to_stdout=to_stdout)
        try:
            run(session.process(items), as_json=given["as_json"])
        except typer.Exit as end:
            if to_stdout and not end.exit_code:
                copy_out(items[0].entry.outputs or [])
            raise


def _join(verb: Verb, operations: Sequence[operation_pb2.Operation], given: Mapping[str, Any]) -> None:
    """Create one task for all files together."""
    if STDIN in given["inputs"]:
        raise usage(f"{verb.name} takes several files; - for standard input is one")
    with Journal() as journal:
        found = find(given["inputs"], suffixes_of(operations), recursive=given["recursive"], results=journal.results())
    _together(verb.name, operations, [source.path for source in found], given)


def _make(verb: Verb, operations: Sequence[operation_pb2.Operation], given: Mapping[str, Any]) -> None:
    """Create one task for all references together, or without any file."""
    references = [text if is_url(text) else Path(text) for text in given.get("inputs") or ()]
    for path in references:
        if isinstance(path, Path) and not path.is_file():
            raise usage(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    if len(references) > verb.options.max_references:
        raise usage(f"{verb.name} takes up to {verb.options.max_references} references; got {len(references)}")
    prompt = " ".join(str(given.get("prompt", verb.name)).split())
    name = prompt if len(prompt) <= _LONGEST_NAME else prompt[: _LONGEST_NAME - 1] + "…"
    # Repeating a prompt is meant to produce a new picture.
    _together(name, operations, references, {**given, "again": False}, unique=True)


def _together(
    name: str,
    operations: Sequence[operation_pb2.Operation],
    inputs: Sequence[Path | str],
    given: Mapping[str, Any],
    *,
    unique: bool = False,
) -> None:
    if given["estimate"]:
        run(estimate(operations, inputs, each=False, as_json=given["as_json"]), as_json=given["as_json"])
    with tempfile.TemporaryDirectory(prefix="darkroom-") as temporary, Journal() as journal:
        to_stdout = given["output"] == STDIN
        _check_stdout(to_stdout, [], given)
        chosen = Destination(Path(temporary) / "results") if to_stdout else destination(given["output"] or ".", 1)
        if chosen.name:
            ask_for_format(operations, chosen.name, None)
        beside = auxiliary_files(operations[0], given)
        entry = new_entry(
            server_url(),
            inputs,
            chosen.folder,
            operations,
            overwrite=given["overwrite"],
            auxiliary=beside,
            unique=unique,
            name=chosen.name,
        )
        item = Item(name, entry)
        session = _session(journal, {**given, "parallel": 1}, to_stdout=to_stdout)
        try:
            run(session.process([item]), as_json=given["as_json"])
        except typer.Exit as end:
            if to_stdout and not end.exit_code:
                copy_out(item.entry.outputs or [])
            raise


def _session(journal: Journal, given: Mapping[str, Any], *, to_stdout: bool) -> Session:
    return Session(
        journal,
        given["parallel"],
        keep=given["keep"],
        detach=given["detach"],
        again=given["again"],
        as_json=given["as_json"],
        to_stdout=to_stdout,
    )


def _check_stdout(to_stdout: bool, sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    if not to_stdout:
        return
    if len(sources) > 1:
        raise usage(f"standard output takes one result; got {len(sources)} files")
    for name in ("as_json", "detach", "keep"):
        if given[name]:
            raise usage(f"--output - cannot be combined with --{name.removeprefix('as_')}")
    refuse_terminal()
