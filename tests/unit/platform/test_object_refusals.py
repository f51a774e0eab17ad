"""What answers of object storage mean that are no good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from structlog.testing import capture_logs

from services.platform.object_refusals import Refusal, refusal_of
from tests.harness.answering import Answering


async def refusal(status: int, body: str = "", date: datetime | None = None) -> Refusal:
    headers = {"date": format_datetime(date, usegmt=True)} if date is not None else {}
    storage = Answering(lambda _: httpx.Response(status, text=body, headers=headers))
    async with storage.request("GET", "http://storage/b/key") as answer:
        return await refusal_of(answer)


def error(code: str) -> str:
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>m</Message></Error>'


@pytest.mark.parametrize(
    ("status", "code", "passes"),
    [
        (503, "SlowDown", True),
        (500, "InternalError", True),
        (429, "", True),
        (400, "RequestTimeout", True),
        (409, "ConditionalRequestConflict", True),
        (409, "OperationAborted", True),
        (501, "NotImplemented", False),
        (400, "EntityTooLarge", False),
        (403, "AccessDenied", False),
        (412, "PreconditionFailed", False),
    ],
)
async def test_some_pass(status: int, code: str, passes: bool) -> None:
    found = await refusal(status, error(code) if code else "")
    assert (found, found.passes) == (Refusal(status, code), passes)


@pytest.mark.parametrize("body", ["", "busy", "<Error><Code/></Error>", "<html>" * 20_000, '{"code": "x"}'])
async def test_not_every_answer_is_in_the_form_of_s3(body: str) -> None:
    assert (await refusal(503, body)).code == ""


@pytest.mark.parametrize(("status", "minutes", "told"), [(403, -20, 1200), (403, 20, -1200), (403, 2, None), (500, 20, None)])
async def test_clocks_that_differ_are_told_where_a_signature_may_be_refused_for_it(status: int, minutes: int, told: int | None) -> None:
    with capture_logs() as lines:
        await refusal(status, error("RequestTimeTooSkewed"), datetime.now(UTC) + timedelta(minutes=minutes))
    ahead = [line["seconds_ahead"] for line in lines if line["event"] == "storage_clock_differs"]
    assert ahead == ([pytest.approx(told, abs=30)] if told is not None else [])
