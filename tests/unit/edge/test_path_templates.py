"""Paths of `google.api.http` as regular expressions and Lua patterns, and which of two goes first."""

from __future__ import annotations

import re

import pytest

from services.platform.rpc.path_templates import PathTemplate


@pytest.mark.parametrize(
    ("template", "path", "other"),
    [
        ("/v1/{name=files/*}", "/v1/files/1", "/v1/tasks/1"),
        ("/v1/{model=*/*}/run", "/v1/a/b/run", "/v1/a/run"),
        ("/v1/{rest=**}", "/v1/a/b/c", "/v1x"),
        ("/v1/**", "/v1", "/v10"),
        ("/v1/tasks/{id}:cancel", "/v1/tasks/5:cancel", "/v1/tasks/5"),
        ("/v1/batch-create", "/v1/batch-create", "/v1/batchXcreate"),
    ],
)
def test_what_a_template_matches(template: str, path: str, other: str) -> None:
    assert re.fullmatch(PathTemplate(template).regex, path)
    assert not re.fullmatch(PathTemplate(template).regex, other)


def test_the_more_specific_template_goes_first() -> None:
    ordered = ["/v1/files/batch-create", "/v1/files/{id}:run", "/v1/files/{id}", "/v1/{kind}/new", "/v1/{kind}/{id}", "/v1/{rest=**}"]
    assert sorted(set(ordered), key=lambda text: PathTemplate(text).generality) == ordered


def test_names_of_variables_make_no_difference() -> None:
    assert PathTemplate("/v1/tasks/{id}").shape == PathTemplate("/v1/tasks/{task_id=*}").shape


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("/v1/{kind}/count", "/v1/apples/{id}", True),
        ("/v1/{kind}/count", "/v1/apples/status", False),
        ("/v1/{kind}/count", "/v1/apples", False),
        ("/v1/**", "/v1/apples/count", True),
        ("/v2/**", "/v1/apples", False),
        ("/v1/tasks/{id}:cancel", "/v1/tasks/5:cancel", True),
    ],
)
def test_overlaps(one: str, other: str, overlap: bool) -> None:
    assert PathTemplate(one).overlaps(PathTemplate(other)) is overlap
    assert PathTemplate(other).overlaps(PathTemplate(one)) is overlap


def test_a_prefix_covers_what_is_below_it() -> None:
    prefix = PathTemplate("/v1/tiny/**")
    assert [prefix.covers(PathTemplate(text)) for text in ("/v1/tiny/{id}", "/v1/tiny", "/v1/tinyx", "/v1/{id}")] == [
        True,
        True,
        False,
        False,
    ]


def test_lua() -> None:
    assert PathTemplate("/v1/files/{id}/batch-create").lua == ("^/v1/files/[^/]+/batch%-create/?$",)
    assert PathTemplate("/v1/**").lua == ("^/v1/.*$", "^/v1$")
