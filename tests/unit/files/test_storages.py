"""Storages that the operator configures: the file, and the URLs that their files are fetched by."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from services.files.storages import Storages
from services.platform.errors import DarkroomError, ErrorReason

FILE = """
[photos]
type = "web_folder"
base_url = "https://cdn.example.com/all photos/"

[archive]
type = "s3"
endpoint = "https://s3.example.com"
bucket = "archive"
path = "/originals/"
access_key = "key"
secret_key = "secret"
"""


def read(folder: Path, text: str) -> Storages:
    file = folder / "storages.toml"
    file.write_text(text)
    return Storages.read(file)


def storages(folder: Path) -> Storages:
    return read(folder, FILE.replace("all photos", "all"))


def test_files_of_a_web_folder(tmp_path: Path) -> None:
    assert (
        storages(tmp_path).url(7, "storage://photos/red shoes/1#2?.jpg", "input") == "https://cdn.example.com/all/red%20shoes/1%232%3F.jpg"
    )


def test_files_of_a_bucket_are_signed_for(tmp_path: Path) -> None:
    url = urlsplit(storages(tmp_path).url(7, "storage://archive/2024/a b.jpg", "input"))
    assert (url.netloc, url.path) == ("s3.example.com", "/archive/originals/2024/a%20b.jpg")
    query = parse_qs(url.query)
    assert (query["X-Amz-Expires"], query["X-Amz-Credential"][0].split("/")[2]) == (["300"], "us-east-1")


def test_the_bucket_may_be_part_of_the_host_name(tmp_path: Path) -> None:
    virtual = read(tmp_path, FILE.replace("all photos", "all") + 'addressing = "virtual"\n')
    url = urlsplit(virtual.url(7, "storage://archive/a.jpg", "input"))
    assert (url.netloc, url.path) == ("archive.s3.example.com", "/originals/a.jpg")
    with pytest.raises(ValueError, match="archive, has a dot"):
        read(tmp_path, FILE.replace('"archive"', '"my.archive"').replace("all photos", "all") + 'addressing = "virtual"\n')


def test_callers_see_no_credentials(tmp_path: Path) -> None:
    found = storages(tmp_path)
    assert {name: each.parameters for name, each in found.by_name.items()} == {
        "archive": {"bucket": "archive", "path": "/originals/"},
        "photos": {"base_url": "https://cdn.example.com/all/"},
    }
    assert "secret" not in repr(found).replace("secret_key", "")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("storage://shop/1.jpg", "input: this server has no storage 'shop': it has archive, photos."),
        ("storage://photos", "input: must name a file of the storage"),
        ("storage://photos/", "input: must name a file of the storage"),
        ("storage://photos/../secret.jpg", "input: must name a file of the storage"),
        ("storage://photos//1.jpg", "input: must name a file of the storage"),
    ],
)
def test_other_urls_are_refused(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        storages(tmp_path).url(7, url, "input")
    assert (refused.value.reason, refused.value.field, refused.value.message.startswith(problem)) == (
        ErrorReason.FIELD_INVALID,
        "input",
        True,
    )


def test_a_storage_may_be_for_some_accounts_only(tmp_path: Path) -> None:
    found = read(tmp_path, FILE.replace("all photos", "all") + "accounts = [8, 9]\n")
    assert [list(found.of(account)) for account in (7, 8)] == [["photos"], ["archive", "photos"]]
    assert found.url(8, "storage://archive/a.jpg", "input").startswith("https://s3.example.com/archive/originals/a.jpg?")
    with pytest.raises(DarkroomError, match="has no storage 'archive': it has photos") as refused:
        found.url(7, "storage://archive/a.jpg", "input")
    assert refused.value.allowed == ("photos",)


WRITABLE = FILE.replace("all photos", "all") + "writable = true\naccounts = [8]\n"


@pytest.mark.parametrize(
    ("path", "key", "is_folder"),
    [("a b.jpg", "originals/a b.jpg", False), ("2024/", "originals/2024/", True), ("", "originals/", True)],
)
@pytest.mark.cases(3)
def test_places_that_results_go_to(tmp_path: Path, path: str, key: str, *, is_folder: bool) -> None:
    place = read(tmp_path, WRITABLE).destination(8, f"storage://archive/{path}", "destination")
    assert (place.bucket.key(place.path), place.is_folder, place.uri) == (key, is_folder, f"storage://archive/{path}")
    url = urlsplit(place.bucket.put_url("a#b/c d.jpg", "image/jpeg"))
    assert (url.netloc, url.path) == ("s3.example.com", "/archive/originals/a%23b/c%20d.jpg")


@pytest.mark.parametrize(
    ("account", "url", "problem", "allowed"),
    [
        (8, "storage://photos/1.jpg", "this server may not write to the storage 'photos': it may write to archive.", ("archive",)),
        (7, "storage://archive/1.jpg", "this server has no storage 'archive': it has photos.", ()),
        (7, "storage://photos/1.jpg", "this server may not write to the storage 'photos': its operator has made none writable", ()),
        (8, "https://example.com/1.jpg", "must be storage://NAME/path of a storage of this server.", ("archive",)),
        (8, "storage://archive/../1.jpg", "must name a file or a folder of the storage", ()),
        (8, "storage://archive//", "must name a file or a folder of the storage", ()),
        (8, "storage://archive/a\nb.jpg", "must name a file or a folder of the storage", ()),
        (8, f"storage://archive/{'é' * 510}", "its path may have at most 1024 bytes with that of the storage.", ()),
    ],
)
@pytest.mark.cases(8)
def test_places_that_results_may_not_go_to(tmp_path: Path, account: int, url: str, problem: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(DarkroomError) as refused:
        read(tmp_path, WRITABLE).destination(account, url, "destination")
    assert (refused.value.reason, refused.value.field, refused.value.allowed) == (ErrorReason.FIELD_INVALID, "destination", allowed)
    assert refused.value.message.startswith(f"destination: {problem}")


def test_a_web_folder_is_not_written_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"photos\.web_folder\.writable: "):
        read(tmp_path, '[photos]\ntype = "web_folder"\nbase_url = "https://x.example"\nwritable = true')


def test_without_a_file_there_are_none() -> None:
    with pytest.raises(DarkroomError, match="its operator has configured none"):
        Storages.read(None).url(7, "storage://photos/1.jpg", "input")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[photos", "storages.toml: "),
        (FILE, "photos.web_folder.base_url: "),
        ('[files]\ntype = "web_folder"\nbase_url = "https://x.example"', "files: a storage's name"),
        ('[photos]\ntype = "ftp"', "photos: "),
        ('[photos]\ntype = "s3"\nsecret_key = "hidden"', "photos.s3.bucket: "),
    ],
)
def test_a_bad_file_is_refused_without_its_secrets(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"storages\.toml") as refused:
        read(tmp_path, text)
    assert problem in str(refused.value)
    assert "hidden" not in str(refused.value)


WATCHED = """
[shop]
type = "s3"
endpoint = "https://s3.example.com"
bucket = "shop"
path = "out"
access_key = "key"
secret_key = "secret"
writable = true
accounts = [7]

