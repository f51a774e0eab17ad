"""What `up`, `down` and the supervisor promise, on the third-party parts of a stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import nats
import psutil
import pytest

from deploy.local.assembly import create_stack, open_stack
from deploy.local.errors import PartFailed, StackError
from deploy.local.layout import Layout
from deploy.local.processes import find_processes, wait_gone
from deploy.local.programs.postgres import connect
from deploy.local.system_user import AS_ROOT
from services.files.presign import Presigner
from tests.stacks import StackUnderTest

PARTS = ("postgres", "nats", "s3")
# On one worker, since most of them use one stack after the other.
pytestmark = pytest.mark.xdist_group("lifecycle")


@pytest.fixture
def make() -> Iterator[Callable[..., StackUnderTest]]:
    made: list[StackUnderTest] = []

    def factory(directory: Path | None = None) -> StackUnderTest:
        made.append(StackUnderTest(directory))
        return made[-1]

    yield factory
    for stack in made:
        stack.close()


@pytest.fixture(scope="module")
def _running() -> Iterator[StackUnderTest]:
    stack = StackUnderTest()
    yield stack
    stack.close()


@pytest.fixture
def running(_running: StackUnderTest) -> StackUnderTest:
    """A stack with the parts up. What a test does to them may last: the next has them brought up again."""
    return started(_running)


def started(stack: StackUnderTest, *parts: str) -> StackUnderTest:
    stack.up(parts or PARTS)
    return stack


async def sql(stack: StackUnderTest, statement: str) -> str:
    connection = await connect(stack.stack.config, "files")
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


def processes(stack: StackUnderTest) -> set[int]:
    return {process.pid for process in find_processes(Layout.at(stack.dir))}


@pytest.mark.thorough
def test_up_twice_leaves_what_runs_alone(running: StackUnderTest) -> None:
    before = {part: running.pid(part) for part in PARTS}
    running.up(PARTS)
    assert {part: running.pid(part) for part in PARTS} == before


@pytest.mark.thorough
def test_up_repairs_what_is_missing(running: StackUnderTest) -> None:
    before = running.pid("postgres")
    running.stop("nats")
    running.up(PARTS)
    assert running.pid("nats")
    assert running.pid("postgres") == before


@pytest.mark.cases(1)
@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_started_again(running: StackUnderTest, part: str) -> None:
    killed = running.kill(part)
    running.wait_ready(part)
    assert running.pid(part) != killed


@pytest.mark.thorough
def test_what_a_killed_storage_was_being_sent_is_removed(running: StackUnderTest) -> None:
    storage = running.create_bucket()
    presigner = Presigner(storage.endpoint, storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
    url = urlsplit(presigner.put("files/1/photo", 600))
    folder = running.dir / "data" / "objects" / storage.bucket
    with socket.create_connection((url.hostname, url.port)) as sender:
        sender.sendall(f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 9000000\r\n\r\n".encode())
        # Some of it reaches the disk before the rest is sent.
        while not any(folder.rglob(".rclone_temp_put_*")):
            with contextlib.suppress(BlockingIOError):
                sender.send(bytes(1000), socket.MSG_DONTWAIT)
        running.kill("s3")
    assert any(folder.rglob(".rclone_temp_put_*"))
    running.restart("s3")
    assert not any(folder.rglob(".rclone_temp_put_*"))


@pytest.mark.thorough
async def test_data_survives_down_and_up(running: StackUnderTest) -> None:
    await sql(running, "CREATE TABLE kept AS SELECT 'row'::text AS value")
    client = await nats.connect(running.nats_url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.jetstream().publish("kept", b"message")
    await client.close()
    bucket = running.create_bucket().bucket

    assert running.down() == 0
    assert not processes(running)
    running.up(PARTS)

    assert await sql(running, "SELECT value FROM kept") == "row"
    client = await nats.connect(running.nats_url)
    assert (await client.jetstream().get_msg("KEPT", 1)).data == b"message"
    await client.close()
    assert (running.dir / "data" / "objects" / bucket).is_dir()


@pytest.mark.thorough
async def test_down_ends_everything_after_the_supervisor_was_killed(running: StackUnderTest) -> None:
    await sql(running, "CREATE TABLE safe AS SELECT 'row'::text AS value")
    supervisor = psutil.Process(psutil.Process(running.pid("nats")).ppid())
    supervisor.send_signal(signal.SIGKILL)
    await wait_gone([supervisor], 10)
    assert processes(running)

    assert running.down() > 0
    assert not processes(running)
    running.up(PARTS)
    assert await sql(running, "SELECT value FROM safe") == "row"


def test_up_takes_over_after_the_supervisor_was_killed(running: StackUnderTest) -> None:
    supervisor = psutil.Process(psutil.Process(running.pid("nats")).ppid())
    supervisor.send_signal(signal.SIGKILL)
    asyncio.run(wait_gone([supervisor], 10))
    orphans = processes(running)
    running.up(PARTS)
    assert not processes(running) & orphans


@pytest.mark.thorough
async def test_two_stacks_side_by_side(make: Callable[..., StackUnderTest]) -> None:
    one, two = started(make()), started(make())
    await sql(one, "CREATE TABLE mine AS SELECT 1 AS value")
    with pytest.raises(asyncpg.UndefinedTableError):
        await sql(two, "SELECT value FROM mine")
    one.down()
    assert processes(two) and two.pid("s3")


def test_a_busy_public_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} on 127\.0\.0\.1 is in use.*--port"):
            create_stack(tmp_path / "stack", port=port)


def test_an_internal_port_taken_meanwhile_is_replaced(make: Callable[..., StackUnderTest]) -> None:
    stack = make()
    before = create_stack(stack.dir, port=0).config.ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", before.nats))
        other.listen()
        after = create_stack(stack.dir).config.ports
    assert after.nats != before.nats
    assert (after.public, after.s3, after.triton_metrics) == (before.public, before.s3, before.triton_metrics)


def test_secrets_are_private(running: StackUnderTest) -> None:
    secrets = running.stack.config.credentials
    revealing = [secrets.postgres, secrets.nats, secrets.s3_secret_key, *secrets.databases.values()]
    for path in running.dir.rglob("*"):
        if path.is_file() and any(secret in path.read_text(errors="replace") for secret in revealing):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for process in find_processes(Layout.at(running.dir)):
        assert not any(secret in " ".join(process.cmdline()) for secret in revealing)


@pytest.mark.thorough
def test_a_folder_too_deep_for_sockets(make: Callable[..., StackUnderTest]) -> None:
    top = Path(tempfile.mkdtemp(prefix="darkroom-"))
    stack = make(top / ("deep-" * 20) / "folder with spaces")
    started(stack, "postgres", "s3")
    assert stack.stack.config.layout.run.parent == Path("/tmp")
    stack.close()
    shutil.rmtree(top)


@pytest.mark.thorough
async def test_a_folder_that_only_its_owner_can_enter(make: Callable[..., StackUnderTest]) -> None:
    """Which a stack of root's cannot hand to the user that PostgreSQL runs as."""
    private = Path(tempfile.mkdtemp(prefix="darkroom-private-"))  # made with mode 0700
    stack = make(private / "stack")
    started(stack, "postgres")
    await sql(stack, "CREATE TABLE kept AS SELECT 'row'::text AS value")
    assert psutil.Process(stack.pid("postgres")).username() == ("nobody" if AS_ROOT else psutil.Process().username())
    stack.down()
    stack.up(["postgres"])
    assert await sql(stack, "SELECT value FROM kept") == "row"
    stack.close()
    shutil.rmtree(private)


def test_a_part_that_cannot_start_is_reported_with_its_log(running: StackUnderTest) -> None:
    running.stop("nats")
    (running.dir / "config" / "nats.conf").write_text("listen: nonsense here")
    with pytest.raises(PartFailed) as failure:
        running.start("nats")
    assert "nats" in str(failure.value)
    assert any("nats.conf" in line for line in failure.value.log_lines)


def test_opening_a_folder_without_a_stack(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="there is no stack in"):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("PATH=/bin", "PATH is not a setting"),
        ("DARKROOM_PUBLIC_URL=example.org", "must start with http"),
        ("DARKROOM_TLS_DIR=/nowhere", "tls.crt"),
    ],
)
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, setting: str, problem: str) -> None:
    (tmp_path / "settings.env").write_text(setting + "\n")
    with pytest.raises(StackError, match=problem):
        create_stack(tmp_path, port=0)


def test_a_tls_folder_is_served_as_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).touch()
    monkeypatch.setenv("DARKROOM_TLS_DIR", os.fspath(tmp_path))
    config = create_stack(tmp_path / "stack", port=0).config
    assert config.public_url == f"https://127.0.0.1:{config.ports.public}"
