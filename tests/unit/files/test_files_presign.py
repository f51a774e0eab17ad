import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from services.files.presign import Presigner, in_thread
from services.platform.bucket_address import Addressing
from tests.harness.botocore_client import botocore_client

SIGNER = Presigner("https://media.example:8443/", "bucket", "eu-central-1", "AKIA", "secret")

SAVED_AS = {"ResponseContentDisposition": "attachment; filename=\"a+b ~*.png\"; filename*=UTF-8''%C3%A9"}


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def test_urls_are_path_style_on_the_given_endpoint() -> None:
    url = SIGNER.put("files/7/9-x_y", 60)
    assert url.startswith("https://media.example:8443/bucket/files/7/9-x_y?")
    assert query(url)["X-Amz-Expires"] == "60"
    assert query(url)["X-Amz-SignedHeaders"] == "host"
    assert "/eu-central-1/s3/aws4_request" in query(url)["X-Amz-Credential"]


def test_a_media_type_is_signed() -> None:
    assert query(SIGNER.put("k", 60, "image/png"))["X-Amz-SignedHeaders"] == "content-type;host"


def test_a_part_carries_its_upload_and_number() -> None:
    found = query(SIGNER.put_part("k", "u-1", 3, 60))
    assert (found["uploadId"], found["partNumber"]) == ("u-1", "3")


def test_a_download_overrides_the_headers_of_the_reply() -> None:
    found = query(SIGNER.get("k", 60, disposition="attachment; filename=\"a b.png\"; filename*=UTF-8''%C3%A9", media_type="image/png"))
    assert found["response-content-disposition"] == "attachment; filename=\"a b.png\"; filename*=UTF-8''%C3%A9"
    assert found["response-content-type"] == "image/png"


@pytest.mark.parametrize("addressing", ["path", "virtual"])
@pytest.mark.parametrize("endpoint", ["https://s3.eu-central-1.amazonaws.com", "http://s3.test:9000", "http://S3.test:80"])
async def test_urls_are_those_of_the_client_of_aws(endpoint: str, addressing: Addressing, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: now)
    monkeypatch.setattr("services.files.presign.system_clock", lambda: now)
    presigner = Presigner(endpoint, "media", "eu-central-1", "AKIA", "secret", addressing)
    async with botocore_client(endpoint, "eu-central-1", "AKIA", "secret", addressing) as client:
        for method, extra, ours in (
            ("get_object", {}, presigner.get("files/7/9-x_y", 60)),
            ("put_object", {}, presigner.put("files/7/9-x_y", 60)),
            ("get_object", SAVED_AS, presigner.get("files/7/9-x_y", 60, disposition=SAVED_AS["ResponseContentDisposition"])),
            ("upload_part", {"UploadId": "u-1", "PartNumber": 3}, presigner.put_part("files/7/9-x_y", "u-1", 3, 60)),
        ):
            where = {"Bucket": "media", "Key": "files/7/9-x_y"} | extra
            theirs = await client.generate_presigned_url(method, Params=where, ExpiresIn=60)
            assert (urlsplit(ours).netloc, urlsplit(ours).path) == (urlsplit(theirs).netloc, urlsplit(theirs).path)
            assert query(ours) == query(theirs)


@pytest.mark.parametrize(("addressing", "signed"), [("path", "https://s3.test/media/k"), ("virtual", "https://media.s3.test/k")])
def test_urls_may_lead_to_what_is_in_front_of_the_storage(addressing: Addressing, signed: str) -> None:
    direct = Presigner("https://s3.test", "media", "us-east-1", "AKIA", "secret", addressing)
    before = Presigner("https://s3.test", "media", "us-east-1", "AKIA", "secret", addressing, "https://media.example:8443")
    url = before.get("k", 60)
    assert url.startswith("https://media.example:8443/media/k?")
    assert direct.get("k", 60).startswith(f"{signed}?")
    assert query(url)["X-Amz-Date"] != query(direct.get("k", 60))["X-Amz-Date"] or query(url) == query(direct.get("k", 60))


async def test_many_are_signed_in_order() -> None:
    urls = await in_thread(lambda number: SIGNER.put(f"k{number}", 60), range(50))
    assert [urlsplit(url).path for url in urls] == [f"/bucket/k{number}" for number in range(50)]