[incoming]
type = "s3"
endpoint = "https://s3.example.com/"
bucket = "shop"
access_key = "key"
secret_key = "secret"
writable = true

[incoming.watches.cut-outs]
prefix = "new/"
account = 7
operations = [{ remove_background = { trim = true } }, { resize = { width = 800, fit = "cover", height = 600 } }]
destination = "storage://shop/finished/"
failed = "storage://shop/failed/"
interval_seconds = 5
"""


def test_watches(tmp_path: Path) -> None:
    [(watch_id, watch)] = read(tmp_path, WATCHED).watches.items()
    assert (watch_id.storage, watch_id.name, watch.account, watch.recursive) == ("incoming", "cut-outs", 7, True)
    assert [each.WhichOneof("operation") for each in watch.operations] == ["remove_background", "resize"]
    assert watch.place_of_result("new/red/1.jpg") == "storage://shop/finished/red/"
    assert watch.place_of_result("new/1.jpg") == "storage://shop/finished/"
    assert watch.place_of_failure("new/red/1.jpg") == "storage://shop/failed/red/1.jpg.error.json"
    other = read(tmp_path, WATCHED.replace("800", "801")).watches[watch_id]
    assert other.definition != watch.definition == read(tmp_path, WATCHED).watches[watch_id].definition


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"width = 800": "width = 99999999"}, ["incoming.s3.watches.cut-outs.operations: ", "operations[1].resize.width: must be"]),
        ({"width = 800": "wide = 800"}, ["operations[1].resize.wide: "]),
        ({"{ trim = true }": "{}", "remove_background": "remove"}, ["operations[0].remove: "]),
        ({"prefix =": 'pipeline = "no"\nprefix ='}, ["incoming.s3.watches.cut-outs.pipeline: "]),
        ({"prefix =": 'pipeline = "b0b4b2b8-4a4c-4a0e-9d5c-3c2f2f0d6d55"\nprefix ='}, ["must have either operations or pipeline"]),
        (
            {"account = 7": "account = 8", '"new/"': '"new"'},
            ["cut-outs.prefix: must name a folder", "cut-outs.destination: this server has no"],
        ),
        ({"failed/": "failed"}, ["incoming.watches.cut-outs.failed: must name a folder, which ends in /"]),
        ({"finished/": "../"}, ["incoming.watches.cut-outs.destination: must name a file or a folder"]),
        ({"storage://shop/finished/": "storage://incoming/new/done/"}, ["may come to where incoming.watches.cut-outs watches"]),
        ({'path = "out"': 'path = "new"'}, ["may come to where incoming.watches.cut-outs watches"]),
        ({"storage://shop/finished/": "storage://incoming/"}, ["may come to where incoming.watches.cut-outs watches"]),
        ({"interval_seconds = 5": "interval_seconds = 0.1\nother = 1"}, ["interval_seconds: ", "other: "]),
    ],
)
def test_watches_that_are_wrong(tmp_path: Path, change: dict[str, str], messages: list[str]) -> None:
    text = WATCHED
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ValueError, match=r"storages\.toml: ") as refused:
        read(tmp_path, text)
    for message in messages:
        assert message in str(refused.value), refused.value
    assert "secret" not in str(refused.value)


def test_a_destination_beside_what_is_watched(tmp_path: Path) -> None:
    flat = WATCHED.replace("interval_seconds = 5", "recursive = false").replace("storage://shop/finished/", "storage://incoming/new/done/")
    assert read(tmp_path, flat).watches
