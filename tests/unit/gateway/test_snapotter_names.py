"""Names of files: section 4.3 of SnapOtter's contract."""

from __future__ import annotations

import pytest

from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.names import clean_name, media_type_of, result_name, url_segment, with_type


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("photo.jpg", "photo.jpg"),
        ("/etc/../photo.jpg", "photo.jpg"),
        ("C:\\pictures\\photo.jpg", "photo.jpg"),
        ("..\\..\\photo.jpg", "photo.jpg"),
        ("a\0b.png", "ab.png"),
        ("", "upload"),
        ("..", "upload"),
        ("../", "upload"),
        ("a.png.php", "a.png"),
        ("a.PNG.exe.txt", "a.PNG"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("größe 漢字 😀.webp", "größe 漢字 😀.webp"),
        ("x\ty\n.png", "xy.png"),
        ('q"uo;te$(x)<script>.png', 'q"uo;te$(x)<script>.png'),
        (".png", ".png"),
        ("photo\u202egpj.png", "photogpj.png"),
        ("a\u2066b\x85.png", "ab.png"),
        ("-rf.png", "-rf.png"),
    ],
)
def test_what_is_left_of_a_name(sent: str, left: str) -> None:
    assert clean_name(sent) == left


@pytest.mark.parametrize("sent", ["n" * 5000 + ".png", "漢" * 400 + ".jpeg", "😀" * 300])
def test_a_long_name_is_cut_to_200_bytes_and_keeps_its_extension(sent: str) -> None:
    left = clean_name(sent)
    assert len(left.encode()) <= 200
    assert len(left.encode()) > 190
    assert left.endswith("." + sent.rpartition(".")[2]) or "." not in sent


@pytest.mark.parametrize(
    ("source", "media_type", "name"),
    [
        ("photo.jpeg", "image/jpeg", "photo_resize.jpg"),
        ("photo.JPG", "image/jpeg", "photo_resize.jpg"),
        ("photo.heic", "image/png", "photo_resize.png"),
        ("really.jpg", "image/png", "really_resize.png"),
        ("noextension", "image/png", "noextension_resize"),
        (".png", "image/png", ".png_resize"),
        ("a.tif", "image/tiff", "a_resize.tiff"),
        # What is cut are the names that are sent.
        ("n" * 196 + ".png", "image/png", "n" * 196 + "_resize.png"),
    ],
)
def test_a_result_is_named_after_its_source_and_its_tool(source: str, media_type: str, name: str) -> None:
    assert result_name(source, "resize", media_type) == name


@pytest.mark.parametrize(
    ("name", "format_", "working"),
    [
        ("photo.heic", "heif", "photo.png"),
        ("photo.HEIC", "heif", "photo.png"),
        ("scan.bmp", "bmp", "scan.png"),
        ("raw.nef", "tiff", "raw.png"),
        ("raw.cr2", "cr2", "raw.png"),
        ("flat.tga", "tga", "flat.png"),
        ("flat.tga", "png", "flat.tga"),
        ("photo", "heif", "photo"),
        ("photo.jpeg", "jpeg", "photo.jpeg"),
        ("photo.tif", "tiff", "photo.tif"),
        ("photo.avif", "avif", "photo.avif"),
        ("drawing.svg", "svg", "drawing.svg"),
    ],
)
def test_what_is_converted_first_is_called_a_png(name: str, format_: str, working: str) -> None:
    assert SentFile(name, name, format=format_).working_name == working


def test_a_name_of_a_tool_of_its_own_gets_the_extension_of_the_result() -> None:
    assert with_type("photo.jpeg", "image/jpeg") == "photo.jpg"
    assert with_type("data.json", "application/json") == "data.json"


@pytest.mark.parametrize(
    ("name", "media_type"), [("a.PNG", "image/png"), ("a", "application/octet-stream"), ("a.xyz", "application/octet-stream")]
)
def test_the_type_follows_the_extension(name: str, media_type: str) -> None:
    assert media_type_of(name) == media_type


def test_a_name_in_a_url_is_percent_encoded() -> None:
    assert url_segment("a b/ü#?.png") == "a%20b%2F%C3%BC%23%3F.png"
