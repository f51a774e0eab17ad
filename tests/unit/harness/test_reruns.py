"""What is run again, how it is shown, and when it fails the run."""

from __future__ import annotations

import pytest

# Each inner run imports its plugins anew, and some take seconds.
UNUSED = ("no:cacheprovider", "no:schemathesis", "no:hypothesispytest", "no:anyio")
PLUGINS = (
    "-p",
    "tests.harness.folders",
    "-p",
    "tests.harness.reruns",
    *(word for plugin in UNUSED for word in ("-p", plugin)),
    "--thorough",
    "-o",
    "asyncio_default_fixture_loop_scope=function",
)
FLAKY = """
    import pathlib, pytest

    @pytest.mark.parametrize("number", range({tests}))
    def test_flaky(number, request):
        runs = pathlib.Path(__file__).with_name(f"runs-{{number}}")
        runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
        assert len(runs.read_text()) > {failures}, "it was not ready"
"""


def write(pytester: pytest.Pytester, folder: str, *, tests: int = 1, failures: int = 1) -> None:
    pytester.makepyfile(**{f"tests/{folder}/test_one": FLAKY.format(tests=tests, failures=failures)})


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    return {name: count for name, count in result.parseoutcomes().items() if not name.startswith("warning")}


@pytest.mark.parametrize("folder", ["system", "faults"])
def test_a_test_of_the_whole_system_is_run_again_and_shown_with_its_cause(pytester: pytest.Pytester, folder: str) -> None:
    write(pytester, folder)
    result = pytester.runpytest(*PLUGINS)
    assert result.ret == 0
    assert outcomes(result) == {"passed": 1, "rerun": 1}
    result.stdout.fnmatch_lines(["*= run again =*", f"tests/{folder}/test_one.py::test_flaky?0?: AssertionError: it was not ready"])
    # Nothing but pytest's own summary comes after it.
    assert "1 passed, 1 rerun" in result.outlines[-1]


def test_it_is_run_again_twice_at_most(pytester: pytest.Pytester) -> None:
    write(pytester, "system", failures=3)
    result = pytester.runpytest(*PLUGINS)
    assert result.ret == 1
    assert outcomes(result) == {"failed": 1, "rerun": 2}


@pytest.mark.parametrize("folder", ["unit", "component"])
def test_no_other_test_is_ever_run_again(pytester: pytest.Pytester, folder: str) -> None:
    write(pytester, folder)
    result = pytester.runpytest(*PLUGINS)
    assert result.ret == 1
    assert outcomes(result) == {"failed": 1}
    assert "run again" not in result.stdout.str()


@pytest.mark.parametrize(("tests", "code"), [(5, 0), (6, 1)])
def test_more_than_five_reruns_fail_the_run(pytester: pytest.Pytester, tests: int, code: int) -> None:
    write(pytester, "system", tests=tests)
    result = pytester.runpytest(*PLUGINS)
    assert result.ret == code
    assert outcomes(result) == {"passed": tests, "rerun": tests}
    assert (f"{tests} reruns are more than 5: the run fails." in result.stdout.str()) == bool(code)


def test_a_fixture_that_fails_is_shown_as_the_cause(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        **{
            "tests/system/test_one": """
                import pytest

                tries = []

                @pytest.fixture
                def part():
                    tries.append(1)
                    if len(tries) == 1:
                        pytest.fail("triton: not ready\\n  | a line of its log", pytrace=False)

                def test_with_it(part): ...
            """
        }
    )
    result = pytester.runpytest(*PLUGINS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["tests/system/test_one.py::test_with_it: in setup: Failed: triton: not ready"])


def test_the_reruns_of_all_workers_are_counted(pytester: pytest.Pytester) -> None:
    write(pytester, "system", tests=6)
    result = pytester.runpytest_subprocess(*PLUGINS, "-n", "2", "--dist", "loadgroup")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["6 reruns are more than 5: the run fails."])
