"""A watched folder: which files are taken and when, what is remembered of them, and where results and failures go."""

from __future__ import annotations

import asyncio
import errno
import importlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from darkroom.cli.app import app
from darkroom.cli.folder_watch.debounce import Debounce
from darkroom.cli.folder_watch.exclusive import AlreadyOpen, open_exclusive
from darkroom.cli.folder_watch.file_work import FileWork
from darkroom.cli.folder_watch.folder_destination import FolderDestination
from darkroom.cli.folder_watch.folder_source import FolderSource
from darkroom.cli.folder_watch.places import Stamp
from darkroom.cli.folder_watch.selection import Selection
from darkroom.cli.folder_watch.shared_backoff import SharedBackoff
from darkroom.cli.folder_watch.state import State
from darkroom.cli.folder_watch.watcher import Watcher
from darkroom.cli.journal import Entry
from darkroom.cli.outcome import Status
from darkroom.cli.progress import board
from darkroom.failures import ConnectionFailed, DarkroomFailure, InsufficientCredits, TaskFailed, Unauthenticated
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2, resize_pb2
from darkroom.tasks.v1 import task_pb2

URL = "http://localhost:1"
RESIZE = [operation_pb2.Operation(resize=resize_pb2.Resize(width=16))]
OTHER = [operation_pb2.Operation(resize=resize_pb2.Resize(width=17))]
PICTURES = (".png", ".jpg")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()


@pytest.fixture
def state() -> Iterator[State]:
    with State(Path("out/state").resolve(), RESIZE) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("a.png", True),
        ("IMG_1.JPG", True),
        ("shop/new/a.jpg", True),
        ("a.txt", False),
        (".a.png", False),
        (".trash/a.png", False),
        ("a.png.part", False),
        ("a.png.crdownload", False),
        ("a.png~", False),
        ("~$a.png", False),
        ("a-draft.png", False),
        ("shop/old/a.jpg", False),
    ],
)
def test_files_are_taken_by_type_and_patterns(name: str, taken: bool) -> None:
    assert Selection(PICTURES, exclude=("*-DRAFT.*", "shop/old/*")).takes(name) == taken


def test_only_what_is_included_is_taken() -> None:
    only = Selection(PICTURES, include=("*-final.*", "shop/*.jpg"))
    assert [only.takes(name) for name in ("a-final.png", "below/a-final.png", "shop/a.jpg", "a.png", "shop/a.png")] == [True] * 3 + [
        False
    ] * 2


def test_a_file_is_complete_when_it_has_stayed_the_same() -> None:
    debounce = Debounce(2)
    assert not debounce.see("a.png", Stamp(1, "t1"), 0)
    assert debounce.due(1.9) == []
    assert not debounce.see("a.png", Stamp(2, "t2"), 2)
    assert not debounce.see("a.png", Stamp(2, "t2"), 3.9)
    assert debounce.due(4) == ["a.png"]
    assert debounce.see("a.png", Stamp(2, "t2"), 4)
    # Empty files and those that have gone are not waited for.
    debounce.see("empty.png", Stamp(0, "t1"), 4)
    debounce.see("gone.png", Stamp(1, "t1"), 4)
    debounce.see("gone.png", None, 5)
    assert (len(debounce), debounce.due(99)) == (0, [])


def _entry(state: State, content: str, name: str = "a.png") -> Entry:
    return Entry(state.key(content), URL, [Path(name)], Path("out").resolve(), False, RESIZE, file_ids=[1], task_id=2)


