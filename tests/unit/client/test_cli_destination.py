"""Where results go."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from darkroom.cli.destination import Destination, destination
from darkroom.naming import name_for


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shots.2026").mkdir()


@pytest.mark.parametrize(
    ("output", "inputs", "expected"),
    [
        ("out", 1, Destination(Path("out"))),
        ("out", 3, Destination(Path("out"))),
        ("out.png", 1, Destination(Path(), "out.png")),
        ("deep/out.png", 1, Destination(Path("deep"), "out.png")),
        ("shots.2026", 1, Destination(Path("shots.2026"))),
        ("shots.2026", 3, Destination(Path("shots.2026"))),
        ("new.2026/", 3, Destination(Path("new.2026"))),
        (".", 1, Destination(Path())),
        ("..", 1, Destination(Path(".."))),
    ],
)
def test_a_path_with_an_extension_is_a_file(output: str, inputs: int, expected: Destination) -> None:
    assert destination(output, inputs) == expected


def test_several_inputs_need_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end:
        destination("out.png", 2)
    assert end.value.exit_code == 2
    assert "--output out.png is a file, but there are 2 inputs" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("own", "wanted", "name"),
    [
        ("a-cutout.png", "b.png", "b.png"),
        ("a.jpg", "b.jpeg", "b.jpeg"),
        ("a.PNG", "b.png", "b.png"),
        ("a.png", "b.jpg", "b.png"),
        ("a.webp", "b.x", "b.webp"),
    ],
)
def test_a_name_does_not_claim_another_format(own: str, wanted: str, name: str) -> None:
    assert name_for(own, wanted) == name
