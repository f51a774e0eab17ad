"""The first seed of the simulations of a run: a fresh one, which all processes of the run have, or `SIMULATION_SEED`."""

from __future__ import annotations

import os

from tests.simulation.search import fresh_seed

_NAME = "SIMULATION_SEED"
# The processes of a run are started with its environment.
SIMULATION_SEED = int(os.environ.setdefault(_NAME, str(fresh_seed())))


def pytest_report_header() -> str:
    return f"{_NAME}={SIMULATION_SEED}"
