from email.message import Message

import pytest

from services.files.domain.naming import (
    EXTENSIONS,
    MEDIA_TYPE_OF,
    check_name,
    extension_of,
    known_extension,
    of_the_same_medium,
    same_kind,
)
from services.pictures.probe.model import MEDIA_TYPES
from services.platform.content_disposition import attachment
from services.platform.errors import DarkroomError, ErrorReason


@pytest.mark.parametrize("name", ["photo.png", "été 水印.pdf", "👩‍🎨.jpg", "a.b.c.webp", "..png", "x" * 296 + ".png"])
def test_ordinary_names_pass(name: str) -> None:
    check_name(name, "name")
    assert extension_of(name, "name") in EXTENSIONS


@pytest.mark.parametrize("name", ["../x.png", "a\\b.png", "a\nb.png", "a\x00b.png", "a\x7fb.png", "x\u202egpj.png", "x\u2066.png"])
def test_names_that_could_do_harm_are_refused_by_field(name: str) -> None:
    with pytest.raises(DarkroomError) as refusal:
        check_name(name, "files[3].name")
    assert refusal.value.reason is ErrorReason.FIELD_INVALID
    assert refusal.value.field == "files[3].name"


@pytest.mark.parametrize("name", ["noextension", ".png", "malware.exe", "archive.tar.gz", "trailing.", "photo.png "])
def test_unknown_types_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(DarkroomError) as refusal:
        extension_of(name, "files[0].name")
    assert refusal.value.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert refusal.value.field == "files[0].name"
    assert refusal.value.allowed == EXTENSIONS


def test_case_does_not_matter() -> None:
    assert extension_of("PHOTO.JPEG", "name") == "jpeg"
    assert known_extension("PNG", "type") == "png"


def test_spellings_of_one_kind() -> None:
    assert same_kind("jpg", "jpeg") and same_kind("tiff", "tif") and same_kind("heif", "heic") and same_kind("png", "png")
    assert not same_kind("png", "jpg") and not same_kind("heic", "avif")


def test_every_extension_promises_a_media_type_that_the_probe_can_find() -> None:
    assert set(MEDIA_TYPE_OF.values()) == set(MEDIA_TYPES)


@pytest.mark.parametrize("name", ["photo.png", "été 水印 100%.pdf", 'a "quoted" name.png', "semi;colon,comma.png", "back\\slash.png"])
def test_attachment_round_trips_through_a_mime_parser(name: str) -> None:
    header = attachment(name)
    assert header.isascii() and "\n" not in header
    plain, _, extended = header.partition("; filename*=")
    assert bool(extended) == (name != "photo.png")
    message = Message()
    message["Content-Disposition"] = f"attachment; filename*={extended}" if extended else plain
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() == name
    fallback = Message()
    fallback["Content-Disposition"] = plain
    assert fallback.get_filename() and (extended or fallback.get_filename() == name)


def test_an_attachment_as_old_and_new_clients_read_it() -> None:
    assert attachment("a&b=c<d;e f.png") == "attachment; filename=\"a&b=c<d;e f.png\"; filename*=UTF-8''a%26b%3Dc%3Cd%3Be%20f.png"
    assert attachment("../etc.zip") == 'attachment; filename=".._etc.zip"'
    assert attachment("a\nb\x85\u202egnp.png") == 'attachment; filename="a_b__gnp.png"'
    assert attachment("50%.png") == "attachment; filename=\"50_.png\"; filename*=UTF-8''50%25.png"


def test_a_video_is_offered_videos() -> None:
    with pytest.raises(DarkroomError) as refused:
        extension_of("clip.mkv", "name")
    assert refused.value.allowed == ("mp4", "m4v", "webm", "mov")
    assert of_the_same_medium("video/mp4", ["image/bmp", "video/webm", "application/pdf"]) == ("video/webm",)


def test_a_picture_is_not_offered_documents() -> None:
    for name, offered in (("photo.jp2", False), ("photo.xyz", True)):
        with pytest.raises(DarkroomError) as refused:
            extension_of(name, "name")
        assert ("pdf" in refused.value.allowed, "bmp" in refused.value.allowed) == (offered, True)
    assert of_the_same_medium("image/png", ["image/bmp", "application/pdf"]) == ("image/bmp",)
    assert of_the_same_medium("application/pdf", ["image/bmp", "application/pdf"]) == ("application/pdf",)
