"""`python -m tests.simulation --seed 17` replays a schedule with its record; `--seconds 60` looks for one that goes wrong."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.search import fresh_seed, search
from tests.simulation.simulation import simulate

parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
parser.add_argument("--seed", type=int, help="replay the schedule of this seed")
parser.add_argument("--first", type=int, default=fresh_seed(), help="the first seed of a search")
parser.add_argument("--seconds", type=float, default=60, help="how long to search")
parser.add_argument("--all", action="store_true", help="go on after one that went wrong")
asked = parser.parse_args()
if asked.seed is not None:
    problem, record = simulate(asked.seed, traces=True)
    print(*record, problem or "all is well", sep="\n")
    sys.exit(bool(problem))
count, wrong = 0, 0
for seed, problem in search(asked.first, asked.seconds):
    count += 1
    if problem:
        wrong += 1
        print(f"--seed {seed}: {problem}", flush=True)
        if not asked.all:
            break
print(f"{count} schedules from seed {asked.first}: {wrong} went wrong")
sys.exit(bool(wrong))
