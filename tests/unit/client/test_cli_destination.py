"""Where results go."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from darkroom.cli.destination import Destination, ask_for_format, destination
from darkroom.naming import name_for
from darkroom.operations.v1 import border_pb2, convert_pb2, operation_pb2, qr_code_pb2, remove_background_pb2, resize_pb2, upscale_pb2
from darkroom.operations.v1.remove_pdf_watermark_pb2 import RemovePdfWatermark


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


@pytest.mark.parametrize("output", ["photo.jpg/", "photo.jpg/out", "photo.jpg/out.png", "locked/out.png", "locked"])
def test_a_folder_that_cannot_be_written_is_refused_at_once(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "locked").mkdir()
    # Root may write anywhere.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "locked")
    with pytest.raises(typer.Exit) as end:
        destination(output, 1)
    assert end.value.exit_code == 2
    assert f"--output {output}: " in " ".join(capsys.readouterr().err.split())


RESIZE, ROUND = operation_pb2.Operation(resize=resize_pb2.Resize()), operation_pb2.Operation(border=border_pb2.Border(corner_radius=9))
UPSCALE, QR = operation_pb2.Operation(upscale=upscale_pb2.Upscale()), operation_pb2.Operation(qr_code=qr_code_pb2.QrCode())
CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
KEPT = operation_pb2.Operation(convert=convert_pb2.Convert(format=convert_pb2.PICTURE_FORMAT_KEPT))
PDF = operation_pb2.Operation(remove_pdf_watermark=RemovePdfWatermark())


@pytest.mark.parametrize(
    ("operation", "name", "source", "allowed"),
    [
        (RESIZE, "out.jpg", "a.jpeg", None),
        (RESIZE, "out.webp", "a.jpg", ".jpg or .png"),
        (RESIZE, "out.png", "a.bmp", None),
        (RESIZE, "out.bmp", "a.bmp", ".png"),
        (ROUND, "out.png", "a.jpg", None),
        (UPSCALE, "out.x", "a.jpg", ".jpeg or .png or .webp or .avif or .tiff or .gif or .heic or .heif"),
        (UPSCALE, "out.mp4", "a.jpg", ".jpeg or .png or .webp or .avif or .tiff or .gif or .heic or .heif"),
        (RESIZE, "out.mp4", "a.mp4", None),
        (RESIZE, "out.mp4", "a.m4v", None),
        (RESIZE, "out.webm", "a.mov", ".mov"),
        (RESIZE, "out.gif", "a.gif", None),
        (RESIZE, "out.gif", "a.mp4", ".mp4 or .webm"),
        (CUT, "out.webm", "a.mp4", None),
        (CUT, "out.mov", "a.mp4", ".png or .webp or .mp4 or .webm"),
        (CUT, "out.jpg", "a.jpg", ".png or .webp"),
        (KEPT, "out.jpg", "a.jpeg", None),
        (KEPT, "out.png", "a.jpg", ".jpg"),
        (KEPT, "out.gif", "a.gif", None),
        (KEPT, "out.jpg", "a.heic", None),
        (KEPT, "out.heic", "a.heic", ".png or .jpg or .webp"),
        (KEPT, "out.mp4", "a.mp4", None),
        (PDF, "out.png", "a.pdf", ".pdf"),
        (QR, "out.png", None, None),
    ],
)
def test_a_suffix_that_the_result_cannot_have_is_refused(
    operation: operation_pb2.Operation, name: str, source: str | None, allowed: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    given = operation_pb2.Operation.FromString(operation.SerializeToString())
    if allowed is None:
        ask_for_format([given], name, source)
        assert given == operation
        return
    with pytest.raises(typer.Exit) as end:
        ask_for_format([given], name, source)
    assert end.value.exit_code == 2
    assert f"can be {allowed}, not {Path(name).suffix}" in " ".join(capsys.readouterr().err.split())


def test_a_suffix_asks_for_its_format() -> None:
    for name, wanted in (("out.png", convert_pb2.PICTURE_FORMAT_PNG), ("out.jpg", convert_pb2.PICTURE_FORMAT_JPEG)):
        given = operation_pb2.Operation.FromString(UPSCALE.SerializeToString())
        ask_for_format([given], name, "a.jpg")
        assert given.upscale.format == wanted
    converted = operation_pb2.Operation(convert=convert_pb2.Convert())
    ask_for_format([RESIZE, converted], "out.webm", "a.gif")
    assert converted.convert.format == convert_pb2.PICTURE_FORMAT_WEBM
    given = operation_pb2.Operation.FromString(CUT.SerializeToString())
    ask_for_format([given], "out.webp", "a.jpg")
    assert given.remove_background.format == remove_background_pb2.CUTOUT_FORMAT_WEBP
