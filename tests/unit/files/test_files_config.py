from pathlib import Path

import pytest
from pydantic import ValidationError

from services.files.config import FilesSettings

MEBIBYTE = 1024 * 1024
REQUIRED = {
    "listen": "unix:/a",
    "internal_listen": "unix:/b",
    "nats_url": "nats://c",
    "signing_key_file": Path("/d"),
    "trusted_keys_file": Path("/e"),
    "database_url": "postgresql+asyncpg:///f",
    "tasks_address": "unix:/g",
    "s3_endpoint": "http://h",
    "s3_public_endpoint": "http://i",
    "s3_access_key": "j",
    "s3_secret_key": "k",
}


@pytest.mark.parametrize("size", [5 * MEBIBYTE + 1, 10 * MEBIBYTE + 1, 20 * MEBIBYTE + 1, 999 * MEBIBYTE, 2048 * MEBIBYTE])
def test_equal_pieces_are_never_too_small_for_a_part_of_10_mebibytes(size: int) -> None:
    settings = FilesSettings(**REQUIRED, part_bytes=10 * MEBIBYTE)
    count = -(-size // settings.part_bytes)
    assert count == 1 or -(-size // count) >= 5 * MEBIBYTE


def test_parts_that_storage_refuses_cannot_be_configured() -> None:
    with pytest.raises(ValidationError, match="part_bytes"):
        FilesSettings(**REQUIRED, part_bytes=5 * MEBIBYTE - 1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"s3_endpoint": "https://account.r2.cloudflarestorage.com/media"}, "s3_endpoint.*\\n.*the bucket is a setting of its own"),
        ({"s3_public_endpoint": "media.example.com"}, "s3_public_endpoint.*\\n.*with a host"),
        ({"s3_addressing": "virtual", "s3_bucket": "a.b"}, "s3_addressing.*\\n.*has a dot"),
        ({"s3_addressing": "virtual", "s3_endpoint": "http://10.0.0.1:9000"}, "s3_addressing.*\\n.*has an address"),
        ({"s3_addressing": "dns"}, "s3_addressing.*\\n.*'path' or 'virtual'"),
    ],
)
def test_where_no_bucket_can_be(changed: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FilesSettings(**REQUIRED | changed)


def test_the_secret_is_not_shown() -> None:
    assert "'k'" not in repr(FilesSettings(**REQUIRED))
