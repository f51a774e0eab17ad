"""Lifecycle rules that take files away, and those that do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.files.bucket_rules import check_bucket_rules
from services.files.config import FilesSettings
from tests.unit.files.test_files_config import REQUIRED

SETTINGS = FilesSettings(**REQUIRED)
ABORTS = {"ID": "aborts", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 8}}


def rule(prefix: str | None = "", **what: Any) -> dict[str, Any]:
    """An enabled rule about objects below a prefix; None for the old form without a filter."""
    return {"ID": "one", "Status": "Enabled", **({"Filter": {"Prefix": prefix}} if prefix is not None else {"Prefix": ""}), **what}


@pytest.mark.parametrize(
    ("found", "levels"),
    [
        (rule(Expiration={"Days": 1}), ["problem"]),
        (rule(None, Expiration={"Days": 1}), ["problem"]),
        (rule("files/7/", Expiration={"Days": 6}), ["problem"]),
        (rule(Expiration={"Date": datetime(2030, 1, 1, tzinfo=UTC)}), ["problem"]),
        (rule("files/", Expiration={"Days": 7}), ["warning"]),
        (rule("backups/", Expiration={"Days": 1}), ["ok"]),
        (rule(Expiration={"ExpiredObjectDeleteMarker": True}), ["ok"]),
        (rule(Expiration={"Days": 1}) | {"Status": "Disabled"}, ["ok"]),
        (rule() | {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 1}}, ["ok"]),
        (rule() | {"Filter": {"And": {"Prefix": "files/", "Tags": [{"Key": "a", "Value": "b"}]}}, "Expiration": {"Days": 1}}, ["ok"]),
        (rule("uploads/", Expiration={"Days": 1}), ["ok"]),
        (rule(Transitions=[{"Days": 1, "StorageClass": "DEEP_ARCHIVE"}]), ["problem"]),
        (rule(Transitions=[{"Days": 1, "StorageClass": "INTELLIGENT_TIERING"}]), ["ok"]),
        (rule(NoncurrentVersionExpiration={"NoncurrentDays": 1}), ["ok"]),
        (rule("files/", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0}), ["problem"]),
        (rule("backups/", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0}), ["ok"]),
    ],
)
def test_what_rules_do(found: dict[str, Any], levels: list[str]) -> None:
    assert [finding.level for finding in check_bucket_rules([found, ABORTS], SETTINGS)] == levels


def test_uploads_that_take_long_are_not_ended_by_a_rule() -> None:
    slow = FilesSettings(**REQUIRED, upload_url_seconds=604800)
    soon = ABORTS | {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    assert [finding.level for finding in check_bucket_rules([soon], slow)] == ["problem"]
    assert [finding.level for finding in check_bucket_rules([rule("uploads/", Expiration={"Days": 7}), ABORTS], slow)] == ["problem"]
    assert [finding.level for finding in check_bucket_rules([soon], SETTINGS)] == ["ok"]


@pytest.mark.parametrize("rules", [[], [ABORTS | {"Status": "Disabled"}], [ABORTS | {"Filter": {"Prefix": "other/"}}]])
def test_a_second_line_is_missed(rules: list[dict[str, Any]]) -> None:
    [finding] = check_bucket_rules(rules, SETTINGS)
    assert (finding.level, "AbortIncompleteMultipartUpload" in finding.remedy) == ("warning", True)
