"""What the operator may type."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.files import cli


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "many", "40000"])
def test_days_that_are_none_are_refused(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.parser().parse_args(["retention", "--account", "1", f"--output-days={days}"])
    assert exit_.value.code == 2
    assert "--output-days" in capsys.readouterr().err


def test_days_and_the_services_setting() -> None:
    options = cli.parser().parse_args(["retention", "--account", "1", "--output-days", "1.5", "--temporary-days", "default"])
    assert (options.output_days, options.temporary_days) == (timedelta(days=1.5), None)


@pytest.mark.parametrize("account", ["x", "0", "-3", "1000000000000000", "9" * 5000, "٣"])
def test_ids_that_are_none_are_refused(account: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["retention", f"--account={account}"])
    assert "must be an id" in capsys.readouterr().err