def test_contents_are_known_by_their_hash_and_the_operations(state: State) -> None:
    path, stamp = Path("in/a.png"), Stamp(1, "t1")
    entry = _entry(state, "content")
    state.journal.write(entry)
    assert [each.task_id for each in state.unfinished_entries()] == [2]
    state.finish(entry, [Path("out/a-16x8.png")])
    state.remember(path, stamp, "content")
    state.remember(Path("in/left.png"), stamp, None)
    file = state.file
    with pytest.raises(AlreadyOpen):
        State(file, RESIZE)
    state.__exit__()
    with State(file, RESIZE) as again:
        assert again.is_settled(path, stamp, left=False)
        assert not again.is_settled(path, Stamp(1, "t2"), left=False)
        assert [again.is_settled(Path("in/left.png"), stamp, left=left) for left in (True, False)] == [True, False]
        assert (again.outputs(again.key("content")), again.unfinished_entries()) == ([Path("out/a-16x8.png")], [])
    with State(file, OTHER) as other:
        assert not other.is_settled(path, stamp, left=False)
        assert other.outputs(other.key("content")) is None
        assert [other.begin(Path("in")) for _ in range(2)] == [True, False]


def test_one_process_at_a_time_has_a_claim() -> None:
    claim = open_exclusive(Path("claims/one"))
    with pytest.raises(AlreadyOpen):
        open_exclusive(Path("claims/one"))
    claim.close()
    open_exclusive(Path("claims/one")).close()
    Path("file").touch()
    with pytest.raises(OSError, match="file"):
        open_exclusive(Path("file/below"))


def _parts(target: FolderDestination, entry: Entry, *contents: str) -> list[Path]:
    folder = target.parts(entry)
    for number, content in enumerate(contents):
        (folder / f"a-{number}.png").write_text(content)
    return sorted(folder.iterdir())


def test_results_take_free_names_whole(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    target = FolderDestination(Path("out"), Path("out/failed"), state, overwrite=False)
    Path("out/a-0.png").write_text("another")
    entry = _entry(state, "content")
    assert [path.name for path in target.place(entry, _parts(target, entry, "zero", "one"))] == ["a-0-1.png", "a-1.png"]
    assert [Path(f"out/{name}.png").read_text() for name in ("a-0", "a-0-1", "a-1")] == ["another", "zero", "one"]
    # As on file systems without hard links.
    monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "not permitted")))
    entry = _entry(state, "more")
    assert [path.name for path in target.place(entry, _parts(target, entry, "two"))] == ["a-0-2.png"]
    instead = FolderDestination(Path("out"), Path("out/failed"), state, overwrite=True)
    entry = _entry(state, "most")
    assert [path.name for path in instead.place(entry, _parts(instead, entry, "three"))] == ["a-0.png"]
    assert Path("out/a-0.png").read_text() == "three"


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_move_that_was_interrupted_is_finished(state: State, moved: int) -> None:
    target = FolderDestination(Path("out"), Path("out/failed"), state, overwrite=False)
    entry = _entry(state, "content")
    state.journal.write(entry)
    assert target.resume_placement(entry) is None
    parts = _parts(target, entry, "zero", "one")
    targets = [Path("out").resolve() / part.name for part in parts]
    state.plan(entry.key, list(zip(parts, targets, strict=True)))
    for part, place in list(zip(parts, targets, strict=True))[:moved]:
        place.hardlink_to(part)
        if moved > 1:
            part.unlink()
    assert target.resume_placement(entry) == targets
    assert [place.read_text() for place in targets] == ["zero", "one"]
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["a-0.png", "a-1.png"]
    assert state.unfinished_entries() == []


def test_what_failed_is_copied_with_the_reason_once(state: State) -> None:
    target = FolderDestination(Path("out"), Path("bad"), state, overwrite=False)
    source = Path("in/a.png")
    source.write_text("broken")
    for _ in range(2):
        assert target.set_aside("shop/a.png", source, {"reason": "FILE_CORRUPT"}) == Path("bad/shop/a.png.error.json").resolve()
    source.write_text("broken otherwise")
    target.set_aside("shop/a.png", source, {"reason": "FILE_CORRUPT"})
    names = ["a-1.png", "a-1.png.error.json", "a.png", "a.png.error.json"]
    assert sorted(path.name for path in Path("bad/shop").iterdir()) == names
    assert json.loads(Path("bad/shop/a.png.error.json").read_text()) == {"reason": "FILE_CORRUPT"}
    for report in sorted(Path("bad/shop").glob("*.json")):
        target.take_back(report)
    assert list(Path("bad/shop").iterdir()) == []


