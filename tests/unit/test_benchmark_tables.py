"""A run of some benchmarks replaces their tables, and no other."""

from __future__ import annotations

from benchmarks.goals import GOALS, Reached, goals
from benchmarks.table import Section, replaced


def section(title: str, cell: str) -> Section:
    return Section(title, "How.", ("what",), [(cell,)])


def test_tables_that_were_not_measured_stay() -> None:
    before = "# Benchmarks\n\nAll of them.\n\n## Old\n\nold\n\n## Polls\n\nold\n"
    after = replaced(before, [section("Polls", "new"), section("Goals", "met")], ["Goals", "Polls"])
    assert [line for line in after.splitlines() if line.startswith("#")] == ["# Benchmarks", "## Goals", "## Polls", "## Old"]
    assert "All of them." in after
    assert after.count("old") == 1
    assert "| new |" in after


def test_goals_stand_in_their_order_and_say_what_is_not_reached() -> None:
    measured = section("Polls", "1,000/s")
    measured.goals = [Reached("polls", "1,000/s", met=False), Reached("start", "6 / 9 ms", met=True, contender="4 / 5 ms", ratio="1.50")]
    rows = goals([measured]).rows
    assert [row[0] for row in rows] == [GOALS["start"].what, GOALS["polls"].what]
    assert [row[6] for row in rows] == ["yes", "**no**"]
