"""A test's kind comes from its folder; the faults, and what is marked `alone`, run one by one."""

from __future__ import annotations

import pytest

# Each inner run imports its plugins anew, and some take seconds.
UNUSED = ("no:cacheprovider", "no:schemathesis", "no:hypothesispytest", "no:anyio")
PLUGINS = (
    "-p",
    "tests.harness.folders",
    *(word for plugin in UNUSED for word in ("-p", plugin)),
    "-o",
    "asyncio_default_fixture_loop_scope=function",
    "--strict-markers",
)
# Each notes when it begins and ends.
NOTES = """
    import pathlib, pytest, time

    @pytest.mark.parametrize("number", range(2))
    {mark}
    def test_it(number):
        with pathlib.Path("notes").open("a") as notes:
            notes.write("{name} begins\\n")
        time.sleep({seconds})
        with pathlib.Path("notes").open("a") as notes:
            notes.write("{name} ends\\n")
"""


def test_a_marker_selects_a_folder(pytester: pytest.Pytester) -> None:
    folders = {
        "unit": "unit",
        "component": "component",
        "system": "system",
        "diffusion": "system",
        "faults": "faults",
        "cluster": "cluster",
    }
    pytester.makepyfile(**{f"tests/{folder}/test_{folder}": "def test_it(): ..." for folder in folders})
    for kind in set(folders.values()):
        result = pytester.runpytest(*PLUGINS, "-m", kind, "--collect-only", "-q")
        selected = {line.split("/")[1] for line in result.outlines if "::" in line}
        assert selected == {folder for folder, its in folders.items() if its == kind}


CASES = """
    import pytest

    @pytest.mark.parametrize("number", range(10))
    def test_many(number): ...

    @pytest.mark.cases(2)
    @pytest.mark.parametrize("number", range(10))
    def test_two(number): ...

    @pytest.mark.cases(1)
    @pytest.mark.parametrize("number", range(10))
    def test_one(number): ...

    @pytest.mark.thorough
    def test_at_length(): ...
"""


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("tests/system",), ["many[0]", "many[9]", "two[0]", "two[9]", "one[0]"]),
        (("tests/unit",), [*(f"many[{number}]" for number in range(10)), "two[0]", "two[9]", "one[0]"]),
        (("tests/unit/test_unit.py::test_at_length", "tests/unit/test_unit.py::test_one[5]"), ["at_length", "one[5]"]),
    ],
    ids=["through the port", "unit", "named"],
)
def test_each_run_has_some_cases_and_always_the_same(pytester: pytest.Pytester, chosen: tuple[str, ...], expected: list[str]) -> None:
    pytester.makepyfile(**{f"tests/{folder}/test_{folder}": CASES for folder in ("unit", "system")})
    result = pytester.runpytest(*PLUGINS, "--collect-only", "-q", *chosen)
    assert [line.partition("::test_")[2] for line in result.outlines if "::" in line] == expected


def test_a_thorough_run_has_all(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"tests/system/test_system": CASES})
    result = pytester.runpytest(*PLUGINS, "--collect-only", "-q", "--thorough")
    assert sum("::" in line for line in result.outlines) == 31


def test_a_test_outside_of_the_folders_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"tests/other/test_one": "def test_it(): ..."})
    result = pytester.runpytest(*PLUGINS)
    assert result.ret != 0
    assert "a test lies in one of tests/unit, " in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("processes", [(), ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")], ids=["one", "two"])
def test_what_has_a_stack_to_itself_runs_one_by_one(pytester: pytest.Pytester, processes: tuple[str, ...]) -> None:
    """Last, or first and beside the others."""
    marked = "@pytest.mark.alone"
    pytester.makepyfile(
        **{
            "tests/component/test_one": NOTES.format(name="marked", mark=marked, seconds=0.1),
            "tests/faults/test_two": NOTES.format(name="faults", mark="", seconds=0.1),
            "tests/system/test_three": NOTES.format(name="system", mark="", seconds=0),
        }
    )
    result = pytester.runpytest_subprocess(*PLUGINS, "-p", "tests.harness.run", *processes)
    result.assert_outcomes(passed=6)
    notes = (pytester.path / "notes").read_text().splitlines()
    alone = [note for note in notes if not note.startswith("system")]
    assert alone == ["marked begins", "marked ends"] * 2 + ["faults begins", "faults ends"] * 2
    assert (notes[-4:] == alone[-4:]) or processes
    if processes:
        assert notes.index("system ends") < notes.index("faults ends")


def test_what_breaks_parts_runs_on_one_worker(pytester: pytest.Pytester) -> None:
    breaking = """
        import os, pathlib, pytest, time

        @pytest.mark.breaks("{part}")
        @pytest.mark.parametrize("number", range(2))
        def test_it(number):
            time.sleep(0.1)
            with pathlib.Path("processes").open("a") as notes:
                notes.write(str(os.getpid()) + "\\n")
    """
    pytester.makepyfile(**{f"tests/component/test_{part}": breaking.format(part=part) for part in ("s3", "triton")})
    result = pytester.runpytest_subprocess(*PLUGINS, "-p", "tests.harness.run", "-n", "2")
    result.assert_outcomes(passed=4)
    assert len(set((pytester.path / "processes").read_text().splitlines())) == 1
