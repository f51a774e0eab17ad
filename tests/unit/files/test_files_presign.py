from urllib.parse import parse_qs, urlsplit

from services.files.presign import Presigner, in_thread

SIGNER = Presigner("https://media.example:8443/", "bucket", "eu-central-1", "AKIA", "secret")


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


async def test_many_are_signed_in_order() -> None:
    urls = await in_thread(lambda number: SIGNER.put(f"k{number}", 60), range(50))
    assert [urlsplit(url).path for url in urls] == [f"/bucket/k{number}" for number in range(50)]
