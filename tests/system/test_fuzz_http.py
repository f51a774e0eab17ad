"""Schemathesis calls every operation of each served OpenAPI document with what it allows and with what it does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from reference import openapi
from tests.stacks import Account, StackUnderTest
from tests.system.fuzzing import SECONDS, SEED

_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
# Calls that would revoke the key that calls, and one that lasts for as long as nothing happens.
_EXCLUDED = "^/v1/keys/|^/api/v1/jobs/.*/progress$"
_THOROUGH_SECONDS = 60
_CALLS_A_SECOND = 20


@pytest.mark.parametrize("document", [openapi.file_name(surface) for surface in openapi.surfaces()])
async def test_every_operation_answers_as_its_document_says(stack: StackUnderTest, account: Account, document: str, tmp_path: Path) -> None:
    thorough = SECONDS >= _THOROUGH_SECONDS
    [surface] = [surface for surface in openapi.surfaces() if openapi.file_name(surface) == document]
    seconds = SECONDS if thorough else max(2, SECONDS * 2 // len(openapi.surfaces()))
    operations = sum(len(verbs) for verbs in openapi.document(surface)["paths"].values())
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{stack.url}/{document}", "--no-color", "--continue-on-failure"),
        *("--header", f"Authorization: Bearer {account.api_key}", "--exclude-path-regex", _EXCLUDED, "--checks", ",".join(_CHECKS)),
        *("--seed", str(SEED), "--max-time", str(seconds), "--max-examples", str(max(1, seconds * _CALLS_A_SECOND // operations))),
        *("--phases", "coverage,fuzzing" if thorough else "fuzzing", "--generation-database", "none", "--no-shrink"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    report, _ = await process.communicate()
    assert process.returncode == 0, _findings(report.decode())


def _findings(report: str) -> str:
    """The report, with what was found in its first line, which is shown of a test that is run again."""
    _, _, found = report.partition(" FAILURES ")
    return f"{' '.join(found.strip(' =').split())}\n{report}"