async def test_notices_are_about_new_files_and_a_folder_that_comes_back(state: State) -> None:
    source = _source([])
    changes = source.changes()
    assert await anext(changes) is None
    Path("in/a.png").write_text("content")
    assert "a.png" in (await anext(changes) or ())
    Path("in").rename("elsewhere")
    Path("in").mkdir()
    async with asyncio.timeout(60):
        while await anext(changes) is not None:
            pass
    await changes.aclose()


def _source(said: list[str]) -> FolderSource:
    return FolderSource(Path("in"), Selection(PICTURES), recursive=True, poll_seconds=None, not_in=[Path("in/out")], say=said.append)


class _Server:
    """Fails as it is told to, and otherwise answers every task with a file `a-16x8.png`."""

    def __init__(self) -> None:
        self.problems: list[DarkroomFailure] = []
        self.keys: list[str] = []
        self.on_upload: Callable[[], None] = lambda: None

    async def upload(self, path: Path, moved: Callable[[int], None]) -> file_pb2.File:
        self.on_upload()
        return file_pb2.File(id=1)

    async def create_task(self, _: Sequence[int], _operations: object, *, idempotency_key: str) -> task_pb2.Task:
        if self.problems:
            raise self.problems.pop(0)
        self.keys.append(idempotency_key)
        return task_pb2.Task(id=len(self.keys))

    async def get_task(self, task_id: int) -> task_pb2.Task:
        return task_pb2.Task(id=task_id, state=task_pb2.TASK_STATE_FAILED)

    async def wait(self, task_id: int, _: object) -> task_pb2.Task:
        return task_pb2.Task(id=task_id, output_file_ids=[3])

    async def download(self, _: object, folder: Path, **__: object) -> list[Path]:
        (folder / "a-16x8.png").write_text("done")
        return [folder / "a-16x8.png"]


class _Run:
    """A watch of the folder with a server of that kind."""

    def __init__(self, state: State, *, is_patient: bool = True, new_only: bool = False) -> None:
        self.server, self.said = _Server(), list[str]()
        self.source = _source(self.said)
        self.target = FolderDestination(Path("out"), Path("out/failed"), state, overwrite=False)
        with board(io.StringIO(), 0, quiet=True) as shown:
            self.work = FileWork(
                self.server,
                self.source,
                self.target,
                state,
                RESIZE,
                shown,
                self.said.append,
                url=URL,
                keep=False,
                overwrite=False,
                as_json=True,
                is_patient=is_patient,
            )
        self.work.server = SharedBackoff(self.said.append, 0.01, 0.02)
        self.work.disk = SharedBackoff(self.said.append, 0.01, 0.02)
        self.watcher = Watcher(
            self.source, state, self.work, self.said.append, parallel=2, settle_seconds=0.1, once=True, new_only=new_only
        )


async def test_what_passes_is_waited_for_and_paid_for_once(state: State) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state)
    poor = InsufficientCredits("INSUFFICIENT_CREDITS", "The balance is 0.")
    run.server.problems = [ConnectionFailed("The server cannot be reached"), poor, poor]
    assert await run.watcher.run() == 0
    assert (len(run.server.keys), run.work.counts) == (1, {Status.DONE: 1})
    waits = [text for text in run.said if text.startswith("waiting")]
    assert [("reached" in text, "balance" in text) for text in waits] == [(True, False), (False, True)]
    assert "going on" in run.said
    assert not Path("out/failed").exists()


