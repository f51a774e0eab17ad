"""The walk-through of the README, run as it stands there."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from tests.stacks import StackUnderTest
from tests.system.documented import checkout
from tests.system.pilio import Pilio

REPOSITORY = Path(__file__).resolve().parents[2]


async def test_curl_walk_through(stack: StackUnderTest, pilio: Pilio, tmp_path: Path) -> None:
    direct, any_operation, step_by_step = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    checkout(tmp_path, f"export DARKROOM_URL={stack.url}\nexport DARKROOM_API_KEY={pilio.api_key}\n")
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        direct + any_operation + step_by_step,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await shell.communicate()
    assert shell.returncode == 0, err.decode()
    replies = _objects(out.decode())
    assert {reply["code"] for reply in replies} == {200}
    task_id = replies[1]["data"]["task_id"]
    # One or more looks at its status, and the result.
    assert len(replies) >= 4
    assert {reply["data"]["task_id"] for reply in replies[2:]} == {task_id}
    assert {reply["data"]["status"] for reply in replies[-2:]} == {"Succeeded"}
    assert (tmp_path / "cutout-2.png").read_bytes() == (tmp_path / "cutout.png").read_bytes()
    assert (tmp_path / "cutout.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "small.jpg").read_bytes().startswith(b"\xff\xd8")


def _objects(text: str) -> list[dict[str, dict[str, str]]]:
    """JSON objects that stand one after the other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found
