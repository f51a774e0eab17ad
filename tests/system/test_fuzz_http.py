"""Schemathesis calls every operation of each served OpenAPI document with what it allows and with what it does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from reference import openapi
from tests.stacks import Account, StackUnderTest
from tests.system.fuzzing import SECONDS, SEED
from tests.system.snapotter import SnapOtter

_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
# Calls that would revoke the key or end the session that calls, and one that lasts for as long as nothing happens.
_EXCLUDED = "^/v1/keys/|^/v1/sessions|^/api/auth/|^/api/v1/jobs/.*/progress$"
_THOROUGH_SECONDS = 60
_CALLS_A_SECOND = 20
# The protocol's own library words the replies of /mcp, some of them as text; test_mcp.py calls it with the protocol's own client.
_DOCUMENTS = [openapi.file_name(surface) for surface in openapi.surfaces() if surface.name != "mcp"]
_OF_PEOPLE = ["snapotter-openapi.json", "openapi.json"]
_FEWEST_EXAMPLES = 2


@pytest.mark.cases(len(_DOCUMENTS))
@pytest.mark.parametrize("document", _DOCUMENTS)
async def test_every_operation_answers_a_key_as_its_document_says(
    stack: StackUnderTest, account: Account, document: str, tmp_path: Path
) -> None:
    await _fuzz(stack, account.api_key, document, tmp_path)


@pytest.mark.cases(1)
@pytest.mark.parametrize("document", _OF_PEOPLE)
async def test_every_operation_answers_a_person_as_its_document_says(
    stack: StackUnderTest, person: SnapOtter, document: str, tmp_path: Path
) -> None:
    await _fuzz(stack, person.token, document, tmp_path)


async def _fuzz(stack: StackUnderTest, secret: str, document: str, folder: Path) -> None:
    thorough = SECONDS >= _THOROUGH_SECONDS
    [surface] = [surface for surface in openapi.surfaces() if openapi.file_name(surface) == document]
    seconds = SECONDS if thorough else max(2, SECONDS * 2 // len(openapi.surfaces()))
    operations = sum(len(verbs) for verbs in openapi.document(surface)["paths"].values())
    examples = max(_FEWEST_EXAMPLES, seconds * _CALLS_A_SECOND // operations)
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{stack.url}/{document}", "--no-color", "--continue-on-failure"),
        *("--header", f"Authorization: Bearer {secret}", "--exclude-path-regex", _EXCLUDED, "--checks", ",".join(_CHECKS)),
        *(
            "--seed",
            str(SEED),
            "--max-time",
            str(seconds),
            "--max-examples",
            str(examples),
        ),
        *("--phases", "coverage,fuzzing" if thorough else "fuzzing", "--generation-database", "none", "--no-shrink"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    report, _ = await process.communicate()
    assert process.returncode == 0, _findings(report.decode())


def _findings(report: str) -> str:
    """The report, with what was found in its first line, which is shown of a test that is run again."""
    _, _, found = report.partition(" FAILURES ")
    return f"{' '.join(found.strip(' =').split())}\n{report}"
