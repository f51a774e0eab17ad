"""Storage that answers in unusual ways: the answers are a transport's, since no real server gives them on demand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason
from tests.harness.answering import Answering

CONTENT = b"0123456789" * 300_000
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "pause", lambda _backoff, _failures: 0.0)


def transfer(*answers: Answer | httpx.Response, patience: float = 60) -> ObjectTransfer:
    """A transfer whose requests get these answers in order."""
    remaining: Iterator[Answer | httpx.Response] = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        given = next(remaining)
        return given if isinstance(given, httpx.Response) else given(request)

    return ObjectTransfer(Answering(answer), patience)


def ok(content: bytes = CONTENT, etag: str = '"a"') -> httpx.Response:
    return httpx.Response(200, headers={"ETag": etag}, stream=httpx.ByteStream(content))


def broken(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("connection reset")


async def download(transfer: ObjectTransfer, target: Path) -> list[float]:
    progress: list[float] = []
    await transfer.download("http://storage/b/key?signature=s", '"a"', len(CONTENT), target, progress.append)
    return progress


async def test_what_fails_on_the_way_is_tried_again_from_the_start(tmp_path: Path) -> None:
    progress = await download(transfer(httpx.Response(503), broken, ok()), tmp_path / "input")
    assert (tmp_path / "input").read_bytes() == CONTENT
    assert progress[-1] == 1


async def test_storage_that_keeps_failing_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DarkroomError) as raised:
        await download(transfer(broken, httpx.Response(429, headers={"Retry-After": "61"})), tmp_path / "input")
    assert (raised.value.reason, raised.value.retry_after) == (ErrorReason.UNAVAILABLE, 61)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(412), ErrorReason.FILE_SIZE_MISMATCH),
        (ok(etag='"b"'), ErrorReason.FILE_SIZE_MISMATCH),
        (ok(content=CONTENT[1:]), ErrorReason.FILE_SIZE_MISMATCH),
        (httpx.Response(404), ErrorReason.FILE_NOT_FOUND),
        (httpx.Response(403), ErrorReason.INTERNAL),
        (httpx.Response(400, text="<Error><Code>InvalidRequest</Code></Error>"), ErrorReason.INTERNAL),
    ],
    ids=["precondition failed", "another etag", "another size", "gone", "refused", "wrong"],
)
async def test_an_answer_that_will_not_change_is_not_asked_for_again(tmp_path: Path, answer: httpx.Response, reason: ErrorReason) -> None:
    with pytest.raises(DarkroomError) as raised:
        await download(transfer(answer), tmp_path / "input")
    assert raised.value.reason is reason
    assert "signature" not in str(raised.value)


@pytest.mark.parametrize("from_file", [True, False])
async def test_an_upload_says_its_length_and_type_and_is_sent_again_whole(tmp_path: Path, from_file: bool) -> None:
    sent: list[httpx.Request] = []

    def accept(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(503 if len(sent) == 1 else 200, stream=httpx.ByteStream(b""))

    (tmp_path / "output").write_bytes(CONTENT)
    progress: list[float] = []
    content = tmp_path / "output" if from_file else CONTENT
    await transfer(accept, accept).upload("http://storage/b/key", "image/png", content, progress.append)
    assert [request.content for request in sent] == [CONTENT, CONTENT]
    assert sent[1].headers["content-length"] == str(len(CONTENT))
    assert "transfer-encoding" not in sent[1].headers
    assert sent[1].headers["content-type"] == "image/png"
    assert progress[-1] == 1


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (400, "RequestTimeout"), (409, "ConditionalRequestConflict")])
async def test_what_storage_says_of_a_moment_is_tried_again(status: int, code: str) -> None:
    busy = httpx.Response(status, text=f"<Error><Code>{code}</Code></Error>")
    stored = await transfer(busy, ok()).upload("http://storage/b/key", None, CONTENT, lambda _: None, only_if_absent=True)
    assert (stored.etag, stored.size) == ('"a"', len(CONTENT))


async def test_an_upload_whose_answer_was_lost_replaces_nothing() -> None:
    sent: list[httpx.Request] = []

    def store(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if len(sent) == 1:
            raise httpx.ReadError("connection reset")
        return httpx.Response(412, text="<Error><Code>PreconditionFailed</Code></Error>")

    stored = await transfer(store, store).upload("http://storage/b/key", "image/png", CONTENT, lambda _: None, only_if_absent=True)
    assert (stored.etag, stored.size) == (None, len(CONTENT))
    assert [request.headers["if-none-match"] for request in sent] == ["*", "*"]


async def test_storage_that_does_not_know_conditions_gets_none() -> None:
    def store(request: httpx.Request) -> httpx.Response:
        assert "if-none-match" not in request.headers
        return ok()

    await transfer(store).upload("http://storage/b/key", "image/png", CONTENT, lambda _: None)
