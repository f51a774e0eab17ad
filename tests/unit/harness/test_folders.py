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
        @pytest.mark.parametrize("number", range(3))
        def test_it(number):
            time.sleep(0.1)
            with pathlib.Path("processes").open("a") as notes:
                notes.write(str(os.getpid()) + "\\n")
    """
    pytester.makepyfile(**{f"tests/component/test_{part}": breaking.format(part=part) for part in ("s3", "triton")})
    result = pytester.runpytest_subprocess(*PLUGINS, "-p", "tests.harness.run", "-n", "2")
    result.assert_outcomes(passed=6)
    assert len(set((pytester.path / "processes").read_text().splitlines())) == 1
