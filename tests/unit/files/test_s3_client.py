"""Requests to a storage that answers as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from services.files.objects import ObjectStore, PartsRefused, SourceChanged, StartedUpload, StoredObject, StoredPart, UploadGone
from services.files.s3_client import S3Client, StorageRefusal
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import Answer, ObjectHttp, ObjectHttpError

BUSY = "<Error><Code>SlowDown</Code></Error>"


class Storage(ObjectHttp):
    """Gives its answers in turn: a status with a body and headers, or an error. It remembers the requests."""

    def __init__(self, *answers: tuple[int, str] | tuple[int, str, dict[str, str]] | Exception) -> None:
        self.answers, self.seen = list(answers), list[tuple[str, str, dict[str, str], bytes | None]]()

    @asynccontextmanager
    async def request(self, method: str, url: str, headers: Mapping[str, str] | None = None, content: Any = None) -> AsyncIterator[Answer]:
        self.seen.append((method, url, dict(headers or {}), content))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer

        async def body() -> AsyncIterator[bytes]:
            yield answer[1].encode()

        yield Answer(answer[0], CIMultiDict(answer[2] if len(answer) == 3 else {}), body())

    def client(self) -> S3Client:
        """One that asks it."""
        return S3Client(self, "http://s3.test", "media", "eu-west-3", "AKIA", "secret")

    def store(self) -> ObjectStore:
        """One that is kept in it."""
        return ObjectStore(self.client())

    def queries(self) -> list[dict[str, str]]:
        """Those of the requests."""
        return [dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) for _, url, _, _ in self.seen]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "pause", lambda _backoff, _failures: 0.0)


def error(code: str) -> str:
    """The body of an error."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>"


PASSING = [
    (503, BUSY),
    (500, error("InternalError")),
    (429, ""),
    (502, "<html>Bad gateway<br>"),
    (400, error("RequestTimeout")),
    (200, error("InternalError")),
    (200, ""),
    (200, "  "),
    (200, "<CopyObjectResult><ETag>"),
    ObjectHttpError("closed"),
]


@pytest.mark.parametrize("passing", PASSING, ids=repr)
async def test_a_busy_storage_is_asked_three_times(passing: Any) -> None:
    copied = (200, '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>')
    storage = Storage(passing, passing, copied)
    assert await storage.store().copy("a", '"a"', "b", "image/png") == '"e"'
    assert len(storage.seen) == 3
    storage = Storage(passing, passing, passing, copied)
    with pytest.raises(DarkroomError) as raised:
        await storage.store().copy("a", '"a"', "b", "image/png")
    assert (raised.value.reason, len(storage.seen)) == (ErrorReason.UNAVAILABLE, 3)


@pytest.mark.parametrize("lasting", [(403, error("AccessDenied")), (301, error("PermanentRedirect")), (501, ""), (400, "")], ids=repr)
async def test_what_will_not_pass_is_asked_for_once(lasting: Any) -> None:
    storage = Storage(lasting, (200, "<R/>"))
    with pytest.raises(DarkroomError), capture_logs() as lines:
        await storage.store().start_upload("k", "image/png")
    assert len(storage.seen) == 1
    assert [line["code"] for line in lines if line["event"] == "storage_failed"] == [storage_code(lasting)]


def storage_code(answer: tuple[int, str]) -> str:
    """As it is logged."""
    return answer[1].partition("<Code>")[2].partition("<")[0] or str(answer[0])


async def test_a_reply_that_is_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.files.s3_client._LONGEST_REPLY", 3)
    with pytest.raises(ObjectHttpError, match="more than 3 bytes"):
        await Storage(*[(200, "<R/>")] * 3).client().send("GET")


async def test_a_refusal_tells_what_the_storage_said() -> None:
    with pytest.raises(StorageRefusal, match="403 RequestTimeTooSkewed") as raised:
        await Storage((403, error("RequestTimeTooSkewed"), {"Date": "then"})).client().send("GET")
    assert raised.value.headers["date"] == "then"