async def test_a_disk_that_is_full_loses_nothing(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state)
    full = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))] * 2
    place = run.target.place

    def placed(entry: Entry, parts: Sequence[Path]) -> list[Path]:
        if full:
            raise full.pop()
        return place(entry, parts)

    monkeypatch.setattr(run.target, "place", placed)
    monkeypatch.setattr(run.server, "get_task", lambda task_id: run.server.wait(task_id, None))
    assert await run.watcher.run() == 0
    assert (len(run.server.keys), Path("out/a-16x8.png").read_text()) == (1, "done")
    assert run.said[0].startswith("waiting: out: No space left on device.")


async def test_only_what_is_new_is_taken_also_after_a_restart(state: State) -> None:
    Path("in/old.png").write_text("old")
    run = _Run(state, new_only=True)
    await run.watcher.begin()
    for name in ("a.png", "b.png"):
        # At the second start the file has come meanwhile.
        Path("in", name).write_text(f"content of {name}")
        run = _Run(state, new_only=True)
        await run.watcher.begin()
        assert await run.watcher.open_files() == [name]
        assert await run.watcher.run() == 0
    assert await _Run(state).watcher.open_files() == ["old.png"]


async def test_without_patience_a_fault_ends_it_and_leaves_the_file_for_later(state: State) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state, is_patient=False)
    run.server.problems = [ConnectionFailed("The server cannot be reached")]
    with pytest.raises(ConnectionFailed):
        await run.watcher.run()
    assert await _Run(state).watcher.run() == 0


async def test_a_refused_key_ends_it_however_patient(state: State) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state)
    run.server.problems = [Unauthenticated("API_KEY_INVALID", "revoked")]
    with pytest.raises(Unauthenticated):
        await run.watcher.run()


async def test_a_failure_is_not_repeated_until_that_is_asked_for(state: State) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state)
    run.server.problems = [TaskFailed(task_pb2.Task(id=9))]
    assert await run.watcher.run() == 1
    assert Path("out/failed/a.png").read_text() == "content"
    Path("in/a.png").rename("in/b.png")
    run = _Run(state)
    assert await run.watcher.run() == 1
    assert (run.server.keys, run.work.counts) == ([], {Status.FAILED: 1})
    for report in state.forget_failures():
        run.target.take_back(report)
    run = _Run(state)
    assert await run.watcher.run() == 0
    assert (list(Path("out/failed").iterdir()), len(run.server.keys)) == ([], 1)


async def test_a_file_that_changes_during_its_upload_is_taken_as_it_is_then(state: State) -> None:
    Path("in/a.png").write_text("content")
    run = _Run(state)

    def change() -> None:
        run.server.on_upload = lambda: None
        Path("in/a.png").write_text("another content")

    run.server.on_upload = change
    await run.watcher.run()
    assert (run.server.keys, Path("out/a-16x8.png").exists()) == ([], False)
    assert await _Run(state).watcher.run() == 0
    assert Path("out/a-16x8.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no", "-o", "out", "-s", "trim"], "no does not exist"),
        (["s3://bucket/in", "-o", "out", "-s", "trim"], "s3://bucket/in is no folder"),
        (["in", "-o", "out"], "give a saved pipeline with --pipeline"),
        (["in", "-o", "in", "-s", "resize width=9"], "in is the folder that is watched"),
        (["in", "-o", ".", "-s", "resize width=9"], "contains the folder that is watched"),
        (["in", "-o", "out", "--failed", "in", "-s", "resize width=9"], "in is the folder that is watched"),
        (["in", "-o", "out", "-s", "collage"], "makes one result of several files"),
        (["in", "-o", "out", "-s", "qr_code text=x"], "takes no files"),
        (["in", "-o", "out", "-s", "resize width=9"], "pip install 'darkroom[watch]'"),
    ],
)
def test_what_cannot_be_watched_is_wrong_usage(arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("darkroom.cli.watch"), "find_spec", lambda _: None if "pip" in told else "there")
    result = CliRunner().invoke(app, ["watch", *arguments])
    assert (result.exit_code, told in " ".join(result.output.split())) == (2, True), result.output
    assert not Path("out").exists()
