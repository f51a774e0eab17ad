from pathlib import Path

import pytest

from darkroom.connection import Server
from darkroom.content import open_content
from darkroom.failures import ConnectionFailed
from darkroom.naming import cut_to_fit, free_path, partial, visible


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DARKROOM_URL", raising=False)
    monkeypatch.delenv("DARKROOM_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def test_server_is_found_in_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".darkroom").mkdir()
    (tmp_path / ".darkroom/env").write_text("# written by make up\nexport DARKROOM_URL='http://localhost:1/'\nDARKROOM_API_KEY=dk_sk_x\n")
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Server.find() == Server("http://localhost:1", "dk_sk_x")


def test_environment_wins_over_the_file_and_arguments_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".darkroom").mkdir()
    (tmp_path / ".darkroom/env").write_text("export DARKROOM_URL=http://file\nexport DARKROOM_API_KEY=file\n")
    monkeypatch.setenv("DARKROOM_URL", "http://environment")
    assert Server.find() == Server("http://environment", "file")
    assert Server.find("http://argument", "given") == Server("http://argument", "given")


def test_no_server_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConnectionFailed, match="DARKROOM_URL and DARKROOM_API_KEY"):
        Server.find()


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://localhost", "http://"])
def test_a_url_must_be_one(url: str) -> None:
    with pytest.raises(ConnectionFailed, match="not a server URL"):
        Server(url, "key").channel()


def test_results_never_overwrite_by_surprise(tmp_path: Path) -> None:
    wanted = tmp_path / "cat-cutout.png"
    wanted.write_text("mine")
    with free_path(wanted) as first, free_path(wanted) as second:
        assert [first.name, second.name] == ["cat-cutout-1.png", "cat-cutout-2.png"]
    with free_path(wanted, overwrite=True) as third:
        assert third == wanted
    assert wanted.read_text() == "mine"


def test_a_failed_download_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), free_path(tmp_path / "x.png"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "\U0001f600" * 100 + ".png", "x" * 300, "a.b..png", "." + "x" * 300])
def test_a_name_fits_into_a_file_system(tmp_path: Path, name: str) -> None:
    short = cut_to_fit(name)
    assert len(short.encode()) <= 240 and (short == name or Path(short).suffix == Path(name).suffix or len(Path(name).suffix) > 240)
    with free_path(tmp_path / short) as first, free_path(tmp_path / short) as second, partial(second) as part:
        part.write_bytes(b"x")
    assert first != second and second.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("new\nline.png", "new_line.png"),
        ("\x1b[31mred.png", "_[31mred.png"),
        ("photo\u202egnp.png", "photo_gnp.png"),
        ("a\\b.png", "a_b.png"),
        ("-rf.png", "-rf.png"),
        ("😀 水.png", "😀 水.png"),
    ],
)
def test_files_are_sent_under_names_that_the_server_takes(tmp_path: Path, name: str, sent: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    with open_content(path) as content, path.open("rb") as file, open_content(file) as opened:
        assert (content.name, opened.name) == (sent, sent)


def test_names_cannot_steer_a_terminal() -> None:
    assert visible("\x1b[2Ja\nb\x9b\u202e é水😀") == "\\x1b[2Ja\\nb\\x9b\\u202e é水😀"
