"""A run of some benchmarks replaces their tables, and no other."""

from __future__ import annotations

from benchmarks.goals import GOALS, goals
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
        GoalResult("polls", "1,000/s", is_met=False),
        GoalResult("start", "6 / 9 ms", is_met=True, contender="4 / 5 ms", ratio="1.50"),
    ]
    rows = goals([measured]).rows
    assert [row[0] for row in rows] == [GOALS["start"].what, GOALS["polls"].what]
    assert [row[6] for row in rows] == ["yes", "**no**"]


def test_a_floor_stands_at_the_goal_that_another_section_has_measured() -> None:
    measured, floors = section("No-op tasks", "300/s"), section("Status polls", "1,000/s")
    measured.goals = [
        GoalResult("one by one", "300/s", is_met=False),
        GoalResult("memory", "580 MiB", is_met=True),
        GoalResult("resize", "50 ms", is_met=False),
    ]
    measured.floors = {"resize": "30.0 ms"}
    floors.floors = {"one by one": "1000/s", "start": "3.0 ms / 5.0 ms"}
    cells = {row[0]: row[4] for row in goals([measured, floors]).rows}
    assert cells == {GOALS["one by one"].what: "1000/s", GOALS["memory"].what: "–", GOALS["resize"].what: "30.0 ms"}
    assert [row[4] for row in goals([measured]).rows] == ["–", "–", "30.0 ms"]
    assert goals([floors]).rows == []
