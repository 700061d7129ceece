"""Budgets hold between real processes, and one that is killed leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "budget_race.py"


def test_two_processes_admit_what_the_budget_is_worth_and_hold_nothing_when_killed(database_url: str) -> None:
    sizes = ("--processes", "2", "--callers", "32", "--rounds", "5")
    done = subprocess.run(
        [sys.executable, str(BENCH), *sizes, "--database", database_url], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["admitted"], figures["admitted_least"]) == (10, 10)
    assert (figures["phantoms"], figures["booked_is_recorded"]) == (0, True)
    assert figures["calls_booked"] > 0
