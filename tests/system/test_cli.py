"""The `darkroom` command against the public port, as a script and a person would use it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened
from tests.system.shell import Shell


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    for name in ("one", "two"):
        (tmp_path / f"{name}.png").write_bytes(encoded(disc(), "PNG"))
    return Shell(stack, account, tmp_path)


@pytest.mark.thorough
async def test_results_stand_beside_their_inputs(shell: Shell) -> None:
    status, out, err = await shell.run("remove-background", "one.png", "two.png", "--trim")
    assert status == 0, out + err
    assert opened((shell.folder / "one-cutout.png").read_bytes()).mode == "RGBA"
    assert (shell.folder / "two-cutout.png").exists()
    assert sorted(out.split()) == ["one-cutout.png", "two-cutout.png"]
    assert "2 of 2 done" in err


@pytest.mark.thorough
async def test_one_result_can_be_given_a_name(shell: Shell) -> None:
    status, out, err = await shell.run("remove-background", "one.png", "--output", "made/cut.png")
    assert (status, out.split()) == (0, ["made/cut.png"]), err
    assert opened((shell.folder / "made/cut.png").read_bytes()).mode == "RGBA"
    task_id = json.loads((await shell.run("task", "ls", "--json"))[1])["id"]
    status, out, err = await shell.run("task", "download", task_id, "--output", "again.jpg")
    assert (status, out.split()) == (0, ["again.png"]), err
    listed = (await shell.run("task", "ls"))[1]
    assert "one.png" in listed
    assert re.search(r"input +one\.png \(\d+\)", (await shell.run("task", "get", task_id))[1])


async def test_the_same_command_again_does_nothing_twice(shell: Shell, native: AsyncClient) -> None:
    before = (await native.balance()).available_millicredits
    status, out, _ = await shell.run("upscale", ".", "--estimate", "--json")
    assert (status, json.loads(out)["tasks"], await native.list_tasks()) == (0, 2, [])
    for expected in ("done", "skipped"):
        # The results of the first time are no inputs of the second.
        status, out, err = await shell.run("upscale", ".", "--json")
        assert status == 0, err
        lines = [json.loads(line) for line in out.splitlines()]
        assert {(line["input"], line["status"]) for line in lines} == {("one.png", expected), ("two.png", expected)}
    assert len(await native.list_tasks()) == 2
    assert (await native.balance()).available_millicredits <= before


async def test_one_file_through_a_pipe(shell: Shell) -> None:
    process = await shell.start("remove-background", "-", stdin=(shell.folder / "one.png").read_bytes())
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert opened(out).mode == "RGBA"


async def test_a_result_to_a_pipe_keeps_the_format(shell: Shell) -> None:
    photo = encoded(disc(), "JPEG", quality=90)
    process = await shell.start("resize", "-", "--width", "20", stdin=photo)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert (opened(out).format, opened(out).width) == ("JPEG", 20)


async def test_what_was_left_running_is_collected(shell: Shell, native: AsyncClient) -> None:
    status, out, err = await shell.run("upscale", ".", "--output", "large", "--detach", "--json")
    assert status == 0, err
    assert {json.loads(line)["status"] for line in out.splitlines()} == {"left"}
    status, out, err = await shell.run("resume")
    assert status == 0, err
    assert sorted(out.split()) == ["large/one-2x.png", "large/two-2x.png"]
    assert "nothing to resume" in (await shell.run("resume"))[2]
    assert len(await native.list_tasks()) == 2


async def test_doctor_looks_at_the_whole_way(shell: Shell, stack: StackUnderTest) -> None:
    status, out, err = await shell.run("doctor", "--paid", "--dir", str(stack.dir), "--json")
    verdicts = {line["check"]: line["verdict"] for line in map(json.loads, out.splitlines())}
    assert status == 0, out + err
    assert {verdicts[check] for check in ("settings", "address", "key", "files", "storage", "workers", "cut-out")} == {"good"}
    assert {verdicts[check] for check in ("postgres", "nats", "triton", "inference", "envoy", "models")} == {"good"}
    status, out, _ = await shell.run("--url", stack.url.replace("http:", "https:"), "doctor")
    assert (status, "try http://" in " ".join(out.split())) == (3, True)


async def test_json_for_scripts_and_no_overwriting(shell: Shell) -> None:
    for _ in range(2):
        status, out, err = await shell.run("upscale", "one.png", "--output", "large", "--enhance", "face", "--json", "--again")
        assert status == 0, err
    line = json.loads(out)
    assert line["outputs"] == ["large/one-2x-1.png"]
    assert (shell.folder / "large/one-2x.png").exists()
    assert "No face" in line["notices"][0]


async def test_pictures_from_a_prompt(shell: Shell) -> None:
    arguments = ["one.png", "two.png", "--aspect-ratio", "3:2", "--count", "2", "--output", "made"]
    status, out, err = await shell.run("gpt-image-2", "--prompt", "Both on a table", *arguments)
    assert status == 0, out + err
    assert sorted(path.name for path in (shell.folder / "made").iterdir()) == ["both-on-a-table-2.png", "both-on-a-table.png"]
    status, out, _ = await shell.run("nano-banana-2", "--prompt", "A cup", "--aspect-ratio", "1:1", "--output", "made", "--json")
    assert (status, json.loads(out)["outputs"]) == (0, ["made/a-cup.png"])
    status, _, err = await shell.run("gpt-image-2", "--prompt", "A cup", "missing.png")
    assert (status, "missing.png does not exist" in err) == (2, True)


async def test_one_bad_file_does_not_spoil_the_others(shell: Shell) -> None:
    (shell.folder / "bad.png").write_text("no picture")
    status, out, _ = await shell.run("remove-background", ".", "--json")
    lines = {Path(line["input"]).name: line for line in map(json.loads, out.splitlines())}
    assert status == 1
    assert lines["bad.png"]["reason"] == "MEDIA_UNSUPPORTED"
    assert lines["one.png"]["error"] is None
    assert lines["two.png"]["error"] is None


async def test_looking_after_tasks_and_files(shell: Shell) -> None:
    _, out, _ = await shell.run("remove-background", "one.png", "--json")
    task_id = json.loads(out)["task_id"]
    status, out, _ = await shell.run("task", "ls")
    assert task_id in out
    assert "remove_background" in out
    assert status == 0
    shown = (await shell.run("task", "get", task_id))[1]
    assert "succeeded" in shown
    assert re.search(r" 1\. .+: succeeded ", shown)
    assert "succeeded" in (await shell.run("task", "watch", task_id))[1]
    assert "one-cutout.png" in (await shell.run("file", "ls"))[1]
    assert (await shell.run("task", "download", task_id, "--output", "again"))[0] == 0
    assert (shell.folder / "again/one-cutout.png").exists()
    assert "queued" in (await shell.run("task", "rerun", task_id))[1]
    assert (await shell.run("task", "rm", task_id))[0] == 0
    assert task_id not in (await shell.run("task", "ls"))[1]


async def test_a_task_that_waits_shows_its_place(shell: Shell, native: AsyncClient) -> None:
    long = operation_pb2.Operation(noop=noop_pb2.Noop(steps=600, step_milliseconds=100))
    tasks = [await native.create_task([], [long]) for _ in range(40)]
    try:
        status, out, err = await shell.run("task", "get", str(tasks[-1].id))
        assert status == 0, err
        found = re.search(r"queue +(\d+) ahead", out)
        assert found, out
        assert 0 < int(found[1]) < 40
    finally:
        for task in tasks:
            await native.cancel_task(task.id)


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "told"),
    [
        (["remove-background", "missing.png"], {}, 2, "does not exist"),
        (["remove-background", "one.png"], {"DARKROOM_API_KEY": "wrong"}, 4, "API key"),
        (["task", "ls"], {"DARKROOM_API_KEY": "wrong"}, 4, "API key"),
        (["task", "ls"], {"DARKROOM_URL": "http://127.0.0.1:9"}, 3, "cannot be reached"),
        (["remove-watermark", "one.png", "--box", "1,2,3"], {}, 2, "four numbers"),
        (["remove-watermark", "one.png", "--box", "9,9,1,99"], {}, 2, "needs X1 < X2"),
        (["remove-background", "one.png", "--background-color", "red"], {}, 2, "error: --background-color: "),
        (["remove-background", "one.png", "two.png", "--output", "out.png"], {}, 2, "give a folder"),
        (["task", "ls"], {"DARKROOM_API_KEY": ""}, 3, "There is no API key for http://127.0.0.1"),
        (["task", "get", "1"], {}, 1, "task"),
        (["fly", "one.png"], {}, 2, "No such command"),
    ],
)
async def test_what_goes_wrong_is_told(shell: Shell, arguments: list[str], environment: dict[str, str], status: int, told: str) -> None:
    code, out, err = await shell.run(*arguments, **environment)
    assert code == status, out + err
    assert told in out + err
    assert "Traceback" not in err


async def test_ctrl_c_cancels_what_it_started(shell: Shell, native: AsyncClient, stack: StackUnderTest, account: Account) -> None:
    # The task must not end before it is interrupted.
    async with held(stack, account):
        process = await shell.start("upscale", "one.png", "--factor", "4")
        while not (tasks := await native.list_tasks()):
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert process.returncode == 130, err
        assert (await native.get_task(tasks[0].id)).state == task_pb2.TASK_STATE_CANCELLED
