"""A whole system with every compatibility surface switched off (`DARKROOM_SURFACES=`)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from darkroom import AsyncClient
from tests.stacks import StackUnderTest
from tests.system.conftest import SAMPLES
from tests.system.shell import Shell

THEIRS = (
    "/api/v1/health",
    "/api/auth/login",
    "/api/v1/tools/resize",
    "/api/v1/jobs",
    "/api/docs/",
    "/fal/queue/x",
    "/v1-beta1/image/edit",
    "/v1/image/edit",
)


@pytest.fixture(scope="module")
def alone(_stack_alone: StackUnderTest) -> Iterator[StackUnderTest]:
    before = _stack_alone.configured
    _stack_alone.configure({**before, "DARKROOM_SURFACES": ""})
    yield _stack_alone
    _stack_alone.configure(before)


async def test_darkroom_without_compatibility_surfaces(alone: StackUnderTest, tmp_path: Path) -> None:
    alone.ensure_up()
    account = alone.create_account()
    async with httpx.AsyncClient(base_url=alone.url, trust_env=False, timeout=60) as http:
        for path in THEIRS:
            for reply in (await http.get(path), await http.post(path, headers={"authorization": f"Bearer {account.api_key}"}, json={})):
                assert (reply.status_code, "DARKROOM_SURFACES" in reply.text) == (404, True), (path, reply.text)
        for document in ("/snapotter-openapi.json", "/pi-openapi.json", "/claid-openapi.json", "/fal-openapi.json", "/api/v1/openapi.yaml"):
            assert (await http.get(document)).status_code != 200
        for page in ("/", "/docs", "/openapi.json", "/llms.txt"):
            assert (await http.get(page)).status_code == 200
        summary = (await http.get("/llms.txt")).text
        assert not [word for word in ("snapotter", "claid", "fal queue", "/api/v1") if word in summary.lower()]

    shell = Shell(alone, account, tmp_path)
    shutil.copy(SAMPLES / "portrait.jpg", tmp_path)
    status, out, err = await shell.run("resize", "portrait.jpg", "--width", "64", "--json")
    assert status == 0, out + err
    async with AsyncClient(alone.url, account.api_key) as client:
        (task,) = await client.list_tasks()
        assert task.state
    status, out, err = await shell.run("doctor", "--json")
    assert status == 0, out + err
    (surfaces,) = [line for line in map(json.loads, out.splitlines()) if line["check"] == "surfaces"]
    assert surfaces["verdict"] in ("good", "unknown")
