"""A run of some benchmarks replaces their tables, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.goals import GOALS, goals
from benchmarks.load import content_of, form
from benchmarks.origin import fingerprint, origin, problems, without
from benchmarks.table import GoalResult, Section, replace_sections


def section(title: str, cell: str) -> Section:
    return Section(title, "How.", ("what",), [(cell,)])


def test_tables_that_were_not_measured_stay() -> None:
    before = "# Benchmarks\n\nAll of them.\n\n## Old\n\nold\n\n## Polls\n\nold\n"
    after = replace_sections(before, [section("Polls", "new"), section("Goals", "met")], ["Goals", "Polls"])
    assert [line for line in after.splitlines() if line.startswith("#")] == ["# Benchmarks", "## Goals", "## Polls", "## Old"]
    assert "All of them." in after
    assert after.count("old") == 1
    assert "| new |" in after


def test_goals_stand_in_their_order_and_say_what_is_not_reached() -> None:
    measured = section("Polls", "1,000/s")
    measured.goals = [
        GoalResult("polls", "1,000/s", (0.85,), "1,176/s"),
        GoalResult("tool: crop", "30 ms, 60/s", (1.5, 0.7), "20 ms, 86/s"),
        GoalResult("tool: info", "30 ms, 60/s", (1.6, 0.75), "19 ms, 80/s"),
        GoalResult("wait", "6 ms", (3.0,), "2 ms"),
        GoalResult("memory", "440 MiB", (440.0,)),
    ]
    measured.floors = {"tool: crop": "12 ms", "start": "3.0 ms"}
    rows = {row[0]: row for row in goals([measured]).rows}
    assert list(rows) == [GOALS[name].what for name in ("wait", "polls", "memory", "tool: crop", "tool: info")]
    assert [row[3] for row in rows.values()] == ["3.00", "0.85", "–", "1.50, 0.70", "1.60, 0.75"]
    assert [row[4] for row in rows.values()] == ["–", "–", "–", "12 ms", "–"]
    assert [row[5] for row in rows.values()] == ["–", "≥ 0.9 ×", "≤ 450 MiB", "≤ 1.6 ×, ≥ 0.75 ×", "≤ 1.6 ×, ≥ 0.75 ×"]
    assert [row[6] for row in rows.values()] == ["–", "**no**", "yes", "**no**", "yes"]


def test_a_table_of_a_benchmark_that_has_changed_or_of_long_ago_is_stale() -> None:
    measured = section("Polls", "1,000/s")
    measured.remarks = origin("make bench", "polls", 0.5, Path())
    results = replace_sections("# Benchmarks\n", [measured, section("Old", "by whom?")])
    now = datetime.now(UTC)
    assert problems(results, now) == {"Old": "it does not say at which commit, and by which benchmark, it was measured"}
    assert problems(results, None, lambda _name: "0123456789ab")["Polls"] == "its benchmark (polls) has changed since"
    assert "30 days older" in problems(results, now + timedelta(days=32))["Polls"]
    assert problems(results.replace("`polls`", "`nothing`"), now)["Polls"] == "its benchmark (nothing) has changed since"
    left = without(results, {"Old"})
    assert problems(left, now) == {}
    assert "## Old\n" in left
    assert "by whom" not in left


def test_every_benchmark_has_a_fingerprint_of_its_own() -> None:
    names = {"goals", "claim", *(goal.section for goal in GOALS.values())}
    assert len({fingerprint(name) for name in names}) == len(names)


def test_the_content_of_a_form_is_read_back() -> None:
    body = form(("data", "", b"{}"), ("file", "photo.jpg", b"\xff\r\n--\xd8"), ("settings", "", b"[]"))
    assert [content_of(body, name) for name in ("data", "file", "settings")] == [b"{}", b"\xff\r\n--\xd8", b"[]"]
