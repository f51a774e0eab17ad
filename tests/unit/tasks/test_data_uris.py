"""Files within requests."""

from __future__ import annotations

import base64

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.fetching import content_of, is_data_uri

CONTENT = bytes(range(256)) + b"!"
ENCODED = base64.b64encode(CONTENT).decode()


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{ENCODED}",
        f"DATA:image/png;BASE64,{ENCODED}",
        f"data:;base64,{ENCODED}",
        f"data:image/svg+xml;charset=utf-8;base64,{ENCODED.rstrip('=')}",
        f"data:image/png;base64,{ENCODED[:70]}\r\n {ENCODED[70:]}",
        f"data:image/png;base64,{ENCODED.replace('+', '-').replace('/', '_').rstrip('=')}",
        f"data:image/png;base64,{ENCODED.replace('+', '%2B').replace('=', '%3D')}",
    ],
)
def test_content_is_read_as_it_is_written(url: str) -> None:
    assert is_data_uri(url)
    assert content_of(url, "image") == CONTENT


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("data:image/png,hidden", "image: a data: URI must have the form data:<media type>;base64,<content>."),
        ("data:image/png;base64", "image: a data: URI must have the form data:<media type>;base64,<content>."),
        ("data:" + "x" * 2000 + ";base64,aaaa", "image: a data: URI must have the form data:<media type>;base64,<content>."),
        ("data:image/png;base64,hid*den", "image: the content after ;base64, is not base64."),
        ("data:image/png;base64,hiddé", "image: the content after ;base64, is not base64."),
        ("data:image/png;base64,hidde", "image: the content after ;base64, is not base64."),
        ("data:image/png;base64,hi=dde", "image: the content after ;base64, is not base64."),
    ],
)
def test_what_cannot_be_read_is_told_without_repeating_it(url: str, told: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        content_of(url, "image")
    assert (raised.value.reason, raised.value.field, raised.value.message) == (ErrorReason.FIELD_INVALID, "image", told)


def test_other_urls_hold_no_file() -> None:
    assert not any(map(is_data_uri, ("https://example.com/data:", "", "data", " data:,")))