async def test_a_head() -> None:
    told = {"Content-Length": "7", "ETag": '"e"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
    storage = Storage((200, "", told), (404, ""), (200, "", {"ETag": '"e"'}))
    assert await storage.store().head("a b/é+") == StoredObject("a b/é+", 7, '"e"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert storage.seen[0][:2] == ("HEAD", "http://s3.test/media/a%20b/%C3%A9%2B")
    assert "/eu-west-3/s3/aws4_request" in storage.seen[0][2]["authorization"]
    assert await storage.store().head("k") is None
    with pytest.raises(DarkroomError):
        await storage.store().head("k")


async def test_a_missing_bucket_is_no_missing_object() -> None:
    with pytest.raises(DarkroomError):
        await Storage((404, error("NoSuchBucket"))).store().parts("k", "u")
    with pytest.raises(DarkroomError):
        await Storage((404, "")).store().reach()


async def test_a_copy_of_what_has_changed() -> None:
    for answer in ((404, error("NoSuchKey")), (412, error("PreconditionFailed")), (412, "")):
        storage = Storage(answer)
        with pytest.raises(SourceChanged):
            await storage.store().copy("uploads/a b", '"a"', "files/1", "image/png")
    [(method, url, headers, content)] = storage.seen
    assert (method, url, content) == ("PUT", "http://s3.test/media/files/1", b"")
    assert (
        headers.items()
        >= {
            "content-type": "image/png",
            "x-amz-copy-source": "media/uploads/a%20b",
            "x-amz-copy-source-if-match": '"a"',
            "x-amz-metadata-directive": "REPLACE",
        }.items()
    )


async def test_many_are_deleted_in_batches_and_those_that_stay_are_told() -> None:
    kept = "<DeleteResult><Error><Key>k3</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    storage = Storage((200, ""), (200, kept))
    keys = {f"k{number}" for number in range(1001)}
    assert await storage.store().delete(keys) == keys - {"k3"}
    sent = [str(content) for *_, content in storage.seen]
    assert [body.count("<Key>") for body in sent] == [1000, 1]
    assert storage.queries() == [{"delete": ""}] * 2
    assert all(headers["content-md5"] for _, _, headers, _ in storage.seen)


def listing(*keys: str, more: str = "") -> tuple[int, str]:
    """A page of a listing."""
    item = "<Contents><Key>{}</Key><Size>1</Size><ETag>e</ETag><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
    going_on = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>"
    end = going_on if more else "<IsTruncated>false</IsTruncated>"
    return 200, f"<ListBucketResult>{''.join(map(item.format, keys))}<EncodingType>url</EncodingType>{end}</ListBucketResult>"


async def test_a_listing_goes_on_to_its_end() -> None:
    storage = Storage(listing("files/a%20b", "files/c+%2B", more="t/1"), (503, BUSY), listing("files/d"))
    pages = [[(item.key, item.modified_at.year) for item in page] async for page in storage.store().pages("files/")]
    assert pages == [[("files/a b", 2026), ("files/c +", 2026)], [("files/d", 2026)]]
    first, _, second = storage.queries()
    assert first == {"list-type": "2", "prefix": "files/", "encoding-type": "url"}
    assert second == first | {"continuation-token": "t/1"}


@pytest.mark.parametrize("more", ["same", " "])
async def test_a_listing_without_an_end_is_a_failure(more: str) -> None:
    with pytest.raises(DarkroomError):
        [page async for page in Storage(*[listing("k", more=more)] * 5).store().pages("")]
    cut = listing("k")[1].replace("<IsTruncated>false", "<IsTruncated>true")
    with pytest.raises(DarkroomError):
        [page async for page in Storage((200, cut)).store().pages("")]


async def test_the_parts_of_an_upload() -> None:
    part = "<Part><PartNumber>{0}</PartNumber><Size>{0}</Size><ETag>e{0}</ETag></Part>"
    more = "<IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"
    storage = Storage(*[(200, f"<R>{part.format(number)}{end}</R>") for number, end in ((1, more), (2, ""))], (404, error("NoSuchUpload")))
    assert await storage.store().parts("k", "u") == {1: StoredPart(1, "e1"), 2: StoredPart(2, "e2")}
    assert storage.queries() == [{"uploadId": "u"}, {"uploadId": "u", "part-number-marker": "1"}]
    with pytest.raises(UploadGone):
        await storage.store().parts("k", "u")


async def test_unfinished_uploads() -> None:
    upload = "<Upload><Key>a%20{0}</Key><UploadId>{0}</UploadId><Initiated>2026-01-02T03:04:05Z</Initiated></Upload>"
    more = "<IsTruncated>true</IsTruncated><NextKeyMarker>a%201</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>"
    encoded = "<EncodingType>url</EncodingType>"
    storage = Storage(*[(200, f"<R>{encoded}{upload.format(number)}{end}</R>") for number, end in ((1, more), (2, ""))])
    began = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert await storage.store().uploads("a") == [StartedUpload("a 1", "1", began), StartedUpload("a 2", "2", began)]
    first, second = storage.queries()
    assert first == {"uploads": "", "prefix": "a", "encoding-type": "url"}
    assert second == first | {"key-marker": "a 1", "upload-id-marker": "1"}
    assert await Storage((404, error("NoSuchUpload"))).store().uploads("a") == []


@pytest.mark.parametrize("code", ["InvalidPart", "InvalidPartOrder", "EntityTooSmall"])
async def test_parts_that_are_refused(code: str) -> None:
    with pytest.raises(PartsRefused, match=code):
        await Storage((400, error(code))).store().join_parts("k", "u", {1: "e"})


async def test_an_upload_is_joined_in_order_or_gone() -> None:
    storage = Storage((200, "<CompleteMultipartUploadResult/>"), (404, error("NoSuchUpload")))
    await storage.store().join_parts("k", "u", {2: "b", 1: "a"})
    body = str(storage.seen[0][3])
    assert 0 < body.index("<ETag>a</ETag><PartNumber>1<") < body.index("<ETag>b</ETag><PartNumber>2<")
    with pytest.raises(UploadGone):
        await storage.store().join_parts("k", "u", {1: "a"})


async def test_an_upload_that_the_storage_has_forgotten_is_deleted_with_what_it_left() -> None:
    storage = Storage((404, error("NoSuchUpload")), (200, "<DeleteResult/>"))
    await storage.store().abort_upload("files/1/2", "u")
    assert "files/1/.rclone_temp_multipart_u" in str(storage.seen[1][3])
    await Storage((204, "")).store().abort_upload("files/1/2", "u")
