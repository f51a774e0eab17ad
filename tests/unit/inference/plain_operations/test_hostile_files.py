"""Hostile files through every operation that needs no model: each ends in a result, or in an error that blames the file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from services.pictures.probe.model import MEDIA_TYPES
from services.platform.sandbox import Sandbox, WarmChildren
from tests.harness.hostile_runs import AUXILIARY, CALLS, HostileRuns, faults_of, kind_taken, operations_without_call, small_tools
from tests.hostile_files import hostile_files
from tests.hostile_files.wholes import beside
from tests.unit.inference.plain_operations.examples import EXAMPLES

PLAIN = [name for name, call in CALLS.items() if next(iter(call)) in (*EXAMPLES, "pdf_pages", "inspect_pdf")]
PLAIN_AUXILIARY = [name for name, call in AUXILIARY.items() if not {"erase", "remove_background"} & call.keys()]
_EVERY = 40
_LONG = ("hours", "200 MB", "nearly nothing", "2,000 times", "200,000 points", "1 MB")
"""What names of files say that take seconds."""


ONCE_FAILED = [
    ("resize", "svg: an encoding that there is not"),
    ("inspect_picture", "tif: not a number"),
    ("remove_pdf_watermark", "pdf: a mask in JBIG2"),
    ("remove_pdf_watermark", "pdf: table elsewhere"),
    ("remove_pdf_watermark", "pdf: a password"),
]
"""Calls and files that ended as an internal error."""


@pytest.fixture
def runs(sandbox: Sandbox, warm: WarmChildren, tmp_path: Path) -> HostileRuns:
    return HostileRuns(small_tools(sandbox, warm), tmp_path, beside())


def test_there_are_files_of_every_kind_and_calls_of_every_operation() -> None:
    assert not operations_without_call()
    files = hostile_files().values()
    assert len(files) >= 300
    # A HEIF without a telling brand is a HEIC or an AVIF but for its name.
    assert {file.extension for file in files} >= set(MEDIA_TYPES.values()) - {"heif", "tiff"}


async def test_a_few_files_of_every_kind(runs: HostileRuns) -> None:
    """Each with another operation, as far as there are any."""
    chosen = [file for file in hostile_files().values() if not any(word in file.id for word in _LONG)][::_EVERY]
    faults = list[str]()
    for number, file in enumerate(chosen):
        calls = [call for call in PLAIN if kind_taken(call) == file.kind]
        faults += await faults_of(runs, [calls[number % len(calls)]], [file])
    assert not faults, "\n".join(faults)


async def test_what_once_failed(runs: HostileRuns) -> None:
    faults = [fault for call, file in ONCE_FAILED for fault in await faults_of(runs, [call], [hostile_files()[file]])]
    assert not faults, "\n".join(faults)


async def test_encodings_that_there_are_not(runs: HostileRuns) -> None:
    drawing = "<?xml version='1.0' encoding='{}'?><svg xmlns='http://www.w3.org/2000/svg'/>"
    one = hostile_files()["svg: an encoding that there is not"]
    files = [dataclasses.replace(one, content=drawing.format(name).encode()) for name in ("utf-99", "idna", "undefined", "big5", "hex")]
    faults = await faults_of(runs, ["resize"], files)
    assert not faults, "\n".join(faults)


@pytest.mark.thorough
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", [*PLAIN, *PLAIN_AUXILIARY])
async def test_every_file(runs: HostileRuns, call: str) -> None:
    faults = await faults_of(runs, [call], [file for file in hostile_files().values() if file.kind == kind_taken(call)])
    assert not faults, "\n".join(faults)
