"""Signed requests: as in AWS's documentation, and as AWS's own signer makes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.files.signature import SigningKey, joined, quoted

NOW = datetime(2013, 5, 24, tzinfo=UTC)
# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
DOCUMENTED = SigningKey("us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def signature(headers: dict[str, str]) -> str:
    """Of the header that has it."""
    return headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "expected"),
    [
        ("GET", "test.txt", {"range": "bytes=0-9"}, b"", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        (
            "PUT",
            "test%24file.text",
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "?lifecycle=", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "?max-keys=2&prefix=J", {}, b"", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_the_documentation(method: str, target: str, headers: dict[str, str], body: bytes, expected: str) -> None:
    signed = DOCUMENTED.signed(method, f"https://examplebucket.s3.amazonaws.com/{target}", headers, body, NOW)
    assert signature(signed) == expected
    assert signed["Host"] == "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", "garage"])
@pytest.mark.parametrize("endpoint", ["http://s3.test:9000/media", "http://S3.test:80/media", "https://media.s3.test:443"])
@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body"),
    [
        ("HEAD", "/files/7/a%20name%2B%C3%A9~", {}, {}, b""),
        ("GET", "/", {"prefix": "files/7 é+&=%~*'", "list-type": "2", "continuation-token": "1/a+b==", "encoding-type": "url"}, {}, b""),
        ("POST", "/", {"delete": ""}, {"content-md5": "abc==", "content-type": "application/xml"}, b"<Delete/>"),
        ("PUT", "/k", {}, {"x-amz-copy-source": "media/uploads/1", "x-amz-copy-source-if-match": '"e"', "content-type": "image/png"}, b""),
    ],
)
def test_requests_are_signed_as_by_the_client_of_aws(
    region: str,
    endpoint: str,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: NOW)
    url = f"{endpoint}{path}" + (f"?{joined(sorted(quoted(query)))}" if query else "")
    ours = SigningKey(region, "AKIA", "secret").signed(method, url, headers, body, NOW)
    theirs = AWSRequest(method=method, url=url, headers=headers, data=body)
    # Over TLS it leaves the content out of the signature, unless it is told to sign it.
    theirs.context["client_config"] = None
    signer = S3SigV4Auth(Credentials("AKIA", "secret"), "s3", region)
    monkeypatch.setattr(signer, "_should_sha256_sign_payload", lambda _: True)
    signer.add_auth(theirs)
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours["x-amz-content-sha256"] == theirs.headers["X-Amz-Content-SHA256"]


def test_another_day_has_another_key() -> None:
    key, url = SigningKey("us-east-1", "AKIA", "secret"), "https://s3.test/media/k"
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 1)]
    first, second, again = (signature(key.signed("GET", url, {}, b"", day)) for day in days)
    assert first == again != second
    assert second == signature(SigningKey("us-east-1", "AKIA", "secret").signed("GET", url, {}, b"", days[1]))
