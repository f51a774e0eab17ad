"""Endpoints and addressing of object storage that can work, and those that cannot."""

from __future__ import annotations

import pytest

from services.platform.bucket_address import Addressing, bucket_url, check_addressing, check_endpoint


@pytest.mark.parametrize(
    ("endpoint", "addressing", "url"),
    [
        ("https://s3.example.com", "path", "https://s3.example.com/media/"),
        ("http://[::1]:9000/", "path", "http://[::1]:9000/media/"),
        ("https://s3.eu-west-3.amazonaws.com", "virtual", "https://media.s3.eu-west-3.amazonaws.com/"),
        ("http://s3.test:9000/", "virtual", "http://media.s3.test:9000/"),
    ],
)
def test_where_a_bucket_is(endpoint: str, addressing: Addressing, url: str) -> None:
    assert bucket_url(endpoint, "media", addressing) == url


def test_a_slash_at_the_end_does_not_count() -> None:
    assert check_endpoint("https://s3.example.com:9000/") == "https://s3.example.com:9000"


@pytest.mark.parametrize(
    "endpoint", ["s3.example.com", "s3.example.com:9000", "ftp://s3.example.com", "https://", "https://s3:70000", "https://me:x@s3"]
)
def test_no_endpoint(endpoint: str) -> None:
    with pytest.raises(ValueError, match="with a host and an optional port"):
        check_endpoint(endpoint)


@pytest.mark.parametrize("behind", ["/media", "/s3/", "?x=1", "#x"])
def test_an_endpoint_ends_with_its_host(behind: str) -> None:
    with pytest.raises(ValueError, match="the bucket is a setting of its own"):
        check_endpoint(f"https://s3.example.com{behind}")


@pytest.mark.parametrize(
    ("bucket", "endpoint", "problem"),
    [
        ("my.media", "https://s3.example.com", "my.media, has a dot"),
        ("media", "http://10.0.0.7:9000", "has an address in place of a host name"),
        ("media", "http://[::1]:9000", "has an address in place of a host name"),
    ],
)
def test_a_bucket_that_cannot_be_part_of_a_host_name(bucket: str, endpoint: str, problem: str) -> None:
    assert check_addressing("path", bucket, endpoint) == "path"
    with pytest.raises(ValueError, match=f"must be path: .*{problem}"):
        check_addressing("virtual", bucket, endpoint)
