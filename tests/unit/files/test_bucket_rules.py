"""Lifecycle rules that take files away, and those that do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.files.bucket_rules import check_bucket_rules
from services.files.config import FilesSettings
from services.files.s3_xml import Element
from tests.unit.files.test_files_config import REQUIRED

SETTINGS = FilesSettings(**REQUIRED)
ABORTS = {"ID": "aborts", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 8}}


def rule(prefix: str | None = "", **what: Any) -> dict[str, Any]:
    """An enabled rule about objects below a prefix; None for the old form without a filter."""
    return {"ID": "one", "Status": "Enabled", **({"Filter": {"Prefix": prefix}} if prefix is not None else {"Prefix": ""}), **what}


_LISTS = {"Transitions": "Transition", "Tags": "Tag"}


def element(name: str, told: Any) -> Element:
    """The XML of what AWS's client calls so."""
    if not isinstance(told, dict):
        return Element(name, told.isoformat() if isinstance(told, datetime) else str(told))
    children = [(_LISTS.get(part, part), each) for part, of in told.items() for each in (of if isinstance(of, list) else [of])]
    return Element(name, children=[element(*child) for child in children])


def levels_of(rules: list[dict[str, Any]], settings: FilesSettings = SETTINGS) -> list[str]:
    """How bad these rules are."""
    return [finding.level for finding in check_bucket_rules([element("Rule", rule) for rule in rules], settings)]


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
    assert levels_of([found, ABORTS]) == levels


def test_uploads_that_take_long_are_not_ended_by_a_rule() -> None:
    slow = FilesSettings(**REQUIRED, upload_url_seconds=604800)
    soon = ABORTS | {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    assert levels_of([soon], slow) == ["problem"]
    assert levels_of([rule("uploads/", Expiration={"Days": 7}), ABORTS], slow) == ["problem"]
    assert levels_of([soon]) == ["ok"]


@pytest.mark.parametrize("rules", [[], [ABORTS | {"Status": "Disabled"}], [ABORTS | {"Filter": {"Prefix": "other/"}}]])
def test_a_second_line_is_missed(rules: list[dict[str, Any]]) -> None:
    [finding] = check_bucket_rules([element("Rule", rule) for rule in rules], SETTINGS)
    assert (finding.level, "AbortIncompleteMultipartUpload" in finding.remedy) == ("warning", True)
