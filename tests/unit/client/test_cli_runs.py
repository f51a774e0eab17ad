"""What a run takes for inputs, writes down, and says at its end."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from darkroom.cli import session
from darkroom.cli.app import app
from darkroom.cli.inputs import find, name_of
from darkroom.cli.journal import Entry, Journal, new_entry
from darkroom.cli.outcome import Outcome, Status, summary
from darkroom.cli.progress import board
from darkroom.cli.saved_session import state_folder
from darkroom.failures import ApiError, InsufficientCredits, InvalidRequest
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import gpt_image_2_pb2, operation_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2

URL = "http://localhost:1"
UPSCALE = [operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))]
# The package's attribute of this name is the command.
resume_command = importlib.import_module("darkroom.cli.resume")
PICTURES = (".png", ".jpg")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("photos/b.png", "photos/A.JPG", "photos/note.txt", "photos/.hidden.png", "photos/more/c.png", "empty/d.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


def _found(*arguments: str, recursive: bool = False, results: dict[Path, Path] | None = None) -> list[tuple[str, str]]:
    sources = find(arguments, PICTURES, recursive=recursive, results=results or {})
    return [(str(source.path), str(source.below)) for source in sources]


def test_folders_patterns_and_files_give_each_file_once() -> None:
    assert _found("photos") == [("photos/A.JPG", "."), ("photos/b.png", ".")]
    assert _found("photos", recursive=True)[-1] == ("photos/more/c.png", "more")
    assert _found("photos/*.png", "photos/b.png") == [("photos/b.png", ".")]
    assert _found("photos/**/*.png") == [("photos/b.png", "."), ("photos/more/c.png", ".")]


def test_urls_are_taken_as_they_are() -> None:
    url = "https://example.com/shop/Stra%C3%9Fe%201.jpg?size=large"
    assert _found(url, "photos/b.png", url) == [(url, "."), ("photos/b.png", ".")]
    [source] = find([url], PICTURES, recursive=False, results={})
    assert (name_of(source.path), source.folder) == ("Straße 1.jpg", Path())
    assert name_of("https://example.com/a%1B%5B2J.png") == "a\ufffd[2J.png"
    assert name_of("HTTPS://example.com/") == "example.com"
    with Journal() as journal:
        entry = new_entry(URL, [url], Path(), UPSCALE, overwrite=False)
        entry.outputs = [Path("result.jpg")]
        journal.write(entry)
        assert [found.inputs for found in journal.take_over([new_entry(URL, [url], Path(), UPSCALE, overwrite=False)])] == [[url]]
        assert journal.results() == {}


def test_results_beside_their_inputs_are_no_inputs_of_the_folder() -> None:
    results = {Path("photos/b.png").resolve(): Path("photos/A.JPG").resolve(), Path("photos/more/c.png").resolve(): Path("a.png").resolve()}
    assert _found("photos", recursive=True, results=results) == [("photos/A.JPG", "."), ("photos/more/c.png", "more")]
    assert _found("photos/b.png", results=results) == [("photos/b.png", ".")]


@pytest.mark.parametrize(
    ("argument", "told"),
    [("no.png", "no.png does not exist"), ("empty", "contains no files of these types"), ("x*.png", "matches no files")],
)
def test_an_argument_that_means_nothing_is_wrong_usage(argument: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end:
        _found(argument)
    assert end.value.exit_code == 2
    assert told in capsys.readouterr().err


def _entry(name: str = "photos/b.png") -> Entry:
    return new_entry(URL, [Path(name)], Path("out"), UPSCALE, overwrite=False)


def test_an_entry_is_found_again_until_what_is_asked_changes() -> None:
    with Journal() as journal:
        entry = _entry()
        entry.task_id, entry.file_ids = 7, [8]
        journal.write(entry)
    with Journal() as journal:
        assert journal.take_over([_entry()]) == [entry]
        assert [found.task_id for found in journal.unfinished_entries(URL)] == [7]
        assert journal.unfinished_entries("http://localhost:2") == []
        Path("photos/b.png").write_text("other content")
        (fresh,) = journal.take_over([_entry()])
        assert (fresh.task_id, fresh.idempotency_key == entry.idempotency_key) == (None, False)


def test_what_is_done_is_not_unfinished_and_its_results_are_known() -> None:
    result = Path("out/b-2x.png").resolve()
    result.parent.mkdir()
    result.touch()
    with Journal() as journal:
        entry = _entry()
        entry.outputs = [result]
        journal.write(entry)
        assert journal.unfinished_entries(URL) == []
        assert journal.results() == {result: Path("photos/b.png").resolve()}
        done = [entry.is_done]
        result.unlink()
        assert [*done, entry.is_done] == [True, False]
        journal.forget(entry)
        assert journal.results() == {}


def test_what_another_process_works_on_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal() as journal:
        with monkeypatch.context() as of_the_other:
            of_the_other.setattr(os, "getpid", os.getppid)
            journal.write(_entry())
        assert journal.unfinished_entries(URL) == []


def test_without_a_place_to_write_a_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    state_folder().parent.write_text("a file where a folder is wanted")
    with Journal() as journal:
        journal.write(_entry())
        assert len(journal.unfinished_entries(URL)) == 1
    assert "cannot be continued" in capsys.readouterr().err


def test_a_key_is_used_no_longer_than_the_server_remembers_it() -> None:
    entry = _entry()
    assert not entry.key_expired
    entry.key_time = time.time() - 24 * 3600
    assert entry.key_expired


def test_the_end_of_a_run_lists_failures_and_says_how_to_go_on() -> None:
    outcomes = [Outcome("a.png", status=Status.DONE), Outcome("b.png"), Outcome("c.png", status=Status.CANCELLED), Outcome("d.png")]
    outcomes[3].fail("FILE_CORRUPT", "It is broken.")
    said = summary(outcomes, None, interrupted=True, keep=False).plain
    assert said.splitlines()[:2] == ["1 of 4 done, 1 failed, 1 cancelled, 1 not started", "  d.png: It is broken."]
    assert "Run the same command again" in said
    outcomes[3].fatal = True
    said = summary(outcomes, ApiError("INSUFFICIENT_CREDITS", "None are left."), interrupted=False, keep=False).plain
    assert said.count("None are left.") == 1
    assert "darkroom account" in said


def test_what_is_unchanged_is_told_as_done_and_free(capsys: pytest.CaptureFixture[str]) -> None:
    same = [Outcome("a.png", status=Status.DONE, outputs=[Path("a-clean.png")], unchanged=True), Outcome("b.png", status=Status.DONE)]
    with board(sys.stdout, 2, quiet=False) as progress:
        progress.start("a.png", 1).end(same[0])
    assert capsys.readouterr().out == "unchanged a.png → a-clean.png  (0 credits)\n"
    assert summary(same, None, interrupted=False, keep=False).plain == "2 of 2 done, 1 unchanged and not charged\n"
    assert [json.loads(outcome.as_json())["unchanged"] for outcome in same] == [True, False]


def test_a_notice_that_many_files_have_is_told_once_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    same = [
        Outcome(f"{name}.png", status=Status.DONE, notices=["No faces were enhanced.", *more])
        for name, more in (("a", []), ("b", ["Odd."]))
    ]
    with board(sys.stdout, 2, quiet=False) as progress:
        for outcome in same:
            progress.start(outcome.name, 1).end(outcome)
    assert capsys.readouterr().out.count("No faces were enhanced.") == 1
    said = summary(same, None, interrupted=False, keep=False).plain
    assert "note: No faces were enhanced. (2 files)" in said
    assert "Odd." not in said


class _Server:
    """What a session asks of a client. It does not offer gpt_image_2, and has made a result of anything else as soon as it is asked."""

    async def __aenter__(self) -> _Server:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def estimate_price(self, operations: Sequence[operation_pb2.Operation], *, file_count: int, **_: object) -> None:
        if operations[0].upscale.factor == 5:
            raise InvalidRequest("FIELD_INVALID", "operations[0].upscale.factor: must be 2 or 4", "operations[0].upscale.factor")

    async def upload(self, path: Path, moved: Callable[[int], None] = lambda _bytes: None) -> file_pb2.File:
        moved(path.stat().st_size)
        return file_pb2.File(id=1)

    async def create_task(
        self, file_ids: Sequence[int], asked: Sequence[operation_pb2.Operation], *, idempotency_key: str
    ) -> task_pb2.Task:
        if asked[0].HasField("gpt_image_2"):
            raise InvalidRequest("OPERATION_UNAVAILABLE", "gpt_image_2 is not available")
        return task_pb2.Task(id=2)

    async def wait(self, task_id: int, _: object) -> task_pb2.Task:
        return task_pb2.Task(id=task_id, output_file_ids=[3])

    async def download(self, _: Sequence[int], folder: Path, **__: object) -> list[Path]:
        (folder / "b-2x.png").write_text("done")
        return [folder / "b-2x.png"]


async def test_what_the_server_does_not_offer_keeps_nothing_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "connect", _Server)
    prompt = [operation_pb2.Operation(gpt_image_2=gpt_image_2_pb2.GptImage2(prompt="x"))]
    first, second = (
        Entry("a", URL, [], Path.cwd(), False, prompt),
        new_entry(URL, [Path("photos/b.png")], Path.cwd(), UPSCALE, overwrite=False),
    )
    with Journal() as journal:
        journal.write(first, second)
        items = [session.Item(entry.key, entry) for entry in journal.unfinished_entries(URL)]
        assert await session.Session(journal, 1, keep=True, is_mixed=True, as_json=True).process(items) == 1
        assert journal.unfinished_entries(URL) == []
    assert Path("b-2x.png").read_text() == "done"


class _Library(_Server):
    """Numbers what is uploaded, remembers what it is asked, and has lost the file 11, which an earlier run has uploaded."""

    def __init__(self) -> None:
        self.uploads: list[str] = []
        self.asked: list[tuple[list[int], int]] = []

    async def upload(self, path: Path, moved: Callable[[int], None] = lambda _bytes: None) -> file_pb2.File:
        self.uploads.append(path.name)
        return file_pb2.File(id=20 + len(self.uploads))

    async def create_task(
        self, file_ids: Sequence[int], asked: Sequence[operation_pb2.Operation], *, idempotency_key: str
    ) -> task_pb2.Task:
        backdrop = asked[0].remove_background.background_file_id
        if backdrop == 11:
            raise ApiError("FILE_NOT_FOUND", "There is no such file.")
        self.asked.append((list(file_ids), backdrop))
        return task_pb2.Task(id=2)


async def test_what_several_items_need_beside_their_inputs_is_uploaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(session, "connect", lambda: library)
    cut_out = operation_pb2.Operation(remove_background={})
    names = ("photos/b.png", "photos/more/c.png")

    def entries() -> list[Entry]:
        beside = {"background_file_id": Path("photos/A.JPG")}
        return [new_entry(URL, [Path(name)], Path.cwd(), [cut_out], overwrite=False, auxiliary=beside) for name in names]

    with Journal() as journal:
        left, fresh = entries()
        left.file_ids, left.operations[0].remove_background.background_file_id = [10], 11
        journal.write(left)
        assert await session.Session(journal, 1, as_json=True).process([session.Item(entry.key, entry) for entry in (left, fresh)]) == 0
        assert library.uploads == ["b.png", "A.JPG", "c.png"]
        assert library.asked == [([21], 22), ([23], 22)]
        assert [found.is_done for found in journal.take_over(entries())] == [True, True]
        Path("photos/A.JPG").write_text("another picture")
        assert [found.is_done for found in journal.take_over(entries())] == [False, False]


async def test_options_that_the_server_refuses_are_named_before_anything_is_uploaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = _Library()
    monkeypatch.setattr(session, "connect", lambda: library)
    wrong = [operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=5))]
    entry = new_entry(URL, [Path("photos/b.png")], Path.cwd(), wrong, overwrite=False)
    with Journal() as journal:
        assert await session.Session(journal, 1).process([session.Item("b.png", entry)]) == 2
        assert journal.unfinished_entries(URL) == []
    assert "error: --factor: must be 2 or 4" in capsys.readouterr().err
    assert library.uploads == []


class _Slow(_Library):
    """Is asked for the results, and never gets to the end of them."""

    def __init__(self) -> None:
        super().__init__()
        self.downloading = asyncio.Event()

    async def download(self, _: Sequence[int], folder: Path, **__: object) -> list[Path]:
        self.downloading.set()
        await asyncio.Event().wait()
        return []


async def test_what_is_paid_for_when_it_is_interrupted_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow()
    monkeypatch.setattr(session, "connect", lambda: slow)
    with Journal() as journal:
        run = asyncio.ensure_future(session.Session(journal, 1, as_json=True).process([session.Item("b.png", _entry())]))
        await slow.downloading.wait()
        run.cancel()
        assert await run == 130
        [left] = journal.unfinished_entries(URL)
        assert (left.task_id, len(slow.asked)) == (2, 1)


async def test_a_task_is_not_created_again_because_the_server_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(session, "connect", lambda: library)

    async def busy(_: int) -> task_pb2.Task:
        raise ApiError("RATE_LIMITED", "Too many requests.")

    monkeypatch.setattr(library, "get_task", busy, raising=False)
    entry = _entry()
    entry.task_id = 7
    with Journal() as journal:
        journal.write(entry)
        assert await session.Session(journal, 1, as_json=True).process([session.Item("b.png", entry)]) == 1
        assert [left.task_id for left in journal.unfinished_entries(URL)] == [7]
    assert library.asked == []


class _Poor(_Library):
    """Refuses every task until the account has credits."""

    credits = False

    async def create_task(
        self, file_ids: Sequence[int], asked: Sequence[operation_pb2.Operation], *, idempotency_key: str
    ) -> task_pb2.Task:
        if not self.credits:
            raise InsufficientCredits("INSUFFICIENT_CREDITS", "The price is 6 credits and the balance 0.")
        return await super().create_task(file_ids, asked, idempotency_key=idempotency_key)


def test_what_was_refused_is_run_later_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Poor()
    monkeypatch.setattr(session, "connect", lambda: server)
    monkeypatch.setattr(resume_command, "server_url", lambda: URL)
    names = ("photos/b.png", "photos/more/c.png")
    with Journal() as journal:
        items = [session.Item(name, new_entry(URL, [Path(name)], Path.cwd(), UPSCALE, overwrite=False)) for name in names]
        assert asyncio.run(session.Session(journal, 1).process(items)) == 5
    server.credits = True
    runner = CliRunner()
    for arguments, answer in (([], ""), (["--json"], "y\n")):
        result = runner.invoke(app, ["resume", *arguments], answer)
        assert result.exit_code == 0
        assert server.asked == []
        assert "2 tasks were not created: The price is 6 credits and the balance 0." in " ".join(result.output.split())
    assert runner.invoke(app, ["resume", "--yes"]).exit_code == 0
    assert len(server.asked) == 2


def test_names_that_are_not_utf8_are_written_down_and_printed() -> None:
    folder, name = Path(os.fsdecode(b"out\xff")), os.fsdecode(b"bad\xff.png")
    Path(name).write_text("x")
    with Journal() as journal:
        entry = new_entry(URL, [Path(name)], folder, UPSCALE, overwrite=False, name=name)
        journal.write(entry)
        assert journal.take_over([new_entry(URL, [Path(name)], folder, UPSCALE, overwrite=False, name=name)]) == [entry]
    outcome = Outcome(name, name)
    assert json.loads(outcome.as_json().encode())["input"] == name
